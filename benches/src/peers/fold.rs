//! From bytes to the answer: ours, and the pairings of a peer's decoder with a peer's way through
//! the JSON.

use std::marker::PhantomData;

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use deltawire::{How, Options};

use crate::corpora::Corpus;
use crate::reads::{ReadSize, Reads};

use super::decode::{Decoder, EventsourceStream, SseCore, SseStream};

/// The result that all arrive at, and that is compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The content of each choice, by its index.
    pub contents: Vec<String>,
    /// The arguments of choice 0's tool calls.
    pub arguments: String,
    /// The reasoning of choice 0.
    pub reasoning: String,
    /// The number of chunks that could not be read.
    pub unreadable: usize,
}

/// The part of a stream's texts that somebody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readable {
    /// All of them.
    All,
    /// All but the reasoning.
    NoReasoning,
    /// Not even its chunks.
    Nothing,
}

impl Folded {
    fn append(&mut self, choice: usize, text: &str) {
        self.content(choice).push_str(text);
    }

    fn content(&mut self, choice: usize) -> &mut String {
        if choice >= self.contents.len() {
            self.contents.resize_with(choice + 1, String::new);
        }
        &mut self.contents[choice]
    }
}

/// A way from bytes to the answer, as a value.
#[derive(Debug, Clone, Copy)]
pub struct Competitor {
    /// The crates it is made of: the decoder's, and the types' or the accumulator's.
    pub name: &'static str,
    /// Folds one stream; what is timed.
    pub fold: fn(Reads) -> Folded,
}

impl Competitor {
    fn pairing<P: Pairing>() -> Self {
        Self { name: P::NAME, fold: pair::<P> }
    }
}

/// The pairing most programs use.
pub const USUAL: &str = "eventsource-stream + async-openai";

/// Everybody; we first.
#[must_use]
pub fn competitors() -> Vec<Competitor> {
    vec![
        Competitor { name: "deltawire", fold: ours },
        Competitor::pairing::<With<SseCore, AsyncOpenai>>(),
        #[cfg(feature = "openai-interface")]
        Competitor::pairing::<With<SseCore, OpenaiInterface>>(),
        Competitor::pairing::<With<SseCore, JsonValue>>(),
        Competitor::pairing::<With<SseStream, AsyncOpenai>>(),
        #[cfg(feature = "openai-interface")]
        Competitor::pairing::<With<SseStream, OpenaiInterface>>(),
        Competitor::pairing::<With<SseStream, JsonValue>>(),
        Competitor::pairing::<With<EventsourceStream, AsyncOpenai>>(),
        #[cfg(feature = "openai-interface")]
        Competitor::pairing::<With<EventsourceStream, OpenaiInterface>>(),
        Competitor::pairing::<With<EventsourceStream, JsonValue>>(),
    ]
}

/// Checks that everybody arrives at the same answer.
///
/// # Panics
/// If somebody does not, or if there is none.
pub fn check(corpus: &Corpus, size: ReadSize) {
    let answer = ours(corpus.reads(size));
    assert!(
        answer.arguments.len() + answer.contents.iter().map(String::len).sum::<usize>()
            > corpus.events,
        "{} folds to an answer",
        corpus.name
    );
    for peer in competitors() {
        let theirs = (peer.fold)(corpus.reads(size));
        assert!(
            answer == theirs,
            "{} folds {} in reads of {size} to another answer",
            peer.name,
            corpus.name
        );
    }
}

/// Returns what a peer reads of a stream.
///
/// # Panics
/// If it finds another text than ours.
#[must_use]
pub fn reads(peer: &Competitor, corpus: &Corpus, size: ReadSize) -> Readable {
    let answer = ours(corpus.reads(size));
    let mut theirs = (peer.fold)(corpus.reads(size));
    if theirs.unreadable > 0 {
        return Readable::Nothing;
    }
    let has_reasoning = theirs.reasoning == answer.reasoning;
    theirs.reasoning.clone_from(&answer.reasoning);
    assert!(
        theirs == answer,
        "{} folds {} in reads of {size} to another answer",
        peer.name,
        corpus.name
    );
    if has_reasoning { Readable::All } else { Readable::NoReasoning }
}

/// Ours without learning the envelope: what a stream costs whose chunks have to be parsed in full,
/// each of them.
#[must_use]
pub fn parsed(reads: Reads) -> Folded {
    ours_with(Options::new().with_learning(false), reads)
}

/// Returns the share of a stream's events that are not parsed, because a learned frame matched.
#[must_use]
pub fn learned(reads: Reads) -> f64 {
    let mut fold = deltawire::chat::Session::new();
    for read in reads {
        fold.feed(read).expect("no error");
    }
    let stats = fold.accumulator().stats();
    stats.learned as f64 / stats.folded.max(1) as f64
}

fn ours(reads: Reads) -> Folded {
    ours_with(Options::new(), reads)
}

fn ours_with(options: Options, reads: Reads) -> Folded {
    let mut fold = deltawire::chat::Session::with_options(options);
    for read in reads {
        fold.feed(read).expect("no error");
    }
    let outcome = fold.close(How::Clean);
    let mut folded = Folded::default();
    for choice in outcome.answer.choices {
        let content = folded.content(usize::try_from(choice.index).expect("an index"));
        *content = choice.message.content.unwrap_or_default();
        if choice.index == 0 {
            folded.reasoning = choice.message.reasoning_content.unwrap_or_default();
            for call in choice.message.tool_calls {
                folded.arguments.push_str(&call.arguments);
            }
        }
    }
    folded
}

fn pair<P: Pairing>(reads: Reads) -> Folded {
    let mut json = P::Json::default();
    P::Decoder::decode(reads, |data| {
        if data != "[DONE]" {
            json.push(data);
        }
    });
    json.finish()
}

/// A reader of a chunk's data.
trait Json: Default {
    fn push(&mut self, data: &str);
    fn finish(self) -> Folded;
}

/// A decoder and what is done with its events.
trait Pairing {
    const NAME: &'static str;
    type Decoder: Decoder;
    type Json: Json;
}

struct With<D, J>(PhantomData<(D, J)>);

macro_rules! pairings {
    ($($decoder:ident + $json:ident: $name:literal,)*) => {$(
        impl Pairing for With<$decoder, $json> {
            const NAME: &'static str = $name;
            type Decoder = $decoder;
            type Json = $json;
        }
    )*};
}

pairings! {
    SseCore + AsyncOpenai: "sse-core + async-openai",
    SseCore + JsonValue: "sse-core + serde_json::Value",
    SseStream + AsyncOpenai: "sse-stream + async-openai",
    SseStream + JsonValue: "sse-stream + serde_json::Value",
    EventsourceStream + AsyncOpenai: "eventsource-stream + async-openai",
    EventsourceStream + JsonValue: "eventsource-stream + serde_json::Value",
}

#[cfg(feature = "openai-interface")]
pairings! {
    SseCore + OpenaiInterface: "sse-core + openai-interface",
    SseStream + OpenaiInterface: "sse-stream + openai-interface",
    EventsourceStream + OpenaiInterface: "eventsource-stream + openai-interface",
}

/// async-openai's chunk types, the text appended by hand as its examples do.
#[derive(Default)]
struct AsyncOpenai(Folded);

impl Json for AsyncOpenai {
    fn push(&mut self, data: &str) {
        let Ok(chunk) = serde_json::from_str::<CreateChatCompletionStreamResponse>(data) else {
            self.0.unreadable += 1;
            return;
        };
        for choice in chunk.choices {
            if let Some(content) = &choice.delta.content {
                self.0.append(choice.index as usize, content);
            }
            for call in choice.delta.tool_calls.iter().flatten() {
                if let Some(arguments) =
                    call.function.as_ref().and_then(|function| function.arguments.as_ref())
                {
                    self.0.arguments.push_str(arguments);
                }
            }
        }
    }

    fn finish(mut self) -> Folded {
        // Tool calls alone make no content, but a choice.
        self.0.content(0);
        self.0
    }
}

/// `serde_json::Value`, for those who need no types.
#[derive(Default)]
struct JsonValue(Folded);

impl Json for JsonValue {
    fn push(&mut self, data: &str) {
        let chunk: serde_json::Value = serde_json::from_str(data).expect("a chunk");
        for choice in chunk["choices"].as_array().into_iter().flatten() {
            let delta = &choice["delta"];
            if let Some(content) = delta["content"].as_str() {
                let index = choice["index"]
                    .as_u64()
                    .and_then(|index| usize::try_from(index).ok())
                    .unwrap_or_default();
                self.0.append(index, content);
            }
            for part in delta["content"].as_array().into_iter().flatten() {
                for thought in part["thinking"].as_array().into_iter().flatten() {
                    self.0.reasoning.push_str(thought["text"].as_str().unwrap_or_default());
                }
            }
            if let Some(text) = delta["reasoning_content"].as_str().or(delta["reasoning"].as_str())
            {
                self.0.reasoning.push_str(text);
            }
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                if let Some(arguments) = call["function"]["arguments"].as_str() {
                    self.0.arguments.push_str(arguments);
                }
            }
        }
    }

    fn finish(mut self) -> Folded {
        self.0.content(0);
        self.0
    }
}

/// openai-interface's accumulator.
#[cfg(feature = "openai-interface")]
#[derive(Default)]
struct OpenaiInterface(
    openai_interface::chat::create::accumulator::ChatCompletionAccumulator,
    usize,
);

#[cfg(feature = "openai-interface")]
impl Json for OpenaiInterface {
    fn push(&mut self, data: &str) {
        match serde_json::from_str(data) {
            Ok(chunk) => self.0.push(&chunk),
            Err(_) => self.1 += 1,
        }
    }

    fn finish(self) -> Folded {
        use openai_interface::chat::ChatCompletionMessageToolCall as Call;
        let mut folded = Folded { unreadable: self.1, ..Folded::default() };
        for (index, message) in self.0.into_messages() {
            *folded.content(index as usize) = message.content.unwrap_or_default();
            if index == 0 {
                for call in message.tool_calls.into_iter().flatten() {
                    if let Call::Function { function, .. } = call {
                        folded.arguments.push_str(&function.arguments);
                    }
                }
            }
        }
        folded
    }
}
