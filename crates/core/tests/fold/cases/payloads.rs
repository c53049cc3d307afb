//! The kinds of an event's data: nothing, the end, an error, a chunk, or no chunk at all; and what
//! is no event stream.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, legacy};

const NULL: Value = Value::Null;

/// Blank data and `null`.
pub(super) fn skipped() -> Vec<Case> {
    vec![
        case("empty data is nothing").data("").content("x").data("").done().text("x"),
        case("blank data is nothing").data("   \t ").content("x").data("\u{A0}").done().text("x"),
        case("null is nothing").data("null").content("x").data(" null ").done().text("x"),
        legacy("a legacy completion of several prompts begins with null")
            .data("null")
            .choice(r#""text":"x","finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("x"),
        case("a stream of nothing is empty").data("").data("null").ends(End::Empty).has(json!({"choices": []})),
        case("events with data lines that join to nothing are nothing")
            .bytes("data:\ndata:\ndata: \n\n")
            .content("x")
            .done()
            .text("x"),
        case("null in quotation marks is a text, which is passed over")
            .data(r#""null""#)
            .content("x")
            .done()
            .text("x")
            .odd(AnomalyKind::KeepAlive, ""),
        case("an event of another type is a chunk all the same")
            .bytes("event: completion\nid: 7\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
            .done()
            .text("x"),
        case("a chunk on several data lines is one chunk")
            .bytes("data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"x\"}\ndata: }]}\n\n")
            .done()
            .text("x"),
        case("white space around a chunk has no meaning")
            .data("  {\"choices\" : [ {\"index\" : 0 , \"delta\" : {\"content\" : \"x\"} } ] } \t")
            .done()
            .text("x"),
        case("comments and pings are nothing")
            .bytes(": OPENROUTER PROCESSING\n\n")
            .content("x")
            .bytes(":\n\n: keepalive 19/20\n\n:\r\n\r\n")
            .done()
            .text("x"),
        case("an object without any member is a chunk that changes nothing").data("{}").content("x").done().text("x"),
        case("a stream of chunks without choices is no empty stream")
            .data("{}")
            .ends(End::Truncated)
            .has(json!({"choices": []})),
    ]
}

/// `[DONE]`, and nothing but that.
pub(super) fn done() -> Vec<Case> {
    vec![
        case("nothing after [DONE] counts")
            .content("x")
            .done()
            .content("y")
            .chunk(r#""usage":{"total_tokens":1}"#)
            .text("x"),
        case("an error after [DONE] does not count")
            .content("x")
            .done()
            .chunk(r#""error":"boom""#)
            .text("x"),
        case("what is no JSON after [DONE] does not count")
            .content("x")
            .done()
            .data("{")
            .bytes("<html>")
            .text("x"),
        case("an error line after [DONE] does not count")
            .content("x")
            .done()
            .bytes("error: boom\n\n")
            .text("x"),
        case("a second [DONE] does not count").content("x").done().data("[DONE]").text("x"),
        case("[DONE] may have white space around it")
            .content("x")
            .finish("stop")
            .data("  [DONE] \t")
            .content("y")
            .ends(End::Done)
            .text("x"),
        case("[DONE] needs no space before it")
            .content("x")
            .finish("stop")
            .bytes("data:[DONE]\n\n")
            .content("y")
            .ends(End::Done)
            .text("x"),
        case("[DONE] with more behind it is no JSON")
            .content("x")
            .finish("stop")
            .data("[DONE] ok")
            .fails_with("invalid_json", End::Error)
            .text("x"),
        case("[DONE] in lower case is no JSON")
            .content("x")
            .data("[done]")
            .fails_with("invalid_json", End::Error),
        case("[DONE] twice in one event is the end")
            .content("x")
            .bytes("data: [DONE]\ndata: [DONE]\n\n")
            .ends(End::DoneWithoutFinishReason)
            .text("x")
            .odd(AnomalyKind::SeveralChunks, ""),
        case("[DONE] in quotation marks is not the end, but passed over")
            .content("x")
            .data(r#""[DONE]""#)
            .ends(End::Truncated)
            .text("x")
            .odd(AnomalyKind::KeepAlive, ""),
        case("[DONE] ends the stream also as an event named error")
            .content("x")
            .finish("stop")
            .bytes("event: error\ndata: [DONE]\n\n")
            .ends(End::Done)
            .text("x"),
        case("content that says [DONE] is content").content("[DONE]").done().text("[DONE]"),
    ]
}

/// A member `error`.
pub(super) fn errors() -> Vec<Case> {
    let falsy = |name, value: &str| {
        let chunk =
            format!(r#""error":{value},"choices":[{{"index":0,"delta":{{"content":"x"}}}}]"#);
        case(name).chunk(chunk).done().text("x")
    };
    vec![
        case("an error object ends the stream")
            .content("x")
            .chunk(r#""error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}"#)
            .content("y")
            .data("[DONE]")
            .fails("too long", json!("invalid_request_error"), json!("messages"), json!("context_length_exceeded"))
            .text("x"),
        case("an error code may be a number")
            .chunk(r#""error":{"code":500,"message":"boom","type":"server_error"}"#)
            .fails("boom", json!("server_error"), NULL, json!(500)),
        case("an error may be a text").content("x").chunk(r#""error":"out of memory""#).fails(
            "out of memory",
            NULL,
            NULL,
            NULL,
        ),
        case("an error text is read with its escapes").chunk(r#""error":"caf\u00e9 \ud83d\ude00\n""#).fails(
            "café 😀\n",
            NULL,
            NULL,
            NULL,
        ),
        case("an error may be a number").chunk(r#""error":503"#).fails("error 503", NULL, NULL, json!(503)),
        case("the number 0 is an error").chunk(r#""error":0"#).fails("error 0", NULL, NULL, json!(0)),
        case("what an error number cannot say may stand beside it")
            .chunk(r#""error":500,"message":"boom","type":"t""#)
            .fails("boom", json!("t"), NULL, json!(500)),
        case("what an error text cannot say may stand beside it")
            .chunk(r#""error":"boom","code":7,"param":"p""#)
            .fails("boom", NULL, json!("p"), json!(7)),
        case("an error without a message is shown as JSON").chunk(r#""error":{"reason":"boom"}"#).fails(
            r#"{"reason":"boom"}"#,
            NULL,
            NULL,
            NULL,
        ),
        case("an error's members may be null")
            .chunk(r#""error":{"message":"boom","type":null,"param":null,"code":null}"#)
            .fails("boom", NULL, NULL, NULL),
        case("an error in FastAPI's words").chunk(r#""error":{"detail":"boom"}"#).fails("boom", NULL, NULL, NULL),
        falsy("an error that is null is none", "null"),
        falsy("an error that is false is none", "false"),
        falsy("an error that is an empty text is none", r#""""#),
        falsy("an error that is an empty object is none", "{}"),
        falsy("an error that is an empty array is none", "[]"),
        falsy("an error that is an object of nulls is none", r#"{"message":null,"code":null}"#),
        case("what the choices beside an error hold is folded first")
            .content("x")
            .chunk(r#""error":{"message":"boom"},"choices":[{"index":0,"delta":{"content":"y"},"finish_reason":"error"}]"#)
            .content("z")
            .fails("boom", NULL, NULL, NULL)
            .has(json!({"choices": [{"message": {"content": "xy"}, "finish_reason": "error"}]})),
        case("an error beside choices without content")
            .content("x")
            .chunk(r#""choices":[{"index":0,"delta":{}}],"error":{"message":"boom","code":502}"#)
            .fails("boom", NULL, NULL, json!(502))
            .text("x"),
        case("the usage beside an error counts")
            .content("x")
            .chunk(r#""choices":[],"error":{"message":"boom"},"usage":{"total_tokens":9}"#)
            .fails("boom", NULL, NULL, NULL)
            .has(json!({"choices": [{"message": {"content": "x"}}], "usage": {"total_tokens": 9}})),
        case("an error may be the first event").chunk(r#""error":{"message":"boom"}"#).data("[DONE]").fails(
            "boom",
            NULL,
            NULL,
            NULL,
        ),
        case("an error ends a stream that has its finish reason")
            .content("x")
            .finish("stop")
            .chunk(r#""error":{"message":"boom"}"#)
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        case("an error's name may be written with escapes").chunk(r#""\u0065rror":{"mess\u0061ge":"boom"}"#).fails(
            "boom",
            NULL,
            NULL,
            NULL,
        ),
        case("the last of two errors counts")
            .chunk(r#""error":{"message":"first"},"error":{"message":"last"}"#)
            .fails("last", NULL, NULL, NULL),
        case("an error is none when the last of two is null")
            .chunk(r#""error":"boom","error":null"#)
            .content("x")
            .done()
            .text("x"),
        case("an error in a delta is an unknown member")
            .choice(r#""delta":{"content":"x","error":{"message":"b"}}"#)
            .done()
            .text("x"),
        case("an error in a choice ends the stream, after what the choice adds")
            .choice(r#""error":{"message":"boom","code":502},"delta":{"content":"x"}"#)
            .content("y")
            .fails("boom", NULL, NULL, json!(502))
            .text("x"),
        case("an error in a choice that is none")
            .choice(r#""error":null,"delta":{"content":"x"}"#)
            .done()
            .text("x"),
        legacy("an error in a choice of a legacy completion ends the stream")
            .choice(r#""text":"x","error":"boom""#)
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        case("Groq's error is terminal")
            .content("x")
            .chunk(r#""x_groq":{"id":"req_1","error":"over capacity"},"choices":[]"#)
            .content("y")
            .fails("over capacity", NULL, NULL, NULL)
            .text("x"),
        case("Groq's error counts also beside an error that is none")
            .content("x")
            .chunk(r#""x_groq":{"error":{"message":"boom","code":1}},"error":false,"choices":[]"#)
            .fails("boom", NULL, NULL, json!(1))
            .text("x"),
        case("Groq's member without an error is none")
            .chunk(r#""x_groq":{"id":"req_1","error":null},"choices":[{"index":0,"delta":{"content":"x"}}]"#)
            .done()
            .text("x"),
    ]
}

/// Events named `error`, and `error:` lines.
pub(super) fn error_events() -> Vec<Case> {
    let event = |name, data: &str| {
        case(name).content("x").bytes(format!("event: error\ndata: {data}\n\n")).content("y")
    };
    vec![
        event(
            "an error event with an error object",
            r#"{"error":{"message":"boom","type":"t","param":"p","code":"c"}}"#,
        )
        .fails("boom", json!("t"), json!("p"), json!("c"))
        .text("x"),
        event("an error event with the bare error", r#"{"message":"boom","type":"t","code":429}"#)
            .fails("boom", json!("t"), NULL, json!(429))
            .text("x"),
        event("an error event with an error text", r#"{"error":"boom"}"#).fails("boom", NULL, NULL, NULL).text("x"),
        event("an error event with an error text and its type", r#"{"error":"boom","error_type":"overloaded"}"#)
            .fails("boom", json!("overloaded"), NULL, NULL)
            .text("x"),
        event("an error event with a text in JSON", r#""boom""#).fails("boom", NULL, NULL, NULL).text("x"),
        event("an error event with a text that is no JSON", "boom {").fails("boom {", NULL, NULL, NULL).text("x"),
        event("an error event with an object that looks like nothing", r#"{"a":1}"#)
            .fails(r#"{"a":1}"#, NULL, NULL, NULL)
            .text("x"),
        event("an error event with what looks like a chunk", r#"{"choices":[]}"#)
            .fails(r#"{"choices":[]}"#, NULL, NULL, NULL)
            .text("x"),
        event("an error event with a number", "500").fails("error 500", NULL, NULL, json!(500)).text("x"),
        event("an error event whose error is null is an error", r#"{"error":null,"message":"boom"}"#)
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        case("an event named Error is a chunk")
            .bytes("event: Error\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
            .done()
            .text("x"),
        case("TGI's error event and then [DONE] is an error")
            .content("x")
            .bytes("event: error\ndata: {\"error\":\"Input is too long\",\"error_type\":\"validation\"}\n\n")
            .data("[DONE]")
            .fails("Input is too long", json!("validation"), NULL, NULL)
            .text("x"),
        case("an error line is an error")
            .content("x")
            .bytes("error: {\"code\":500,\"message\":\"boom\",\"type\":\"server_error\"}\n\n")
            .content("y")
            .fails("boom", json!("server_error"), NULL, json!(500))
            .text("x"),
        case("an error line needs no blank line")
            .content("x")
            .bytes("error: {\"error\":{\"message\":\"boom\"}}\n")
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        case("an error line may hold a text").bytes("error: boom\n\n").fails("boom", NULL, NULL, NULL),
        case("an error line inside of an event ends the stream before it")
            .content("x")
            .bytes("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"y\"}}]}\nerror: boom\n\n")
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        legacy("an error line ends a legacy completion")
            .choice(r#""text":"x""#)
            .bytes("error: {\"message\":\"boom\"}\r\n\r\n")
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
    ]
}

/// JSON that is no object, and what is no JSON.
pub(super) fn no_chunks() -> Vec<Case> {
    let no_chunk = |name, data: &str| {
        case(name)
            .content("x")
            .data(data)
            .content("y")
            .fails_with("invalid_chunk", End::Error)
            .text("x")
    };
    let no_json = |name, data: &str| {
        case(name)
            .content("x")
            .data(data)
            .content("y")
            .fails_with("invalid_json", End::Error)
            .text("x")
    };
    vec![
        no_chunk("an array is no chunk", r#"[{"choices":[]}]"#),
        no_chunk("an array of nothing is no chunk", "[]"),
        no_json("a text is no JSON", "upstream timed out"),
        no_json("a cut object is no JSON", r#"{"choices":[{"index":0,"delta":{"content":"y"}}"#),
        no_json("an object with more behind it is no JSON", r#"{"choices":[{"index":0,"delta":{"content":"y"}}]} x"#),
        no_json(
            "two objects in one event are no JSON",
            r#"{"choices":[{"index":0,"delta":{"content":"y"}}]}{"choices":[]}"#,
        ),
        no_json("two objects in one event with a space between are no JSON", "{} {}"),
        no_json("a comma behind the last member is no JSON", r#"{"choices":[],}"#),
        no_json("single quotation marks are no JSON", "{'choices':[]}"),
        no_json("NaN in lower case is no JSON", r#"{"choices":[],"a":nan}"#),
        no_json("NaN beside what is no JSON is no JSON", r#"{"choices":[],"a":NaN,}"#),
        no_json("a number with a leading zero is no JSON", r#"{"created":01}"#),
        no_json("an escape that is none is no JSON", r#"{"choices":[{"index":0,"delta":{"content":"\x41"}}]}"#),
        no_json("a cut escape is no JSON", r#"{"choices":[{"index":0,"delta":{"content":"\u00e"}}]}"#),
        no_json("a control character between members is no JSON", "{\u{1}\"choices\":[]}"),
        no_json("a control character that is escaped is no JSON", "{\"a\":\"\\\u{1}\",\"choices\":[]}"),
        no_json("a byte order mark in an event is no JSON", "\u{FEFF}{\"choices\":[]}"),
        no_json("an error member in what is no JSON is no error of the server", r#"{"error":{"message":"boom"}"#),
        case("the first event may be no JSON")
            .data("hello")
            .fails_with("invalid_json", End::Error)
            .has(json!({"choices": []})),
        case("DEL and the C1 controls are allowed in a string").content("a\u{7F}\u{85}b").done().text("a\u{7F}\u{85}b"),
        case("bytes that are no UTF-8 are replaced, and the chunk is folded")
            .bytes(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\xFF\xE2\x82b\"}}]}\n\n")
            .done()
            .text("a\u{FFFD}\u{FFFD}b"),
    ]
}

/// Bodies that are no event streams.
pub(super) fn bodies() -> Vec<Case> {
    let wrong = |name, body: &str| {
        case(name)
            .bytes(body)
            .fails_with("not_an_event_stream", End::NotAnEventStream)
            .has(json!({"choices": []}))
    };
    let error = json!({"kind": "not_an_event_stream", "type": "t", "param": null, "code": 401});
    let refused = |name, body: &str| Case { error: error.clone(), ..wrong(name, body) };
    let body = r#"{"error":{"message":"no key","type":"t","code":401}}"#;
    vec![
        wrong(
            "a whole completion is no event stream",
            r#"{"object":"chat.completion","choices":[]}"#,
        ),
        refused("an error body is no event stream, and says what is wrong", body),
        refused("a body may begin with white space", &format!(" \r\n\t\n{body}")),
        refused("a body may begin with a byte order mark", &format!("\u{FEFF}{body}")),
        refused(
            "a body may begin with a byte order mark and white space",
            &format!("\u{FEFF}\n {body}\n"),
        ),
        refused(
            "an error body may have its members beside",
            r#"{"error":"no key","type":"t","code":401}"#,
        ),
        refused("an error body may be bare", r#"{"message":"no key","type":"t","code":401}"#),
        wrong("an array is no event stream", "[{\"error\":{\"message\":\"boom\"}}]\n"),
        wrong(
            "HTML is no event stream",
            "<html>\n<head><title>504 Gateway Time-out</title></head>\n</html>\n",
        ),
        wrong("HTML behind a byte order mark and white space", "\u{FEFF}\r\n<!DOCTYPE html>\n"),
        wrong("a body that is cut after its first byte", "{"),
        wrong("JSON lines are no event stream", "{\"choices\":[]}\n{\"choices\":[]}\n"),
        wrong(
            "an event stream behind JSON does not count",
            "{}\n\ndata: {\"choices\":[]}\n\ndata: [DONE]\n\n",
        ),
        wrong(
            "a body that is longer than what is kept of it",
            &format!("<html>{}", "x".repeat(5000)),
        ),
        case("gzip that nobody undid is no event stream")
            .bytes(b"\x1F\x8B\x08\0\0\0\0\0\0\x03\n\ndata: {}\n\n")
            .fails_with("not_an_event_stream", End::NotAnEventStream)
            .has(json!({"choices": []})),
        wrong("a body that is cut after the first byte of gzip", "\u{1F}"),
        case("an event stream may begin with a byte order mark")
            .bytes("\u{FEFF}")
            .content("x")
            .done()
            .text("x"),
        case("an event stream may begin with blank lines")
            .bytes("\r\n\n \n\n")
            .content("x")
            .done()
            .text("x"),
        case("an event stream may begin with a byte order mark and blank lines")
            .bytes("\u{FEFF}\n\n")
            .content("x")
            .done()
            .text("x"),
        case("an event stream may begin with a comment")
            .bytes(": {\n\n")
            .content("x")
            .done()
            .text("x"),
        case("a body of white space is empty").bytes("\n \n\t\n").ends(End::Empty),
        case("a body of a byte order mark is empty").bytes("\u{FEFF}").ends(End::Empty),
        case("a body without a byte is empty").bytes("").ends(End::Empty),
        case("plain text is an event stream without events, and evidence")
            .bytes("upstream timed out\n")
            .fails_with("stray_lines", End::Empty)
            .odd(AnomalyKind::StrayLine, ""),
        case("only the first byte makes a body something else")
            .bytes("\n: x\n{\"choices\":[]}\n<html>\n\n")
            .content("x")
            .done()
            .text("x")
            .odd(AnomalyKind::StrayLine, ""),
    ]
}
