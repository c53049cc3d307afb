//! The streams that are measured. Made here, the same bytes on every machine and in every run.
//!
//! Envelopes are those that the servers named send; the text is words of a token's length, with an
//! escape in every tenth or so.

use std::fmt::Write;

use crate::reads::{ReadSize, Reads};

/// A stream.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    /// The name in benches and in the table.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// The same, cut after each event.
    blocks: &'static [&'static [u8]],
    /// The number of events, the `[DONE]` included.
    pub events: usize,
}

impl Corpus {
    /// Makes a corpus of an event stream, whose events end with blank lines.
    pub(crate) fn new(name: &'static str, text: String, events: usize) -> Self {
        let blank: &[u8] = if text.contains('\r') { b"\r\n\r\n" } else { b"\n\n" };
        Self { events, ..Self::cut(name, text, blank) }
    }

    /// Makes a corpus of a stream without event framing: each line is an event.
    pub(crate) fn of_lines(name: &'static str, text: String) -> Self {
        let corpus = Self::cut(name, text, b"\n");
        assert!(corpus.blocks.iter().all(|line| line.len() > 1), "{name} has no blank line");
        corpus
    }

    /// Keeps `text` for the rest of the process: what is measured borrows from it.
    fn cut(name: &'static str, text: String, end: &[u8]) -> Self {
        let bytes: &'static [u8] = Vec::leak(text.into_bytes());
        let mut blocks = Vec::new();
        let mut start = 0;
        for at in memchr::memmem::find_iter(bytes, end) {
            blocks.push(&bytes[start..at + end.len()]);
            start = at + end.len();
        }
        assert_eq!(start, bytes.len(), "{name} ends where an event ends");
        Self { name, bytes, events: blocks.len(), blocks: Vec::leak(blocks) }
    }

    /// A recorded stream, unless it is one that a pairing cannot be asked to read: it is not UTF-8,
    /// ends in an error or before its end.
    #[must_use]
    pub fn of_recording(name: &str, bytes: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8(bytes).ok()?;
        let outcome = deltawire::chat::fold(text.as_bytes());
        let mut fold = deltawire::chat::Session::new();
        fold.feed(text.as_bytes()).ok()?;
        let events = fold.accumulator().stats().events;
        outcome.end.is_complete().then_some(())?;
        let text =
            text.trim_end().to_owned() + if text.contains('\r') { "\r\n\r\n" } else { "\n\n" };
        Some(Self::new(String::leak(name.to_owned()), text, usize::try_from(events).ok()?))
    }

    /// One pass through it.
    #[must_use]
    pub fn reads(&self, size: ReadSize) -> Reads {
        match size {
            ReadSize::Bytes(bytes) => Reads::Sized(self.bytes.chunks(bytes)),
            ReadSize::Event => Reads::Cut(self.blocks.iter().copied()),
        }
    }

    /// The bytes of its longest line.
    #[must_use]
    pub fn longest_line(&self) -> usize {
        self.bytes.split(|&byte| byte == b'\n').map(<[u8]>::len).max().unwrap_or_default()
    }
}

/// The streams that are decoded, each of some 256 KiB: it fits a second-level cache, as what was
/// just read from a socket does.
#[must_use]
pub fn decode() -> Vec<Corpus> {
    vec![
        chat(),
        obfuscation(),
        event_and_data(),
        tiny(),
        long_lines(),
        crlf_and_id(),
        cjk(),
        comments(),
    ]
}

/// The streams that are folded, of a thousand chunks each or two.
#[must_use]
pub fn fold() -> Vec<Corpus> {
    vec![
        plain("openai", CHUNKS),
        openai("openai-obfuscation", CHUNKS, Openai { obfuscation: true, ..Openai::default() }),
        llama_cpp(),
        tool_call(),
        openai("four-choices", CHUNKS, Openai { choices: 4, ..Openai::default() }),
        openai("logprobs", CHUNKS, Openai { logprobs: true, ..Openai::default() }),
        changing("changing", true),
    ]
}

/// OpenAI's stream with this many chunks of text, for who needs another length than [`fold`]'s.
#[must_use]
pub fn plain(name: &'static str, chunks: usize) -> Corpus {
    openai(name, chunks, Openai::default())
}

/// Each chunk only appends text, but none has the model of the one before: what learning an
/// envelope tries on again and again, and never gets to fit.
#[must_use]
pub fn new_models() -> Corpus {
    changing("new-models", false)
}

/// OpenAI's Responses API with padding: a thousand deltas of text, whose numbers rise.
#[must_use]
pub fn responses() -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    let mut padding = Words::default();
    let mut number = 0;
    let mut event = |name: &str, members: &str| {
        let _ = write!(
            text,
            "event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{number},{members}}}\n\n"
        );
        number += 1;
    };
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            r#""response":{{"id":"resp_68af4030592c81938ec0a5fbab4a3e9f05438e46b5f69a3b","object":"response","created_at":1756315696,"status":"{status}","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-4o-2024-08-06","output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"store":true,"temperature":1.0,"tools":[],"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
        )
    };
    const AT: &str = r#""item_id":"msg_68af40312e1881939f5f7f3a1d2c5b6a05438e46b5f69a3b","output_index":0,"content_index":0"#;
    let item = |status: &str, content: &str| {
        format!(
            r#"{{"id":"msg_68af40312e1881939f5f7f3a1d2c5b6a05438e46b5f69a3b","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
        )
    };
    let part = |text: &str| {
        format!(r#"{{"type":"output_text","annotations":[],"logprobs":[],"text":"{text}"}}"#)
    };
    event("response.created", &response("in_progress", "", "null"));
    event("response.in_progress", &response("in_progress", "", "null"));
    let begun = format!(r#""output_index":0,"item":{}"#, item("in_progress", ""));
    event("response.output_item.added", &begun);
    event("response.content_part.added", &format!(r#"{AT},"part":{}"#, part("")));
    let mut whole = String::new();
    for _ in 0..CHUNKS {
        let word = words.next();
        whole.push_str(word);
        let padding = padding.padding();
        event(
            "response.output_text.delta",
            &format!(r#"{AT},"delta":"{word}","logprobs":[],"obfuscation":"{padding}""#),
        );
    }
    let done = format!(r#"{AT},"text":"{whole}","logprobs":[]"#);
    event("response.output_text.done", &done);
    event("response.content_part.done", &format!(r#"{AT},"part":{}"#, part(&whole)));
    let item = item("completed", &part(&whole));
    event("response.output_item.done", &format!(r#""output_index":0,"item":{item}"#));
    let usage = r#"{"input_tokens":19,"input_tokens_details":{"cached_tokens":0},"output_tokens":1000,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":1019}"#;
    event("response.completed", &response("completed", &item, usage));
    Corpus::new("responses", text, number)
}

/// Anthropic's Messages API: a thousand deltas of text.
#[must_use]
pub fn messages() -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    let mut event = |name: &str, members: &str| {
        let _ = write!(text, "event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n");
    };
    event(
        "message_start",
        r#","message":{"id":"msg_01XkqZrV8fT5h2Wm9cLd7Ybp","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":19,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}"#,
    );
    event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#);
    for _ in 0..CHUNKS {
        let word = words.next();
        event(
            "content_block_delta",
            &format!(r#","index":0,"delta":{{"type":"text_delta","text":"{word}"}}"#),
        );
    }
    event("content_block_stop", r#","index":0"#);
    event(
        "message_delta",
        r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":1000}"#,
    );
    event("message_stop", "");
    Corpus::new("messages", text, CHUNKS + 5)
}

/// Gemini's generateContent: a thousand events with text, whose token counts rise.
#[must_use]
pub fn gemini() -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    for number in 1..=CHUNKS {
        let word = words.next();
        let reason = if number == CHUNKS { r#""finishReason":"STOP","# } else { "" };
        let total = number + 9;
        let _ = write!(
            text,
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{{\"text\": \"{word}\"}}],\"role\": \"model\"}},{reason}\"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": {number},\"totalTokenCount\": {total},\"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 9}}]}},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"dGhpcyBpcyBub3Q\"}}\r\n\r\n"
        );
    }
    Corpus::new("gemini", text, CHUNKS)
}

/// Gemini's Interactions API: a thought, and a thousand deltas of text.
#[must_use]
pub fn interactions() -> Corpus {
    let mut stream = Interactions::default();
    let mut words = Words::default();
    stream.begin();
    stream.step(
        0,
        r#"{"type":"thought"}"#,
        &[r#"{"signature":"EqQBCkgIBxABGAIqQLFqUyBhIHNpZ25hdHVyZSBvZiBub3RoaW5nIGF0IGFsbA==","type":"thought_signature"}"#.to_owned()],
    );
    let deltas: Vec<String> =
        (0..CHUNKS).map(|_| format!(r#"{{"text":"{}","type":"text"}}"#, words.next())).collect();
    stream.step(1, r#"{"type":"model_output"}"#, &deltas);
    stream.end("interactions", "completed")
}

/// Ollama's native API: a thousand lines with text, each with the time at which it was written.
#[must_use]
pub fn ollama() -> Corpus {
    let mut stream = Ollama::default();
    let mut words = Words::default();
    for _ in 0..CHUNKS {
        stream.line(&format!(r#""content":"{}""#, words.next()));
    }
    stream.end("ollama")
}

/// One event whose one line has this many bytes of data.
#[must_use]
pub fn line(name: &'static str, bytes: usize) -> Corpus {
    let mut text = String::from("data: ");
    push_words(&mut text, bytes);
    text.push_str("\n\n");
    Corpus::new(name, text, 1)
}

pub(crate) const CHUNKS: usize = 1_000;
const SIZE: usize = 256 << 10;
pub(crate) const DONE: &str = "data: [DONE]\n\n";

fn chat() -> Corpus {
    openai("chat", CHUNKS, Openai::default())
}

fn obfuscation() -> Corpus {
    openai("obfuscation", CHUNKS, Openai { obfuscation: true, ..Openai::default() })
}

/// As Anthropic's messages come.
fn event_and_data() -> Corpus {
    let mut words = Words::default();
    repeat("event-and-data", |text, _| {
        let word = words.next();
        let _ = write!(
            text,
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
        );
    })
}

fn tiny() -> Corpus {
    repeat("tiny", |text, _| text.push_str("data: 1\n\n"))
}

/// As images and audio in base64 come, or a whole answer in one event.
fn long_lines() -> Corpus {
    repeat("64k-lines", |text, _| {
        text.push_str("data: ");
        push_words(text, (64 << 10) - "data: ".len());
        text.push_str("\n\n");
    })
}

fn crlf_and_id() -> Corpus {
    let mut words = Words::default();
    repeat("crlf-and-id", |text, number| {
        let (first, second) = (words.next(), words.next());
        let _ = write!(
            text,
            "id: {number}\r\ndata: {{\"sequence\":{number},\"type\":\"text_delta\",\r\ndata: \"text\":\"{first}{second}\"}}\r\n\r\n"
        );
    })
}

/// Three bytes a character, with little between them.
fn cjk() -> Corpus {
    const TEXT: &str = "流式传输的每一个片段都带着几个字而解码器要检查它们全部是有效的编码然后才交给后面的人去解析和拼接成为完整的回答";
    repeat("cjk", |text, number| {
        let _ = write!(text, "data: {{\"index\":{},\"text\":\"{TEXT}{TEXT}\"}}\n\n", number % 10);
    })
}

/// Keep-alives between the events and comments in them, as OpenRouter and DeepSeek send while a
/// model thinks.
fn comments() -> Corpus {
    let mut words = Words::default();
    repeat("comments", |text, _| {
        let word = words.next();
        let _ = write!(
            text,
            ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n:\n\n: keep-alive\ndata: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}\n\n"
        );
    })
}

/// Blocks with one event each until the corpus has its size.
fn repeat(name: &'static str, mut block: impl FnMut(&mut String, usize)) -> Corpus {
    let mut text = String::with_capacity(SIZE + (64 << 10));
    let mut events = 0;
    while text.len() < SIZE {
        block(&mut text, events);
        events += 1;
    }
    Corpus::new(name, text, events)
}

/// A request to OpenAI.
#[derive(Clone, Copy)]
struct Openai {
    obfuscation: bool,
    logprobs: bool,
    choices: usize,
}

impl Default for Openai {
    fn default() -> Self {
        Self { obfuscation: false, logprobs: false, choices: 1 }
    }
}

fn openai(name: &'static str, chunks: usize, asked: Openai) -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    let mut padding = Words::default();
    let mut chunk = |choices: &str, usage: &str, obfuscation: bool| {
        text.push_str(r#"data: {"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","object":"chat.completion.chunk","created":1752000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":["#);
        let _ = write!(text, "{choices}],\"usage\":{usage}");
        if obfuscation {
            let _ = write!(text, ",\"obfuscation\":\"{}\"", padding.padding());
        }
        text.push_str("}\n\n");
    };
    for index in 0..asked.choices {
        let first = format!(
            r#"{{"index":{index},"delta":{{"role":"assistant","content":"","refusal":null}},"logprobs":null,"finish_reason":null}}"#
        );
        chunk(&first, "null", asked.obfuscation);
    }
    for _ in 0..chunks {
        // The choices of one request are computed side by side: theirs come in no order.
        let index = words.below(asked.choices);
        let word = words.next();
        let logprobs = if asked.logprobs { logprobs(word, &mut words) } else { "null".to_owned() };
        let choice = format!(
            r#"{{"index":{index},"delta":{{"content":"{word}"}},"logprobs":{logprobs},"finish_reason":null}}"#
        );
        chunk(&choice, "null", asked.obfuscation);
    }
    for index in 0..asked.choices {
        let last =
            format!(r#"{{"index":{index},"delta":{{}},"logprobs":null,"finish_reason":"stop"}}"#);
        chunk(&last, "null", asked.obfuscation);
    }
    let usage = format!(
        r#"{{"prompt_tokens":19,"completion_tokens":{chunks},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        chunks + 19
    );
    chunk("", &usage, asked.obfuscation);
    text.push_str(DONE);
    Corpus::new(name, text, chunks + 2 * asked.choices + 2)
}

/// The log probability of one token and of the two best, as `top_logprobs: 2` asks for.
fn logprobs(word: &str, words: &mut Words) -> String {
    let mut token = |word: &str| {
        let bytes = word.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(",");
        format!(
            r#""token":"{word}","logprob":-{}.{:06},"bytes":[{bytes}]"#,
            words.below(9),
            words.below(1_000_000)
        )
    };
    let (chosen, other) = (token(word), token(" other"));
    format!(
        r#"{{"content":[{{{chosen},"top_logprobs":[{{{chosen}}},{{{other}}}]}}],"refusal":null}}"#
    )
}

/// llama.cpp's server: another order of members, a `created` that goes with the clock, timings at
/// the end.
fn llama_cpp() -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    let mut chunk = |number: usize, delta: &str, finish: &str, more: &str| {
        let created = 1_752_000_000 + number / 40;
        let _ = write!(
            text,
            r#"data: {{"choices":[{{"finish_reason":{finish},"index":0,"delta":{delta}}}],"created":{created},"id":"chatcmpl-0xN3kqVZ5mTbLr8YwPc2sHdJfGa1uE9R","model":"qwen2.5-7b-instruct-q4_k_m.gguf","system_fingerprint":"b6012-c4f9a31d","object":"chat.completion.chunk"{more}}}"#
        );
        text.push_str("\n\n");
    };
    chunk(0, r#"{"role":"assistant","content":null}"#, "null", "");
    for number in 0..CHUNKS {
        let delta = format!(r#"{{"content":"{}"}}"#, words.next());
        chunk(number, &delta, "null", "");
    }
    chunk(
        CHUNKS,
        "{}",
        r#""stop""#,
        r#","usage":{"completion_tokens":1000,"prompt_tokens":19,"total_tokens":1019},"timings":{"prompt_n":19,"prompt_ms":41.12,"predicted_n":1000,"predicted_ms":25012.7,"predicted_per_second":39.98}"#,
    );
    text.push_str(DONE);
    Corpus::new("llama-cpp", text, CHUNKS + 3)
}

/// One call of a tool that writes a file: two thousand fragments of arguments.
fn tool_call() -> Corpus {
    const FRAGMENTS: usize = 2_000;
    let mut text = String::new();
    let mut words = Words::default();
    let mut chunk = |delta: &str, finish: &str| {
        let _ = write!(
            text,
            r#"data: {{"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","object":"chat.completion.chunk","created":1752000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}],"usage":null}}"#
        );
        text.push_str("\n\n");
    };
    chunk(
        r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_w7MZxDq3nBfRk1LsYtVhPj0E","type":"function","function":{"name":"write_file","arguments":""}}],"refusal":null}"#,
        "null",
    );
    for number in 0..FRAGMENTS {
        // The arguments are JSON themselves, so what is escaped in them is escaped once more.
        let fragment = match number {
            0 => r#"{\"content\":\""#.to_owned(),
            last if last == FRAGMENTS - 1 => r#"\"}"#.to_owned(),
            _ => words.next().replace('\\', r"\\").replace('"', r#"\""#),
        };
        chunk(
            &format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":"{fragment}"}}}}]}}"#),
            "null",
        );
    }
    chunk("{}", r#""tool_calls""#);
    text.push_str(DONE);
    Corpus::new("tool-call", text, FRAGMENTS + 3)
}

/// No chunk's envelope is that of the one before: another ID, another second, and running totals,
/// as some proxies send; or another model alone, as none does.
fn changing(name: &'static str, all: bool) -> Corpus {
    let mut text = String::new();
    let mut words = Words::default();
    for number in 0..CHUNKS {
        let word = words.next();
        let finish = if number == CHUNKS - 1 { r#""stop""# } else { "null" };
        let other = format!("{:x}", words.below(1 << 40));
        let _ = write!(
            text,
            r#"data: {{"id":"chatcmpl-{}","object":"chat.completion.chunk","created":{},"model":"sonar-pro{}","choices":[{{"index":0,"delta":{{"role":"assistant","content":"{word}"}},"logprobs":null,"finish_reason":{finish}}}]"#,
            if all { &other } else { "2f0c41d7a9" },
            1_752_000_000 + if all { number } else { 0 },
            if all { "" } else { &other },
        );
        if all {
            let total = number + 19;
            let _ = write!(
                text,
                r#","usage":{{"prompt_tokens":19,"completion_tokens":{number},"total_tokens":{total}}}"#
            );
        }
        text.push_str("}\n\n");
    }
    text.push_str(DONE);
    Corpus::new(name, text, CHUNKS + 1)
}

/// This many bytes of text without line ends.
fn push_words(text: &mut String, bytes: usize) {
    let end = text.len() + bytes;
    while text.len() < end {
        text.push_str("The quick brown fox jumps over the lazy dog. ");
    }
    text.truncate(end);
}

/// A stream of Gemini's Interactions API that is being written.
///
/// Its events are those of an interaction for which no event IDs were sent.
#[derive(Default)]
pub(crate) struct Interactions {
    text: String,
    count: usize,
}

impl Interactions {
    const ID: &'static str =
        "v1_ChdiSGtQYWZyNUh2ZVdxdHNQc0xxVG9BYxIXYkhrUGFmcjVIdmVXcXRzUHNMcVRvQWM";

    pub(crate) fn begin(&mut self) {
        let id = Self::ID;
        self.event(
            "interaction.created",
            &format!(
                r#""interaction":{{"id":"{id}","status":"in_progress","object":"interaction","model":"gemini-2.5-flash"}}"#
            ),
        );
        self.event(
            "interaction.status_update",
            &format!(r#""interaction_id":"{id}","status":"in_progress""#),
        );
    }

    /// Writes the beginning of a step, its deltas and its end.
    pub(crate) fn step(&mut self, index: usize, step: &str, deltas: &[String]) {
        self.event("step.start", &format!(r#""index":{index},"step":{step}"#));
        for delta in deltas {
            self.event("step.delta", &format!(r#""index":{index},"delta":{delta}"#));
        }
        self.event("step.stop", &format!(r#""index":{index}"#));
    }

    pub(crate) fn end(mut self, name: &'static str, status: &str) -> Corpus {
        let id = Self::ID;
        self.event(
            "interaction.completed",
            &format!(
                r#""interaction":{{"id":"{id}","status":"{status}","usage":{{"total_tokens":1309,"total_input_tokens":9,"input_tokens_by_modality":[{{"modality":"text","tokens":9}}],"total_cached_tokens":0,"total_output_tokens":1000,"total_tool_use_tokens":0,"total_thought_tokens":300}},"created":"2026-05-18T08:30:12Z","updated":"2026-05-18T08:30:12Z","service_tier":"standard","object":"interaction","model":"gemini-2.5-flash"}}"#
            ),
        );
        let _ = write!(self.text, "event: done\n{DONE}");
        Corpus::new(name, self.text, self.count + 1)
    }

    fn event(&mut self, name: &str, members: &str) {
        let _ =
            write!(self.text, "event: {name}\ndata: {{{members},\"event_type\":\"{name}\"}}\n\n");
        self.count += 1;
    }
}

/// A stream of Ollama's `/api/chat` that is being written.
#[derive(Default)]
pub(crate) struct Ollama {
    text: String,
    count: u64,
}

impl Ollama {
    /// Writes a line with these members of the message.
    pub(crate) fn line(&mut self, message: &str) {
        self.write(message, r#""done":false"#);
    }

    pub(crate) fn end(mut self, name: &'static str) -> Corpus {
        self.write(
            r#""content":"""#,
            r#""done":true,"done_reason":"stop","total_duration":25183402917,"load_duration":61274833,"prompt_eval_count":19,"prompt_eval_duration":41120375,"eval_count":1000,"eval_duration":25012700241"#,
        );
        Corpus::of_lines(name, self.text)
    }

    fn write(&mut self, message: &str, end: &str) {
        let nanoseconds = self.count * 25_012_703 + 318_205_417;
        let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        let (minute, second) = (seconds / 60, seconds % 60);
        // Go writes no zeros at the end of a fraction.
        let fraction = format!("{fraction:09}");
        let fraction = fraction.trim_end_matches('0');
        let _ = writeln!(
            self.text,
            r#"{{"model":"qwen3:8b","created_at":"2026-05-18T08:{minute:02}:{second:02}.{fraction}Z","message":{{"role":"assistant",{message}}},{end}}}"#
        );
        self.count += 1;
    }
}

/// Tokens, as they stand in JSON strings, and numbers: a linear congruential generator that always
/// begins the same.
pub(crate) struct Words(u64);

impl Default for Words {
    fn default() -> Self {
        Self(0x5DEE_CE66)
    }
}

impl Words {
    const LIST: [&'static str; 48] = [
        " the",
        " of",
        " and",
        " to",
        " in",
        " a",
        " is",
        " that",
        " for",
        " it",
        " as",
        " with",
        " on",
        " by",
        " at",
        " this",
        " stream",
        " answer",
        " because",
        " between",
        " however",
        " number",
        " model",
        " token",
        " follows",
        " example",
        " function",
        " returns",
        " value",
        "ing",
        "ed",
        "ly",
        "tion",
        "s",
        ",",
        ".",
        ":",
        ";",
        " (",
        ")",
        " 1",
        "00",
        " é",
        "—",
        r"\n",
        r"\n\n",
        r#" \""#,
        r#"\""#,
    ];

    pub(crate) fn next(&mut self) -> &'static str {
        Self::LIST[self.below(Self::LIST.len())]
    }

    /// Some letters and digits, as OpenAI pads with.
    pub(crate) fn padding(&mut self) -> String {
        const OF: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let len = 1 + self.below(14);
        (0..len).map(|_| char::from(OF[self.below(62)])).collect()
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The low bits of such a generator repeat soon.
        (self.0 >> 20) as usize % end
    }
}
