//! The events that a server puts into the stream, and those that it leaves out.

use crate::bytes::{DONE, FINISH, events, text};
use crate::row::{Answer, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let stream = |fault: &str, parts: &[&str]| row(fault, Answer::Bytes(events(parts.concat())));
    let hi = &*text("hi");
    let error =
        "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}\n\n";
    let said = r#"the server sent an error: overloaded (type "server_error", code 503)"#;
    let wrong = |row: Row| row.ends("error").says(said);
    let beside =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"!\"}}],\"error\":\"late\"}\n\n";
    let huge = format!("data: {{\"error\":{{\"message\":\"{}\"}}}}\n\n", "x".repeat(1 << 20));
    vec![
        stream("no fault, to compare with", &[hi, FINISH, DONE]).keeps("hi"),
        wrong(stream("an error object first", &[error])),
        wrong(stream("an error object first, and still `[DONE]`", &[error, DONE])),
        wrong(stream("an error object in the middle", &[hi, error])).keeps("hi"),
        wrong(stream("an error object in the middle, and the stream goes on", &[hi, error, hi, FINISH, DONE]))
            .keeps("hi"),
        wrong(stream("an error object after the finish reason", &[hi, FINISH, error])).keeps("hi"),
        wrong(stream("the same, and still `[DONE]`", &[hi, FINISH, error, DONE])).keeps("hi"),
        stream("an error object after `[DONE]`", &[hi, FINISH, DONE, error]).keeps("hi"),
        stream("an error beside choices", &[hi, beside, DONE])
            .ends("error")
            .says("the server sent an error: late")
            .keeps("hi!"),
        stream("an event named `error`", &[hi, "event: error\ndata: {\"message\":\"gone\"}\n\n", DONE])
            .ends("error")
            .says("the server sent an error: gone")
            .keeps("hi"),
        stream("an event named `error` without JSON", &[hi, "event: error\ndata: upstream\x1b[0m gone\n\n"])
            .ends("error")
            .says(r"the server sent an error: upstream\u{1b}[0m gone")
            .keeps("hi"),
        stream("an `error:` line, as llama.cpp's once", &[hi, "error: {\"code\":500,\"message\":\"old\"}\n\n"])
            .ends("error")
            .says("the server sent an error: old (code 500)")
            .keeps("hi"),
        stream("an error that is a text", &[hi, "data: {\"error\":\"no memory\"}\n\n"])
            .ends("error")
            .says("the server sent an error: no memory")
            .keeps("hi"),
        stream("an error that is a number", &[hi, "data: {\"error\":500}\n\n"])
            .ends("error")
            .says("the server sent an error: error 500 (code 500)")
            .keeps("hi"),
        stream("an error message of 1 MB", &[hi, &huge])
            .ends("error")
            .says(format!("the server sent an error: {}…{}", "x".repeat(534), "x".repeat(266)))
            .keeps("hi")
            .holds(12 << 20),
        stream(
            "an error with members of its own",
            &[hi, "data: {\"error\":{\"message\":\"Provider returned error\",\"code\":429,\"metadata\":{\"raw\":\"slow down\"}}}\n\n"],
        )
        .ends("error")
        .says(r#"the server sent an error: Provider returned error (code 429, metadata {"raw":"slow down"})"#)
        .keeps("hi"),
        stream(
            "an object that is called an error",
            &[hi, "data: {\"object\":\"error\",\"message\":\"no tools\",\"code\":400}\n\n", DONE],
        )
        .ends("error")
        .says("the server sent an error: no tools (code 400)")
        .keeps("hi"),
        stream(
            "an array around an error",
            &[hi, "data: [{\"error\":{\"code\":503,\"message\":\"overloaded\"}}]\n\n"],
        )
        .ends("error")
        .says("the server sent an error: overloaded (code 503)")
        .keeps("hi"),
        stream(
            "an error over several lines, without `data:`",
            &[hi, "{\n  \"error\": {\n    \"message\": \"overloaded\"\n  }\n}\n"],
        )
        .ends("error")
        .says("the server sent an error: overloaded")
        .keeps("hi"),
        stream("text as the last line", &[hi, "Internal Server Error: upstream gone"])
            .ends("truncated")
            .says(r#"the stream ended early, after lines that are no fields: "Internal Server Error: upstream gone""#)
            .keeps("hi"),
        stream(
            "keep-alives that are events",
            &[hi, "event: ping\ndata: 2023-02-20 08:40:33\n\ndata: 1700000000\n\n", FINISH, DONE],
        )
        .keeps("hi"),
        stream(
            "events divided by one line end",
            &[hi.trim_end(), "\n", FINISH.trim_end(), "\n", DONE.trim_end(), "\n"],
        )
        .keeps("hi"),
        stream(
            "events divided by one line end, cut within the last",
            &[hi.trim_end(), "\n", FINISH.trim_end(), "\ndata: [DO"],
        )
        .ends("done_without_sentinel")
        .keeps("hi"),
        stream(
            "NaN, and a raw control character",
            &["data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\ti\"}}],\"a\":NaN}\n\n", FINISH, DONE],
        )
        .keeps("h\ti"),
        stream(
            "an error that is none: null, false, \"\"",
            &[hi, "data: {\"error\":null}\n\ndata: {\"error\":false}\n\ndata: {\"error\":\"\"}\n\n", FINISH, DONE],
        )
        .keeps("hi"),
        stream("data that is not JSON", &[hi, "data: hello\n\n", DONE]).ends("error").says(r#"data of event 2 is not JSON: expected value at line 1 column 1: "hello""#).keeps("hi"),
        stream("JSON cut in half", &[hi, "data: {\"choices\":[{\"ind\n\n", DONE]).ends("error").says(r#"data of event 2 is not JSON: EOF while parsing a string at line 1 column 17: "{\"choices\":[{\"ind""#).keeps("hi"),
        stream("JSON that is no object", &[hi, "data: [1,2]\n\n", DONE]).ends("error").says(r#"data of event 2 is no chunk: no JSON object: "[1,2]""#).keeps("hi"),
        stream("two objects in one event", &[hi, "data: {} {}\n\n", DONE]).ends("error").says(r#"data of event 2 is not JSON: trailing characters at line 1 column 4: "{} {}""#).keeps("hi"),
        stream("blank data and null", &["data:\n\ndata: null\n\ndata\n\n", hi, FINISH, DONE]).keeps("hi"),
        stream("`[DONE]` without a finish reason", &[hi, DONE]).ends("done_without_finish_reason").keeps("hi"),
        stream("`[DONE]` alone", &[DONE]).ends("empty"),
        stream("a chunk after `[DONE]`", &[hi, FINISH, DONE, hi]).keeps("hi"),
        stream(
            "half of the choices have a finish reason",
            &[hi, "data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"],
        )
        .ends("truncated")
        .keeps("hi"),
    ]
}

#[test]
fn an_error_in_the_stream_ends_it_and_keeps_what_came() {
    super::check(&rows());
}
