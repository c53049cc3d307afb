//! The streams of APIs in which no event is like the one before it, so that each is parsed in full.
//!
//! They are the turns of an agent: it thinks, calls a tool, and writes a sentence with its source.
//! Each of these begins, has one delta, and ends.

use std::fmt::Write;

use crate::corpora::{Corpus, Interactions, Ollama, Words};

/// OpenAI's Responses API: reasoning, function calls and messages with annotations.
#[must_use]
pub fn responses() -> Corpus {
    let mut stream = Numbered::default();
    let mut words = Words::default();
    let response = |status: &str, output: &str, usage: &str| {
        format!(
            r#""response":{{"id":"resp_68af4030592c81938ec0a5fbab4a3e9f","object":"response","created_at":1756315696,"status":"{status}","background":false,"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"model":"gpt-5-2025-08-07","output":[{output}],"parallel_tool_calls":true,"previous_response_id":null,"store":true,"temperature":1.0,"tools":[],"top_p":1.0,"truncation":"disabled","usage":{usage},"user":null,"metadata":{{}}}}"#
        )
    };
    stream.event("response.created", &response("in_progress", "", "null"));
    stream.event("response.in_progress", &response("in_progress", "", "null"));
    let mut items = Vec::new();
    for turn in 0..60 {
        items.push(reasoning(&mut stream, 3 * turn, &sentence(&mut words)));
        items.push(function_call(&mut stream, 3 * turn + 1, turn));
        items.push(message(&mut stream, 3 * turn + 2, &sentence(&mut words)));
    }
    let usage = r#"{"input_tokens":19,"input_tokens_details":{"cached_tokens":0},"output_tokens":1000,"output_tokens_details":{"reasoning_tokens":300},"total_tokens":1019}"#;
    stream.event("response.completed", &response("completed", &items.join(","), usage));
    Corpus::new("responses-mixed", stream.text, stream.number)
}

/// Streams one item of reasoning, and returns it.
fn reasoning(stream: &mut Numbered, index: usize, text: &str) -> String {
    let at = format!(r#""item_id":"rs_{index:032x}","output_index":{index}"#);
    let part = |text: &str| format!(r#"{{"type":"summary_text","text":"{text}"}}"#);
    let item = |summary: &str, encrypted: &str| {
        format!(
            r#"{{"id":"rs_{index:032x}","type":"reasoning","summary":[{summary}],"encrypted_content":"{encrypted}"}}"#
        )
    };
    let added = format!(r#""output_index":{index},"item":{}"#, item("", ""));
    stream.event("response.output_item.added", &added);
    stream.event(
        "response.reasoning_summary_part.added",
        &format!(r#"{at},"summary_index":0,"part":{}"#, part("")),
    );
    stream.event(
        "response.reasoning_summary_text.delta",
        &format!(r#"{at},"summary_index":0,"delta":"{text}""#),
    );
    stream.event(
        "response.reasoning_summary_text.done",
        &format!(r#"{at},"summary_index":0,"text":"{text}""#),
    );
    stream.event(
        "response.reasoning_summary_part.done",
        &format!(r#"{at},"summary_index":0,"part":{}"#, part(text)),
    );
    let whole = item(&part(text), &signature(index));
    stream.event("response.output_item.done", &format!(r#""output_index":{index},"item":{whole}"#));
    whole
}

/// Streams one function call, and returns it.
fn function_call(stream: &mut Numbered, index: usize, turn: usize) -> String {
    let at = format!(r#""item_id":"fc_{index:032x}","output_index":{index}"#);
    let arguments = format!(r#"{{\"city\":\"Town {turn}\",\"unit\":\"celsius\"}}"#);
    let item = |status: &str, arguments: &str| {
        format!(
            r#"{{"id":"fc_{index:032x}","type":"function_call","status":"{status}","arguments":"{arguments}","call_id":"call_{index:024x}","name":"weather"}}"#
        )
    };
    let added = format!(r#""output_index":{index},"item":{}"#, item("in_progress", ""));
    stream.event("response.output_item.added", &added);
    stream.event(
        "response.function_call_arguments.delta",
        &format!(r#"{at},"delta":"{arguments}","obfuscation":"x{turn}""#),
    );
    stream.event(
        "response.function_call_arguments.done",
        &format!(r#"{at},"name":"weather","arguments":"{arguments}""#),
    );
    let whole = item("completed", &arguments);
    stream.event("response.output_item.done", &format!(r#""output_index":{index},"item":{whole}"#));
    whole
}

/// Streams one message with an annotation, and returns it.
fn message(stream: &mut Numbered, index: usize, text: &str) -> String {
    let at = format!(r#""item_id":"msg_{index:032x}","output_index":{index},"content_index":0"#);
    let annotation = format!(
        r#"{{"type":"url_citation","start_index":0,"end_index":{},"url":"https://example.org/towns?page={index}","title":"Towns, page {index}"}}"#,
        text.chars().count()
    );
    let part = |text: &str, annotations: &str| {
        format!(
            r#"{{"type":"output_text","annotations":[{annotations}],"logprobs":[],"text":"{text}"}}"#
        )
    };
    let item = |status: &str, content: &str| {
        format!(
            r#"{{"id":"msg_{index:032x}","type":"message","status":"{status}","content":[{content}],"role":"assistant"}}"#
        )
    };
    let added = format!(r#""output_index":{index},"item":{}"#, item("in_progress", ""));
    stream.event("response.output_item.added", &added);
    stream.event("response.content_part.added", &format!(r#"{at},"part":{}"#, part("", "")));
    stream.event(
        "response.output_text.delta",
        &format!(r#"{at},"delta":"{text}","logprobs":[],"obfuscation":"y{index}""#),
    );
    stream.event(
        "response.output_text.annotation.added",
        &format!(r#"{at},"annotation_index":0,"annotation":{annotation}"#),
    );
    let done = format!(r#"{at},"text":"{text}","logprobs":[]"#);
    stream.event("response.output_text.done", &done);
    let part = part(text, &annotation);
    stream.event("response.content_part.done", &format!(r#"{at},"part":{part}"#));
    let whole = item("completed", &part);
    stream.event("response.output_item.done", &format!(r#""output_index":{index},"item":{whole}"#));
    whole
}

/// Anthropic's Messages API: thinking with its signature, text with citations, tool calls and
/// results of the server's own tools.
#[must_use]
pub fn messages() -> Corpus {
    let mut stream = Named::default();
    let mut words = Words::default();
    stream.event(
        "message_start",
        r#","message":{"id":"msg_01XkqZrV8fT5h2Wm9cLd7Ybp","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":19,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}"#,
    );
    for turn in 0..77 {
        let thought = sentence(&mut words);
        stream.block(
            4 * turn,
            r#"{"type":"thinking","thinking":"","signature":""}"#,
            &[
                format!(r#"{{"type":"thinking_delta","thinking":"{thought}"}}"#),
                format!(r#"{{"type":"signature_delta","signature":"{}"}}"#, signature(turn)),
            ],
        );
        stream.block(
            4 * turn + 1,
            r#"{"type":"text","text":"","citations":[]}"#,
            &[
                format!(
                    r#"{{"type":"citations_delta","citation":{{"type":"char_location","cited_text":"The towns of page {turn}.","document_index":0,"document_title":"Towns","start_char_index":{turn},"end_char_index":{}}}}}"#,
                    turn + 25
                ),
                format!(r#"{{"type":"text_delta","text":"{}"}}"#, sentence(&mut words)),
            ],
        );
        stream.block(
            4 * turn + 2,
            &format!(
                r#"{{"type":"tool_use","id":"toolu_{turn:024x}","name":"weather","input":{{}}}}"#
            ),
            &[format!(
                r#"{{"type":"input_json_delta","partial_json":"{{\"city\":\"Town {turn}\",\"unit\":\"celsius\"}}"}}"#
            )],
        );
        stream.block(
            4 * turn + 3,
            &format!(
                r#"{{"type":"web_search_tool_result","tool_use_id":"srvtoolu_{turn:024x}","content":[{{"type":"web_search_result","title":"Towns, page {turn}","url":"https://example.org/towns?page={turn}","encrypted_content":"{}","page_age":"April 30, 2025"}}]}}"#,
                signature(turn)
            ),
            &[],
        );
    }
    stream.event(
        "message_delta",
        r#","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":1000}"#,
    );
    stream.event("message_stop", "");
    Corpus::new("messages-mixed", stream.text, stream.count)
}

/// Gemini's generateContent: thoughts, text with citations or its grounding, and function calls.
#[must_use]
pub fn gemini() -> Corpus {
    const TURNS: usize = 250;
    let mut text = String::new();
    let mut words = Words::default();
    let mut count = 0;
    let mut event = |part: &str, members: &str| {
        count += 1;
        let total = count + 9;
        let _ = write!(
            text,
            "data: {{\"candidates\": [{{\"content\": {{\"parts\": [{part}],\"role\": \"model\"}},{members}\"index\": 0}}],\"usageMetadata\": {{\"promptTokenCount\": 9,\"candidatesTokenCount\": {count},\"totalTokenCount\": {total},\"promptTokensDetails\": [{{\"modality\": \"TEXT\",\"tokenCount\": 9}}]}},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"dGhpcyBpcyBub3Q\"}}\r\n\r\n"
        );
    };
    for turn in 0..TURNS {
        event(&format!(r#"{{"text": "{}","thought": true}}"#, sentence(&mut words)), "");
        event(
            &format!(r#"{{"text": "{}"}}"#, sentence(&mut words)),
            &format!(
                r#""citationMetadata": {{"citations": [{{"startIndex": 0,"endIndex": {turn},"uri": "https://example.org/towns?page={turn}"}}]}},"#
            ),
        );
        event(
            &format!(
                r#"{{"functionCall": {{"name": "weather","args": {{"city": "Town {turn}","unit": "celsius"}}}},"thoughtSignature": "{}"}}"#,
                signature(turn)
            ),
            "",
        );
        let reason = if turn + 1 == TURNS { r#""finishReason": "STOP","# } else { "" };
        event(
            &format!(r#"{{"text": "{}"}}"#, sentence(&mut words)),
            &format!(
                r#"{reason}"groundingMetadata": {{"groundingChunks": [{{"web": {{"uri": "https://example.org/towns?page={turn}","title": "example.org"}}}}],"groundingSupports": [{{"segment": {{"startIndex": 0,"endIndex": {turn},"text": "The towns"}},"groundingChunkIndices": [0]}}],"webSearchQueries": ["towns {turn}"]}},"#
            ),
        );
    }
    Corpus::new("gemini-mixed", text, count)
}

/// Gemini's Interactions API: thoughts with their signatures, searches and what they found, text
/// with annotations, and function calls.
#[must_use]
pub fn interactions() -> Corpus {
    let mut stream = Interactions::default();
    let mut words = Words::default();
    stream.begin();
    for turn in 0..59 {
        let index = 5 * turn;
        let (thought, text) = (sentence(&mut words), sentence(&mut words));
        stream.step(
            index,
            r#"{"type":"thought"}"#,
            &[
                format!(
                    r#"{{"content":{{"text":"{thought}","type":"text"}},"type":"thought_summary"}}"#
                ),
                format!(r#"{{"signature":"{}","type":"thought_signature"}}"#, signature(index)),
            ],
        );
        stream.step(
            index + 1,
            &format!(
                r#"{{"id":"search_{turn:08x}","signature":"","type":"google_search_call","arguments":{{}}}}"#
            ),
            &[format!(
                r#"{{"signature":"{}","arguments":{{"queries":["towns {turn}"]}},"type":"google_search_call"}}"#,
                signature(index + 1)
            )],
        );
        stream.step(
            index + 2,
            &format!(
                r#"{{"call_id":"search_{turn:08x}","signature":"","type":"google_search_result"}}"#
            ),
            &[format!(
                r#"{{"signature":"{}","result":[{{"search_suggestions":"Towns, page {turn}"}}],"is_error":false,"type":"google_search_result"}}"#,
                signature(index + 2)
            )],
        );
        stream.step(
            index + 3,
            r#"{"type":"model_output"}"#,
            &[
                format!(r#"{{"text":"{text}","type":"text"}}"#),
                format!(
                    r#"{{"annotations":[{{"type":"url_citation","start_index":0,"end_index":{},"url":"https://example.org/towns?page={turn}","title":"Towns, page {turn}"}}],"type":"text_annotation_delta"}}"#,
                    text.len()
                ),
            ],
        );
        stream.step(
            index + 4,
            &format!(
                r#"{{"id":"call_{turn:08x}","signature":"","type":"function_call","name":"weather","arguments":{{}}}}"#
            ),
            &[format!(
                r#"{{"arguments":"{{\"city\":\"Town {turn}\",\"unit\":\"celsius\"}}","type":"arguments_delta"}}"#
            )],
        );
    }
    stream.end("interactions-mixed", "requires_action")
}

/// Ollama's native API: lines with thinking, with text and with a tool call, in turn.
#[must_use]
pub fn ollama() -> Corpus {
    let mut stream = Ollama::default();
    let mut words = Words::default();
    for turn in 0..333 {
        stream.line(&format!(r#""content":"","thinking":"{}""#, sentence(&mut words)));
        stream.line(&format!(r#""content":"{}""#, sentence(&mut words)));
        stream.line(&format!(
            r#""content":"","tool_calls":[{{"id":"call_{turn:08x}","function":{{"index":{turn},"name":"weather","arguments":{{"city":"Town {turn}","unit":"celsius"}}}}}}]"#
        ));
    }
    stream.end("ollama-mixed")
}

/// Some words, as they stand in a JSON string.
fn sentence(words: &mut Words) -> String {
    (0..8).map(|_| words.next()).collect()
}

/// An opaque value.
fn signature(number: usize) -> String {
    format!("{number:04x}EqQBCkgIBxABGAIqQLFqUyBhIHNpZ25hdHVyZSBvZiBub3RoaW5nIGF0IGFsbA==")
}

/// Events with a name and a sequence number.
#[derive(Default)]
struct Numbered {
    text: String,
    number: usize,
}

impl Numbered {
    fn event(&mut self, name: &str, members: &str) {
        let _ = write!(
            self.text,
            "event: {name}\ndata: {{\"type\":\"{name}\",\"sequence_number\":{},{members}}}\n\n",
            self.number
        );
        self.number += 1;
    }
}

/// Events with a name.
#[derive(Default)]
struct Named {
    text: String,
    count: usize,
}

impl Named {
    fn event(&mut self, name: &str, members: &str) {
        let _ = write!(self.text, "event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n");
        self.count += 1;
    }

    fn block(&mut self, index: usize, block: &str, deltas: &[String]) {
        self.event("content_block_start", &format!(r#","index":{index},"content_block":{block}"#));
        for delta in deltas {
            self.event("content_block_delta", &format!(r#","index":{index},"delta":{delta}"#));
        }
        self.event("content_block_stop", &format!(r#","index":{index}"#));
    }
}
