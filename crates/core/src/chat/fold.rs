//! The message of a chat completion as it is folded.

use alloc::boxed::Box;
use alloc::string::String;

use super::chunk::{AudioDelta, ChunkChoice, Content, Delta};
use super::completion::{Audio, ChatCompletion, Choice, FunctionCall, ToolCall, ToolCallKind};
use super::tool_calls::{CallState, ToolCalls};
#[cfg(feature = "partial")]
use crate::engine::finished;
use crate::engine::{
    self, AnomalyKind, Change, Effect, Held, Note, Options, Place, TextId, TextKind, Transcript,
    What,
};
use crate::error::Error;
use crate::json::{Growing, RawArray, RawStr, RawValue};
#[cfg(debug_assertions)]
use crate::openai::held_growing;
use crate::openai::{
    ChoiceState, Envelope, Message, Sink, deserialize_body, growth, keep_growing, read_body,
    unknown_fits,
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

impl ChatCompletion {
    /// Reads the body of an answer that was not streamed, and keeps every member. Linear in it.
    ///
    /// # Errors
    /// A body that is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        read_body::<ChatMessage>(body)
    }
}

deserialize_body!(ChatCompletion, ChatMessage);

impl Message for ChatMessage {
    type Delta<'a> = ChunkChoice<'a>;
    type Choice = Choice;

    const OBJECT: &'static str = "chat.completion";
    /// Perplexity and Writer repeat the whole message so far in every chunk, beside the delta.
    const REPEATED: Option<&'static str> = Some("message");

    fn growth(this: Option<&ChoiceState<Self>>, delta: &ChunkChoice<'_>, to: &Transcript) -> Held {
        delta.delta.as_ref().map_or(Held::default(), |delta| delta.growth(this, to))
    }

    #[cfg(debug_assertions)]
    fn held(&self) -> Held {
        let mut held = self.tool_calls.held();
        held.bytes += self.role.as_ref().map_or(0, String::len);
        let Some(rare) = &self.rare else { return held };
        let lists = [&rare.reasoning_details, &rare.content_parts];
        held.bytes += lists.into_iter().flatten().map(|list| list.as_str().len()).sum::<usize>();
        held.bytes += rare.function_name.as_ref().map_or(0, String::len);
        held += held_growing(&rare.function_extra);
        held += held_growing(&rare.extra);
        if let Some(audio) = &rare.audio {
            held.bytes += audio.id.as_ref().map_or(0, String::len);
            held += held_growing(&audio.extra);
        }
        held
    }

    fn fits(this: Option<&Self>, delta: &ChunkChoice<'_>, options: &Options) -> Result<(), Error> {
        let Some(delta) = &delta.delta else { return Ok(()) };
        if !delta.extra.is_empty() {
            let extra = this.and_then(|message| message.rare.as_ref()).map(|rare| &rare.extra);
            let has = |name: &str| extra.is_some_and(|extra| extra.contains(name));
            unknown_fits(extra.map_or(0, Growing::len), has, &delta.extra, options)?;
        }
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
            content_parts: None,
            extra: _,
        } = delta.as_ref()?
        else {
            return None;
        };
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
        let ChatMessage { role, reasoning, tool_calls, rare } = choice.message;
        let rare = rare.map(|rare| *rare).unwrap_or_default();
        let has_function = rare.function_name.is_some() || rare.function_arguments.is_some();
        let (content, _parsed) = texts.take(choice.content);
        let mut text = |id| texts.take(id).0;
        let function_call = has_function.then(|| FunctionCall {
            name: rare.function_name.unwrap_or_default(),
            arguments: text(rare.function_arguments).unwrap_or_default(),
            extra: rare.function_extra.into_unknown(),
        });
        let message = super::Message {
            role: role.unwrap_or_else(|| "assistant".into()),
            #[cfg(feature = "partial")]
            parsed: finished(_parsed, content.as_deref().unwrap_or_default()),
            content,
            refusal: text(rare.refusal),
            reasoning_content: text(reasoning),
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

impl Delta<'_> {
    /// Returns the most that folding it adds.
    fn growth(&self, choice: Option<&ChoiceState<ChatMessage>>, to: &Transcript) -> Held {
        let message = choice.map(|choice| &choice.message);
        let mut new = Held::default();
        if message.is_none_or(|message| message.role.is_none()) {
            new.bytes += text_len(&self.role);
        }
        let delta = |id: Option<TextId>, text: &Option<RawStr<'_>>| {
            text.as_ref().map_or(0, |text| to.delta_growth(id, text))
        };
        let content = choice.and_then(|choice| choice.content);
        let reasoning = message.and_then(|message| message.reasoning);
        new.bytes += match &self.content {
            None => 0,
            Some(Content::Text(text)) => to.delta_growth(content, text),
            Some(Content::Parts(parts)) => {
                let rare = message.and_then(|message| message.rare.as_ref());
                let mut has_others = rare.is_some_and(|rare| rare.content_parts.is_some());
                let mut bytes = 0;
                each_part(parts, |part| {
                    bytes += match part {
                        Part::Text(text) => to.delta_growth(content, &text),
                        Part::Reasoning(text) => to.delta_growth(reasoning, &text),
                        Part::Other(part) if to.options.keep_unknown => {
                            // A comma, or the brackets of a new array.
                            let more =
                                if core::mem::replace(&mut has_others, true) { 1 } else { 2 };
                            part.to_compact().len() + more
                        }
                        Part::Other(_) => 0,
                    };
                });
                bytes
            }
        };
        new.bytes += delta(reasoning, &self.reasoning_content);
        if self.reasoning != self.reasoning_content {
            new.bytes += delta(reasoning, &self.reasoning);
        }
        for call in &self.tool_calls {
            new += match message {
                Some(message) => message.tool_calls.growth(call, to),
                None => ToolCalls::default().growth(call, to),
            };
        }
        new += self.rare_growth(message.and_then(|message| message.rare.as_deref()), to);
        new
    }

    fn rare_growth(&self, rare: Option<&Rare>, to: &Transcript) -> Held {
        let none = Rare::default();
        let rare = rare.unwrap_or(&none);
        let text = |id: Option<TextId>, text: &Option<RawStr<'_>>| {
            text.as_ref().map_or(0, |text| to.growth(id, text))
        };
        let mut new = growth(Some(&rare.extra), &self.extra, &to.options);
        new.bytes += text(rare.refusal, &self.refusal);
        let list = |kept: &Option<RawArray>, sent: &Option<RawValue<'_>>| {
            sent.as_ref().map_or(0, |sent| RawArray::growth(kept.as_ref(), sent))
        };
        new.bytes += list(&rare.reasoning_details, &self.reasoning_details);
        new.bytes += list(&rare.content_parts, &self.content_parts);
        if let Some(call) = &self.function_call {
            if rare.function_name.is_none() {
                new.bytes += text_len(&call.name);
            }
            let piece = |piece| to.piece_growth(rare.function_arguments, piece);
            new.bytes += call.arguments.as_ref().map_or(0, piece);
            new += growth(Some(&rare.function_extra), &call.extra, &to.options);
        }
        if let Some(audio) = &self.audio {
            let none = AudioState::default();
            let kept = rare.audio.as_ref().unwrap_or(&none);
            if kept.id.is_none() {
                new.bytes += text_len(&audio.id);
            }
            new.bytes += text(kept.data, &audio.data) + text(kept.transcript, &audio.transcript);
            new += growth(Some(&kept.extra), &audio.extra, &to.options);
        }
        new
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
            effect = effect.and(message.fold_reasoning(reasoning, to));
        }
        // Servers on their way from one name to the other send both, with the same text.
        let is_new = |text: &&RawStr<'_>| self.reasoning_content.as_ref() != Some(text);
        if let Some(reasoning) = self.reasoning.as_ref().filter(is_new) {
            effect = effect.and(message.fold_reasoning(reasoning, to));
        }
        for fragment in &self.tool_calls {
            effect = effect.and(message.tool_calls.fold(fragment, to));
        }
        if !self.extra.is_empty() {
            let rare = message.rare.get_or_insert_default();
            effect = effect.and(keep_growing(&mut rare.extra, &self.extra, to.transcript));
        }
        if self.has_rare() { effect.and(self.fold_rare(message, to)) } else { effect }
    }

    fn has_rare(&self) -> bool {
        self.refusal.is_some()
            || self.reasoning_details.is_some()
            || self.function_call.is_some()
            || self.audio.is_some()
            || self.content_parts.is_some()
    }

    /// Folds what few deltas have. Its effect is never learned from.
    #[inline(never)]
    fn fold_rare(&self, message: &mut ChatMessage, to: &mut Sink<'_>) -> Effect {
        let rare = message.rare.get_or_insert_default();
        if let Some(refusal) = &self.refusal {
            let _ = to.append(&mut rare.refusal, TextKind::Refusal, "refusal", refusal);
        }
        if let Some(details) = &self.reasoning_details {
            extend(&mut rare.reasoning_details, details, to);
        }
        if let Some(parts) = self.content_parts.as_ref().filter(|_| to.options().keep_unknown) {
            extend(&mut rare.content_parts, parts, to);
        }
        if let Some(call) = &self.function_call {
            let (kind, member) = (TextKind::FunctionArguments, "function_call.arguments");
            let arguments =
                *rare.function_arguments.get_or_insert_with(|| to.open(kind, 0, member));
            if let Some(name) = call.name.as_ref().filter(|name| !name.is_empty()) {
                if rare.function_name.is_none() {
                    to.transcript.set(&mut rare.function_name, name);
                    let _ = to.note(What::FunctionCall, 0);
                }
            }
            if let Some(piece) = &call.arguments {
                let _ = to.transcript.append_piece(arguments, piece);
            }
            let _ = keep_growing(&mut rare.function_extra, &call.extra, to.transcript);
        }
        if let Some(audio) = &self.audio {
            audio.fold(rare.audio.get_or_insert_default(), to);
        }
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
        to.transcript.set(&mut self.role, role);
        to.note(What::Role, 0)
    }

    fn fold_reasoning(&mut self, text: &RawStr<'_>, to: &mut Sink<'_>) -> Effect {
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
    let mut has_others = false;
    each_part(parts, |part| match part {
        Part::Text(text) => _ = choice.fold_content(&text, to),
        Part::Reasoning(text) => _ = choice.message.fold_reasoning(&text, to),
        Part::Other(part) if to.options().keep_unknown => {
            let kept = &mut choice.message.rare.get_or_insert_default().content_parts;
            let before = kept.as_ref().map_or(0, |kept| kept.as_str().len());
            let list = kept.get_or_insert_default();
            if !has_others {
                // The first of them: the rest of the array may be as well.
                list.reserve(parts.as_str().len());
                has_others = true;
            }
            list.push(&part);
            to.transcript.replaced(before, kept.as_ref().map_or(0, |kept| kept.as_str().len()));
        }
        Part::Other(_) => {}
    });
    Effect::Other
}

/// A part of a content array.
enum Part<'p> {
    Text(RawStr<'p>),
    Reasoning(RawStr<'p>),
    Other(RawValue<'p>),
}

fn each_part(parts: &RawValue<'_>, mut each: impl FnMut(Part<'_>)) {
    for part in parts.elements() {
        let members = (part.member("type"), part.member("text"), part.member("thinking"));
        match (part.as_string(), members) {
            (Some(text), _) => each(Part::Text(text)),
            (_, (_, _, Some(thinking))) if thinking.is_array() => {
                for inner in thinking.elements() {
                    let text = inner.member("text");
                    let text = inner.as_string().or(text.as_ref().and_then(RawValue::as_string));
                    if let Some(text) = text {
                        each(Part::Reasoning(text));
                    }
                }
            }
            (_, (_, _, Some(thinking))) if thinking.as_string().is_some() => {
                each(Part::Reasoning(thinking.as_string().unwrap_or_default()));
            }
            (_, (kind, Some(text), _))
                if text.as_string().is_some()
                    && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
            {
                each(Part::Text(text.as_string().unwrap_or_default()));
            }
            _ => each(Part::Other(part.clone())),
        }
    }
}

/// Extends a list that is kept as sent, and counts what that adds.
fn extend(list: &mut Option<RawArray>, sent: &RawValue<'_>, to: &mut Sink<'_>) {
    let before = list.as_ref().map_or(0, |list| list.as_str().len());
    let list = list.get_or_insert_default();
    list.extend(sent);
    to.transcript.replaced(before, list.as_str().len());
}

/// Returns the length of a text without its escapes.
fn text_len(text: &Option<RawStr<'_>>) -> usize {
    text.as_ref().map_or(0, |text| text.to_text().len())
}

impl AudioDelta<'_> {
    fn fold(&self, audio: &mut AudioState, to: &mut Sink<'_>) {
        if let Some(id) = self.id.as_ref().filter(|id| audio.id.is_none() && !id.is_empty()) {
            to.transcript.set(&mut audio.id, id);
        }
        audio.expires_at = self.expires_at.or(audio.expires_at);
        if let Some(data) = &self.data {
            let _ = to.append(&mut audio.data, TextKind::AudioData, "audio.data", data);
        }
        if let Some(transcript) = &self.transcript {
            let (kind, member) = (TextKind::Transcript, "audio.transcript");
            let _ = to.append(&mut audio.transcript, kind, member, transcript);
        }
        let _ = keep_growing(&mut audio.extra, &self.extra, to.transcript);
    }
}

fn complete_call(call: CallState, texts: &mut Transcript) -> ToolCall {
    let custom = call.is_custom();
    let (arguments, _parsed) = texts.take(Some(call.arguments));
    let arguments = arguments.unwrap_or_default();
    ToolCall {
        id: call.id,
        kind: if custom { ToolCallKind::Custom } else { ToolCallKind::Function },
        call_type: call
            .call_type
            .unwrap_or_else(|| if custom { "custom" } else { "function" }.into()),
        name: call.name.unwrap_or_default(),
        #[cfg(feature = "partial")]
        parsed_arguments: finished(_parsed, &arguments),
        arguments,
        extra: call.extra.into_unknown(),
        function_extra: call.function_extra.into_unknown(),
    }
}
