//! From bytes to the answers of the APIs other than completions: ours, and a peer's decoder with a
//! peer's way through the JSON.

use std::marker::PhantomData;

use async_openai::types::responses::ResponseStreamEvent;
use deltawire::gemini::{Gemini, GenerateContentResponse};
use deltawire::messages::{Message, Messages};
use deltawire::responses::{Response, Responses};
use deltawire::{Dialect, How, Options, Session};
use serde_json::Value;

use crate::corpora::{self, Corpus};
use crate::reads::{ReadSize, Reads};

use super::decode::{Decoder, EventsourceStream, SseCore, SseStream};

/// A way from bytes to the text of the answer, as a value.
#[derive(Debug, Clone, Copy)]
pub struct Competitor {
    /// The crates it is made of: the decoder's and the types'.
    pub name: &'static str,
    /// Folds one stream; what is timed.
    pub fold: fn(Reads) -> String,
}

/// An API with its stream and everybody who reads it; we first.
#[derive(Debug)]
pub struct Api {
    /// The name of its rows.
    pub name: &'static str,
    /// A stream of it.
    pub corpus: fn() -> Corpus,
    /// Ours without learning the frame: each event is parsed in full.
    pub parsed: fn(Reads) -> String,
    /// Ours, and the peers' ways.
    pub competitors: Vec<Competitor>,
}

/// The APIs.
#[must_use]
pub fn apis() -> [Api; 3] {
    [responses(), messages(), gemini()]
}

fn responses() -> Api {
    let ours = |reads| fold::<Responses>(Options::new(), reads, Response::text);
    let parsed =
        |reads| fold::<Responses>(Options::new().with_learning(false), reads, Response::text);
    let mut competitors = competitors::<ResponsesText>(ours, parsed);
    competitors.extend([
        Competitor { name: "sse-core + async-openai", fold: Pairing::<SseCore, AsyncOpenai>::fold },
        Competitor {
            name: "sse-stream + async-openai",
            fold: Pairing::<SseStream, AsyncOpenai>::fold,
        },
        Competitor {
            name: "eventsource-stream + async-openai",
            fold: Pairing::<EventsourceStream, AsyncOpenai>::fold,
        },
    ]);
    Api { name: "responses", corpus: corpora::responses, parsed, competitors }
}

fn messages() -> Api {
    let ours = |reads| fold::<Messages>(Options::new(), reads, Message::text);
    let parsed =
        |reads| fold::<Messages>(Options::new().with_learning(false), reads, Message::text);
    let competitors = competitors::<MessagesText>(ours, parsed);
    Api { name: "messages", corpus: corpora::messages, parsed, competitors }
}

fn gemini() -> Api {
    let ours = |reads| fold::<Gemini>(Options::new(), reads, GenerateContentResponse::text);
    let parsed = |reads| {
        fold::<Gemini>(Options::new().with_learning(false), reads, GenerateContentResponse::text)
    };
    let competitors = competitors::<GeminiText>(ours, parsed);
    Api { name: "gemini", corpus: corpora::gemini, parsed, competitors }
}

/// Ours, and two peers' decoders with `serde_json::Value`, for who has no types.
fn competitors<J: Json>(ours: fn(Reads) -> String, parsed: fn(Reads) -> String) -> Vec<Competitor> {
    vec![
        Competitor { name: "deltawire", fold: ours },
        Competitor { name: "deltawire, parsed in full", fold: parsed },
        Competitor { name: "sse-core + serde_json::Value", fold: Pairing::<SseCore, J>::fold },
        Competitor { name: "sse-stream + serde_json::Value", fold: Pairing::<SseStream, J>::fold },
    ]
}

/// Checks that everybody arrives at the same text.
///
/// # Panics
/// If somebody does not, or if there is none.
pub fn check(api: &Api, corpus: &Corpus, size: ReadSize) {
    let mut answers =
        api.competitors.iter().map(|peer| (peer.name, (peer.fold)(corpus.reads(size))));
    let (_, answer) = answers.next().expect("ours is the first");
    assert!(answer.len() > corpus.events, "{} folds to an answer", corpus.name);
    for (name, theirs) in answers {
        assert!(answer == theirs, "{name} folds {} to another answer", corpus.name);
    }
}

fn fold<D: Dialect>(options: Options, reads: Reads, text: fn(&D::Answer) -> String) -> String {
    let mut session = Session::<D>::with_options(options);
    for read in reads {
        session.feed(read).expect("no error");
    }
    text(&session.close(How::Clean).answer)
}

/// A reader of an event's data.
trait Json: Default {
    fn push(&mut self, data: &str);
    fn finish(self) -> String;
}

/// A decoder and what is done with its events.
struct Pairing<D, J>(PhantomData<(D, J)>);

impl<D: Decoder, J: Json> Pairing<D, J> {
    fn fold(reads: Reads) -> String {
        let mut json = J::default();
        D::decode(reads, |data| json.push(data));
        json.finish()
    }
}

/// async-openai's event types, the text appended by hand as its examples do.
#[derive(Default)]
struct AsyncOpenai(String);

impl Json for AsyncOpenai {
    fn push(&mut self, data: &str) {
        let event: ResponseStreamEvent = serde_json::from_str(data).expect("an event");
        if let ResponseStreamEvent::ResponseOutputTextDelta(event) = event {
            self.0.push_str(&event.delta);
        }
    }

    fn finish(self) -> String {
        self.0
    }
}

/// Reads the text of an API's events out of values.
macro_rules! of_values {
    ($name:ident, $event:ident => $text:expr) => {
        #[derive(Default)]
        struct $name(String);

        impl Json for $name {
            fn push(&mut self, data: &str) {
                let $event: Value = serde_json::from_str(data).expect("an event");
                if let Some(text) = $text {
                    self.0.push_str(text);
                }
            }

            fn finish(self) -> String {
                self.0
            }
        }
    };
}

of_values!(ResponsesText, event => {
    let is_delta = event["type"] == "response.output_text.delta";
    event["delta"].as_str().filter(|_| is_delta)
});
of_values!(MessagesText, event => event["delta"]["text"].as_str());
of_values!(GeminiText, event => event["candidates"][0]["content"]["parts"][0]["text"].as_str());
