//! The events of APIs for which no crate has types that can be used without its client.
//!
//! They have the members of the API's reference that the streams here have, each with a value of
//! its own, as a crate's types would. They are flat: an enum that is tagged by its `type`, as
//! crates have, is slower with serde.

#![allow(dead_code, reason = "a crate's types have every member, read or not")]

use serde::Deserialize;
use serde_json::Value;

use super::{Found, Json};

/// Anthropic's events, the texts appended by hand.
#[derive(Default)]
pub(super) struct OwnMessages(Found);

impl Json for OwnMessages {
    fn push(&mut self, data: &str) {
        let event: MessagesEvent = serde_json::from_str(data).expect("an event");
        let Some(delta) = event.delta else { return };
        if let Some(text) = delta.text {
            self.0.text.push_str(&text);
        } else if let Some(text) = delta.thinking {
            self.0.reasoning.push_str(&text);
        } else if let Some(text) = delta.partial_json {
            self.0.arguments.push_str(&text);
        }
    }

    fn finish(self) -> Found {
        self.0
    }
}

#[derive(Deserialize)]
struct MessagesEvent {
    #[serde(rename = "type")]
    kind: EventKind,
    index: Option<u64>,
    message: Option<MessageStart>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<MessagesUsage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventKind {
    MessageStart,
    ContentBlockStart,
    ContentBlockDelta,
    ContentBlockStop,
    MessageDelta,
    MessageStop,
    Ping,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageStart {
    id: String,
    role: String,
    model: String,
    content: Vec<Block>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: MessagesUsage,
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    citations: Option<Vec<Value>>,
    thinking: Option<String>,
    signature: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
    tool_use_id: Option<String>,
    content: Option<Value>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(rename = "type")]
    kind: Option<DeltaKind>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    citation: Option<Value>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeltaKind {
    TextDelta,
    ThinkingDelta,
    SignatureDelta,
    InputJsonDelta,
    CitationsDelta,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessagesUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: u64,
    service_tier: Option<String>,
}

/// Gemini's events, the texts appended by hand.
#[derive(Default)]
pub(super) struct OwnGemini(Found);

impl Json for OwnGemini {
    fn push(&mut self, data: &str) {
        let event: GeminiEvent = serde_json::from_str(data).expect("an event");
        let contents = event.candidates.into_iter().filter_map(|candidate| candidate.content);
        for part in contents.flat_map(|content| content.parts) {
            if let Some(text) = part.text {
                let is_thought = part.thought == Some(true);
                let whole = if is_thought { &mut self.0.reasoning } else { &mut self.0.text };
                whole.push_str(&text);
            } else if let Some(call) = part.function_call {
                self.0.arguments.push_str(&call.args.to_string());
            }
        }
    }

    fn finish(self) -> Found {
        self.0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiEvent {
    #[serde(default)]
    candidates: Vec<Candidate>,
    usage_metadata: Option<GeminiUsage>,
    model_version: Option<String>,
    response_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
    index: Option<u64>,
    citation_metadata: Option<Value>,
    grounding_metadata: Option<Value>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
    role: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    function_call: Option<Call>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    name: String,
    args: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiUsage {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    total_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Vec<Details>,
    #[serde(default)]
    candidates_tokens_details: Vec<Details>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    modality: String,
    token_count: Option<u64>,
}

/// The events of Gemini's Interactions API, the texts appended by hand.
#[derive(Default)]
pub(super) struct OwnInteractions(Found);

impl Json for OwnInteractions {
    fn push(&mut self, data: &str) {
        let event: InteractionsEvent = serde_json::from_str(data).expect("an event");
        let Some(delta) = event.delta else { return };
        match delta.kind {
            StepDeltaKind::Text => self.0.text.push_str(&delta.text.unwrap_or_default()),
            StepDeltaKind::ThoughtSummary => {
                let text = delta.content.and_then(|content| content.text);
                self.0.reasoning.push_str(&text.unwrap_or_default());
            }
            StepDeltaKind::ArgumentsDelta => {
                let arguments = delta.arguments.as_ref().and_then(Value::as_str);
                self.0.arguments.push_str(arguments.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn finish(self) -> Found {
        self.0
    }
}

#[derive(Deserialize)]
struct InteractionsEvent {
    event_type: InteractionsKind,
    event_id: Option<String>,
    index: Option<u64>,
    interaction: Option<InteractionPart>,
    interaction_id: Option<String>,
    status: Option<String>,
    step: Option<Step>,
    delta: Option<StepDelta>,
    usage: Option<InteractionsUsage>,
}

#[derive(Deserialize)]
enum InteractionsKind {
    #[serde(rename = "interaction.created")]
    Created,
    #[serde(rename = "interaction.status_update")]
    StatusUpdate,
    #[serde(rename = "step.start")]
    StepStart,
    #[serde(rename = "step.delta")]
    StepDelta,
    #[serde(rename = "step.stop")]
    StepStop,
    #[serde(rename = "interaction.completed")]
    Completed,
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct InteractionPart {
    id: String,
    status: String,
    object: Option<String>,
    model: Option<String>,
    created: Option<String>,
    updated: Option<String>,
    service_tier: Option<String>,
    usage: Option<InteractionsUsage>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    signature: Option<String>,
    arguments: Option<Value>,
    content: Option<Vec<Value>>,
    summary: Option<Vec<Value>>,
    result: Option<Value>,
}

#[derive(Deserialize)]
struct StepDelta {
    #[serde(rename = "type")]
    kind: StepDeltaKind,
    text: Option<String>,
    content: Option<SummaryContent>,
    signature: Option<String>,
    /// A string in an `arguments_delta`, an object in a call that is whole.
    arguments: Option<Value>,
    annotations: Option<Vec<Annotation>>,
    result: Option<Value>,
    is_error: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepDeltaKind {
    Text,
    ThoughtSummary,
    ThoughtSignature,
    ArgumentsDelta,
    TextAnnotationDelta,
    GoogleSearchCall,
    GoogleSearchResult,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct SummaryContent {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(rename = "type")]
    kind: String,
    start_index: Option<u64>,
    end_index: Option<u64>,
    url: Option<String>,
    title: Option<String>,
}

#[derive(Deserialize)]
struct InteractionsUsage {
    total_tokens: Option<u64>,
    total_input_tokens: Option<u64>,
    total_output_tokens: Option<u64>,
    total_thought_tokens: Option<u64>,
    total_cached_tokens: Option<u64>,
    total_tool_use_tokens: Option<u64>,
    #[serde(default)]
    input_tokens_by_modality: Vec<ModalityTokens>,
}

#[derive(Deserialize)]
struct ModalityTokens {
    modality: String,
    tokens: Option<u64>,
}

/// The lines of Ollama's native API, the texts appended by hand.
#[derive(Default)]
pub(super) struct OwnOllama(Found);

impl Json for OwnOllama {
    fn push(&mut self, data: &str) {
        let line: OllamaLine = serde_json::from_str(data).expect("a line");
        self.0.text.push_str(&line.message.content);
        self.0.reasoning.push_str(&line.message.thinking.unwrap_or_default());
        for call in line.message.tool_calls {
            self.0.arguments.push_str(&call.function.arguments.to_string());
        }
    }

    fn finish(self) -> Found {
        self.0
    }
}

#[derive(Deserialize)]
struct OllamaLine {
    model: String,
    created_at: String,
    message: OllamaMessage,
    done: bool,
    done_reason: Option<String>,
    total_duration: Option<u64>,
    load_duration: Option<u64>,
    prompt_eval_count: Option<u64>,
    prompt_eval_duration: Option<u64>,
    eval_count: Option<u64>,
    eval_duration: Option<u64>,
}

#[derive(Deserialize)]
struct OllamaMessage {
    role: String,
    content: String,
    thinking: Option<String>,
    images: Option<Vec<String>>,
    #[serde(default)]
    tool_calls: Vec<OllamaCall>,
}

#[derive(Deserialize)]
struct OllamaCall {
    id: Option<String>,
    function: OllamaFunction,
}

#[derive(Deserialize)]
struct OllamaFunction {
    index: Option<u64>,
    name: String,
    arguments: Value,
}
