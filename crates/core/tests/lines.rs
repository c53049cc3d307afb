//! The decoder of lines: line ends, limits, cuts, and what is borrowed.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

use deltawire::lines::{Decoder, is_lines};
use deltawire::sse::{Error, Limits};

/// An item of a stream, as a decoder hands it out.
type Item = Result<String, Error>;

fn limits(max_line: usize, max_event: usize) -> Limits {
    let mut limits = Limits::default();
    (limits.max_line, limits.max_event) = (max_line, max_event);
    limits
}

/// Decodes these reads; the last line without a line end comes last.
fn decode<'r>(limits: Limits, reads: impl IntoIterator<Item = &'r [u8]>) -> Vec<Item> {
    let mut decoder = Decoder::with_limits(limits);
    let (mut items, mut len) = (Vec::new(), 0);
    for read in reads {
        let mut input = read;
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(event)) => {
                    assert_eq!((event.event, event.id), ("message", ""));
                    items.push(Ok(event.data.to_owned()));
                }
                Ok(None) => break,
                Err(error) => items.push(Err(error)),
            }
        }
        assert!(input.is_empty());
        len += read.len() as u64;
        assert_eq!(decoder.offset(), len);
    }
    items.extend(decoder.finish().map(|event| Ok(event.data.to_owned())));
    items
}

/// Decodes a whole stream in the simplest way.
fn naive(limits: Limits, stream: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut offset = 0;
    let lines: Vec<&[u8]> = stream.split(|&byte| byte == b'\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        let start = offset;
        offset += line.len() as u64 + 1;
        if text.len() > limits.max_line.min(limits.max_event) {
            items.push(Err(if limits.max_line <= limits.max_event {
                Error::LineTooLong { max: limits.max_line, offset: start }
            } else {
                Error::EventTooLarge { max: limits.max_event, offset: start }
            }));
            continue;
        }
        let mark = if number == 0 { "\u{FEFF}".as_bytes() } else { b"" };
        let text = text.strip_prefix(mark).unwrap_or(text);
        if !text.trim_ascii().is_empty() {
            items.push(Ok(String::from_utf8_lossy(text).into_owned()));
        }
    }
    items
}

#[track_caller]
fn same_in_any_reads(limits: Limits, stream: &[u8]) -> Vec<Item> {
    let expected = naive(limits, stream);
    let name = stream.escape_ascii();
    assert_eq!(decode(limits, [stream]), expected, "{name}");
    assert_eq!(decode(limits, stream.chunks(1)), expected, "{name} byte by byte");
    for first in 0..=stream.len() {
        for second in first..=stream.len() {
            let reads = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(decode(limits, reads), expected, "{name} cut at {first} and {second}");
        }
    }
    expected
}

#[test]
fn a_stream_is_its_lines_wherever_the_reads_cut() {
    let ok = |lines: &[&str]| lines.iter().map(|line| Ok((*line).to_owned())).collect::<Vec<_>>();
    for (stream, lines) in [
        (&b""[..], &[][..]),
        (b"\n", &[]),
        (b"{}", &["{}"]),
        (b"{}\n", &["{}"]),
        (b"{}\r\n{\"a\":1}\r\n", &["{}", "{\"a\":1}"]),
        (b"\n \n\r\n\t\r\n{}\n\n\n[]\n \n", &["{}", "[]"]),
        (b"{}\n{\"cut", &["{}", "{\"cut"]),
        (b"{}\n \r", &["{}"]),
        (b"{}\r", &["{}"]),
        (b"a\rb\r\r\n", &["a\rb\r"]),
        (b"\xEF\xBB\xBF{}\n\xEF\xBB\xBF{}\n", &["{}", "\u{FEFF}{}"]),
        (b"\xEF\xBB\xBF", &[]),
        (b"\xEF\xBB\n", &["\u{FFFD}"]),
        ("{\"é\":\"👋\"}\n{\"漢\":1}\n".as_bytes(), &["{\"é\":\"👋\"}", "{\"漢\":1}"]),
        (b"{\"\xFF\"}\n{}\n", &["{\"\u{FFFD}\"}", "{}"]),
    ] {
        assert_eq!(same_in_any_reads(Limits::default(), stream), ok(lines));
    }
}

#[test]
fn a_line_beyond_a_limit_is_dropped_and_the_next_one_is_read() {
    let stream = b"12345\n123456\n12345\r\n123456\r\n1234\r5\n1\n      \n\xEF\xBB\xBF\n123456";
    let line = |offset| Err(Error::LineTooLong { max: 5, offset });
    let event = |offset| Err(Error::EventTooLarge { max: 5, offset });
    let ok = |line: &str| Ok(line.to_owned());
    let lines = same_in_any_reads(limits(5, 5), stream);
    let mark = "\u{FEFF}";
    let end = |error: fn(u64) -> Item, last: u64| {
        [
            ok("12345"),
            error(6),
            ok("12345"),
            error(20),
            error(28),
            ok("1"),
            error(37),
            ok(mark),
            error(last),
        ]
    };
    assert_eq!(lines, end(|offset| Err(Error::LineTooLong { max: 5, offset }), 48));
    assert_eq!(same_in_any_reads(limits(9, 5), stream)[1], event(6));
    assert_eq!(same_in_any_reads(limits(5, 9), stream)[1], line(6));
    for max in 0..9 {
        same_in_any_reads(limits(max, 9), b"1\n12\r\n123\n\r\n1234\r\n12345\r");
    }
}

#[test]
fn a_line_that_lies_whole_in_a_read_is_borrowed_from_it() {
    let stream = b"{\"a\":1}\r\n{\"b\":2}\n";
    let mut decoder = Decoder::new();
    let mut input = &stream[..];
    let (mut count, range) = (0, stream.as_ptr_range());
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        assert!(range.contains(&event.data.as_ptr()), "{}", event.data);
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn a_line_in_many_reads_costs_what_it_has() {
    // Were each read to search all before it, this would be 5 * 10^11 bytes.
    let line = vec![b'1'; 1 << 20];
    let mut decoder = Decoder::new();
    for read in line.chunks(1) {
        assert_eq!(decoder.decode(&mut &*read), Ok(None));
    }
    let mut input = &b"\n"[..];
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().data.len(), 1 << 20);
}

#[test]
fn content_types_of_lines() {
    for (content_type, is) in [
        ("application/x-ndjson", true),
        ("Application/X-NDJSON; charset=utf-8", true),
        ("text/plain, application/jsonl", true),
        ("application/ndjson", true),
        ("application/json", false),
        ("text/event-stream", false),
        ("", false),
    ] {
        assert_eq!(is_lines(content_type), is, "{content_type}");
    }
}
