//! The target `encode_roundtrip`: the encoder against the decoder.
//!
//! A corpus file is a byte that says what follows, eight lengths of reads, and then, if that byte
//! is even, what is asked of an encoder: for each call a byte (from the lowest bits: two for an
//! event, an event, a comment, a retry; has a type; has an ID), and its texts, each to the next
//! 0xFF. In a text, a byte below the number of [`PIECES`] is the piece of that place, any other is
//! that code point. If the first byte is odd, the rest is an event stream.

use deltawire::sse::{Decoder, Encoder};

use crate::cut;
use crate::reads::{Run, Seen, run};

/// In the order in which a corpus file names them: never reordered, only added to.
const PIECES: [&str; 24] = [
    "\n", "\r", "\r\n", "\0", " ", "  ", "\t", ":", ": ", "data: ", "id: ", "event: ", "retry: ",
    "message", "\u{FEFF}", "\u{2028}", "\u{85}", "\u{B}", "\u{FFFD}", "ü", "😀", "error: ", "\n\n",
    "data",
];

/// A decoder returns what was asked of an encoder; what the encoder refuses would not; and what
/// a decoder handed out can be encoded again.
///
/// # Panics
/// If it is not so.
pub fn check(bytes: &[u8]) {
    let Some((head, rest)) = bytes.split_first_chunk::<9>() else { return };
    let [kind, lengths @ ..] = *head;
    if kind % 2 == 0 { check_calls(rest, lengths) } else { check_again(rest, lengths) }
}

fn check_calls(mut bytes: &[u8], lengths: [u8; 8]) {
    let mut encoder = Encoder::new();
    let mut expected =
        Run { seen: Vec::new(), last_event_id: String::new(), retry: None, unfinished: None };
    while let Some((&call, rest)) = bytes.split_first() {
        bytes = rest;
        match call & 3 {
            0 | 1 => {
                let event = (call & 4 != 0).then(|| text(&mut bytes));
                let id = (call & 8 != 0).then(|| text(&mut bytes));
                let data = text(&mut bytes);
                let before = encoder.as_bytes().len();
                let taken = encoder.event(event.as_deref(), id.as_deref(), &data).is_ok();
                assert_eq!(
                    taken,
                    is_read_back(event.as_deref(), id.as_deref(), &data),
                    "{event:?} {id:?} {data:?}"
                );
                if !taken {
                    assert_eq!(
                        encoder.as_bytes().len(),
                        before,
                        "refused, and something was written"
                    );
                    continue;
                }
                if let Some(id) = id {
                    expected.last_event_id = id;
                }
                let event = event.filter(|event| !event.is_empty());
                let event = event.as_deref().unwrap_or("message");
                expected.seen.push(Seen::event(event, &data, &expected.last_event_id));
            }
            2 => encoder.comment(&text(&mut bytes)),
            _ => {
                let milliseconds = text(&mut bytes)
                    .bytes()
                    .fold(0, |all: u64, byte| all.wrapping_mul(251).wrapping_add(byte.into()));
                encoder.retry(milliseconds);
                expected.retry = Some(milliseconds);
            }
        }
    }
    let stream = encoder.take();
    assert!(encoder.as_bytes().is_empty() && std::str::from_utf8(&stream).is_ok());
    assert_eq!(run(Decoder::new(), [&stream[..]]), expected, "whole: {}", stream.escape_ascii());
    assert_eq!(
        run(Decoder::new(), cut(&stream, lengths)),
        expected,
        "cut: {}",
        stream.escape_ascii()
    );
}

/// Returns true if an event that is just written down, unchecked, is the same to a reader.
fn is_read_back(event: Option<&str>, id: Option<&str>, data: &str) -> bool {
    let mut stream = String::new();
    for (name, value) in [("event", event), ("id", id)] {
        if let Some(value) = value {
            stream += &format!("{name}: {value}\n");
        }
    }
    for line in data.split('\n') {
        stream += &format!("data: {line}\n");
    }
    stream.push('\n');
    let named = event.filter(|event| !event.is_empty()).unwrap_or("message");
    // That an ID was ignored shows only where the stream had another one before.
    let last_event_id = id.unwrap_or("before");
    let mut decoder = Decoder::new();
    decoder.set_last_event_id("before");
    let read = run(decoder, [stream.as_bytes()]);
    let same = [Seen::event(named, data, last_event_id)];
    read.seen == same
        && read.last_event_id == last_event_id
        && read.retry.is_none()
        && read.unfinished.is_none()
}

/// The events of any stream, encoded one by one, are those events.
fn check_again(stream: &[u8], lengths: [u8; 8]) {
    let first = run(Decoder::new(), [stream]);
    let mut encoder = Encoder::new();
    for seen in &first.seen {
        let Seen::Event(event, data, id) = seen else {
            panic!("no stream of this length passes a limit")
        };
        encoder.event(Some(event), Some(id), data).expect("what was decoded can be encoded");
    }
    let again = encoder.take();
    assert_eq!(
        run(Decoder::new(), cut(&again, lengths)).seen,
        first.seen,
        "{}",
        again.escape_ascii()
    );
}

/// The text up to the next 0xFF, which is taken with it.
fn text(bytes: &mut &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0xFF).unwrap_or(bytes.len());
    let (inside, rest) = bytes.split_at(end);
    *bytes = rest.get(1..).unwrap_or_default();
    let mut text = String::new();
    for &byte in inside {
        match PIECES.get(usize::from(byte)) {
            Some(piece) => text.push_str(piece),
            None => text.push(byte.into()),
        }
    }
    text
}
