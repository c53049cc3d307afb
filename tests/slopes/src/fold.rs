//! The decoder and the fold: event streams of both endpoints, with default options and with all.

use deltawire::{How, Options, chat, completions, sse};
use deltawire_partial as partial;

use crate::{Held, Row, numbered, repeat};

/// Folds a chat stream in reads of so many bytes.
fn chat(options: Options, stream: &str, read: usize) {
    let mut session = chat::Session::with_options(options);
    for mut read in stream.as_bytes().chunks(read) {
        while session.advance(&mut read).unwrap_or(false) {
            std::hint::black_box(session.update().changes().count());
        }
    }
    std::hint::black_box(session.close(How::Clean));
}

fn legacy(stream: &str) {
    let mut session = completions::Session::new();
    for mut read in stream.as_bytes().chunks(16 << 10) {
        while session.advance(&mut read).unwrap_or(false) {
            std::hint::black_box(session.update().changes().count());
        }
    }
    std::hint::black_box(session.close(How::Clean));
}

fn decode(stream: &str, read: usize) {
    let mut decoder = sse::Decoder::new();
    for mut read in stream.as_bytes().chunks(read) {
        while let Ok(Some(event)) = decoder.decode(&mut read) {
            std::hint::black_box(event.data);
        }
    }
}

fn all_options() -> Options {
    let lenient = partial::Options::lenient();
    Options::new().with_unknown(true).with_parsed_arguments(lenient).with_parsed_content(lenient)
}

fn event(choice: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n")
}

/// The rows of the decoder and the fold.
#[must_use]
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, unit, read) in [
        ("sse/comments", ": keep-alive\n", 4096),
        ("sse/empty-data", "data\n\n", 4096),
        ("sse/carriage-returns", "\r", 1),
        ("sse/one-line", "data: x", 7),
        ("sse/fields", "data: a\nid: 1\nevent: b\nretry: 3\nx: y\n", 5),
        ("sse/invalid-utf8", "data: \u{fffd}\n\n", 2),
    ] {
        let row = Row::new(name, move |size| repeat(unit, size), move |text| decode(text, read));
        rows.push(row.size(128 << 10).cost(300).held(Held::DEFAULT));
    }
    let row = Row::new(
        "sse/long-id",
        |size| format!("id: {}\n\n{}", "x".repeat(size / 2), repeat("data\n\n", size / 2)),
        |text| decode(text, 4096),
    );
    rows.push(row.size(64 << 10).cost(300).held(Held::DEFAULT));

    let content = |text: &str| event(&format!("\"delta\":{{\"content\":\"{text}\"}}"));
    let row = Row::new(
        "fold/content",
        move |size| repeat(&content("word "), size),
        |stream| {
            chat(Options::new(), stream, 4096);
        },
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/content-by-byte",
        move |size| repeat(&content("word "), size),
        |stream| {
            chat(Options::new(), stream, 1);
        },
    );
    rows.push(row.cost(500).held(Held::DEFAULT));
    let row = Row::new(
        "fold/ids",
        |size| {
            numbered(size, |number| {
                format!(
                    "data: {{\"id\":\"{number}\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"a\"}}}}]}}\n\n"
                )
            })
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/choices",
        |size| {
            numbered(size, |number| {
                let choice = 1023 - number % 1024;
                format!(
                    "data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{\"content\":\"a\"}}}}]}}\n\n"
                )
            })
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.size(256 << 10).cost(300));
    for (name, choice, count) in [
        ("fold/choices-of-a-chunk", "{}", 200),
        ("fold/members-of-choices", "{\"index\":0,\"delta\":{\"a\":1,\"b\":[]}}", 200),
        ("fold/messages-of-choices", "{\"index\":0,\"message\":{\"content\":\"\"}}", 200),
        // An event that is refused has been read.
        ("fold/too-many-choices", "{}", 5000),
    ] {
        let chunk = format!("data: {{\"choices\":[{}]}}\n\n", vec![choice; count].join(","));
        let row = Row::new(
            name,
            move |size| repeat(&chunk, size),
            |stream| chat(Options::new(), stream, 4096),
        );
        rows.push(row.size(64 << 10).cost(900).held(Held::DEFAULT));
    }
    let row = Row::new(
        "fold/reasoning",
        |size| repeat(&event("\"delta\":{\"reasoning\":\"a\",\"content\":\"b\"}"), size),
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/logprobs",
        |size| {
            repeat(
                &event(
                    "\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\",\"logprob\":-1}]}",
                ),
                size,
            )
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/surrogates",
        move |size| repeat(&(content("\\ud83d") + &content("\\ude00")), size),
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/usage",
        |size| {
            repeat(
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
                size,
            )
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/arguments",
        |size| {
            let call = "\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"1,\"}}]}";
            repeat(&event(call), size)
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    let row = Row::new(
        "fold/legacy",
        |size| repeat("data: {\"choices\":[{\"index\":0,\"text\":\"a\"}]}\n\n", size),
        legacy,
    );
    rows.push(row.cost(300).held(Held::DEFAULT));
    for (name, unit) in [("fold/text-parts", "\"a\","), ("fold/other-parts", "1,")] {
        let parts =
            move |size| event(&format!("\"delta\":{{\"content\":[{}2]}}", repeat(unit, size)));
        let row = Row::new(name, parts, |stream| chat(Options::new(), stream, 4096));
        rows.push(row.cost(500).held(Held::DEFAULT));
    }
    for (name, call) in [
        ("fold/call-ids", "\"id\":\"call_N\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}"),
        ("fold/call-ids-alone", "\"id\":\"call_N\",\"function\":{\"arguments\":\"1\"}"),
        ("fold/call-indices", "\"index\":N,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}"),
        ("fold/call-names", "\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"[1,\"}"),
    ] {
        let calls = move |size| {
            numbered(size, |number| {
                let call = call.replace('N', &(number % 1000).to_string());
                event(&format!("\"delta\":{{\"tool_calls\":[{{{call}}}]}}"))
            })
        };
        let row = Row::new(name, calls, |stream| chat(Options::new(), stream, 4096));
        rows.push(row.size(256 << 10).cost(300).held(Held::DEFAULT));
    }
    let row = Row::new(
        "fold/fragments-of-one-event",
        |size| {
            let fragments = repeat("{\"id\":\"7\"},", size.min(12_000));
            repeat(&event(&format!("\"delta\":{{\"tool_calls\":[{fragments}{{}}]}}")), size)
        },
        |stream| chat(Options::new(), stream, 4096),
    );
    rows.push(row.size(64 << 10).cost(500).held(Held::DEFAULT));
    for (name, member) in [
        ("fold/lists", "\"x\":[\"a\"]"),
        ("fold/indexed-lists", "\"x\":[{\"index\":N,\"y\":\"a\"}]"),
        ("fold/objects", "\"x\":{\"y\":\"a\",\"N\":1}"),
        ("fold/strings", "\"x\":\"a\""),
        ("fold/numbers", "\"x\":{\"y\":N}"),
    ] {
        let members = move |size| {
            numbered(size, |number| {
                let member = member.replace('N', &(number % 1000).to_string());
                event(&format!("\"delta\":{{\"content\":\"a\",{member}}}"))
            })
        };
        let row = Row::new(name, members, |stream| chat(Options::new(), stream, 4096));
        // The smallest input has all of the thousand numbers.
        rows.push(row.size(128 << 10).cost(400).held(Held::DEFAULT));
    }
    let row = Row::new(
        "fold/cumulative",
        |size| {
            let (mut text, mut sent) = (String::new(), String::new());
            while sent.len() < size {
                text.push_str("word ");
                sent.push_str(&event(&format!("\"delta\":{{\"content\":\"{text}\"}}")));
            }
            sent
        },
        |stream| chat(Options::new().with_cumulative(true), stream, 4096),
    );
    rows.push(row.size(64 << 10).cost(300).held(Held::DEFAULT));
    for (name, begin, unit, end) in [
        ("parsed/strings", "[", "\\\"a\\\",", "1]"),
        ("parsed/objects", "[", "{\\\"a\\\":1},", "1]"),
        ("parsed/numbers", "[", "1,", "1]"),
        ("parsed/think", "<think>", "{[", "</think>[1]"),
    ] {
        // One event of one choice.
        let one = move |size| {
            event(&format!("\"delta\":{{\"content\":\"{begin}{}{end}\"}}", repeat(unit, size)))
        };
        rows.push(Row::new(name, one, |stream| chat(all_options(), stream, 4096)).cost(500));
    }
    let row = Row::new(
        "parsed/pieces",
        move |size| repeat(&content("1,"), size),
        |stream| {
            let begin = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[\"}}]}\n\n";
            chat(all_options(), &(begin.to_owned() + stream), 4096);
        },
    );
    rows.push(row.cost(500));
    let row = Row::new(
        "parsed/choices",
        |size| {
            numbered(size, |number| {
                format!(
                    "data: {{\"choices\":[{{\"index\":{},\"delta\":{{\"content\":\"[1,1,1,1,1,1,1,1,1,1,1,1,\"}}}}]}}\n\n",
                    number % 1024
                )
            })
        },
        |stream| chat(all_options(), stream, 4096),
    );
    rows.push(row.size(256 << 10).cost(500));
    rows
}
