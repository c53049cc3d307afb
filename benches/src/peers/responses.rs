//! From bytes to the answer of OpenAI's Responses API: ours, and a peer's decoder with a peer's way
//! through the JSON.

use std::marker::PhantomData;

use async_openai::types::responses::ResponseStreamEvent;
use deltawire::{How, Options, responses};

use crate::corpora::Corpus;
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

/// Everybody; we first.
#[must_use]
pub fn competitors() -> Vec<Competitor> {
    vec![
        Competitor { name: "deltawire", fold: ours },
        Competitor { name: "deltawire, parsed in full", fold: parsed },
        Competitor { name: "sse-core + async-openai", fold: Pairing::<SseCore, AsyncOpenai>::fold },
        Competitor {
            name: "sse-core + serde_json::Value",
            fold: Pairing::<SseCore, JsonValue>::fold,
        },
        Competitor {
            name: "sse-stream + async-openai",
            fold: Pairing::<SseStream, AsyncOpenai>::fold,
        },
        Competitor {
            name: "sse-stream + serde_json::Value",
            fold: Pairing::<SseStream, JsonValue>::fold,
        },
        Competitor {
            name: "eventsource-stream + async-openai",
            fold: Pairing::<EventsourceStream, AsyncOpenai>::fold,
        },
    ]
}

/// Checks that everybody arrives at the same text.
///
/// # Panics
/// If somebody does not, or if there is none.
pub fn check(corpus: &Corpus, size: ReadSize) {
    let answer = ours(corpus.reads(size));
    assert!(answer.len() > corpus.events, "{} folds to an answer", corpus.name);
    for peer in competitors() {
        let theirs = (peer.fold)(corpus.reads(size));
        assert!(answer == theirs, "{} folds {} to another answer", peer.name, corpus.name);
    }
}

/// Ours without learning the frame: each event is parsed in full.
#[must_use]
pub fn parsed(reads: Reads) -> String {
    ours_with(Options::new().with_learning(false), reads)
}

fn ours(reads: Reads) -> String {
    ours_with(Options::new(), reads)
}

fn ours_with(options: Options, reads: Reads) -> String {
    let mut fold = responses::Session::with_options(options);
    for read in reads {
        fold.feed(read).expect("no error");
    }
    fold.close(How::Clean).answer.text()
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

/// `serde_json::Value`, for those who need no types.
#[derive(Default)]
struct JsonValue(String);

impl Json for JsonValue {
    fn push(&mut self, data: &str) {
        let event: serde_json::Value = serde_json::from_str(data).expect("an event");
        if event["type"] == "response.output_text.delta" {
            self.0.push_str(event["delta"].as_str().unwrap_or_default());
        }
    }

    fn finish(self) -> String {
        self.0
    }
}
