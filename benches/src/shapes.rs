//! The shapes of chunks: one stream for each that servers send, of a thousand chunks.
//!
//! The members, their order and their values are those that the servers named send; the text is
//! made as in [`corpora`](crate::corpora). The last chunk of each has the finish reason.

use std::fmt::Write;

use crate::corpora::{CHUNKS, Corpus, DONE, Words};

/// A server, and a chunk of it.
///
/// In the chunk `@T` is the text, `@L` its log probability, `@M` all text so far, `@P` padding,
/// `@N` the chunk's number and `@I` an ID of its own.
type Shape = (&'static str, &'static str);

const SHAPES: [Shape; 19] = [
    (
        "azure",
        r#"{"choices":[{"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}},"delta":{"content":"@T"},"finish_reason":null,"index":0,"logprobs":null}],"created":1752000000,"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","model":"gpt-4o-2024-11-20","object":"chat.completion.chunk","system_fingerprint":"fp_ee1d74bde0"}"#,
    ),
    (
        "copilot",
        r#"{"choices":[{"index":0,"content_filter_offsets":{"check_offset":321,"start_offset":321,"end_offset":352},"delta":{"content":"@T"}}],"created":1752000000,"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","model":"gpt-4o-2024-11-20","system_fingerprint":"fp_ee1d74bde0"}"#,
    ),
    (
        "deepseek",
        r#"{"id":"9c1f6a58-0d43-4b7e-8a52-6f0e1d2c3b4a","object":"chat.completion.chunk","created":1752000000,"model":"deepseek-reasoner","system_fingerprint":"fp_393bca965e","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"@T"},"logprobs":null,"finish_reason":null}]}"#,
    ),
    (
        "deepseek-logprobs",
        r#"{"id":"9c1f6a58-0d43-4b7e-8a52-6f0e1d2c3b4a","object":"chat.completion.chunk","created":1752000000,"model":"deepseek-chat","system_fingerprint":"fp_393bca965e","choices":[{"index":0,"delta":{"content":"@T"},"logprobs":{"content":[{"token":"@T","logprob":@L,"bytes":[@N,32],"top_logprobs":[]}]},"finish_reason":null}]}"#,
    ),
    (
        "doubleword",
        r#"{"id":"chatcmpl-a1b2c3d4","object":"chat.completion.chunk","created":1752000000,"model":"Qwen/Qwen3-30B-A3B","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":"@T","reasoning_details":[{"type":"reasoning.text","format":"unknown","index":0,"text":"@T"}]}}]}"#,
    ),
    (
        "groq",
        r#"{"id":"chatcmpl-@I","object":"chat.completion.chunk","created":1752000000,"model":"groq/compound","system_fingerprint":null,"choices":[{"index":0,"delta":{"reasoning":"@T"},"logprobs":null,"finish_reason":null}]}"#,
    ),
    (
        "llama-cpp",
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"@T"}}],"created":1752000000,"id":"chatcmpl-0xN3kqVZ5mTbLr8YwPc2sHdJfGa1uE9R","model":"qwen2.5-7b-instruct-q4_k_m.gguf","system_fingerprint":"b6012-c4f9a31d","object":"chat.completion.chunk","timings":{"prompt_n":19,"predicted_n":@N,"predicted_per_second":39.98}}"#,
    ),
    (
        "mistral",
        r#"{"id":"6dc3f1a0b2c94d8e","object":"chat.completion.chunk","created":1752000000,"model":"mistral-small-latest","choices":[{"index":0,"delta":{"content":"@T"},"finish_reason":null}],"p":"@P"}"#,
    ),
    (
        "mistral-parts",
        r#"{"id":"6dc3f1a0b2c94d8e","object":"chat.completion.chunk","created":1752000000,"model":"magistral-medium-latest","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"@T"}]}]},"finish_reason":null}],"p":"@P"}"#,
    ),
    (
        "ollama",
        r#"{"id":"chatcmpl-745","object":"chat.completion.chunk","created":1752000000,"model":"qwen3","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"@T"},"finish_reason":null}]}"#,
    ),
    (
        "openai",
        r#"{"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","object":"chat.completion.chunk","created":1752000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":[{"index":0,"delta":{"content":"@T"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
    ),
    (
        "openai-obfuscation",
        r#"{"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","object":"chat.completion.chunk","created":1752000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":[{"index":0,"delta":{"content":"@T"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"@P"}"#,
    ),
    (
        "openrouter",
        r#"{"id":"gen-1752000000-aBcDeFgHiJkLmNoPqRsT","provider":"OpenAI","model":"openai/gpt-4o","object":"chat.completion.chunk","created":1752000000,"choices":[{"index":0,"delta":{"role":"assistant","content":"@T"},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}"#,
    ),
    (
        "openrouter-reasoning",
        r#"{"id":"gen-1752000000-aBcDeFgHiJkLmNoPqRsT","object":"chat.completion.chunk","created":1752000000,"model":"anthropic/claude-haiku-4.5","provider":"Anthropic","choices":[{"index":0,"delta":{"content":"","role":"assistant","reasoning":"@T","reasoning_details":[{"type":"reasoning.text","text":"@T","format":"anthropic-claude-v1","index":0}]},"finish_reason":null,"native_finish_reason":null}]}"#,
    ),
    (
        "perplexity",
        r#"{"id":"aced0123-c42e-42ea-941e-24477b147dac","model":"sonar","created":1752000000,"usage":{"prompt_tokens":8,"completion_tokens":@N,"total_tokens":@N,"search_context_size":"low","cost":{"input_tokens_cost":0.00001,"output_tokens_cost":0.00002,"request_cost":0.005,"total_cost":0.00503}},"citations":["https://example.org/numbers","https://example.org/streams?page=2","https://example.com/a/longer/path/to/something"],"search_results":[{"title":"Numbers","url":"https://example.org/numbers","date":"2025-06-10","last_updated":"2026-06-08","snippet":"One, two, three: the numbers from one to ten, and how people count in other languages.","source":"web"},{"title":"Streams","url":"https://example.org/streams?page=2","date":"2025-01-02","last_updated":"2026-03-04","snippet":"A stream is a body of running water, or a sequence of data that is made available over time.","source":"web"}],"object":"chat.completion.chunk","choices":[{"index":0,"finish_reason":null,"message":{"role":"assistant","content":"@M"},"delta":{"role":"assistant","content":"@T"}}]}"#,
    ),
    (
        "together",
        r#"{"id":"ovCb58Q-6Ng1vN-a273a0fb6b8e51f5","object":"chat.completion.chunk","created":1752000000,"choices":[{"index":0,"text":"@T","logprobs":null,"finish_reason":null,"seed":null,"delta":{"token_id":@N,"role":"assistant","content":"@T"}}],"model":"meta-llama/Llama-3.3-70B-Instruct-Turbo","usage":null}"#,
    ),
    (
        "venice",
        r#"{"id":"chatcmpl-5b1e4c7d","object":"chat.completion.chunk","created":1752000000,"model":"mistral-small-3-2-24b-instruct","service_tier":"default","usage":null,"choices":[{"index":0,"delta":{"role":null,"content":"@T","reasoning_content":null,"tool_calls":null},"finish_reason":null,"logprobs":null}]}"#,
    ),
    (
        "writer",
        r#"{"id":"1533878c-5636-44cf-a696-6a7b02304607","object":"chat.completion.chunk","choices":[{"index":0,"finish_reason":null,"message":{"content":"@T","role":"assistant","tool_calls":null,"graph_data":{"sources":null,"status":null,"subqueries":null},"llm_data":null,"image_data":null,"translation_data":null,"web_search_data":null,"refusal":null},"delta":{"content":"@T","role":"assistant","tool_calls":null,"graph_data":{"sources":null,"status":null,"subqueries":null},"llm_data":null,"image_data":null,"translation_data":null,"web_search_data":null,"refusal":null},"logprobs":null,"trace_details":null}],"created":1752000000,"model":"palmyra-x5","usage":null,"system_fingerprint":"v1","service_tier":null}"#,
    ),
    (
        "zai",
        r#"{"id":"202607010739425543ff9439144b2c","created":1752000000,"object":"chat.completion.chunk","model":"glm-4.7","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"@T"}}]}"#,
    ),
];

/// The streams, one of each shape.
#[must_use]
pub fn shapes() -> Vec<Corpus> {
    SHAPES.iter().map(stream).collect()
}

fn stream((name, chunk): &Shape) -> Corpus {
    let (mut words, mut others) = (Words::default(), Words::default());
    let (mut stream, mut whole) = (String::new(), String::new());
    for number in 0..CHUNKS {
        let word = words.next();
        whole.push_str(word);
        stream.push_str("data: ");
        let mut pieces = chunk.split('@');
        stream.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let _ = match &piece[..1] {
                "T" => write!(stream, "{word}"),
                "M" => write!(stream, "{whole}"),
                "P" => write!(stream, "{}", others.padding()),
                "N" => write!(stream, "{number}"),
                "L" => write!(stream, "-{}.{:06}", others.below(9), others.below(1_000_000)),
                "I" => write!(stream, "{:012x}", others.below(1 << 44)),
                _ => write!(stream, "@{}", &piece[..1]),
            };
            stream.push_str(&piece[1..]);
        }
        stream.push_str("\n\n");
    }
    let _ = write!(
        stream,
        r#"data: {{"id":"end","object":"chat.completion.chunk","created":1752000000,"model":"m","choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}]}}"#
    );
    stream.push_str("\n\n");
    stream.push_str(DONE);
    Corpus::new(name, stream, CHUNKS + 2)
}
