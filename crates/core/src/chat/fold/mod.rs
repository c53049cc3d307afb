//! The message of a chat completion as it is folded.
//!
//! This file has the state, and its way into the answer. `delta` folds a delta into the state,
//! `parts` an array in the place of its content, and `misplaced` what stands in the place of the
//! delta. `holes` says what of all that a learned frame may repeat.

mod delta;
mod holes;
mod misplaced;
mod parts;

use alloc::boxed::Box;
use alloc::string::String;

use self::misplaced::Meant;
use super::chunk::{ChunkChoice, Delta};
use super::completion::{Audio, ChatCompletion, Choice, FunctionCall, ReasoningName, ToolCall};
use super::tool_calls::{CallState, ToolCalls};
use crate::engine::{
    self, AnomalyKind, Change, Effect, Held, Holes, Note, Outcome, Place, TextId, TextKind,
    ToolCallKind, ToolCallSoFar, Transcript, Values, What, read_object,
};
use crate::error::Error;
use crate::json::{Growing, RawArray, RawStr, deserialize_by};
use crate::openai::held_growing;
use crate::openai::{
    self, ChoiceState, Envelope, Message, Sink, first_choice, read_body, read_choice,
};
use crate::save::{Fault, saved};

/// The dialect of the chat completions endpoint.
pub type Chat = Envelope<ChatMessage>;

/// Folds the events of a streamed chat completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Chat>;

/// Folds the bytes of a streamed chat completion; see [`crate::Session`].
pub type Session = engine::Session<Chat>;

/// Reads a streamed chat completion from any [`std::io::Read`].
///
/// See [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Chat, R>;

/// Folds the whole body of a streamed chat completion, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::chat;
///
/// let body = br#"data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}
///
/// data: [DONE]
///
/// "#;
/// let completion = chat::fold(body).into_complete()?;
/// assert_eq!(completion.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<chat::ChatCompletion>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<ChatCompletion> {
    engine::fold::<Chat>(body)
}

/// A message as far as it has arrived.
///
/// Its content is in the choice.
#[derive(Debug, Clone, Default)]
pub struct ChatMessage {
    role: Option<String>,
    reasoning: Option<TextId>,
    /// The member in which the first text of the reasoning arrived.
    reasoning_name: ReasoningName,
    tool_calls: ToolCalls,
    rare: Option<Box<Rare>>,
}

/// The parts that few messages have.
#[derive(Debug, Clone, Default)]
struct Rare {
    refusal: Option<TextId>,
    reasoning_details: Option<RawArray>,
    /// Parts of a content array that are neither text nor thinking.
    content_parts: Option<RawArray>,
    function_name: Option<String>,
    function_arguments: Option<TextId>,
    /// Unknown members of the function call.
    function_extra: Growing,
    audio: Option<AudioState>,
    /// Some of the texts arrived in a `message` in place of a delta.
    in_messages: bool,
    /// Unknown members of the message.
    extra: Growing,
}

#[derive(Debug, Clone, Default)]
struct AudioState {
    id: Option<String>,
    expires_at: Option<u64>,
    data: Option<TextId>,
    transcript: Option<TextId>,
    extra: Growing,
}

saved!(ChatMessage { role, reasoning, reasoning_name, tool_calls, rare });
saved!(Rare {
    refusal,
    reasoning_details,
    content_parts,
    function_name,
    function_arguments,
    function_extra,
    audio,
    in_messages,
    extra,
});
saved!(AudioState { id, expires_at, data, transcript, extra });

impl ChatCompletion {
    /// Reads the body of an answer that was not streamed, and keeps every member.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        read_body::<ChatMessage>(body)
    }
}

deserialize_by!(ChatCompletion, "a completion", read_body::<ChatMessage>);
deserialize_by!(Choice, "a choice", read_choice::<ChatMessage>);
deserialize_by!(super::Message, "a message", read_message);
deserialize_by!(ToolCall, "a tool call", read_tool_call);

/// Reads a message as the reader of a body reads it.
fn read_message(json: &str) -> Result<super::Message, Error> {
    let choice = first_choice::<ChatMessage>(json, |choice, walk| {
        read_object(json, choice.delta.insert(Delta::default()), walk)
    });
    Ok(choice?.message)
}

/// Reads a tool call as the reader of a body reads it.
fn read_tool_call(json: &str) -> Result<ToolCall, Error> {
    let choice = first_choice::<ChatMessage>(json, |choice, walk| {
        let delta = choice.delta.insert(Delta::default());
        read_object(json, delta.tool_calls.push_default(), walk)
    });
    let call = choice?.message.tool_calls.into_iter().next();
    call.ok_or_else(|| Error::invalid_chunk(&"no tool call", json))
}

impl Message for ChatMessage {
    type Delta<'a> = ChunkChoice<'a>;
    type Choice = Choice;

    const NAME: &'static str = "chat";
    const OBJECT: &'static str = "chat.completion";

    fn growth(this: Option<&ChoiceState<Self>>, delta: &ChunkChoice<'_>, to: &Transcript) -> Held {
        let mut new = delta.delta.as_ref().map_or(Held::default(), |delta| delta.growth(this, to));
        if delta.misplaced.is_some() {
            new += match delta.meant(this, to) {
                Meant::Message(message) => message.growth(this, to),
                Meant::Text(text, _) => {
                    Held::bytes(to.delta_growth(this.and_then(|choice| choice.content), text))
                }
                Meant::Nothing | Meant::Again => Held::default(),
            };
        }
        new
    }

    fn held(&self) -> Held {
        let mut held = self.tool_calls.held();
        held.bytes += self.role.as_ref().map_or(0, String::len);
        let Some(rare) = &self.rare else { return held };
        let lists = [&rare.reasoning_details, &rare.content_parts];
        held.bytes += lists.into_iter().flatten().map(|list| list.as_json().len()).sum::<usize>();
        held.bytes += rare.function_name.as_ref().map_or(0, String::len);
        held += held_growing(&rare.function_extra);
        held += held_growing(&rare.extra);
        if let Some(audio) = &rare.audio {
            held.bytes += audio.id.as_ref().map_or(0, String::len);
            held += held_growing(&audio.extra);
        }
        held
    }

    fn fits(
        this: Option<&ChoiceState<Self>>,
        delta: &ChunkChoice<'_>,
        texts: &Transcript,
    ) -> Result<(), Error> {
        let message = this.map(|choice| &choice.message);
        // A delta without output may stand beside the message, and both have unknown members.
        let mut before = 0;
        if let Some(delta) = &delta.delta {
            delta.fits(message, before, texts)?;
            before = delta.extra.len();
        }
        if delta.misplaced.is_some() {
            if let Meant::Message(instead) = delta.meant(this, texts) {
                instead.fits(message, before, texts)?;
            }
        }
        Ok(())
    }

    fn fold(choice: &mut ChoiceState<Self>, delta: &ChunkChoice<'_>, to: &mut Sink<'_>) -> Effect {
        let effect = delta.delta.as_ref().map_or(Effect::Nothing, |delta| delta.fold(choice, to));
        if delta.misplaced.is_some() {
            return effect.and(delta.fold_misplaced(choice, to));
        }
        effect
    }

    fn settle(choice: &mut ChoiceState<Self>, texts: &mut Transcript) {
        let is_finished = choice.finish_reason.is_some();
        choice.message.tool_calls.settle(choice.index, is_finished, texts);
    }

    fn holes<'e>(rare: &openai::Rare, delta: &'e ChunkChoice<'_>) -> Option<Holes<'e>> {
        holes::of(rare, delta)
    }

    fn refill(choice: &mut ChoiceState<Self>, values: &Values<'_>, to: &mut Sink<'_>) {
        holes::refill(choice, values, to);
    }

    fn tell_calls(
        &mut self,
        finish_reason: Option<&str>,
        is_over: bool,
        to: &mut Sink<'_>,
    ) -> Effect {
        self.tool_calls.tell(finish_reason, is_over, to)
    }

    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        self.tool_calls.so_far(at, texts)
    }

    fn change<'a>(&'a self, note: Note, choice: u64, texts: &'a Transcript) -> Option<Change<'a>> {
        match note.what {
            What::Role => Some(Change::Role { choice, role: self.role.as_deref()? }),
            What::ToolCall => {
                let call = self.tool_calls.so_far(Place::item(choice, note.item), texts)?;
                Some(Change::ToolCall { at: call.at, id: call.id, name: call.name })
            }
            What::ToolCallDone => {
                let call = self.tool_calls.so_far(Place::item(choice, note.item), texts)?;
                Some(Change::ToolCallDone {
                    at: call.at,
                    id: call.id,
                    name: call.name.unwrap_or_default(),
                    arguments: call.arguments,
                    kind: call.kind,
                })
            }
            What::FunctionCall => {
                let name = self.rare.as_ref()?.function_name.as_deref()?;
                Some(Change::FunctionCall { choice, name })
            }
            _ => None,
        }
    }

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.tool_calls.check(texts)
    }

    fn complete(choice: ChoiceState<Self>, texts: &mut Transcript) -> Choice {
        let ChatMessage { role, reasoning, reasoning_name, tool_calls, rare } = choice.message;
        let rare = rare.map(|rare| *rare).unwrap_or_default();
        let has_function = rare.function_name.is_some() || rare.function_arguments.is_some();
        let content = texts.take(choice.content);
        let mut text = |id| texts.take(id);
        let function_call = has_function.then(|| FunctionCall {
            name: rare.function_name.unwrap_or_default(),
            arguments: text(rare.function_arguments).unwrap_or_default(),
            extra: rare.function_extra.into_unknown(),
        });
        let message = super::Message {
            role: role.unwrap_or_else(|| "assistant".into()),
            content,
            refusal: text(rare.refusal),
            reasoning_content: text(reasoning),
            reasoning_name,
            reasoning_details: rare.reasoning_details,
            audio: rare.audio.map(|audio| Audio {
                id: audio.id,
                data: text(audio.data).unwrap_or_default(),
                transcript: text(audio.transcript).unwrap_or_default(),
                expires_at: audio.expires_at,
                extra: audio.extra.into_unknown(),
            }),
            tool_calls: tool_calls
                .into_ordered()
                .into_iter()
                .map(|call| complete_call(call, texts))
                .collect(),
            function_call,
            content_parts: rare.content_parts,
            extra: rare.extra.into_unknown(),
        };
        Choice {
            index: choice.index,
            message,
            logprobs: choice.logprobs.map(|logprobs| *logprobs),
            finish_reason: choice.finish_reason,
            extra: choice.extra,
        }
    }
}

impl ChatMessage {
    /// Sets the role.
    ///
    /// The first role that is not empty counts.
    fn fold_role(&mut self, role: Option<&RawStr<'_>>, to: &mut Sink<'_>) -> Effect {
        let Some(role) = role.filter(|role| !role.is_empty()) else { return Effect::Nothing };
        if self.role.is_some() {
            to.anomaly(AnomalyKind::Repeated, "role");
            return Effect::Nothing;
        }
        to.transcript.set(&mut self.role, role);
        to.note(What::Role, 0)
    }

    fn fold_reasoning(
        &mut self,
        name: &'static str,
        text: &RawStr<'_>,
        to: &mut Sink<'_>,
    ) -> Effect {
        if self.reasoning_name.0.is_none() && !text.is_empty() {
            self.reasoning_name.0 = Some(name);
        }
        to.append_delta(&mut self.reasoning, TextKind::Reasoning, "reasoning", text)
    }
}

fn complete_call(call: CallState, texts: &mut Transcript) -> ToolCall {
    let kind = call.kind();
    let arguments = texts.take(Some(call.arguments)).unwrap_or_default();
    ToolCall {
        item: call.item,
        id: call.id,
        kind,
        call_type: call.call_type.unwrap_or_else(|| match kind {
            ToolCallKind::Custom => "custom".into(),
            _ => "function".into(),
        }),
        name: call.name.unwrap_or_default(),
        arguments,
        extra: call.extra.into_unknown(),
        function_extra: call.function_extra.into_unknown(),
    }
}
