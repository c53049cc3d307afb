//! The ways of the servers, one stream each in the way of that server; tool calls are with the tool
//! calls.

use deltawire::{AnomalyKind, End};
use serde_json::{Value, json};

use super::{Case, case, function, legacy};

pub(super) fn servers() -> Vec<Case> {
    vec![
        case("Azure OpenAI: filter results first, an asynchronous filter last")
            .data(r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}"#)
            .data(r#"{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],"created":5,"id":"a","model":"gpt-4o","object":"chat.completion.chunk","system_fingerprint":"fp"}"#)
            .data(r#"{"choices":[{"delta":{"content":"x"},"finish_reason":null,"index":0,"logprobs":null}],"created":5,"id":"a","model":"gpt-4o","object":"chat.completion.chunk","system_fingerprint":"fp"}"#)
            .data(r#"{"choices":[{"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],"created":5,"id":"a","model":"gpt-4o","object":"chat.completion.chunk","system_fingerprint":"fp"}"#)
            .data(r#"{"choices":[{"content_filter_offsets":{"check_offset":1,"start_offset":1,"end_offset":2},"content_filter_results":{},"finish_reason":null,"index":0}],"created":0,"id":"","model":"","object":""}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "a", "created": 5, "model": "gpt-4o", "system_fingerprint": "fp", "choices":
                [{"message": {"role": "assistant", "content": "x", "refusal": null}, "finish_reason": "stop"}]})),
        case("vLLM: reasoning, stop_reason, usage in every chunk, the last token with the finish reason")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":5,"total_tokens":5,"completion_tokens":0}}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"reasoning":"hm"},"logprobs":null,"finish_reason":null}],"usage":{"prompt_tokens":5,"total_tokens":6,"completion_tokens":1}}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x"},"logprobs":null,"finish_reason":"stop","stop_reason":null}],"usage":null}"#)
            .data(r#"{"id":"a","choices":[],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 7}, "choices": [{"message": {"reasoning_content": "hm", "content": "x"}, "finish_reason": "stop"}]}))
            .odd(AnomalyKind::Repeated, "usage"),
        case("vLLM: an aborted request")
            .content("x")
            .choice(r#""delta":{"content":""},"finish_reason":"abort","stop_reason":null"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": "abort"}]})),
        case("llama.cpp: first content null, role repeated while progress is on, pings, created that changes")
            .data(r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":5,"prompt_progress":{"total":9,"processed":4}}"#)
            .bytes(":\n\n")
            .data(r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":5,"prompt_progress":{"total":9,"processed":9}}"#)
            .data(r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"x"}}],"created":6,"timings":{"predicted_n":1}}"#)
            .data(r#"{"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":6}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"created": 5, "prompt_progress": {"total": 9, "processed": 9}, "timings": {"predicted_n": 1},
                "choices": [{"message": {"role": "assistant", "content": "x"}}]}))
            .odd_choice(AnomalyKind::Repeated, "role")
            .odd(AnomalyKind::Changed, "created"),
        case("llama.cpp with n = 2: index 1 first, one usage chunk for each choice")
            .choices(r#"{"finish_reason":null,"index":1,"delta":{"role":"assistant","content":null}}"#)
            .choices(r#"{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}"#)
            .choices(r#"{"finish_reason":null,"index":1,"delta":{"content":"y"}}"#)
            .choices(r#"{"finish_reason":"stop","index":1,"delta":{}}"#)
            .chunk(r#""choices":[],"usage":{"total_tokens":3}"#)
            .content("x")
            .finish("length")
            .chunk(r#""choices":[],"usage":{"total_tokens":4}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 4}, "choices": [{"message": {"content": "x"}, "finish_reason": "length"},
                {"message": {"content": "y"}, "finish_reason": "stop"}]}))
            .odd(AnomalyKind::Repeated, "usage"),
        case("llama.cpp before September 2025: an error line")
            .content("x")
            .bytes("error: {\"code\":500,\"message\":\"context size exceeded\",\"type\":\"server_error\"}\n\n")
            .fails("context size exceeded", json!("server_error"), Value::Null, json!(500))
            .text("x"),
        case("llama.cpp since then: an error object with a numeric code")
            .content("x")
            .data(r#"{"error":{"code":500,"message":"context size exceeded","type":"server_error"}}"#)
            .fails("context size exceeded", json!("server_error"), Value::Null, json!(500))
            .text("x"),
        legacy("llama.cpp: a legacy completion of several prompts")
            .data("null")
            .data(r#"{"choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":null}],"id":"cmpl-1"}"#)
            .data(r#"{"choices":[{"text":"b","index":1,"logprobs":null,"finish_reason":null}],"id":"cmpl-1"}"#)
            .data(r#"{"choices":[{"text":"","index":1,"logprobs":null,"finish_reason":"length"}],"id":"chatcmpl-2","usage":{"total_tokens":3}}"#)
            .data(r#"{"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"id":"chatcmpl-3","usage":{"total_tokens":3}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "cmpl-1", "usage": {"total_tokens": 3}, "choices": [{"text": "a"}, {"text": "b"}]}))
            .odd(AnomalyKind::Changed, "id"),
        case("llama-cpp-python: a bad request is an empty stream").bytes("").ends(End::Empty),
        case("llama-cpp-python: a bad request is an empty stream, also with a comment")
            .bytes(": ping - 2026-01-01 00:00:00\r\n\r\n")
            .ends(End::Empty),
        case("llama-cpp-python: interrupted by another request")
            .bytes("data: {\"choices\": [{\"index\": 0, \"delta\": {\"content\": \"x\"}, \"logprobs\": null, \"finish_reason\": null}]}\r\n\r\n")
            .bytes("data: [DONE]\r\n\r\n")
            .ends(End::DoneWithoutFinishReason)
            .text("x"),
        case("mlx_lm: keepalive comments, role in every delta, a usage chunk of another kind")
            .bytes(": keepalive 19/20\n\n")
            .delta(r#""role":"assistant","content":"a""#)
            .delta(r#""role":"assistant","content":"b""#)
            .choice(r#""delta":{"role":"assistant","content":""},"finish_reason":"stop""#)
            .data(r#"{"id":"a","object":"chat.completion","choices":[],"usage":{"total_tokens":3}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 3}, "choices": [{"message": {"content": "ab"}}]}))
            .odd_choice(AnomalyKind::Repeated, "role"),
        case("mlx_lm: a crash is a clean end").content("x").bytes("data: {\"id\": \"chatcm").ends(End::Truncated).odd(AnomalyKind::CutEvent, "").text("x"),
        case("mlx_lm: an error text").content("x").data(r#"{"error":"text"}"#).fails("text", Value::Null, Value::Null, Value::Null).text("x"),
        case("mock-llm: a pair cut between deltas, no created, the finish reason beside content")
            .data(r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"hello \ud83d","role":"assistant"},"finish_reason":null}]}"#)
            .data(r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"\ude00 wörld"},"finish_reason":"stop"}]}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"created": null, "choices": [{"message": {"content": "hello 😀 wörld"}, "finish_reason": "stop"}]})),
        case("mock-llm: a connection that is left open until the client gives up").content("x").done().breaks().text("x"),
        case("Ollama: an error in mid-stream is an early end").content("x").ends(End::Truncated).text("x"),
        case("OpenCode: a chunk after [DONE]")
            .content("x")
            .done()
            .data(r#"{"choices":[],"cost":"0"}"#)
            .text("x"),
        case("Copilot: an empty id in the first chunk")
            .data(r#"{"id":"","choices":[],"created":0,"prompt_filter_results":[]}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x"}}],"created":5}"#)
            .done()
            .has(json!({"id": "a", "created": 5, "choices": [{"message": {"content": "x"}}]})),
        case("TGI: empty id and empty finish reason")
            .data(r#"{"object":"chat.completion.chunk","id":"","created":5,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":""}]}"#)
            .data(r#"{"object":"chat.completion.chunk","id":"","created":5,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":"b"},"logprobs":null,"finish_reason":"eos_token"}]}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": null, "choices": [{"message": {"content": "ab"}, "finish_reason": "eos_token"}]})),
        case("DeepSeek: keep-alive comments, content null while reasoning, usage on the finish chunk")
            .bytes(": keep-alive\n\n: keep-alive\n\n")
            .delta(r#""role":"assistant","content":null,"reasoning_content":"""#)
            .delta(r#""content":null,"reasoning_content":"hm""#)
            .delta(r#""content":"x","reasoning_content":null"#)
            .data(r#"{"choices":[{"index":0,"delta":{"content":"","reasoning_content":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"total_tokens":9,"prompt_cache_hit_tokens":0}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 9, "prompt_cache_hit_tokens": 0},
                "choices": [{"message": {"content": "x", "reasoning_content": "hm"}, "finish_reason": "stop"}]})),
        case("OpenRouter: comments, reasoning details, a native finish reason")
            .bytes(": OPENROUTER PROCESSING\n\n")
            .data(r#"{"id":"gen-1","provider":"p","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","format":"f","index":0}]},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}"#)
            .data(r#"{"id":"gen-1","provider":"p","choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":"stop","native_finish_reason":"STOP","logprobs":null}]}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"provider": "p", "choices": [{"native_finish_reason": "STOP", "finish_reason": "stop", "message": {"content": "x",
                "reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "format": "f", "index": 0}]}}]}))
            .odd_choice(AnomalyKind::Repeated, "role"),
        case("OpenRouter: an error with a finish reason")
            .content("x")
            .data(r#"{"id":"gen-1","error":{"code":"server_error","message":"Provider disconnected unexpectedly"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}"#)
            .fails("Provider disconnected unexpectedly", Value::Null, Value::Null, json!("server_error"))
            .has(json!({"choices": [{"message": {"content": "x"}, "finish_reason": "error"}]})),
        case("OpenRouter: an error with empty choices")
            .data(r#"{"id":"gen-1","error":{"code":429,"message":"slow down","metadata":{}},"choices":[]}"#)
            .fails("slow down", Value::Null, Value::Null, json!(429)),
        case("Mistral: padding, content arrays, arguments that are an object")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"p":"abcdef"}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]},"finish_reason":null}],"p":"ab"}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}},"index":0}]},"finish_reason":"tool_calls"}],"usage":{"total_tokens":3},"p":"abcd"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"choices": [{"message": {"reasoning_content": "hm", "content": "x", "tool_calls": [function("c", "f", "{\"a\":1}")]}}]})),
        case("Groq: usage twice")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":null}],"x_groq":{"id":"req_1"}}"#)
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req_1","usage":{"total_tokens":9}},"usage":{"total_tokens":9}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"total_tokens": 9}, "choices": [{"message": {"content": "x"}}]})),
        case("Groq: a terminal error")
            .content("x")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{},"finish_reason":null}],"x_groq":{"id":"req_1","error":"over capacity"}}"#)
            .fails("over capacity", Value::Null, Value::Null, Value::Null)
            .text("x"),
        case("xAI: the finish reason is absent until the end, and the total is not the sum")
            .choice(r#""delta":{"role":"assistant","content":"x"}"#)
            .choice(r#""delta":{"content":"y"},"finish_reason":"stop""#)
            .chunk(r#""choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":112,"completion_tokens_details":{"reasoning_tokens":100}}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 112}, "choices": [{"message": {"content": "xy"}}]})),
        case("Perplexity: role, citations and running usage in every chunk, and a whole message at the end")
            .data(r#"{"id":"a","usage":{"total_tokens":6},"citations":["u"],"object":"chat.completion.chunk","choices":[{"index":0,"finish_reason":null,"message":{"role":"assistant","content":"x of all"},"delta":{"role":"assistant","content":"x"}}]}"#)
            .data(r#"{"id":"a","usage":{"total_tokens":7},"citations":["u","v"],"object":"chat.completion.done","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"xy of all"},"delta":{"role":"assistant","content":"y"}}]}"#)
            .ends(End::DoneWithoutSentinel)
            .has(json!({"object": "chat.completion", "citations": ["u", "v"], "usage": {"total_tokens": 7},
                "choices": [{"message": {"role": "assistant", "content": "xy"}, "finish_reason": "stop"}]}))
            .odd_choice(AnomalyKind::Repeated, "role")
            .odd(AnomalyKind::Repeated, "usage"),
        case("Gemini: whole chunks, and data lines without a name for the model")
            .data(r#"{"choices":[{"delta":{"content":"x","role":"assistant"},"index":0}],"created":5,"id":"a","model":"gemini","object":"chat.completion.chunk"}"#)
            .data(r#"{"choices":[{"delta":{"content":"y","role":"assistant","extra_content":{"google":{"thought":true}}},"finish_reason":"stop","index":0}],"created":5,"id":"a","model":"gemini","object":"chat.completion.chunk"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .text("xy")
            .odd_choice(AnomalyKind::Repeated, "role"),
        case("DashScope: an id that is empty again and again")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x"}}]}"#)
            .data(r#"{"id":"","choices":[{"index":0,"delta":{"content":"y"}}]}"#)
            .calls(r#"{"index":0,"id":"c","function":{"name":"f","arguments":"{"}}"#)
            .calls(r#"{"index":0,"id":"","function":{"name":"","arguments":"}"}}"#)
            .done()
            .has(json!({"id": "a", "choices": [{"message": {"content": "xy", "tool_calls": [function("c", "f", "{}")]}}]})),
        case("DashScope: the whole content so far in every delta")
            .cumulative()
            .content("Spring")
            .content("Spring is")
            .choice(r#""delta":{"content":"Spring is here"},"finish_reason":"stop""#)
            .data("[DONE]")
            .ends(End::Done)
            .text("Spring is here"),
        case("LiteLLM: a new id for each chunk")
            .data(r#"{"id":"a","choices":[{"index":0,"delta":{"content":"x"}}]}"#)
            .data(r#"{"id":"b","choices":[{"index":0,"delta":{"content":"y"}}]}"#)
            .data(r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#)
            .data("[DONE]")
            .ends(End::Done)
            .has(json!({"id": "a", "choices": [{"message": {"content": "xy"}}]}))
            .odd(AnomalyKind::Changed, "id"),
        case("LiteLLM with n = 2: the finish reason for index 0 only")
            .choices(r#"{"index":0,"delta":{"content":"x"}}"#)
            .choices(r#"{"index":1,"delta":{"content":"y"}}"#)
            .choices(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::DoneWithoutFinishReason)
            .has(json!({"choices": [{"finish_reason": "stop"}, {"finish_reason": null, "message": {"content": "y"}}]})),
        case("LiteLLM: a backend that dies in mid-stream")
            .content("x")
            .data(r#"{"error": {"message": "litellm.APIConnectionError", "type": null, "param": null, "code": "500"}}"#)
            .fails("litellm.APIConnectionError", Value::Null, Value::Null, json!("500"))
            .text("x"),
        case("Cloudflare: the index of the choice is missing")
            .choices(r#"{"delta":{"content":"x"}}"#)
            .choices(r#"{"delta":{"content":"y"},"finish_reason":"stop"}"#)
            .data("[DONE]")
            .ends(End::Done)
            .text("xy")
            .odd_choice(AnomalyKind::MissingIndex, "choices.index"),
    ]
}
