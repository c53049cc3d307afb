//! The times that a stream tells its session and its recorder. What becomes of them is tested in
//! those crates.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use deltawire::{End, StallLimits};
use deltawire_timing::Recorder;
use deltawire_ureq::{ChatStream, Reader};

const STEP: Duration = Duration::from_millis(20);

/// Gives each part after a wait; fails where a part is missing.
struct Slow(std::vec::IntoIter<Option<&'static str>>);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(STEP);
        let Some(part) = self.0.next() else { return Ok(0) };
        let part = part.ok_or_else(|| io::Error::other("cut"))?;
        buffer[..part.len()].copy_from_slice(part.as_bytes());
        Ok(part.len())
    }
}

fn slow(parts: Vec<Option<&'static str>>) -> Slow {
    Slow(parts.into_iter())
}

const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const TWO: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n\
                   data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"finish_reason\":\"stop\"}]}\n\n";
const LAST: &str = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

#[test]
fn a_timed_stream_has_its_times_and_its_servers_tokens() {
    let mut stream: ChatStream<_> = Reader::new().timed(Instant::now()).read(slow(vec![
        Some(": ping\n\n"),
        Some(ROLE),
        Some(TWO),
        Some(LAST),
    ]));
    while stream.next().unwrap().is_some() {
        // Chunks have the time of their read, not that of the caller's work on those before.
        std::thread::sleep(STEP / 2);
    }
    let timing = stream.timing().unwrap();
    assert_eq!(stream.finish().end, End::Done);
    let [byte, chunk, output] =
        [timing.first_byte, timing.first_chunk, timing.first_output].map(Option::unwrap);
    assert!(
        STEP <= byte
            && byte + STEP <= chunk
            && chunk + STEP <= output
            && output + STEP <= timing.end,
        "{timing}"
    );
    assert_eq!((timing.chunks, timing.output_tokens), (4, Some(3)));
    assert_eq!(timing.between_chunks.unwrap().min, Duration::ZERO, "two came with one read");
    assert_eq!(timing.between_outputs.unwrap().max, Duration::ZERO);
}

#[test]
fn a_look_at_the_timing_changes_nothing_of_it() {
    let mut stream: ChatStream<_> = Reader::new().timed(Instant::now()).read(slow(vec![Some(TWO)]));
    assert!(stream.next().unwrap().is_some());
    std::thread::sleep(STEP);
    assert!(stream.timing().unwrap().end >= STEP * 2, "a stream that is open ends now");
    assert!(stream.next().unwrap().is_some());
    assert_eq!(
        stream.timing().unwrap().between_chunks.unwrap().max,
        Duration::ZERO,
        "two came with one read"
    );
}

#[test]
fn a_stream_that_failed_ended_when_it_did_and_not_when_it_was_finished() {
    const LATE: Duration = Duration::from_millis(5);
    let in_band = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let limits = StallLimits::new().with_content(STEP);
    // Each part takes a step to arrive, and the caller takes one for the role. A stall shows before
    // the read.
    for (why, parts, limits, end, steps) in [
        ("an error in band", vec![Some(ROLE), Some(in_band)], StallLimits::new(), End::Error, 3),
        (
            "a stall",
            vec![Some(ROLE), Some(": ping\n\n"), Some(": ping\n\n")],
            limits,
            End::Stalled,
            2,
        ),
        ("a break", vec![Some(ROLE), None], StallLimits::new(), End::Truncated, 3),
    ] {
        let sent = Instant::now();
        let mut stream: ChatStream<_> = Reader::new().stalls(limits).timed(sent).read(slow(parts));
        while let Ok(Some(_)) = stream.next() {
            std::thread::sleep(STEP);
        }
        let failed = sent.elapsed();
        std::thread::sleep(LATE);
        let timing = stream.timing().unwrap();
        assert_eq!(stream.finish().end, end, "{why}");
        assert!(
            STEP * steps <= timing.end && timing.end <= failed,
            "{why}: {timing} and not {failed:?}"
        );
    }
}

#[test]
fn events_are_timed_too_tokens_may_be_told_as_they_come_and_an_untimed_stream_has_none() {
    let sent =
        Instant::now().checked_sub(Duration::from_secs(3600)).expect("the clock began longer ago");
    let recorder = Recorder::new().with_long_gaps(Duration::ZERO);
    let mut stream: ChatStream<_> =
        Reader::new().timed_with(sent, recorder).read(slow(vec![Some(ROLE), Some(TWO)]));
    while stream.events().next().transpose().unwrap().is_some() {
        stream.recorder().unwrap().tokens(2);
    }
    let timing = stream.timing().unwrap();
    assert!(timing.first_byte >= Some(Duration::from_secs(3600)), "{timing}");
    assert_eq!(
        (timing.chunks, timing.output_tokens, timing.per_token.unwrap().count),
        (3, Some(6), 4)
    );
    assert_eq!(
        timing.long_gaps.unwrap().count,
        2,
        "between the first two reads, and before the end"
    );

    let mut plain = ChatStream::from_reader(slow(vec![Some(ROLE)]));
    assert!(plain.next().unwrap().is_some());
    assert!(plain.recorder().is_none() && plain.timing().is_none());
}
