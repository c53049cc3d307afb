//! Streams behind a gate: who is asked when, and what is read for it. The gate's own tests hold its
//! rules.

use std::convert::Infallible;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use deltawire::End;
use deltawire_gate::{self as gate, Options, Policy, Span, Verdict};
use deltawire_ureq::{ChatStream, GatedError, Reader, gated, try_gated};

use crate::client::{ask, recording, server};

const SKY: [&str; 2] = [
    "The sky is blue because of a process called Rayleigh scattering, where light encounters tiny molecules of air and is deflected by the Earth's atmosphere. ",
    "This phenomenon occurs because of the interaction of light with molecules of gases, specifically nitrogen and oxygen, which are scattered in different directions by the Earth's massive atmosphere.",
];

fn release(_: &Span<'_>) -> Verdict {
    Verdict::Release
}

/// A chat stream of these contents, ended in order.
fn contents(texts: &[&str]) -> String {
    let chunk = |text: &&str| {
        format!(
            "data: {}\n\n",
            serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]})
        )
    };
    texts.iter().map(chunk).collect::<String>()
        + "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
}

#[test]
fn a_recording_is_judged_sentence_by_sentence() {
    let server = server();
    for stops in [false, true] {
        let stream =
            deltawire_ureq::chat(ask(&server, recording("smollm2-sky"), "").unwrap()).unwrap();
        let mut judged = Vec::new();
        let mut gated = gated(stream, Policy::sentences().with_context(10), |span| {
            judged.push((span.context.to_owned(), span.text.to_owned()));
            match span.text.find("nitrogen") {
                Some(_) if stops => Verdict::Stop { at: 0 },
                // ASCII: a byte is a character.
                Some(at) => Verdict::redact_parts([(at..at + 8, "[gas]")]),
                None => Verdict::Release,
            }
        });
        let mut shown = String::new();
        while let Some(piece) = gated.next().unwrap() {
            shown.push_str(piece.text);
        }
        assert!(gated.next().unwrap().is_none());
        assert_eq!(gated.stream().accumulator().text(), SKY.concat());
        assert!(!gated.gate().is_waiting());
        let (outcome, moderation) = gated.finish();
        let second = if stops { String::new() } else { SKY[1].replace("nitrogen", "[gas]") };
        assert_eq!(shown, [SKY[0], &second].concat());
        assert_eq!(moderation.text(), shown);
        // A finish reason hands the last sentence out, so its stop comes before the end of the
        // stream.
        assert_eq!(outcome.end, if stops { End::Stopped } else { End::Done });
        assert_eq!(outcome.answer.text(), SKY.concat());
        assert_eq!(
            judged,
            [(String::new(), SKY[0].to_owned()), ("mosphere. ".to_owned(), SKY[1].to_owned())]
        );
    }
}

#[test]
fn a_stop_reads_no_further() {
    /// Fails the test when it is read from.
    struct Unread;
    impl Read for Unread {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            panic!("read on");
        }
    }
    let body = contents(&["Bad. ", "More. "]);
    let first = body.split_inclusive("\n\n").take(2).collect::<String>();
    let stream = ChatStream::from_reader(io::Cursor::new(first).chain(Unread));
    let mut gated = gated(stream, Policy::tokens(1), |_| Verdict::Stop { at: 0 });
    assert!(gated.next().unwrap().is_none());
    assert!(gated.next().unwrap().is_none());
    let (outcome, moderation) = gated.finish();
    assert_eq!((outcome.end, moderation.text()), (End::Stopped, ""));
}

#[test]
fn a_judge_that_fails_shows_nothing_and_is_asked_again() {
    let body = contents(&["One. ", "Two. ", "Three."]);
    let stream = ChatStream::from_reader(body.as_bytes());
    let mut calls = 0;
    let mut gated = try_gated(stream, Policy::sentences(), |span| {
        calls += 1;
        match calls {
            2 => Err(io::Error::other("no answer")),
            // Longer than the span: the gate refuses it.
            4 => Ok(Verdict::Stop { at: span.characters.len() + 1 }),
            _ => Ok(Verdict::Release),
        }
    });
    let mut seen = Vec::new();
    loop {
        match gated.next() {
            Ok(Some(piece)) => seen.push(piece.text.to_owned()),
            Ok(None) => break,
            Err(error) => seen.push(format!("{error:#}")),
        }
    }
    let refused = "a verdict on characters 7 to 7 of span 2 of choice 0, which has 6, or on some of them twice";
    assert_eq!(seen, ["One. ", "the judge failed: no answer", "Two. ", refused, "Three."]);
    assert!(gated.finish().1.is_untouched());
}

#[test]
fn what_came_before_a_stream_broke_is_judged_and_then_the_error_is_said() {
    let server = server();
    let stream =
        deltawire_ureq::chat(ask(&server, recording("smollm2-sky"), "cut=3000").unwrap()).unwrap();
    let mut gated = gated(stream, Policy::sentences(), release);
    let mut shown = String::new();
    let error = loop {
        match gated.next() {
            Ok(Some(piece)) => shown.push_str(piece.text),
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert!(format!("{error:#}").starts_with("the connection failed: "), "{error}");
    assert!(matches!(gated.next(), Err(GatedError::Stream(_))), "it stays an error");
    let (outcome, moderation) = gated.finish();
    assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, shown.as_str()));
    assert!(SKY[0].starts_with(&shown) && !shown.is_empty() && moderation.is_untouched());
}

#[test]
fn more_text_than_may_wait_ends_the_stream_there() {
    let body = contents(&["One. Tw", "o. Three. "]);
    let stream = ChatStream::from_reader(body.as_bytes());
    let mut gated =
        gated(stream, Options::new(Policy::sentences()).with_max_unreleased(8), release);
    let mut shown = String::new();
    let error = loop {
        match gated.next() {
            Ok(Some(piece)) => shown.push_str(piece.text),
            Ok(None) => panic!("no error"),
            Err(error) => break error,
        }
    };
    assert_eq!(shown, "One. Tw");
    assert!(matches!(error, GatedError::Gate(gate::Error::Full { max: 8 })));
    assert!(matches!(gated.next(), Err(GatedError::Gate(gate::Error::Full { max: 8 }))));
}

#[test]
fn time_is_the_callers() {
    let body = contents(&["a ", "b ", "c ", "d. "]);
    let stream: ChatStream<_> = Reader::new().read_size(8).read(body.as_bytes());
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let mut spans = Vec::new();
    let mut gated =
        try_gated(stream, Policy::whole().with_max_age(Duration::from_secs(2)), |span| {
            spans.push(span.text.to_owned());
            Ok::<_, Infallible>(Verdict::Release)
        })
        .with_clock(move || Duration::from_secs(clock.fetch_add(1, Relaxed)));
    while gated.next().unwrap().is_some() {}
    let (_, moderation) = gated.finish();
    assert_eq!(spans.concat(), "a b c d. ");
    assert_eq!(spans[0], "a b ", "read at 0, 1 and 2");
    assert!(moderation.delay.max() >= Duration::from_secs(2));
}

#[test]
fn a_judge_that_panics_is_asked_again() {
    let body = contents(&["One. Two. ", "Three. "]);
    let stream = ChatStream::from_reader(body.as_bytes());
    let mut asked = 0;
    let mut gated = gated(stream, Policy::sentences(), |_| {
        asked += 1;
        assert_ne!(asked, 2, "the judge panics");
        Verdict::Release
    });
    let (mut shown, mut panics) = (String::new(), 0);
    loop {
        let next = catch_unwind(AssertUnwindSafe(|| {
            gated.next().unwrap().map(|piece| piece.text.to_owned())
        }));
        match next {
            Ok(Some(piece)) => shown.push_str(&piece),
            Ok(None) => break,
            Err(_) => panics += 1,
        }
    }
    assert_eq!((shown.as_str(), panics), ("One. Two. Three. ", 1));
}
