//! The memory that a stream can make a session hold, counted by the allocator, for the streams that
//! make most of their bytes: at most four times what was sent, and 1 MiB.

#![allow(clippy::unwrap_used, reason = "what tests share fails by it as they do")]

use allocation_counter::measure;
use deltawire::chat::{ChatCompletion, Session};
use deltawire::{How, Limits, Options};

const MIB: usize = 1 << 20;

/// Room for what every session has, and a few items.
const FEW: usize = 64 << 10;

/// Returns the most bytes held at once while the stream is folded in reads of 16 KiB, its outcome
/// included, and those held after the last event.
fn held(options: Options, stream: &[u8]) -> (usize, usize) {
    let mut after = 0;
    let made = measure(|| {
        let mut session = Session::with_options(options);
        let made = measure(|| {
            // An error ends the stream, and is in the outcome.
            let _ = stream.chunks(16 << 10).try_for_each(|read| session.feed(read));
        });
        after = usize::try_from(made.bytes_current).unwrap_or(0);
        drop(session.close(How::Clean));
    });
    (usize::try_from(made.bytes_max).unwrap(), after)
}

/// The stream is held in four times its bytes, and this much for its items, at most.
#[track_caller]
fn bounded(name: &str, stream: &[u8], items: usize) {
    let (most, after) = held(Options::new(), stream);
    let bound = 4 * stream.len() + items;
    assert!(
        most <= bound,
        "{name}: {most} bytes held of {} sent, at most {bound} ({after} after it)",
        stream.len()
    );
}

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn delta(members: &str) -> String {
    event(&format!(r#"{{"choices":[{{"index":0,"delta":{{{members}}}}}]}}"#))
}

#[test]
fn lists_in_one_event_are_held_in_little_more_than_their_bytes() {
    for element in ["\"a\",", "1,", "{},", "[],", r#"{"text":"a"},"#] {
        let list = element.repeat(MIB / 2 / element.len()) + "0";
        for member in ["content", "content_parts", "reasoning_details", "annotations"] {
            let one = delta(&format!(r#""{member}":[{list}]"#));
            bounded(&format!("{member} of {element}"), one.as_bytes(), FEW);
            let several = one.clone() + &delta("\"content\":\"x\"").repeat(10) + &one;
            bounded(&format!("{member} of {element}, twice"), several.as_bytes(), FEW);
        }
    }
}

#[test]
fn an_event_gives_its_memory_back() {
    let list = r#""a",{"thinking":"b"},"#.repeat(MIB / 21) + "0";
    let stream = delta(&format!(r#""content":[{list}]"#)) + &delta("\"content\":\"x\"").repeat(2);
    let (_, after) = held(Options::new(), stream.as_bytes());
    // The text and the reasoning, in buffers that double, and the line's buffer that is kept.
    assert!(after <= 2 * MIB, "{after} bytes held after an event of {} bytes", stream.len());
}

#[test]
fn members_that_grow_are_held_in_little_more_than_their_bytes() {
    for (open, element, close) in [
        ("{", "\"\":1,", "\"\":N}"),
        ("{", "\"a\":[],", "\"a\":[N]}"),
        ("[", "{\"index\":0},", "N]"),
        ("[", "1,{\"index\":0},", "N]"),
        ("[{\"index\":0,\"l\":[", "1,", "N]}]"),
        ("{\"a\":[", "{\"index\":1},", "N]}"),
    ] {
        let piece = |number: &str| {
            let value = open.to_owned() + &element.repeat(MIB / 16 / element.len()) + close;
            delta(&format!(r#""x":{}"#, value.replace('N', number)))
        };
        let name = open.to_owned() + element;
        bounded(&name, (piece("1") + &piece("2")).as_bytes(), FEW);
        bounded(&name, (piece("1") + &piece("2") + &piece("3") + &piece("4")).as_bytes(), FEW);
    }
    let names: String = (0..20_000).map(|name| delta(&format!(r#""x":{{"{name}":1}}"#))).collect();
    bounded("objects of a new name each", names.as_bytes(), FEW);
    let nested = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    let deep = delta(&format!(r#""x":{}"#, nested(20_000))).repeat(4);
    bounded("objects in objects", deep.as_bytes(), FEW);
}

#[test]
fn items_are_held_in_little_memory_however_small() {
    let many =
        |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let calls = |choice: usize| {
        let fragments = vec![r#"{"function":{"name":"f"}}"#; 1024].join(",");
        event(&format!(
            r#"{{"choices":[{{"index":{choice},"delta":{{"tool_calls":[{fragments}]}}}}]}}"#
        ))
    };
    bounded("tool calls", many(64, &calls).as_bytes(), MIB);
    let members = |event_number: usize| {
        let members = (0..4000).map(|name| format!(r#""{name:x}{event_number:x}":1,"#));
        event(&format!(r#"{{{}"choices":[]}}"#, members.collect::<String>()))
    };
    bounded("members of the chunk", many(16, &members).as_bytes(), MIB);
    let choices = |choice: usize| {
        event(&format!(
            r#"{{"choices":[{{"index":{choice},"finish_reason":"x","logprobs":{{"content":[]}},"delta":{{"content":"a","refusal":"b","reasoning":"c","audio":{{"data":"d","transcript":"e"}},"function_call":{{"name":"f","arguments":"g"}}}}}}]}}"#
        ))
    };
    bounded("choices", many(1100, &choices).as_bytes(), MIB);
    let nested = |_| {
        let fragments = vec!["{}"; 1024].join(",");
        let choices =
            vec![format!(r#"{{"delta":{{"tool_calls":[{fragments}]}}}}"#); 1024].join(",");
        event(&format!(r#"{{"choices":[{choices}]}}"#))
    };
    bounded("fragments in the choices of a chunk", many(1, &nested).as_bytes(), MIB);
}

#[test]
fn an_error_is_held_in_little_more_than_its_bytes() {
    let text = "x".repeat(MIB);
    let list = "1,".repeat(MIB / 2) + "1";
    for error in [
        format!(r#"{{"error":{{"message":"{text}"}}}}"#),
        format!(r#"{{"error":"{text}"}}"#),
        format!(r#"{{"error":{{"x":"{text}"}}}}"#),
        format!(r#"{{"error":{{"message":"x","type":"{text}"}}}}"#),
        format!(r#"{{"error":{{"message":"x","code":[{list}]}}}}"#),
        format!(r#"{{"error":{{"message":"x"}},"x":"{text}"}}"#),
        format!(r#"{{"errors":[{{"message":"{text}"}}]}}"#),
        format!(r#"{{"error":true,"detail":[{{"msg":"{text}"}}]}}"#),
        format!(r#"{{"error_message":"x","x":[{list}]}}"#),
        format!(r#"[{{"error":{{"message":"{text}"}}}}]"#),
        format!(r#"{{"choices":[{{"error":{{"message":"{text}"}}}}]}}"#),
        format!(r#"{{"data":{{"error":"{text}"}}}}"#),
    ] {
        let name = &error[..error.len().min(60)];
        bounded(name, event(&error).as_bytes(), FEW);
        bounded(name, format!("event: error\n{}", event(&error)).as_bytes(), FEW);
        bounded(name, format!("error: {error}\n").as_bytes(), FEW);
        bounded(name, format!("{error}\n").as_bytes(), FEW);
    }
    bounded("no JSON", format!("event: error\n{}", event(&text)).as_bytes(), FEW);
    bounded("stray lines", format!("{{\n{}", "\"x\": 1,\n".repeat(MIB / 8)).as_bytes(), FEW);
}

#[test]
fn data_that_is_not_quite_a_chunk_is_held_in_little_more_than_its_bytes() {
    let text = "x".repeat(MIB);
    for odd in ["NaN,", "-Infinity,", "1,", "\"\u{1}\",", "\"\t\t\t\t\","] {
        let list = odd.repeat(MIB / 2 / odd.len()) + "NaN";
        bounded(odd, delta(&format!(r#""x":[{list}]"#)).as_bytes(), FEW);
        bounded(odd, delta(&format!(r#""content":"{text}","x":NaN"#)).as_bytes(), FEW);
    }
    bounded("control characters", delta(&format!("\"content\":\"{text}\t\"")).as_bytes(), FEW);
    bounded("nothing but", delta(&format!("\"content\":\"{}\"", "\t".repeat(MIB))).as_bytes(), FEW);
    let line = delta(r#""content":"x""#);
    let lines = line.trim_end().to_owned() + "\n";
    bounded("lines", lines.repeat(MIB / lines.len()).as_bytes(), FEW);
    bounded("lines", (lines.repeat(MIB / lines.len()) + "\n").as_bytes(), FEW);
    bounded("empty lines", ("data:{}\n".repeat(MIB / 8) + "\n").as_bytes(), FEW);
    bounded("short lines", ("data:1\n".repeat(MIB / 7) + "\n").as_bytes(), FEW);
    let wrapped = format!(r#"{{"data":{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}}}"#);
    bounded("wrapped", event(&wrapped).as_bytes(), FEW);
    bounded("unknown", event(&format!(r#"{{"x":"{text}"}}"#)).as_bytes(), FEW);
    bounded("keep-alive", format!("event: ping\n{}", event(&text)).as_bytes(), FEW);
}

#[test]
fn the_whole_body_of_an_answer_is_held_in_little_more_than_its_bytes() {
    for element in ["\"a\",", "1,", r#"{"text":"a"},"#] {
        let list = element.repeat(MIB / 2 / element.len()) + "0";
        let body = format!(r#"{{"choices":[{{"message":{{"content":[{list}],"x":[{list}]}}}}]}}"#);
        let made = measure(|| drop(ChatCompletion::from_json(&body).unwrap()));
        let most = usize::try_from(made.bytes_max).unwrap();
        assert!(most <= 4 * body.len() + FEW, "{element}: {most} bytes held of {}", body.len());
    }
}

#[test]
fn a_limit_bounds_what_is_held_whatever_is_sent() {
    let mut limits = Limits::default();
    limits.max_folded = 256 << 10;
    limits.max_line = 64 << 10;
    limits.max_event = 64 << 10;
    let options = Options::new().with_limits(limits);
    let text = "x".repeat(60 << 10);
    for member in [
        "\"content\":\"",
        "\"refusal\":\"",
        "\"unknown\":\"",
        "\"note\":[\"",
        "\"audio\":{\"x\":\"",
    ] {
        let close = if member.contains('{') {
            "\"}"
        } else if member.contains('[') {
            "\"]"
        } else {
            "\""
        };
        let stream = delta(&format!("{member}{text}{close}")).repeat(20);
        let (most, _) = held(options, stream.as_bytes());
        let bound = 2 * limits.max_folded + 6 * limits.max_event + (64 << 10);
        assert!(most <= bound, "{member}: {most} bytes held, at most {bound}");
    }
}
