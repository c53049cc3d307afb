//! The encoder and the decoder are each other's inverse, and any bytes in any reads come to what
//! the standard says.

#[path = "sse/naive.rs"]
mod naive;
#[path = "sse/reads.rs"]
mod reads;

use deltawire::sse::{Decoder, EncodeError, Encoder, Limits};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use reads::{Run, Seen, run};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

/// A text of pieces that mean something to the format, and of any other characters.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(vec![
            "\n", "\r", "\r\n", "\0", " ", "  ", "\t", ":", ": ", "data", "data: x", "id: 1", "event", "retry: 5",
            "message", "\u{FEFF}", "\u{2028}", "\u{85}", "\u{B}", "\u{FFFD}", "ü", "😀", "",
        ])
        .prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        3 => "[a-z{}\":, ]{0,12}",
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// A call of an encoder.
#[derive(Debug, Clone)]
enum Call {
    Event(Option<String>, Option<String>, String),
    Comment(String),
    Retry(u64),
}

fn call() -> impl Strategy<Value = Call> {
    let option = || proptest::option::of(text());
    prop_oneof![
        4 => (option(), option(), text())
            .prop_map(|(event, id, data)| Call::Event(event, id, data)),
        1 => text().prop_map(Call::Comment),
        1 => any::<u64>().prop_map(Call::Retry),
    ]
}

/// The reads that `bytes` come in when these are their lengths, over and over.
fn cut_in<'i>(mut bytes: &'i [u8], lengths: &[usize]) -> Vec<&'i [u8]> {
    let mut reads = Vec::new();
    for &length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (read, rest) = bytes.split_at(length.min(bytes.len()));
        reads.push(read);
        bytes = rest;
    }
    reads
}

/// Lengths of reads: mostly short ones, empty ones among them, never only those.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![4 => 0..4_usize, 2 => 4..20_usize, 1 => 20..200_usize];
    (1..30_usize, vec(length, 0..12)).prop_map(|(first, mut rest)| {
        rest.insert(0, first);
        rest
    })
}

/// Returns why the format cannot express these: the first reason in the order type, ID, data.
fn refusal(event: Option<&str>, id: Option<&str>, data: &str) -> Option<EncodeError> {
    let ends_a_line = |c: char| c == '\r' || c == '\n';
    if let Some(event) = event.filter(|event| event.chars().any(ends_a_line)) {
        Some(EncodeError::EventType(event.to_owned()))
    } else if let Some(id) = id.filter(|id| id.chars().any(|c| ends_a_line(c) || c == '\0')) {
        Some(EncodeError::Id(id.to_owned()))
    } else {
        let at = data.bytes().position(|byte| byte == b'\r')?;
        Some(EncodeError::CarriageReturn { at })
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_the_encoder_accepts_is_decoded_to_the_same_and_what_it_refuses_cannot_be_written(
        calls in vec(call(), 0..8),
        lengths in lengths(),
    ) {
        let mut encoder = Encoder::new();
        let mut expected = Run {
            seen: Vec::new(),
            last_event_id: String::new(),
            retry: None,
            unfinished: None,
        };
        for call in &calls {
            match call {
                Call::Event(event, id, data) => {
                    let before = encoder.as_bytes().to_vec();
                    let result = encoder.event(event.as_deref(), id.as_deref(), data);
                    let refusal = refusal(event.as_deref(), id.as_deref(), data);
                    prop_assert_eq!(result.as_ref().err(), refusal.as_ref());
                    if result.is_err() {
                        prop_assert_eq!(encoder.as_bytes(), before, "something was written");
                        continue;
                    }
                    if let Some(id) = id {
                        expected.last_event_id.clone_from(id);
                    }
                    let event = event.as_deref().filter(|event| !event.is_empty());
                    let event = event.unwrap_or("message");
                    expected.seen.push(Seen::event(event, data, &expected.last_event_id));
                }
                Call::Comment(text) => encoder.comment(text),
                Call::Retry(milliseconds) => {
                    encoder.retry(*milliseconds);
                    expected.retry = Some(*milliseconds);
                }
            }
        }
        let stream = encoder.take();
        prop_assert!(encoder.as_bytes().is_empty());
        prop_assert!(std::str::from_utf8(&stream).is_ok());
        prop_assert_eq!(&run(Decoder::new(), [&stream[..]]), &expected, "whole");
        prop_assert_eq!(&run(Decoder::new(), cut_in(&stream, &lengths)), &expected, "cut");
    }

    /// The refusals are no whim: written all the same, just these would be read back as something
    /// else.
    #[test]
    fn what_the_encoder_refuses_is_what_would_not_be_read_back(
        event in proptest::option::of(text()),
        id in proptest::option::of(text()),
        data in text(),
    ) {
        let mut stream = String::new();
        if let Some(event) = &event {
            stream += &format!("event: {event}\n");
        }
        if let Some(id) = &id {
            stream += &format!("id: {id}\n");
        }
        for line in data.split('\n') {
            stream += &format!("data: {line}\n");
        }
        stream += "\n";
        let named = event.as_deref().filter(|event| !event.is_empty());
        // That an ID was ignored shows only where the stream had another one before.
        let last_event_id = id.as_deref().unwrap_or("before");
        let same = Run {
            seen: vec![Seen::event(named.unwrap_or("message"), &data, last_event_id)],
            last_event_id: last_event_id.to_owned(),
            retry: None,
            unfinished: None,
        };
        let mut decoder = Decoder::new();
        decoder.set_last_event_id("before");
        let read_back = run(decoder, [stream.as_bytes()]) == same;
        let result = Encoder::new().event(event.as_deref(), id.as_deref(), &data);
        prop_assert_eq!(result.is_ok(), read_back, "{:?}", stream);
    }

    #[test]
    fn any_bytes_in_any_reads_are_what_the_standard_says(
        stream in stream(),
        lengths in lengths(),
        error_lines in any::<bool>(),
        stray_lines in any::<bool>(),
    ) {
        let naive = naive::interpret(&stream, error_lines, stray_lines);
        let expected = Run {
            seen: naive
                .events
                .iter()
                .map(|(event, data, id)| Seen::event(event, data, id))
                .collect(),
            last_event_id: naive.last_event_id,
            retry: naive.retry,
            unfinished: naive.unfinished,
        };
        let decoder =
            Decoder::new().with_error_lines(error_lines).with_stray_lines(stray_lines);
        let shown = stream.escape_ascii();
        let whole = run(decoder.clone(), [&stream[..]]);
        prop_assert_eq!(&whole, &expected, "whole: {}", shown);
        let cut = run(decoder, cut_in(&stream, &lengths));
        prop_assert_eq!(&cut, &expected, "cut: {}", shown);
    }

    #[test]
    fn any_bytes_in_any_reads_pass_the_same_limits_at_the_same_places(
        stream in stream(),
        lengths in lengths(),
        error_lines in any::<bool>(),
        max_line in 0..24_usize,
        max_event in 0..24_usize,
    ) {
        let mut limits = Limits::default();
        limits.max_line = max_line;
        limits.max_event = max_event;
        let decoder = Decoder::with_limits(limits).with_error_lines(error_lines);
        let whole = run(decoder.clone(), [&stream[..]]);
        let cut = run(decoder, cut_in(&stream, &lengths));
        prop_assert_eq!(&cut, &whole, "{}", stream.escape_ascii());
    }
}

/// A stream of what decoders get wrong, put together at random.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<&[u8]> = vec![
        b"data",
        b"event",
        b"id",
        b"retry",
        b"error",
        b"",
        b"dat",
        b"datax",
        b"Data",
        b" data",
        b"data ",
        b"e",
        b"ids",
        b"unknown",
        b"\xEF\xBB\xBFdata",
    ];
    let values: Vec<&[u8]> = vec![
        b"",
        b"x",
        b" x",
        b"12",
        b"007",
        b"-1",
        b"18446744073709551615",
        b"18446744073709551616",
        b"\0",
        b"a\0b",
        b":",
        b": ",
        b"::",
        b"\t",
        b"\xFF",
        b"\xE2\x82\xAC",
        b"\xE2\x82",
        b"\xF0\x9F\x98",
        b"\xF0\x9F\x98\x80",
        b"\xED\xA0\x80",
        b"\xC0\x8A",
        b"\xEF\xBB\xBF",
        b"\xE2\x80\xA8",
        b"\xC2\x85",
        b"\x0B\x0C",
        b"data: y",
        b"abcdefghijklmnop",
    ];
    let ends: Vec<&[u8]> =
        vec![b"\n", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r", b"\r\n\n", b""];
    let colons: Vec<&[u8]> = vec![b": ", b": ", b":", b":  ", b"", b"::"];
    let line = (select(names), select(colons), select(values), select(ends))
        .prop_map(|(name, colon, value, end)| [name, colon, value, end].concat());
    let starts: Vec<&[u8]> = vec![
        b"",
        b"",
        b"",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\xEF\xBB",
        b"\xEF\xBB\xBF\xEF\xBB\xBF",
        b"\n",
        b"\r",
    ];
    let bytes = vec(any::<u8>(), 0..4);
    let piece = prop_oneof![8 => line, 1 => bytes];
    (select(starts), vec(piece, 0..12))
        .prop_map(|(start, pieces)| [start, &pieces.concat()].concat())
}

#[test]
fn a_refused_event_names_what_is_wrong() {
    let mut encoder = Encoder::new();
    let long = "e".repeat(100) + "\n";
    let refused = [
        (encoder.event(Some("a\nb"), None, "x"), r#"event type "a\nb" has a line end"#),
        (encoder.event(None, Some("1\0"), "x"), r#"id "1\0" has a line end or NUL"#),
        (encoder.data("a\rb"), "data has a carriage return at byte 1"),
        (encoder.event(Some(&long), None, ""), "event type \"eeee"),
    ];
    for (result, message) in refused {
        let error = result.expect_err(message).to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(error.chars().count() < 100 && !error.contains(['\n', '\0']), "{error}");
    }
    assert!(encoder.as_bytes().is_empty());
}

#[test]
fn comments_and_retry_are_blocks_of_their_own() {
    let mut encoder = Encoder::new();
    encoder.comment("");
    encoder.comment("a\r\nb\rc\n");
    encoder.retry(3000);
    encoder.data("").unwrap();
    let expected = ": \n\n: a\n: b\n: c\n: \n\nretry: 3000\n\ndata: \n\n";
    assert_eq!(String::from_utf8(encoder.take()).unwrap(), expected);
}
