//! Streams and what they come to, as data: the table behind the tests of folding.
//!
//! Every expected value is derived from what the wire's rules say (what an event's data is, how
//! chunks are folded, which tool call a fragment belongs to, how a stream ends), never from what
//! the code gives.

#![allow(clippy::needless_pass_by_value, reason = "the rows of a table are read without `&`")]

mod deltas;
mod elsewhere;
mod ends;
mod envelope;
mod kept;
mod legacy;
mod lenient;
mod payloads;
mod routing;
mod servers;
mod text;
mod tool_calls;
mod wire;

use deltawire::{AnomalyKind, End, Limits, Options};
use serde_json::{Value, json};

use super::run::Ending;

/// One stream and what it comes to.
pub(crate) struct Case {
    /// A sentence that says what is expected.
    pub(crate) name: &'static str,
    /// The stream of a legacy completion.
    pub(crate) legacy: bool,
    pub(crate) options: Options,
    /// The body.
    pub(crate) stream: Vec<u8>,
    /// The data of its events, if it is made of nothing else.
    pub(crate) events: Option<Vec<String>>,
    /// The end of the transport.
    pub(crate) ending: Ending,
    /// The end of the stream.
    pub(crate) end: Option<End>,
    /// A part that must be in the completion.
    pub(crate) completion: Value,
    /// Kind, member and choice of each anomaly, in order. `None` if any may come.
    pub(crate) anomalies: Option<Vec<(AnomalyKind, &'static str, Option<u64>)>>,
    /// A part that must be in the error.
    pub(crate) error: Value,
}

/// A stream of a chat completion; the methods say what it holds and then what is expected of it.
fn case(name: &'static str) -> Case {
    Case {
        name,
        legacy: false,
        options: Options::new(),
        stream: Vec::new(),
        events: Some(Vec::new()),
        ending: Ending::Clean,
        end: None,
        completion: json!({}),
        anomalies: Some(Vec::new()),
        error: Value::Null,
    }
}

/// A stream of a legacy completion.
fn legacy(name: &'static str) -> Case {
    Case { legacy: true, ..case(name) }
}

/// The stream of a case.
impl Case {
    fn drop_unknown(mut self) -> Self {
        self.options = self.options.with_unknown(false);
        self
    }

    fn cumulative(mut self) -> Self {
        self.options = self.options.with_cumulative(true);
        self
    }

    fn one_choice(mut self) -> Self {
        self.options = self.options.with_one_choice(true);
        self
    }

    fn limits(mut self, set: impl FnOnce(&mut Limits)) -> Self {
        set(&mut self.options.limits);
        self
    }

    /// An event with this data, which has no line ends.
    fn data(mut self, data: impl AsRef<str>) -> Self {
        let data = data.as_ref();
        self.stream.extend_from_slice(format!("data: {data}\n\n").as_bytes());
        if let Some(events) = &mut self.events {
            events.push(data.to_owned());
        }
        self
    }

    /// These bytes.
    fn bytes(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stream.extend_from_slice(bytes.as_ref());
        self.events = None;
        self
    }

    /// A chunk with these members.
    fn chunk(self, members: impl AsRef<str>) -> Self {
        self.data(format!("{{{}}}", members.as_ref()))
    }

    /// A chunk with these choices.
    fn choices(self, choices: impl AsRef<str>) -> Self {
        self.chunk(format!(r#""choices":[{}]"#, choices.as_ref()))
    }

    /// A chunk that adds these members to choice 0.
    fn choice(self, members: impl AsRef<str>) -> Self {
        self.choices(format!(r#"{{"index":0,{}}}"#, members.as_ref()))
    }

    /// A chunk with these members in choice 0's delta.
    fn delta(self, members: impl AsRef<str>) -> Self {
        self.choice(format!(r#""delta":{{{}}}"#, members.as_ref()))
    }

    /// A chunk with these fragments of tool calls in choice 0's delta.
    fn calls(self, fragments: impl AsRef<str>) -> Self {
        self.delta(format!(r#""tool_calls":[{}]"#, fragments.as_ref()))
    }

    /// A chunk with this content in choice 0's delta.
    fn content(self, text: &str) -> Self {
        self.delta(format!(r#""content":"{text}""#))
    }

    /// A chunk with choice 0's finish reason.
    fn finish(self, reason: &str) -> Self {
        self.choice(format!(r#""delta":{{}},"finish_reason":"{reason}""#))
    }

    /// Choice 0 finishes, and the stream ends with `[DONE]`, as all should.
    fn done(self) -> Self {
        self.finish("stop").data("[DONE]").ends(End::Done)
    }

    /// The connection breaks.
    fn breaks(mut self) -> Self {
        self.ending = Ending::Broken;
        self
    }

    /// The caller stops.
    fn stops(mut self) -> Self {
        self.ending = Ending::Stopped;
        self
    }
}

/// The expectations of a case.
impl Case {
    fn ends(mut self, end: End) -> Self {
        self.end = Some(end);
        self
    }

    /// The completion has these members.
    fn has(mut self, completion: Value) -> Self {
        self.completion = completion;
        self
    }

    /// There is one choice, and its message has these members.
    fn says(self, message: Value) -> Self {
        self.has(json!({"choices": [{"index": 0, "message": message}]}))
    }

    /// There is one choice, and this is its content.
    fn text(self, content: &str) -> Self {
        if self.legacy {
            return self.has(json!({"choices": [{"index": 0, "text": content}]}));
        }
        self.says(json!({"content": content}))
    }

    /// There is one choice, and these are its tool calls.
    fn calling(self, calls: Value) -> Self {
        self.says(json!({"tool_calls": calls}))
    }

    fn odd(self, kind: AnomalyKind, member: &'static str) -> Self {
        self.anomaly(kind, member, None)
    }

    /// Something in choice 0 is odd.
    fn odd_choice(self, kind: AnomalyKind, member: &'static str) -> Self {
        self.anomaly(kind, member, Some(0))
    }

    /// Something in this choice is odd.
    fn odd_at(self, kind: AnomalyKind, member: &'static str, choice: u64) -> Self {
        self.anomaly(kind, member, Some(choice))
    }

    fn anomaly(mut self, kind: AnomalyKind, member: &'static str, choice: Option<u64>) -> Self {
        self.anomalies.get_or_insert_default().push((kind, member, choice));
        self
    }

    /// Accepts any anomalies.
    fn any_oddities(mut self) -> Self {
        self.anomalies = None;
        self
    }

    /// The stream ends with an error that the server sent.
    fn fails(mut self, message: &str, error_type: Value, param: Value, code: Value) -> Self {
        self.error = json!({"kind": "api", "message": message, "type": error_type, "param": param, "code": code});
        self.ends(End::Error)
    }

    /// The stream ends with an error of this kind.
    fn fails_with(mut self, kind: &str, end: End) -> Self {
        self.error = json!({"kind": kind});
        self.ends(end)
    }
}

/// A function call as the completion has it.
fn function(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// One without an ID.
fn nameless_id(name: &str, arguments: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "arguments": arguments}})
}

/// Every case of the table.
pub(crate) fn all() -> Vec<Case> {
    [
        payloads::skipped(),
        payloads::done(),
        payloads::errors(),
        payloads::error_events(),
        payloads::no_chunks(),
        payloads::bodies(),
        ends::ends(),
        ends::cut_off(),
        envelope::first(),
        envelope::last(),
        envelope::usage(),
        kept::envelope(),
        kept::growing(),
        kept::elements(),
        kept::levels(),
        envelope::choices(),
        deltas::text(),
        deltas::parts(),
        deltas::others(),
        deltas::finish(),
        tool_calls::rules(),
        tool_calls::servers(),
        tool_calls::members(),
        routing::ids(),
        routing::names(),
        routing::positions(),
        routing::documents(),
        routing::cumulative(),
        routing::many(),
        elsewhere::messages(),
        elsewhere::endpoints(),
        elsewhere::scalars(),
        elsewhere::reasoning(),
        elsewhere::usage(),
        elsewhere::logprobs(),
        elsewhere::failures(),
        elsewhere::one_choice(),
        lenient::names(),
        lenient::types(),
        lenient::sizes(),
        text::escapes(),
        text::surrogates(),
        text::cumulative(),
        legacy::legacy_completions(),
        servers::servers(),
        wire::stray_lines(),
        wire::error_shapes(),
        wire::keep_alives(),
        wire::one_newline(),
        wire::nearly_json(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
