//! Cases of what stands in place of events with chunks: lines that are no fields, errors of every
//! shape, keep-alives that are events, several chunks in one event, JSON as Python writes it.

use deltawire::AnomalyKind as Odd;
use deltawire::End;
use serde_json::{Value, json};

use super::{Case, case, legacy};

const NULL: Value = Value::Null;

fn chunk(text: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#)
}

const FINISH: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

/// Lines that are no fields.
pub(super) fn stray_lines() -> Vec<Case> {
    let error = r#"{"error":{"message":"boom","type":"t","param":null,"code":"c"}}"#;
    let pretty = "{\n  \"error\": {\n    \"message\": \"boom\",\n    \"type\": \"t\",\n    \"code\": \"c\"\n  }\n}\n";
    let google = "[{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"boom\",\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n]\n";
    let told = |name, lines: &str| {
        case(name)
            .content("x")
            .bytes(lines)
            .content("y")
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, "")
    };
    let early = |name, lines: &str| {
        case(name)
            .content("x")
            .bytes(lines)
            .fails_with("stray_lines", End::Truncated)
            .text("x")
            .odd(Odd::StrayLine, "")
    };
    let says = |case: Case, data: &str| Case {
        error: json!({"kind": "stray_lines", "data": data, "type": null}),
        ..case
    };
    vec![
        told("an error object without a field ends the stream", &format!("{error}\n\n")),
        told("an error object without a field needs no blank line", &format!("{error}\n")),
        told("an error object over several lines ends the stream", pretty),
        told(
            "an error object over several lines may have other line ends",
            &pretty.replace('\n', "\r\n"),
        ),
        told(
            "an error object may come after other lines",
            &format!("Oops\n{{}}\nerror {{\n{error}\n"),
        ),
        told(
            "blank lines between an error's lines have no meaning",
            &pretty.replace(",\n", ",\n\n"),
        ),
        told(
            "an error over several lines may have its first line in a field",
            &format!("data: {pretty}\n"),
        ),
        case("an array around an error without a field ends the stream")
            .content("x")
            .bytes(google)
            .fails("boom", NULL, NULL, json!(503))
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("an error object without a field, and then [DONE], is an error")
            .content("x")
            .finish("stop")
            .bytes(format!("{error}\ndata: [DONE]\n\n"))
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("an error object that the end cuts from its line end is an error")
            .content("x")
            .bytes(error)
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("an error line that the end cuts from its line end is an error if it is whole")
            .content("x")
            .bytes(format!("error: {error}"))
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("an error object without a field inside of an event ends the stream before it")
            .content("x")
            .bytes(format!("data: {}\n{error}\n\n", chunk("y")))
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, ""),
        legacy("an error object without a field ends a legacy completion")
            .choice(r#""text":"x""#)
            .bytes(pretty)
            .fails("boom", json!("t"), NULL, json!("c"))
            .text("x")
            .odd(Odd::StrayLine, ""),
        says(
            early("text at the end is evidence", "Internal Server Error: upstream gone\n"),
            "Internal Server Error: upstream gone",
        ),
        says(early("text at the end needs no line end", "upstream gone"), "upstream gone"),
        case("the beginning of a field's name at the end is nothing")
            .content("x")
            .bytes("dat")
            .ends(End::Truncated)
            .text("x"),
        says(early("text over several lines", "Oops\n\n  <b>\r\nat x\n"), "Oops\n  <b>\nat x"),
        says(
            early("a chunk without a field is no event", &format!("{}\n\n", chunk("y"))),
            &chunk("y"),
        ),
        says(early("half of an error over several lines", "{\n\"error\": {\n"), "{\n\"error\": {"),
        says(early("a name in capitals", "Data: x\n\n"), "Data: x"),
        says(early("a part of a byte order mark", "\u{FEFF}data: x\n\n"), "\u{FEFF}data: x"),
        case("text behind the finish reason is odd")
            .content("x")
            .bytes("foo: bar\nfoo: baz\n")
            .finish("stop")
            .bytes("bye\n")
            .ends(End::DoneWithoutSentinel)
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("text and [DONE] without a finish reason is evidence")
            .content("x")
            .bytes("upstream gone\n")
            .data("[DONE]")
            .fails_with("stray_lines", End::DoneWithoutFinishReason)
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("text before the connection breaks")
            .content("x")
            .bytes("upstream gone\n")
            .breaks()
            .fails_with("transport", End::Truncated)
            .text("x")
            .odd(Odd::StrayLine, ""),
        case("data that stands on the next line is evidence")
            .bytes(format!("data:\n {}\n\ndata:\n [DONE]\n\n", chunk("x")))
            .fails_with("stray_lines", End::Empty)
            .odd(Odd::StrayLine, ""),
        case("comments and lines of white space are no stray lines")
            .content("x")
            .bytes(": a\n:\n \n\t\n")
            .done()
            .text("x"),
    ]
}

/// Objects that say that they are errors.
pub(super) fn error_shapes() -> Vec<Case> {
    let fails = |name, data: &str, message: &str, kind: Value, code: Value| {
        case(name).content("x").data(data).content("y").fails(message, kind, NULL, code).text("x")
    };
    let none = |name, members: &str| {
        let choices = r#""choices":[{"index":0,"delta":{"content":"x"}}]"#;
        case(name).chunk(format!("{members},{choices}")).done().text("x")
    };
    vec![
        fails(
            "an object that is called an error",
            r#"{"object":"error","message":"boom","type":"t","param":null,"code":400}"#,
            "boom",
            json!("t"),
            json!(400),
        ),
        fails(
            "an error message beside choices that are null",
            r#"{"id":"c","choices":null,"error_type":"BadRequestError","error_message":"boom"}"#,
            "boom",
            json!("BadRequestError"),
            NULL,
        ),
        fails("an error message alone", r#"{"error_message":"boom"}"#, "boom", NULL, NULL),
        fails("a code of 400 and more with a message", r#"{"code":502,"message":"boom"}"#, "boom", NULL, json!(502)),
        fails("a status of 400 and more with a message", r#"{"status":400,"message":"boom"}"#, "boom", NULL, json!(400)),
        fails("a status of 400 and more beside no choice", r#"{"code":400,"message":"boom","choices":[]}"#, "boom", NULL, json!(400)),
        fails("a status that is the word error", r#"{"status":"error","message":"boom"}"#, "boom", NULL, NULL),
        fails("a status in digits", r#"{"status":"503","msg":"boom"}"#, "boom", NULL, NULL),
        fails("a status code with a detail", r#"{"status_code":422,"detail":"boom"}"#, "boom", NULL, json!(422)),
        fails(
            "FastAPI's detail of a parameter",
            r#"{"code":422,"detail":[{"loc":["body"],"msg":"boom","type":"missing"}]}"#,
            "boom",
            NULL,
            json!(422),
        ),
        fails(
            "an array around an error",
            r#"[{"error":{"code":429,"message":"boom","status":"RESOURCE_EXHAUSTED"}}]"#,
            "boom",
            NULL,
            json!(429),
        ),
        fails(
            "Cloudflare's list of errors",
            r#"{"success":false,"errors":[{"code":7003,"message":"boom"}],"result":null}"#,
            "boom",
            NULL,
            json!(7003),
        ),
        fails("a list of errors that are texts", r#"{"errors":["boom"]}"#, "boom", NULL, NULL),
        fails(
            "an error in the data of another object",
            r#"{"success":false,"data":{"error":{"message":"boom","type":"t"}}}"#,
            "boom",
            json!("t"),
            NULL,
        ),
        fails("an error whose message has another name", r#"{"error":{"msg":"boom"}}"#, "boom", NULL, NULL),
        fails(
            "an error whose message is an object",
            r#"{"error":{"message":{"message":"boom","a":1}}}"#,
            "boom",
            NULL,
            NULL,
        ),
        case("an error message beside choices, which are folded first")
            .chunk(r#""choices":[{"index":0,"delta":{"content":"x"}}],"error_message":"boom""#)
            .content("y")
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        case("an array around an error in an event with a name")
            .content("x")
            .bytes("event: result\ndata: [{\"error\":{\"message\":\"boom\"}}]\n\n")
            .fails("boom", NULL, NULL, NULL)
            .text("x"),
        none("error members that are null are none", r#""error_message":null,"error_type":"","errors":[]"#),
        none("a code beside choices is none", r#""code":500,"message":"fine""#),
        case("a code of less than 400 is none")
            .chunk(r#""code":200,"message":"fine""#)
            .content("x")
            .done()
            .text("x")
            .odd(Odd::UnknownChunk, ""),
        Case {
            error: json!({"kind": "api", "message": "boom", "body":
                {"error": {"message": "boom", "code": 429, "metadata": {"raw": "a  b", "n": 1.50}}, "choices": [], "user_id": "u"}}),
            ..case("every member of an error is kept")
                .data(r#"{ "error": {"message": "boom", "code": 429, "metadata": {"raw": "a  b", "n": 1.50}}, "choices": [], "user_id": "u"}"#)
                .ends(End::Error)
        },
    ]
}

/// Events that are neither chunks nor errors.
pub(super) fn keep_alives() -> Vec<Case> {
    let named = |name, data: &str| {
        case(name)
            .content("x")
            .bytes(format!("event: ping\r\ndata: {data}\r\n\r\n"))
            .content("y")
            .done()
            .text("xy")
            .odd(Odd::KeepAlive, "")
    };
    let unnamed = |name, data: &str| {
        case(name).content("x").data(data).content("y").done().text("xy").odd(Odd::KeepAlive, "")
    };
    vec![
        named("an event with a name may hold a time", "2023-02-20 08:40:33.556053"),
        named("an event with a name may hold a word", "pong"),
        named("an event with a name may hold an array", "[1,2]"),
        unnamed("an event may hold a time", "2024-04-27 01:35:43.686476"),
        unnamed("an event may hold a number", "1"),
        unnamed("an event may hold a number beyond every type", "1e99999"),
        unnamed("an event may hold a word in quotation marks", r#""ping""#),
        unnamed("an event may hold half a character in quotation marks", r#""\ud83d""#),
        unnamed("an event may hold true", "true"),
        unnamed("an event may hold the word ping", "ping"),
        case("an event with a name and an object is a chunk")
            .bytes(format!("event: ping\ndata: {}\n\n", chunk("x")))
            .done()
            .text("x"),
        case("an object that nobody knows")
            .content("x")
            .data(r#"{"type":"ping"}"#)
            .data(r#"{"heartbeat":1}"#)
            .done()
            .text("x")
            .odd(Odd::UnknownChunk, ""),
        case("an object with nothing but what a chunk may have")
            .chunk(r#""id":"a","object":"chat.completion.chunk","created":1,"model":"m","obfuscation":"x""#)
            .content("x")
            .done()
            .text("x"),
        case("a chunk in the data of another object")
            .data(format!(r#"{{"success":true,"data":{}}}"#, chunk("x")))
            .data(format!(r#"{{"success":true,"data":{}}}"#, chunk("y")))
            .data(format!(r#"{{"data":{FINISH},"success":true}}"#))
            .data("[DONE]")
            .ends(End::Done)
            .text("xy")
            .odd(Odd::WrappedChunk, ""),
        case("a chunk in the data of another object, with an error")
            .data(r#"{"data":{"choices":[{"index":0,"delta":{"content":"x"}}],"error":{"message":"boom"}}}"#)
            .fails("boom", NULL, NULL, NULL)
            .text("x")
            .odd(Odd::WrappedChunk, ""),
        case("a chunk after a second data: in its line")
            .data(format!("data: {}", chunk("x")))
            .data(format!("data:{}", chunk("y")))
            .data(format!("data: {FINISH}"))
            .data("data: [DONE]")
            .ends(End::Done)
            .text("xy")
            .odd(Odd::WrappedChunk, ""),
        case("an error after a second data: in its line")
            .content("x")
            .data(r#"data: {"error":{"message":"boom"}}"#)
            .fails("boom", NULL, NULL, NULL)
            .text("x")
            .odd(Odd::WrappedChunk, ""),
        case("data that is no chunk is not folded")
            .data(r#"{"success":true,"data":{"text":"y"}}"#)
            .content("x")
            .done()
            .text("x")
            .odd(Odd::UnknownChunk, ""),
    ]
}

/// Several chunks in one event.
pub(super) fn one_newline() -> Vec<Case> {
    let lines =
        |lines: &[&str]| lines.iter().map(|line| format!("data: {line}\n")).collect::<String>();
    let (x, y) = (chunk("x"), chunk("y"));
    let all = lines(&[&x, &y, FINISH, "[DONE]"]);
    let fold = |name| case(name).text("xy").odd(Odd::SeveralChunks, "");
    vec![
        fold("events that one line end divides, and the end completes").bytes(&all).ends(End::Done),
        fold("the same without the last line end").bytes(all.trim_end()).ends(End::Done),
        fold("the same with CRLF").bytes(all.replace('\n', "\r\n")).ends(End::Done),
        fold("events that one line end divides, and a blank line completes")
            .bytes(format!("{all}\n"))
            .content("z")
            .ends(End::Done),
        fold("such events without [DONE]")
            .bytes(lines(&[&x, &y, FINISH]))
            .ends(End::DoneWithoutSentinel),
        fold("such events without a finish reason").bytes(lines(&[&x, &y])).ends(End::Truncated),
        fold("such an event whose last line is cut")
            .bytes(lines(&[&x, &y]))
            .bytes("data: {\"choices\":[{\"ind")
            .odd(Odd::CutEvent, "")
            .ends(End::Truncated),
        fold("such events whose last line a broken connection cut")
            .bytes(lines(&[&x, &y]))
            .bytes("data: {\"cho")
            .breaks()
            .odd(Odd::CutEvent, "")
            .fails_with("transport", End::Truncated),
        fold("such events after others")
            .content("x")
            .bytes(lines(&[&y, FINISH, "[DONE]"]))
            .ends(End::Done),
        fold("such events with comments and types between")
            .bytes(format!("event: chunk\n{}: c\n{}\n", lines(&[&x]), lines(&[&y, FINISH])))
            .ends(End::DoneWithoutSentinel),
        case("such events with an error, after which nothing counts")
            .bytes(format!("{}\n", lines(&[&x, r#"{"error":{"message":"boom"}}"#, &y])))
            .fails("boom", NULL, NULL, NULL)
            .text("x")
            .odd(Odd::SeveralChunks, ""),
        case("such events with an error that the end completes")
            .bytes(lines(&[&x, r#"{"error":{"message":"boom"}}"#]))
            .fails("boom", NULL, NULL, NULL)
            .text("x")
            .odd(Odd::SeveralChunks, ""),
        case("such events in which nothing after [DONE] counts")
            .bytes(format!("{}\n", lines(&[&x, FINISH, "[DONE]", &y])))
            .ends(End::Done)
            .text("x")
            .odd(Odd::SeveralChunks, ""),
        case("such events of which one is beyond a limit")
            .limits(|limits| limits.max_folded = 8)
            .bytes(format!("{}\n", lines(&[&x, &chunk("123456789"), &y])))
            .fails_with("limit", End::Limit)
            .text("x")
            .odd(Odd::SeveralChunks, ""),
        case("such events with NaN")
            .bytes(format!(
                "{}\n",
                lines(&[r#"{"choices":[{"index":0,"delta":{"content":"x"}}],"a":NaN}"#, FINISH])
            ))
            .ends(End::DoneWithoutSentinel)
            .text("x")
            .odd(Odd::NotANumber, "")
            .odd(Odd::SeveralChunks, ""),
        case("lines of which one is no chunk are no JSON")
            .content("x")
            .bytes(format!("{}\n", lines(&[&y, "ping"])))
            .fails_with("invalid_json", End::Error)
            .text("x"),
        case("a caller who stops before the end completes such events")
            .content("x")
            .bytes(lines(&[&y, FINISH]))
            .stops()
            .ends(End::Stopped)
            .text("x"),
        legacy("such events of a legacy completion")
            .bytes(lines(&[
                r#"{"choices":[{"text":"x"}]}"#,
                r#"{"choices":[{"text":"y","finish_reason":"stop"}]}"#,
                "[DONE]",
            ]))
            .ends(End::Done)
            .text("xy")
            .odd_choice(Odd::MissingIndex, "choices.index")
            .odd(Odd::SeveralChunks, ""),
    ]
}

/// JSON that Python and careless gateways write.
pub(super) fn nearly_json() -> Vec<Case> {
    let content =
        |text: &str| format!(r#"{{"choices":[{{"index":0,"delta":{{"content":"{text}"}}}}]}}"#);
    vec![
        case("NaN and Infinity are null")
            .choice(r#""delta":{"content":"x"},"logprobs":{"content":[{"token":"x","logprob":-Infinity,"a":NaN,"b":Infinity}]}"#)
            .content("y")
            .done()
            .has(json!({"choices": [{"message": {"content": "xy"},
                "logprobs": {"content": [{"token": "x", "logprob": null, "a": null, "b": null}]}}]}))
            .odd(Odd::NotANumber, ""),
        case("NaN in a text is text").content("NaN -Infinity").done().text("NaN -Infinity"),
        case("a control character in a text is that character")
            .content("x")
            .data(content("\u{1b}[31mred\0\t"))
            .content("y")
            .done()
            .text("x\u{1b}[31mred\0\ty")
            .odd(Odd::ControlCharacter, ""),
        case("a line feed in a text, made of two data lines, is a line feed")
            .bytes("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\ndata: b\"}}]}\n\n")
            .done()
            .text("a\nb")
            .odd(Odd::ControlCharacter, ""),
        case("a control character in a member that is kept is kept")
            .chunk("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"a\u{1f}\":\"\u{1}\"")
            .done()
            .has(json!({"a\u{1f}": "\u{1}"}))
            .odd(Odd::ControlCharacter, ""),
        case("both at once, in every chunk")
            .data(r#"{"choices":[{"index":0,"delta":{"content":"x	"}}],"a":NaN}"#)
            .data(r#"{"choices":[{"index":0,"delta":{"content":"y	"}}],"a":NaN}"#)
            .done()
            .text("x\ty\t")
            .odd(Odd::NotANumber, "")
            .odd(Odd::ControlCharacter, ""),
        case("an error with NaN is an error")
            .data(r#"{"error":{"message":"boom"},"a":NaN}"#)
            .fails("boom", NULL, NULL, NULL)
            .odd(Odd::NotANumber, ""),
        case("an error event with a control character")
            .bytes("event: error\ndata: {\"message\":\"bo\tom\"}\n\n")
            .fails("bo\tom", NULL, NULL, NULL),
        another(("OpenAI's Responses API", "responses"),
            r#"{"type":"response.created","sequence_number":0,"response":{"output":[]}}"#,
            r#"{"type":"response.output_text.delta","sequence_number":4,"delta":"Hi"}"#,
        ),
        another(("Anthropic's Messages API", "messages"),
            r#"{"type": "message_start", "message": {"content": []}}"#,
            r#"{"type":"message_stop"}"#,
        ),
        another(("Gemini's generateContent API", "gemini"),
            r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}"#,
            r#"{"candidates":[],"usageMetadata":{"totalTokenCount":1}}"#,
        ),
        // A gateway may send events of its own before the answer.
        case("an event of another API before the answer harms nothing")
            .data(r#"{"type":"response.created","response":{}}"#)
            .content("x")
            .done()
            .text("x")
            .odd(Odd::UnknownChunk, ""),
    ]
}

/// A stream of another API, which is named.
fn another((api, module): (&'static str, &'static str), first: &str, second: &str) -> Case {
    let message = format!(
        "the events are those of {api}, which `deltawire::{module}` folds, and `deltawire::any` \
         whatever it is: {first:?}"
    );
    Case {
        error: json!({"kind": "other_api", "message": message, "data": first}),
        ..case(api).data(first).data(second).ends(End::Error).odd(Odd::UnknownChunk, "")
    }
}
