//! The times that a stream tells its session and its recorder. What becomes of them is tested in
//! those crates.

use std::time::{Duration, Instant};

use deltawire::{End, StallLimits};
use deltawire_async::{ChatStream, Reader};
use deltawire_timing::Recorder;

use crate::body::{Scripted, Step, data, on_both};

const ROLE: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const TWO: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n\
                     data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n";
const LAST: &[u8] =
    b"data: {\"choices\":[],\"usage\":{\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";
const PAUSE: Duration = Duration::from_millis(5);

#[test]
fn a_timed_stream_has_its_times_and_its_servers_tokens() {
    let (chunks, tokens, waited, same_read) = on_both(|| async {
        let body =
            [Step::Pending, data(ROLE), Step::Trailers, data(TWO), Step::Pending, data(LAST)];
        let mut stream: ChatStream<_> =
            Reader::new().timed(Instant::now()).read_body(Scripted::new(body));
        while stream.next().await.unwrap().is_some() {
            // Chunks have the time of their frame, not that of the caller's work on those before.
            std::thread::sleep(PAUSE);
        }
        let timing = stream.timing().unwrap();
        assert_eq!(stream.finish().end, End::Done);
        assert!(
            timing.first_byte <= timing.first_chunk && timing.first_chunk < timing.first_output,
            "{timing}"
        );
        let waited = timing.end >= 3 * PAUSE && timing.end > timing.last_output.unwrap();
        (timing.chunks, timing.output_tokens, waited, timing.between_outputs.unwrap().max)
    });
    assert_eq!((chunks, tokens, waited, same_read), (4, Some(3), true, Duration::ZERO));
}

#[test]
fn a_look_at_the_timing_changes_nothing_of_it() {
    let same_read = on_both(|| async {
        let mut stream: ChatStream<_> =
            Reader::new().timed(Instant::now()).read_body(Scripted::new([data(TWO)]));
        assert!(stream.next().await.unwrap().is_some());
        std::thread::sleep(PAUSE);
        assert!(stream.timing().unwrap().end >= PAUSE, "a stream that is open ends now");
        assert!(stream.next().await.unwrap().is_some());
        stream.timing().unwrap().between_chunks.unwrap().max
    });
    assert_eq!(same_read, Duration::ZERO, "two came with one frame");
}

#[test]
fn an_empty_frame_and_trailers_are_no_first_byte() {
    let first = on_both(|| async {
        let body = Scripted::new([Step::Trailers, data(b"")]);
        let mut stream: ChatStream<_> = Reader::new().timed(Instant::now()).read_body(body);
        assert!(stream.next().await.unwrap().is_none());
        stream.timing().unwrap().first_byte
    });
    assert_eq!(first, None);
}

#[test]
fn a_stream_that_failed_ended_when_it_did_and_not_when_it_was_finished() {
    let in_band = b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    for (last, least, expected) in [
        (data(in_band), Duration::ZERO, End::Error),
        (Step::Fail("cut"), Duration::ZERO, End::Truncated),
        (Step::Silence, PAUSE, End::Stalled),
    ] {
        let end = on_both(|| async {
            let sent = Instant::now();
            let limits = StallLimits::new().with_content(PAUSE);
            let body = Scripted::new([data(ROLE), last.clone()]);
            let mut stream: ChatStream<_> =
                Reader::new().stalls(limits, smol::Timer::after).timed(sent).read_body(body);
            while let Ok(Some(_)) = stream.next().await {}
            let failed = sent.elapsed();
            std::thread::sleep(PAUSE);
            let timing = stream.timing().unwrap();
            assert!(least <= timing.end && timing.end <= failed, "{timing} and not {failed:?}");
            stream.finish().end
        });
        assert_eq!(end, expected);
    }
}

#[test]
fn events_are_timed_too_tokens_may_be_told_as_they_come_and_an_untimed_stream_has_none() {
    let (tokens, plain) = on_both(|| async {
        let body = Scripted::new([data(ROLE), data(TWO)]);
        let mut stream: ChatStream<_> =
            Reader::new().timed_with(Instant::now(), Recorder::new()).read_body(body);
        for _ in 0..2 {
            assert!(stream.events().next().await.unwrap().is_ok());
            stream.recorder().unwrap().tokens(2);
        }
        let timing = stream.timing().unwrap();
        let mut plain = ChatStream::from_body(Scripted::new([data(ROLE)]));
        assert!(plain.next().await.unwrap().is_some());
        (timing.output_tokens, plain.recorder().is_none() && plain.timing().is_none())
    });
    assert_eq!((tokens, plain), (Some(4), true));
}
