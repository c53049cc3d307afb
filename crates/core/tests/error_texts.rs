//! An error quotes a server, a proxy or an HTTP stack in one short line, whatever it says.

use deltawire::{End, Error, How, Refused, TransportError, chat};

/// Everything that acts on a terminal or a log, and what looks like the end of a value.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\r\nERROR forged line\u{9b}31m\u{202e}\u{2028}\u{0}\u{7f}\u{feff}";

/// More than this no error says, in bytes.
const MOST: usize = 10 << 10;

fn one_quiet_line(text: &str, what: &str) {
    assert!(text.len() < MOST, "{what}: {} bytes", text.len());
    let acts = |character: char| {
        character.is_control() || ['\u{202e}', '\u{2028}', '\u{feff}'].contains(&character)
    };
    assert!(!text.chars().any(acts), "{what}: {text:?}");
}

/// A text of a megabyte that begins as it may.
fn long() -> String {
    HOSTILE.repeat((1 << 20) / HOSTILE.len())
}

fn json(text: &str) -> String {
    // As a server may that escapes only what JSON wants escaped.
    let escape = |character: char| match character {
        '\u{0}'..='\u{1f}' => format!("\\u{:04x}", u32::from(character)),
        other => other.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}

fn ended(body: &str) -> Error {
    let mut fold = chat::Session::new();
    let input = body.as_bytes();
    let _ = fold.feed(input);
    fold.close(How::Clean).error.expect("a stream that ends with an error")
}

#[test]
fn an_error_in_the_stream_is_one_short_line_whatever_it_holds() {
    for text in [HOSTILE.to_owned(), long()] {
        let value = json(&text);
        for (what, data) in [
            ("message", format!(r#"{{"error":{{"message":{value}}}}}"#)),
            ("text", format!(r#"{{"error":{value}}}"#)),
            ("type", format!(r#"{{"error":{{"message":"m","type":{value}}}}}"#)),
            ("param", format!(r#"{{"error":{{"message":"m","param":{value}}}}}"#)),
            ("code", format!(r#"{{"error":{{"message":"m","code":{{"a":{value}}}}}}}"#)),
            ("other members", format!(r#"{{"error":{{"m":{value}}}}}"#)),
            ("not JSON", format!(r#"{{"a":{value}"#)),
            ("no chunk", value.clone()),
        ] {
            one_quiet_line(&ended(&format!("data: {data}\n\n")).to_string(), what);
        }
    }
    // White space of JSON goes when a value is kept, control characters that it lets stand do not.
    let error = ended("data: {\"error\":{\"message\":\"m\",\"code\":{\ndata: \"a\":\u{9b}1}}}\n\n");
    assert_eq!(error.kind(), "invalid_json");
    let error =
        ended("data: {\"error\":{\"message\":\"m\",\"code\":{\ndata: \"a\":\"\u{9b}1\"}}}\n\n");
    assert_eq!(error.to_string(), r#"the server sent an error: m (code {"a":"\u{9b}1"})"#);
}

#[test]
fn a_refusal_is_one_short_line_whatever_head_and_body_hold() {
    for text in [HOSTILE.to_owned(), long()] {
        for body in [
            text.clone(),
            json(&text),
            format!(r#"{{"error":{{"message":{},"code":1}}}}"#, json(&text)),
        ] {
            let refused = Refused::new(500, |_| Some(&text), body.as_bytes());
            one_quiet_line(&refused.to_string(), "refused");
            for header in ["x-request-id", "retry-after", "content-type"] {
                let kept = refused.header(header).unwrap();
                assert!(text.trim().starts_with(kept) && kept.len() <= Refused::MAX_HEADER);
                assert!(kept.len() == Refused::MAX_HEADER || kept == text.trim());
            }
            assert!(refused.body.len() <= Refused::MAX_BODY);
            assert_eq!(refused.status, 500);
        }
    }
}

#[test]
fn a_body_of_another_kind_is_one_short_line_whatever_it_holds() {
    for text in [HOSTILE.to_owned(), long()] {
        for body in [&text, &format!("<html>{text}"), &format!(r#"{{"error":{}}}"#, json(&text))] {
            let mut fold = chat::Session::new();
            fold.head(200, |name| (name == "content-type").then_some(&*text));
            let input = body.as_bytes();
            let _ = fold.feed(input);
            let outcome = fold.close(How::Clean);
            assert_eq!(outcome.end, End::NotAnEventStream);
            let error = outcome.error.unwrap();
            one_quiet_line(&error.to_string(), "no event stream");
            let Error::NotAnEventStream { content_type, beginning, .. } = error else {
                panic!("{error:?}")
            };
            // What is not UTF-8 where it is cut becomes a replacement character.
            assert!(
                content_type.unwrap().len() <= Refused::MAX_HEADER
                    && beginning.len() <= Error::EVIDENCE + 2
            );
        }
    }
}

#[test]
fn what_a_transport_says_is_one_short_line_whatever_it_says() {
    for text in [HOSTILE.to_owned(), long()] {
        for timed_out in [false, true] {
            one_quiet_line(
                &Error::Transport(TransportError::new(&text, timed_out)).to_string(),
                "transport",
            );
        }
    }
}

#[test]
fn gzip_that_nobody_decompressed_is_told_as_such_and_not_as_an_empty_stream() {
    let gzip =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03KI,I\xb4R\x88\x8e\xf5u\xf4s\x8c\x8d\xe5\x02\x00";
    for size in [1, 2, gzip.len()] {
        let mut fold = chat::Session::new();
        for read in gzip.chunks(size) {
            let _ = fold.feed(read);
        }
        let outcome = fold.close(How::Clean);
        assert_eq!(outcome.end, End::NotAnEventStream);
        let text = outcome.error.unwrap().to_string();
        assert_eq!(
            text,
            "the body is no event stream; it is compressed with gzip, and nothing on the way here decompressed it"
        );
    }
}
