//! The fold of a streamed answer.
//!
//! The rules are those of Ollama's `api/types.go` and `docs/api`, and few: texts are appended, tool
//! calls come whole, and the last line has everything else. The role and the model come with every
//! line, and the time at which it was written, of which the first and the last line's count.

use alloc::boxed::Box;

use super::answer::{self, Answer, Message};
use super::line::{Line, MessagePart};
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Dialect, Effect, Framing, Holes, Note, Notes, Options, Outcome,
    Payload, Place, Read, Sealed, TextKind, TokenCounts, ToolCallKind, ToolCallSoFar, Transcript,
    What,
};
use crate::error::{ApiError, Error};
use crate::json::{Growing, RawArray, RawStr, RawValue, Unknown, Walk};
use crate::save::{Fault, Reader, Saved, Writer};
use crate::sse;

/// The dialect of Ollama's native API, `/api/chat` and `/api/generate`.
#[derive(Debug, Clone, Default)]
pub struct Ollama {
    /// The first block is the answer, with its texts and lists; each other one is a tool call.
    blocks: Blocks,
    /// The members of the answer that are not in its block.
    members: Unknown<'static>,
    /// The members of the message that are not in its block.
    of_message: Growing,
    /// The number of tool calls.
    calls: u64,
    /// The answer has a message, so it is one of `/api/chat`.
    has_message: bool,
    is_over: bool,
}

/// Folds the lines of a streamed answer; see [`crate::Accumulator`].
///
/// A line is pushed as the data of an event: [`sse::Event::new`](crate::sse::Event::new).
pub type Accumulator = engine::Accumulator<Ollama>;

/// Folds the bytes of a streamed answer; see [`crate::Session`].
///
/// The bytes are lines of JSON (`application/x-ndjson`).
pub type Session = engine::Session<Ollama>;

/// Reads a streamed answer from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Ollama, R>;

/// Folds the whole body of a streamed answer, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::ollama;
///
/// let body = br#"{"model":"m","message":{"role":"assistant","content":"Hel"},"done":false}
/// {"model":"m","message":{"role":"assistant","content":"lo"},"done":false}
/// {"model":"m","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop"}
/// "#;
/// let answer = ollama::fold(body).into_complete()?;
/// assert_eq!(answer.text(), "Hello");
/// # Ok::<(), deltawire::Incomplete<ollama::Answer>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Answer> {
    engine::fold::<Ollama>(body)
}

impl Sealed for Ollama {}

impl Dialect for Ollama {
    type Event<'a> = Line<'a>;
    type Answer = Answer;

    const NAME: &'static str = "ollama";

    const FRAMING: Framing = Framing::Lines;

    fn api(&self) -> &'static str {
        "Ollama's native API"
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Line<'a>,
    ) -> Result<Read, Error> {
        let data = match Payload::of(event) {
            Payload::Chunk(data) => data,
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            // A sentinel is none of this API, so it ends nothing.
            Payload::Nothing | Payload::Done => return Ok(Read::Nothing),
        };
        into.read(data, &Walk::new().with_unknown(true, options.limits.max_unknown_members))?;
        if into.is_unknown() {
            if let Some(error) = RawValue::parse(data).ok().as_ref().and_then(ApiError::of) {
                return Ok(Read::Error(Box::new(error)));
            }
        }
        Ok(Read::Event)
    }

    fn fold(&mut self, line: &Line<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        if self.holes(line).is_none() {
            // A tool call is held as it was sent, and its arguments and labels once more.
            to.expect_copies(3);
        }
        Blocks::weighed(self, to, |this| &mut this.blocks, |this, to| this.fold_line(line, to))
    }

    /// Returns the text of a line that says nothing else.
    ///
    /// The time of a line that is neither the first nor the last means nothing.
    fn holes<'e>(&self, line: &'e Line<'_>) -> Option<Holes<'e>> {
        let Line {
            model: _,
            created_at,
            remote_model: _,
            remote_host: _,
            message,
            response,
            thinking,
            tool_calls: None,
            logprobs: None,
            done: None | Some(false),
            done_reason: None,
            error: None,
            extra,
            unexpected: None,
        } = line
        else {
            return None;
        };
        let mut texts = [response, thinking, &None, &None];
        if let Some(message) = message {
            let MessagePart { role: _, content, thinking, images: None, tool_calls: None, extra } =
                message
            else {
                return None;
            };
            if !extra.is_empty() {
                return None;
            }
            texts[2..].copy_from_slice(&[content, thinking]);
        }
        // An empty text beside it is the same in every line of the frame.
        let mut texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
        let (text, None) = (texts.next()?, texts.next()) else { return None };
        let padding = created_at.as_ref().map(RawStr::as_json);
        extra.is_empty().then(|| Holes { padding, ..Holes::of(text.as_json()) })
    }

    fn api_error(line: &Line<'_>, data: &str) -> Option<Box<ApiError>> {
        let error = line.error.as_ref().filter(|error| !error.is_void())?;
        let of_line = RawValue::parse(data).ok().as_ref().and_then(ApiError::of);
        Some(Box::new(of_line.unwrap_or_else(|| ApiError::from_data(error.as_json()))))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn is_finished(&self) -> bool {
        self.is_over
    }

    fn failure(&self) -> Option<Error> {
        None
    }

    fn settle(&mut self, _: &mut Transcript) {}

    fn conclude(&mut self, _: &mut Transcript) {}

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.blocks.check(texts)
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        answer::token_counts(&self.members)
    }

    fn held(&self) -> crate::engine::Held {
        let mut held = self.blocks.held();
        held += crate::blocks::held_members(&self.members);
        held +=
            crate::engine::Held { bytes: self.of_message.weight(), items: self.of_message.len() };
        held
    }

    fn answer(self, texts: &mut Transcript) -> Answer {
        let mut slots = self.blocks.slots(0);
        let own = slots.next().map(|slot| self.blocks.value(slot, texts));
        let mut calls = RawArray::default();
        for slot in slots {
            calls.push(&self.blocks.value(slot, texts));
        }
        let mut members = self.members;
        let calls = (!calls.is_empty()).then(|| RawValue::compacted(calls.as_json().into()));
        let _ = own.as_ref().and_then(|own| {
            own.find_member(|name, value| {
                if let Some(value) = value.filter(|_| name != MESSAGE) {
                    members.set(alloc::string::String::from(name).into(), value.into_owned());
                }
                None::<()>
            })
        });
        if !self.has_message {
            if let Some(calls) = calls {
                members.set("tool_calls".into(), calls);
            }
            return Answer::new(None, members);
        }
        let message = own.as_ref().and_then(|own| own.member(MESSAGE));
        let message = message.unwrap_or_else(|| RawValue::within("{}", false));
        let mut added = self.of_message.into_unknown();
        if let Some(calls) = calls {
            added.set("tool_calls".into(), calls);
        }
        Answer::new(Some(Message::new(added.written_into(&message))), members)
    }
}

impl Notes for Ollama {
    fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>> {
        self.blocks.change(note, self.token_counts(), texts)
    }

    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        self.blocks.tool_call(at, texts)
    }

    fn unknown(&self, _: usize) -> Option<(u64, &Unknown<'static>)> {
        None
    }
}

const MESSAGE: &str = "message";

/// The index of the block that is the answer; tool calls have those after it.
const ANSWER: u64 = 0;

impl Ollama {
    /// Folds a line, or weighs it.
    fn fold_line(&mut self, line: &Line<'_>, to: &mut Transcript) -> Effect {
        if let Some(member) = line.unexpected {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, member, to);
        }
        if line.is_unknown() {
            self.blocks.anomaly(AnomalyKind::UnknownChunk, None, "", to);
        }
        let is_done = line.done == Some(true);
        let labels = [
            ("model", &line.model),
            ("remote_model", &line.remote_model),
            ("remote_host", &line.remote_host),
            ("created_at", &line.created_at),
        ];
        let mut effect = Effect::Nothing;
        for (name, label) in labels {
            let Some(label) = label else { continue };
            effect = effect.and(self.label(name, label, is_done, to));
        }
        let slot = match self.blocks.find(0, ANSWER) {
            Some(slot) => slot,
            None => {
                effect = Effect::Other;
                self.blocks.begin(0, ANSWER, &RawValue::within("{}", false), to)
            }
        };
        if let Some(message) = &line.message {
            if !self.has_message {
                self.has_message = !self.blocks.is_weighing();
                effect = Effect::Other;
            }
            effect = effect.and(self.message(slot, message, to));
        }
        if let Some(thinking) = &line.thinking {
            let added = self.blocks.append(slot, "thinking", TextKind::Reasoning, thinking, to);
            effect = effect.and(added);
        }
        if let Some(response) = &line.response {
            let added = self.blocks.append(slot, "response", TextKind::Content, response, to);
            effect = effect.and(added);
        }
        if let Some(calls) = &line.tool_calls {
            effect = effect.and(self.tool_calls(calls, to));
        }
        for logprob in line.logprobs.iter().flat_map(RawValue::elements) {
            effect = self.blocks.push(slot, "logprobs", &logprob, to);
        }
        if to.options.keep_unknown || is_done {
            line.extra.for_each(|name, value| {
                effect = Effect::Other;
                self.blocks.keep(&mut self.members, name, value, to);
            });
        }
        if is_done { self.end(line, to) } else { effect }
    }

    /// Keeps a member that every line repeats.
    fn label(
        &mut self,
        name: &'static str,
        label: &RawStr<'_>,
        is_done: bool,
        to: &mut Transcript,
    ) -> Effect {
        let is_time = name == "created_at";
        if let Some(known) = self.members.get(name).filter(|_| !(is_time && is_done)) {
            if !is_time && known.as_raw_str().is_none_or(|known| known != *label) {
                self.blocks.anomaly(AnomalyKind::Changed, None, name, to);
            }
            return Effect::Nothing;
        }
        let json = ["\"", label.as_json(), "\""].concat();
        self.blocks.keep(&mut self.members, name, &RawValue::within(&json, false), to);
        Effect::Other
    }

    fn message(&mut self, slot: Slot, message: &MessagePart<'_>, to: &mut Transcript) -> Effect {
        let mut effect = Effect::Nothing;
        if let Some(role) = &message.role {
            match self.blocks.role_of(0) {
                None => {
                    let json = ["\"", role.as_json(), "\""].concat();
                    let json = RawValue::within(&json, false);
                    self.blocks.role(0, &role.to_text(), to);
                    effect = self.blocks.set(slot, (MESSAGE, "role"), &json, to);
                }
                Some(known) if *role != *known => {
                    self.blocks.anomaly(AnomalyKind::Changed, Some(0), "role", to);
                }
                Some(_) => {}
            }
        }
        // The model thinks before it answers, and one line may have both.
        if let Some(thinking) = &message.thinking {
            let at = (MESSAGE, "thinking");
            effect = effect.and(self.blocks.append(slot, at, TextKind::Reasoning, thinking, to));
        }
        if let Some(content) = &message.content {
            let at = (MESSAGE, "content");
            effect = effect.and(self.blocks.append(slot, at, TextKind::Content, content, to));
        }
        for image in message.images.iter().flat_map(RawValue::elements) {
            effect = self.blocks.push(slot, (MESSAGE, "images"), &image, to);
        }
        if let Some(calls) = &message.tool_calls {
            effect = effect.and(self.tool_calls(calls, to));
        }
        if to.options.keep_unknown {
            message.extra.for_each(|name, value| {
                effect = Effect::Other;
                self.blocks.keep_growing(&mut self.of_message, name, value, to);
            });
        }
        effect
    }

    /// Takes tool calls, each of which is whole.
    fn tool_calls(&mut self, calls: &RawValue<'_>, to: &mut Transcript) -> Effect {
        let mut effect = Effect::Nothing;
        for call in calls.elements() {
            effect = Effect::Other;
            if !call.is_object() {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, Some(0), "tool_calls", to);
                continue;
            }
            let index = ANSWER + 1 + self.calls;
            let slot = self.blocks.begin(0, index, &call, to);
            if !self.blocks.is_weighing() {
                self.calls += 1;
            }
            let [id, function] = call.members(["id", "function"]);
            let members = function.as_ref().map(|function| function.members(["name", "arguments"]));
            let [name, arguments] = members.unwrap_or_default();
            let id = id.as_ref().and_then(RawValue::as_str);
            let name = name.as_ref().and_then(RawValue::as_str);
            let of_call = (id.as_deref(), name.as_deref());
            let _ = self.blocks.call(slot, of_call, ToolCallKind::Function, to);
            let at = ("function", "arguments");
            if let Some(arguments) = arguments {
                let kind = TextKind::Arguments;
                let _ = match arguments.as_raw_str() {
                    Some(text) => self.blocks.whole(slot, at, kind, &text, to),
                    None => self.blocks.whole_json(slot, at, kind, &arguments, to),
                };
            }
            let _ = self.blocks.call_done(slot, to);
        }
        effect
    }

    /// Takes the last line.
    fn end(&mut self, line: &Line<'_>, to: &mut Transcript) -> Effect {
        self.blocks.keep(&mut self.members, "done", &RawValue::within("true", false), to);
        if let Some(reason) = &line.done_reason {
            let json = ["\"", reason.as_json(), "\""].concat();
            self.blocks.keep(&mut self.members, "done_reason", &RawValue::within(&json, false), to);
            let _ = self.blocks.finish(0, &reason.to_text(), to);
        }
        if !self.blocks.is_weighing() {
            self.is_over = true;
            if self.token_counts().is_some() {
                let _ = to.note(What::Usage, 0, 0);
            }
        }
        Effect::Other
    }
}

impl Saved for Ollama {
    fn save(&self, to: &mut Writer) {
        let Self { blocks, members, of_message, calls, has_message, is_over } = self;
        blocks.save(to);
        members.save(to);
        of_message.save(to);
        calls.save(to);
        has_message.save(to);
        is_over.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            blocks: Saved::load(from)?,
            members: Saved::load(from)?,
            of_message: Saved::load(from)?,
            calls: from.counter()?,
            has_message: Saved::load(from)?,
            is_over: Saved::load(from)?,
        })
    }
}
