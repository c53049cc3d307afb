//! From bytes to the answers of the APIs other than completions: ours, and a peer's decoder with a
//! peer's way through the JSON.

mod lines;
mod own;

use std::iter;

use async_openai::types::responses::ResponseStreamEvent;
use deltawire::gemini::{Gemini, GenerateContentResponse};
use deltawire::interactions::{Interaction, Interactions};
use deltawire::messages::{Message, Messages};
use deltawire::ollama::{Answer, Ollama};
use deltawire::responses::{Response, Responses};
use deltawire::{Anomaly, Dialect, End, How, Options, Session};
use serde_json::Value;

use crate::corpora::{self, Corpus};
use crate::mixed;
use crate::reads::{ReadSize, Reads};

use super::decode::{Decoder, EventsourceStream, SseCore, SseStream};
use lines::Lines;
use own::{OwnGemini, OwnInteractions, OwnMessages, OwnOllama};

/// The result that all arrive at, and that is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The text of the answer.
    pub text: String,
    /// The reasoning, or the summary of it.
    pub reasoning: String,
    /// The arguments of all tool calls, one after the other.
    pub arguments: String,
}

impl Found {
    fn of(text: String, reasoning: String, arguments: impl Iterator<Item = String>) -> Self {
        Self { text, reasoning, arguments: arguments.collect() }
    }

    fn len(&self) -> usize {
        self.text.len() + self.reasoning.len() + self.arguments.len()
    }
}

/// A way from bytes to the answer, as a value.
#[derive(Debug, Clone, Copy)]
pub struct Competitor {
    /// The crates it is made of: the decoder's and the types'.
    pub name: &'static str,
    /// Folds one stream; what is timed.
    pub fold: fn(Reads) -> Found,
}

/// An API with its streams and everybody who reads them; we first.
#[derive(Debug)]
pub struct Api {
    /// A stream of it: deltas of text.
    pub corpus: fn() -> Corpus,
    /// Another one, in which no event is like the one before it.
    pub mixed: fn() -> Corpus,
    /// Ours without learning the frame: each event is parsed in full.
    pub parsed: fn(Reads) -> Found,
    /// Returns the share of a stream's events that are not parsed, because a learned frame matched.
    pub learned: fn(Reads) -> f64,
    /// Returns how a stream ends, and what in it contradicts itself or is not known.
    pub ended: fn(Reads) -> (End, Vec<Anomaly>),
    /// Ours, and the peers' ways.
    pub competitors: Vec<Competitor>,
}

/// Returns the APIs.
#[must_use]
pub fn apis() -> Vec<Api> {
    vec![responses(), messages(), gemini(), interactions(), ollama()]
}

/// The dialect of an API.
trait Bench: Dialect {
    fn found(answer: &Self::Answer) -> Found;
}

fn api<D: Bench>(
    corpus: fn() -> Corpus,
    mixed: fn() -> Corpus,
    peers: impl IntoIterator<Item = Competitor>,
) -> Api {
    let ours = Competitor { name: "deltawire", fold: ours::<D> };
    let competitors = iter::once(ours).chain(peers).collect();
    Api {
        corpus,
        mixed,
        parsed: parsed::<D>,
        learned: learned::<D>,
        ended: ended::<D>,
        competitors,
    }
}

/// The decoders of event streams with `serde_json::Value`, for who has no types.
fn with_values<V: Json>() -> [Competitor; 2] {
    [
        Competitor { name: "sse-core + serde_json::Value", fold: pair::<SseCore, V> },
        Competitor { name: "sse-stream + serde_json::Value", fold: pair::<SseStream, V> },
    ]
}

fn with_own_types<O: Json>() -> [Competitor; 2] {
    [
        Competitor { name: "sse-core + own types", fold: pair::<SseCore, O> },
        Competitor { name: "sse-stream + own types", fold: pair::<SseStream, O> },
    ]
}

fn responses() -> Api {
    let with_types = [
        Competitor { name: "sse-core + async-openai", fold: pair::<SseCore, AsyncOpenai> },
        Competitor { name: "sse-stream + async-openai", fold: pair::<SseStream, AsyncOpenai> },
        Competitor {
            name: "eventsource-stream + async-openai",
            fold: pair::<EventsourceStream, AsyncOpenai>,
        },
    ];
    let peers = with_values::<ResponsesValues>().into_iter().chain(with_types);
    api::<Responses>(corpora::responses, mixed::responses, peers)
}

fn messages() -> Api {
    let peers = with_values::<MessagesValues>().into_iter().chain(with_own_types::<OwnMessages>());
    api::<Messages>(corpora::messages, mixed::messages, peers)
}

fn gemini() -> Api {
    let peers = with_values::<GeminiValues>().into_iter().chain(with_own_types::<OwnGemini>());
    api::<Gemini>(corpora::gemini, mixed::gemini, peers)
}

fn interactions() -> Api {
    let values = with_values::<InteractionsValues>();
    let peers = values.into_iter().chain(with_own_types::<OwnInteractions>());
    api::<Interactions>(corpora::interactions, mixed::interactions, peers)
}

fn ollama() -> Api {
    let peers = [
        Competitor { name: "lines + serde_json::Value", fold: pair::<Lines, OllamaValues> },
        Competitor { name: "lines + own types", fold: pair::<Lines, OwnOllama> },
    ];
    api::<Ollama>(corpora::ollama, mixed::ollama, peers)
}

impl Bench for Responses {
    fn found(answer: &Response) -> Found {
        let arguments = answer.tool_calls().map(|call| call.arguments);
        Found::of(answer.text(), answer.reasoning(), arguments)
    }
}

impl Bench for Messages {
    fn found(answer: &Message) -> Found {
        let arguments = answer.tool_calls().map(|call| call.arguments);
        Found::of(answer.text(), answer.reasoning(), arguments)
    }
}

impl Bench for Gemini {
    fn found(answer: &GenerateContentResponse) -> Found {
        let arguments = answer.tool_calls().map(|call| call.arguments);
        Found::of(answer.text(), answer.reasoning(), arguments)
    }
}

impl Bench for Interactions {
    fn found(answer: &Interaction) -> Found {
        let arguments = answer.tool_calls().map(|call| call.arguments);
        Found::of(answer.text(), answer.reasoning(), arguments)
    }
}

impl Bench for Ollama {
    fn found(answer: &Answer) -> Found {
        let arguments = answer.tool_calls().into_iter().map(|call| call.arguments);
        Found::of(answer.text(), answer.reasoning(), arguments)
    }
}

/// Checks that everybody arrives at the same answer.
///
/// # Panics
/// If somebody does not, or if there is none.
pub fn check(api: &Api, corpus: &Corpus, size: ReadSize) {
    let answer = (api.parsed)(corpus.reads(size));
    assert!(answer.len() > corpus.events, "{} folds to an answer", corpus.name);
    for peer in &api.competitors {
        let theirs = (peer.fold)(corpus.reads(size));
        assert!(answer == theirs, "{} folds {} to another answer", peer.name, corpus.name);
    }
}

fn ours<D: Bench>(reads: Reads) -> Found {
    fold::<D>(Options::new(), reads)
}

fn parsed<D: Bench>(reads: Reads) -> Found {
    fold::<D>(Options::new().with_learning(false), reads)
}

fn fold<D: Bench>(options: Options, reads: Reads) -> Found {
    D::found(&feed::<D>(options, reads).close(How::Clean).answer)
}

fn learned<D: Bench>(reads: Reads) -> f64 {
    let stats = feed::<D>(Options::new(), reads).accumulator().stats();
    stats.learned as f64 / stats.folded.max(1) as f64
}

fn ended<D: Bench>(reads: Reads) -> (End, Vec<Anomaly>) {
    let outcome = feed::<D>(Options::new(), reads).close(How::Clean);
    (outcome.end, outcome.anomalies)
}

fn feed<D: Dialect>(options: Options, reads: Reads) -> Session<D> {
    let mut session = Session::<D>::with_options(options);
    for read in reads {
        session.feed(read).expect("no error");
    }
    session
}

/// A reader of an event's data.
trait Json: Default {
    fn push(&mut self, data: &str);
    fn finish(self) -> Found;
}

/// A decoder, and what is done with its events.
fn pair<D: Decoder, J: Json>(reads: Reads) -> Found {
    let mut json = J::default();
    D::decode(reads, |data| {
        // Of these APIs only Interactions ends with it.
        if data != "[DONE]" {
            json.push(data);
        }
    });
    json.finish()
}

/// async-openai's event types, the texts appended by hand as its examples do.
#[derive(Default)]
struct AsyncOpenai(Found);

impl Json for AsyncOpenai {
    fn push(&mut self, data: &str) {
        match serde_json::from_str(data).expect("an event") {
            ResponseStreamEvent::ResponseOutputTextDelta(event) => {
                self.0.text.push_str(&event.delta);
            }
            ResponseStreamEvent::ResponseReasoningSummaryTextDelta(event) => {
                self.0.reasoning.push_str(&event.delta);
            }
            ResponseStreamEvent::ResponseFunctionCallArgumentsDelta(event) => {
                self.0.arguments.push_str(&event.delta);
            }
            _ => {}
        }
    }

    fn finish(self) -> Found {
        self.0
    }
}

/// Reads the texts of an API's events out of values.
macro_rules! of_values {
    ($name:ident, $event:ident, $found:ident => $push:block) => {
        #[derive(Default)]
        struct $name(Found);

        impl Json for $name {
            fn push(&mut self, data: &str) {
                let $event: Value = serde_json::from_str(data).expect("an event");
                let $found = &mut self.0;
                $push
            }

            fn finish(self) -> Found {
                self.0
            }
        }
    };
}

of_values!(ResponsesValues, event, found => {
    let text = match event["type"].as_str() {
        Some("response.output_text.delta") => &mut found.text,
        Some("response.reasoning_summary_text.delta") => &mut found.reasoning,
        Some("response.function_call_arguments.delta") => &mut found.arguments,
        _ => return,
    };
    text.push_str(event["delta"].as_str().unwrap_or_default());
});
of_values!(MessagesValues, event, found => {
    let delta = &event["delta"];
    if let Some(text) = delta["text"].as_str() {
        found.text.push_str(text);
    } else if let Some(text) = delta["thinking"].as_str() {
        found.reasoning.push_str(text);
    } else if let Some(text) = delta["partial_json"].as_str() {
        found.arguments.push_str(text);
    }
});
of_values!(GeminiValues, event, found => {
    for part in event["candidates"][0]["content"]["parts"].as_array().into_iter().flatten() {
        if let Some(text) = part["text"].as_str() {
            let is_thought = part["thought"] == true;
            let whole = if is_thought { &mut found.reasoning } else { &mut found.text };
            whole.push_str(text);
        } else if let Some(call) = part["functionCall"].as_object() {
            found.arguments.push_str(&call["args"].to_string());
        }
    }
});
of_values!(InteractionsValues, event, found => {
    let delta = &event["delta"];
    let (whole, text) = match delta["type"].as_str() {
        Some("text") => (&mut found.text, &delta["text"]),
        Some("thought_summary") => (&mut found.reasoning, &delta["content"]["text"]),
        Some("arguments_delta") => (&mut found.arguments, &delta["arguments"]),
        _ => return,
    };
    whole.push_str(text.as_str().unwrap_or_default());
});
of_values!(OllamaValues, line, found => {
    let message = &line["message"];
    found.text.push_str(message["content"].as_str().unwrap_or_default());
    found.reasoning.push_str(message["thinking"].as_str().unwrap_or_default());
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        found.arguments.push_str(&call["function"]["arguments"].to_string());
    }
});
