//! The message of a chat completion as it is folded.

use alloc::boxed::Box;
use alloc::string::String;

use super::chunk::{AudioDelta, ChunkChoice, Content, Delta};
use super::completion::{
    Audio, ChatCompletion, Choice, FunctionCall, ReasoningName, ToolCall, ToolCallKind,
};
use super::tool_calls::{CallState, ToolCalls};
use crate::engine::{
    self, AnomalyKind, Change, Effect, Note, Options, Place, TextId, TextKind, Transcript, What,
};
use crate::error::Error;
use crate::json::{RawArray, RawStr, RawValue, Unknown, deserialize_by, string_inner};
use crate::openai::{
    ChoiceState, Envelope, Message, Sink, first_choice, keep_unknown, read_body, read_choice,
    read_object, unknown_fits,
};

/// The dialect of the chat completions endpoint.
pub type Chat = Envelope<ChatMessage>;

/// Folds the events of a streamed chat completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Chat>;

/// Folds the bytes of a streamed chat completion; see [`crate::Session`].
pub type Session = engine::Session<Chat>;

/// A message as far as it came. Its content is in the choice.
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
    audio: Option<AudioState>,
    /// Unknown members of the message.
    extra: Unknown<'static>,
}

#[derive(Debug, Clone, Default)]
struct AudioState {
    id: Option<String>,
    expires_at: Option<u64>,
    data: Option<TextId>,
    transcript: Option<TextId>,
}

impl ChatCompletion {
    /// Reads the body of an answer that was not streamed, and keeps every member.
    ///
    /// Linear in the body.
    ///
    /// # Errors
    /// A body that is not JSON, is not an object, or is an error body.
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

    const OBJECT: &'static str = "chat.completion";

    fn weight(delta: &ChunkChoice<'_>, keep_unknown: bool) -> usize {
        delta.delta.as_ref().map_or(0, |delta| delta.weight(keep_unknown))
    }

    fn fits(this: Option<&Self>, delta: &ChunkChoice<'_>, options: &Options) -> Result<(), Error> {
        let Some(delta) = &delta.delta else { return Ok(()) };
        let rare = this.and_then(|message| message.rare.as_ref());
        unknown_fits(rare.map(|rare| &rare.extra), &delta.extra, options)?;
        if delta.tool_calls.is_empty() {
            return Ok(());
        }
        match this {
            Some(message) => message.tool_calls.fits(&delta.tool_calls, options),
            None => ToolCalls::default().fits(&delta.tool_calls, options),
        }
    }

    fn fold(choice: &mut ChoiceState<Self>, delta: &ChunkChoice<'_>, to: &mut Sink<'_>) -> Effect {
        delta.delta.as_ref().map_or(Effect::Nothing, |delta| delta.fold(choice, to))
    }

    fn only_text<'e>(delta: &'e ChunkChoice<'_>) -> Option<&'e str> {
        let ChunkChoice { index: _, position: _, delta, logprobs: _, finish_reason: _, extra: _ } =
            delta;
        let Delta {
            role: _,
            content,
            refusal: None,
            reasoning_content,
            reasoning,
            reasoning_details: None,
            tool_calls,
            function_call: None,
            audio: None,
            extra,
        } = delta.as_ref()?
        else {
            return None;
        };
        if !extra.is_empty() {
            return None;
        }
        // Empty strings beside the text append nothing, whatever the text is.
        let is_absent = |text: &Option<RawStr<'_>>| text.as_ref().is_none_or(RawStr::is_empty);
        let no_content = match content {
            None => true,
            Some(Content::Text(text)) => text.is_empty(),
            Some(Content::Parts(_)) => return None,
        };
        match (reasoning_content, reasoning, &tool_calls[..]) {
            // Of two reasonings that are the same one is left out, so each depends on the other.
            (Some(text), None, []) | (None, Some(text), []) if no_content && !text.is_empty() => {
                Some(text.as_json())
            }
            (one, other, []) if is_absent(one) && is_absent(other) => match content {
                Some(Content::Text(text)) => Some(text.as_json()),
                _ => None,
            },
            (one, other, [call]) if no_content && is_absent(one) && is_absent(other) => {
                call.only_arguments()
            }
            _ => None,
        }
    }

    fn change(&self, note: Note, choice: u64) -> Option<Change<'_>> {
        match note.what {
            What::Role => Some(Change::Role { choice, role: self.role.as_deref()? }),
            What::ToolCall => {
                let call = self.tool_calls.get(note.item as usize)?;
                let at = Place::item(choice, note.item);
                Some(Change::ToolCall { at, id: call.id.as_deref(), name: call.name.as_deref() })
            }
            What::FunctionCall => {
                let name = self.rare.as_ref()?.function_name.as_deref()?;
                Some(Change::FunctionCall { choice, name })
            }
            _ => None,
        }
    }

    fn complete(choice: ChoiceState<Self>, texts: &mut Transcript) -> Choice {
        let ChatMessage { role, reasoning, reasoning_name, tool_calls, rare } = choice.message;
        let rare = rare.map(|rare| *rare).unwrap_or_default();
        let mut content_parts = rare.content_parts;
        if texts.whole_body {
            // A message that was serialised here and is read again.
            if let Some(parts) = rare.extra.get("content_parts").filter(|parts| parts.is_array()) {
                content_parts.get_or_insert_default().extend(parts);
            }
        }
        let has_function = rare.function_name.is_some() || rare.function_arguments.is_some();
        let content = texts.take(choice.content);
        let mut text = |id| texts.take(id);
        let function_call = has_function.then(|| FunctionCall {
            name: rare.function_name.unwrap_or_default(),
            arguments: text(rare.function_arguments).unwrap_or_default(),
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
            }),
            tool_calls: tool_calls
                .into_ordered()
                .into_iter()
                .map(|call| complete_call(call, texts))
                .collect(),
            function_call,
            content_parts,
            // Beside the member of that name it would stand twice in the JSON.
            extra: rare.extra.without("content_parts"),
        };
        Choice {
            index: choice.index,
            message,
            logprobs: choice.logprobs.map(|logprobs| *logprobs),
            finish_reason: choice.finish_reason,
            // Perplexity repeats the whole message in every chunk, beside the delta.
            extra: choice.extra.without("message"),
        }
    }
}

impl Delta<'_> {
    /// Returns the bytes that folding it may add, as they stand in the JSON.
    fn weight(&self, keep_unknown: bool) -> usize {
        let mut weight = text_weight(&self.role);
        weight += text_weight(&self.reasoning_content) + text_weight(&self.reasoning);
        weight += match &self.content {
            None => 0,
            Some(Content::Text(text)) => text.as_json().len(),
            Some(Content::Parts(parts)) => parts.as_json().len(),
        };
        for call in &self.tool_calls {
            weight += text_weight(&call.id) + text_weight(&call.call_type);
            weight += if keep_unknown { call.extra.weight() } else { 0 };
            weight += call
                .function
                .as_ref()
                .map_or(0, |f| text_weight(&f.name) + piece_weight(&f.arguments));
            weight +=
                call.custom.as_ref().map_or(0, |c| text_weight(&c.name) + piece_weight(&c.input));
        }
        weight + if self.has_rare() { self.rare_weight(keep_unknown) } else { 0 }
    }

    fn rare_weight(&self, keep_unknown: bool) -> usize {
        let mut weight = text_weight(&self.refusal);
        weight += if keep_unknown { self.extra.weight() } else { 0 };
        weight += self.reasoning_details.as_ref().map_or(0, |details| details.as_json().len());
        weight += self
            .function_call
            .as_ref()
            .map_or(0, |f| text_weight(&f.name) + piece_weight(&f.arguments));
        let audio = |a: &AudioDelta<'_>| {
            text_weight(&a.id) + text_weight(&a.data) + text_weight(&a.transcript)
        };
        weight + self.audio.as_ref().map_or(0, audio)
    }

    fn fold(&self, choice: &mut ChoiceState<ChatMessage>, to: &mut Sink<'_>) -> Effect {
        let mut effect = choice.message.fold_role(self.role.as_ref(), to);
        effect = effect.and(match &self.content {
            None => Effect::Nothing,
            Some(Content::Text(text)) => choice.fold_content(text, to),
            Some(Content::Parts(parts)) => fold_parts(choice, parts, to),
        });
        let message = &mut choice.message;
        if let Some(reasoning) = &self.reasoning_content {
            effect = effect.and(message.fold_reasoning("reasoning_content", reasoning, to));
        }
        // Servers on their way from one name to the other send both, with the same text.
        let is_new = |text: &&RawStr<'_>| self.reasoning_content.as_ref() != Some(text);
        if let Some(reasoning) = self.reasoning.as_ref().filter(is_new) {
            effect = effect.and(message.fold_reasoning("reasoning", reasoning, to));
        }
        for fragment in &self.tool_calls {
            effect = effect.and(message.tool_calls.fold(fragment, to));
        }
        if self.has_rare() { effect.and(self.fold_rare(message, to)) } else { effect }
    }

    fn has_rare(&self) -> bool {
        self.refusal.is_some()
            || self.reasoning_details.is_some()
            || self.function_call.is_some()
            || self.audio.is_some()
            || !self.extra.is_empty()
    }

    /// Folds what few deltas have. Its effect is never learned from.
    #[inline(never)]
    fn fold_rare(&self, message: &mut ChatMessage, to: &mut Sink<'_>) -> Effect {
        let rare = message.rare.get_or_insert_default();
        if let Some(refusal) = &self.refusal {
            let _ = to.append(&mut rare.refusal, TextKind::Refusal, "refusal", refusal);
        }
        if let Some(details) = &self.reasoning_details {
            rare.reasoning_details.get_or_insert_default().extend(details);
        }
        if let Some(call) = &self.function_call {
            let (kind, member) = (TextKind::FunctionArguments, "function_call.arguments");
            let arguments =
                *rare.function_arguments.get_or_insert_with(|| to.open(kind, 0, member));
            if let Some(name) = call.name.as_ref().filter(|name| !name.is_empty()) {
                if rare.function_name.is_none() {
                    rare.function_name = Some(name.to_text().into_owned());
                    let _ = to.note(What::FunctionCall, 0);
                }
            }
            if let Some(piece) = &call.arguments {
                let _ = to.transcript.append_piece(arguments, piece);
            }
        }
        if let Some(audio) = &self.audio {
            audio.fold(rare.audio.get_or_insert_default(), to);
        }
        let _ = keep_unknown(&mut rare.extra, &self.extra, to.transcript);
        Effect::Other
    }
}

impl ChatMessage {
    /// The first role that is not empty counts.
    fn fold_role(&mut self, role: Option<&RawStr<'_>>, to: &mut Sink<'_>) -> Effect {
        let Some(role) = role.filter(|role| !role.is_empty()) else { return Effect::Nothing };
        if self.role.is_some() {
            to.anomaly(AnomalyKind::Repeated, "role");
            return Effect::Nothing;
        }
        self.role = Some(role.to_text().into_owned());
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

/// Folds an array in the place of content, as Mistral's reasoning models send it.
///
/// Its `text` parts are content, its `thinking` parts hold reasoning. Others (`reference`) are
/// kept, as sent, if unknown members are.
fn fold_parts(
    choice: &mut ChoiceState<ChatMessage>,
    parts: &RawValue<'_>,
    to: &mut Sink<'_>,
) -> Effect {
    for part in parts.elements() {
        let members = (part.member("type"), part.member("text"), part.member("thinking"));
        match (part.as_raw_str(), members) {
            (Some(text), _) => _ = choice.fold_content(&text, to),
            (_, (_, _, Some(thinking))) if thinking.is_array() => {
                for inner in thinking.elements() {
                    let text = inner.member("text");
                    let text = inner.as_raw_str().or(text.as_ref().and_then(RawValue::as_raw_str));
                    if let Some(text) = text {
                        let _ = choice.message.fold_reasoning(ReasoningName::THINKING, &text, to);
                    }
                }
            }
            (_, (_, _, Some(thinking))) if thinking.as_raw_str().is_some() => {
                let text = thinking.as_raw_str().unwrap_or_default();
                let _ = choice.message.fold_reasoning(ReasoningName::THINKING, &text, to);
            }
            (_, (kind, Some(text), _))
                if text.as_raw_str().is_some()
                    && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
            {
                let _ = choice.fold_content(&text.as_raw_str().unwrap_or_default(), to);
            }
            _ if to.options().keep_unknown => {
                let rare = choice.message.rare.get_or_insert_default();
                rare.content_parts.get_or_insert_default().push(&part);
            }
            _ => {}
        }
    }
    Effect::Other
}

fn text_weight(text: &Option<RawStr<'_>>) -> usize {
    text.as_ref().map_or(0, |text| text.as_json().len())
}

/// Returns the weight of a piece of arguments.
///
/// A piece is a string's text, or the value in its place.
fn piece_weight(piece: &Option<RawValue<'_>>) -> usize {
    let len = |piece: &RawValue<'_>| {
        string_inner(piece.as_json()).map_or(piece.as_json().len(), str::len)
    };
    piece.as_ref().map_or(0, len)
}

impl AudioDelta<'_> {
    fn fold(&self, audio: &mut AudioState, to: &mut Sink<'_>) {
        if let Some(id) = self.id.as_ref().filter(|id| audio.id.is_none() && !id.is_empty()) {
            audio.id = Some(id.to_text().into_owned());
        }
        audio.expires_at = self.expires_at.or(audio.expires_at);
        if let Some(data) = &self.data {
            let _ = to.append(&mut audio.data, TextKind::AudioData, "audio.data", data);
        }
        if let Some(transcript) = &self.transcript {
            let (kind, member) = (TextKind::Transcript, "audio.transcript");
            let _ = to.append(&mut audio.transcript, kind, member, transcript);
        }
    }
}

fn complete_call(call: CallState, texts: &mut Transcript) -> ToolCall {
    let custom = call.is_custom();
    let arguments = texts.take(Some(call.arguments)).unwrap_or_default();
    ToolCall {
        id: call.id,
        kind: if custom { ToolCallKind::Custom } else { ToolCallKind::Function },
        call_type: call
            .call_type
            .unwrap_or_else(|| if custom { "custom" } else { "function" }.into()),
        name: call.name.unwrap_or_default(),
        arguments,
        extra: call.extra,
    }
}
