//! The ends of streams.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, legacy};

/// One end state for each stream.
pub(super) fn ends() -> Vec<Case> {
    let two = r#"{"index":0,"delta":{"content":"x"}},{"index":1,"delta":{"content":"y"}}"#;
    let both = json!({"choices": [{"message": {"content": "x"}}, {"message": {"content": "y"}}]});
    vec![
        case("a stream with finish reason and [DONE] is done").content("x").done().text("x"),
        case("a stream with finish reason and a clean end is done without [DONE]")
            .content("x")
            .finish("length")
            .ends(End::DoneWithoutSentinel)
            .has(json!({"choices": [{"finish_reason": "length"}]})),
        case("[DONE] without finish reason")
            .content("x")
            .data("[DONE]")
            .ends(End::DoneWithoutFinishReason)
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": null}]})),
        case("a clean end without finish reason is truncated")
            .content("x")
            .ends(End::Truncated)
            .text("x"),
        case("a broken connection is truncated")
            .content("x")
            .breaks()
            .fails_with("transport", End::Truncated)
            .text("x"),
        case("a connection that breaks after [DONE] is done")
            .content("x")
            .done()
            .breaks()
            .text("x"),
        case("a connection that breaks after an error is an error")
            .content("x")
            .chunk(r#""error":"boom""#)
            .breaks()
            .fails("boom", Value::Null, Value::Null, Value::Null)
            .text("x"),
        case("a connection that breaks before the first chunk is truncated")
            .breaks()
            .fails_with("transport", End::Truncated),
        case("a caller who stops").content("x").stops().ends(End::Stopped).text("x"),
        case("a caller who stops after the finish reason")
            .content("x")
            .finish("stop")
            .stops()
            .ends(End::Stopped),
        case("a caller who stops after [DONE]").content("x").done().stops().text("x"),
        case("a caller who stops before anything").stops().ends(End::Stopped),
        case("a body that ends at once is empty").ends(End::Empty),
        case("[DONE] alone is empty").data("[DONE]").ends(End::Empty),
        case("chunks without choices and [DONE] have no finish reason")
            .chunk(r#""choices":[],"usage":{"total_tokens":1}"#)
            .data("[DONE]")
            .ends(End::DoneWithoutFinishReason)
            .has(json!({"choices": [], "usage": {"total_tokens": 1}})),
        case("one choice of two with a finish reason, and [DONE]")
            .choices(two)
            .finish("stop")
            .data("[DONE]")
            .ends(End::DoneWithoutFinishReason)
            .has(both.clone()),
        case("one choice of two with a finish reason, and a clean end")
            .choices(two)
            .finish("stop")
            .ends(End::Truncated)
            .has(both.clone()),
        case("both choices with a finish reason, and a clean end")
            .choices(two)
            .choices(r#"{"index":1,"finish_reason":"stop"}"#)
            .finish("length")
            .ends(End::DoneWithoutSentinel)
            .has(both),
        case("an empty finish reason is none")
            .content("x")
            .finish("")
            .ends(End::Truncated)
            .text("x"),
        case("usage after the finish reason changes nothing of the end")
            .content("x")
            .finish("stop")
            .chunk(r#""choices":[],"usage":{"total_tokens":3}"#)
            .ends(End::DoneWithoutSentinel)
            .has(json!({"usage": {"total_tokens": 3}})),
        case("a line that is too long is a limit")
            .limits(|limits| limits.max_line = 100)
            .content("x")
            .content(&"y".repeat(100))
            .content("z")
            .fails_with("limit", End::Limit)
            .text("x"),
    ]
}

/// Streams that end within an event.
pub(super) fn cut_off() -> Vec<Case> {
    let started = |name| case(name).content("x");
    let finished = |name| case(name).content("x").finish("stop");
    let cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"y\"}}]}";
    vec![
        finished("[DONE] cut off before its line end counts")
            .bytes("data: [DONE]")
            .ends(End::Done)
            .text("x"),
        finished("[DONE] cut off before its blank line counts")
            .bytes("data: [DONE]\n")
            .ends(End::Done)
            .text("x"),
        finished("[DONE] cut off in the middle of CRLF counts")
            .bytes("data: [DONE]\r")
            .ends(End::Done)
            .text("x"),
        finished("[DONE] cut off behind a space counts")
            .bytes("data:  [DONE] ")
            .ends(End::Done)
            .text("x"),
        started("[DONE] cut off without finish reason counts")
            .bytes("data: [DONE]")
            .ends(End::DoneWithoutFinishReason)
            .text("x"),
        case("[DONE] cut off, and nothing else, is empty").bytes("data: [DONE]").ends(End::Empty),
        finished("[DONE] cut off counts also where the connection breaks")
            .bytes("data: [DONE]")
            .breaks()
            .ends(End::Done)
            .text("x"),
        started("[DONE] cut off by a broken connection says nothing without finish reason")
            .bytes("data: [DONE]\n")
            .breaks()
            .fails_with("transport", End::Truncated)
            .text("x"),
        case("[DONE] cut off by a broken connection, and nothing else")
            .bytes("data: [DONE]")
            .breaks()
            .fails_with("transport", End::Truncated),
        started("a part of [DONE] is not [DONE]")
            .bytes("data: [DONE")
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        finished("a part of [DONE] after the finish reason")
            .bytes("data: [DO")
            .ends(End::DoneWithoutSentinel)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        started("[DONE] in a line that is no data line does not count")
            .bytes(": [DONE]")
            .ends(End::Truncated)
            .text("x"),
        started("[DONE] behind other data does not count")
            .bytes("data: {\ndata: [DONE]\n")
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        started("a chunk without its blank line is discarded")
            .bytes(cut)
            .bytes("\n")
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        started("a chunk without its line end is discarded")
            .bytes(cut)
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        case("a first chunk that is cut off is truncated, not empty")
            .bytes(cut)
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, ""),
        finished("a chunk that is cut off after the finish reason")
            .bytes(cut)
            .ends(End::DoneWithoutSentinel)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        started("a finish reason that is cut off does not count")
            .bytes("data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n")
            .ends(End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": null}]})),
        started("an error event that is cut off is no end, but the error")
            .bytes("event: error\ndata: {\"message\":\"boom\"}\n")
            .fails_with("api", End::Truncated)
            .text("x")
            .odd(AnomalyKind::CutEvent, ""),
        started("an error that is cut in its text is evidence")
            .bytes("data: {\"error\":{\"message\":\"bo")
            .ends(End::Truncated)
            .text("x")
            .odd(AnomalyKind::CutEvent, ""),
        started("an error line without its line end is evidence")
            .bytes("error: boom")
            .fails_with("stray_lines", End::Truncated)
            .text("x")
            .odd(AnomalyKind::StrayLine, ""),
        started("a connection that breaks within a chunk")
            .bytes(cut)
            .breaks()
            .fails_with("transport", End::Truncated)
            .odd(AnomalyKind::CutEvent, "")
            .text("x"),
        started("a caller who stops within a chunk")
            .bytes(cut)
            .stops()
            .ends(End::Stopped)
            .text("x"),
        legacy("[DONE] of a legacy completion cut off before its line end counts")
            .choice(r#""text":"x","finish_reason":"stop""#)
            .bytes("data: [DONE]")
            .ends(End::Done)
            .text("x"),
    ]
}
