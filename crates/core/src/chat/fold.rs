//! The message of a chat completion as it is folded.

use alloc::boxed::Box;
use alloc::string::String;

use super::chunk::{AudioDelta, ChunkChoice, Content, Delta, Misplaced};
use super::completion::{Audio, ChatCompletion, Choice, FunctionCall, ToolCall, ToolCallKind};
use super::tool_calls::{CallState, ToolCalls};
#[cfg(feature = "partial")]
use crate::engine::finished;
use crate::engine::{
    self, AnomalyKind, Change, Effect, Note, Place, TextId, TextKind, Transcript, What,
};
use crate::error::Error;
use crate::json::{RawArray, RawStr, RawValue, Unknown, string_inner};
use crate::openai::{
    ChoiceState, Envelope, Message, Sink, deserialize_body, keep_unknown, read_body, unknown_fits,
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
    audio: Option<AudioState>,
    /// Some of the texts came in a `message` in place of a delta.
    in_messages: bool,
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

    fn weight(
        this: Option<&ChoiceState<Self>>,
        delta: &ChunkChoice<'_>,
        texts: &Transcript,
    ) -> usize {
        let keep = texts.options.keep_unknown;
        let Some(instead) = delta.instead() else {
            return delta.delta.as_ref().map_or(0, |delta| delta.weight(keep));
        };
        match instead.meant(this, texts) {
            Meant::Message(message) => message.weight(keep),
            Meant::Text(text) => text.as_json().len(),
            Meant::Nothing | Meant::Again => 0,
        }
    }

    fn repeated(this: &ChoiceState<Self>, delta: &ChunkChoice<'_>, texts: &Transcript) -> usize {
        delta.delta.as_ref().map_or(0, |delta| delta.repeated(this, texts))
    }

    fn fits(
        this: Option<&ChoiceState<Self>>,
        delta: &ChunkChoice<'_>,
        texts: &Transcript,
    ) -> Result<(), Error> {
        let meant = delta.instead().map(|instead| instead.meant(this, texts));
        let delta = match (meant, &delta.delta) {
            (Some(Meant::Message(message)), _) => message,
            (None, Some(delta)) => delta,
            _ => return Ok(()),
        };
        let message = this.map(|choice| &choice.message);
        let rare = message.and_then(|message| message.rare.as_ref());
        unknown_fits(rare.map(|rare| &rare.extra), &delta.extra, &texts.options)?;
        if delta.tool_calls.is_empty() {
            return Ok(());
        }
        match message {
            Some(message) => message.tool_calls.fits(&delta.tool_calls, texts),
            None => ToolCalls::default().fits(&delta.tool_calls, texts),
        }
    }

    fn fold(choice: &mut ChoiceState<Self>, delta: &ChunkChoice<'_>, to: &mut Sink<'_>) -> Effect {
        match delta.instead() {
            None => delta.delta.as_ref().map_or(Effect::Nothing, |delta| delta.fold(choice, to)),
            Some(instead) => instead.fold(choice, to),
        }
    }

    fn settle(choice: &mut ChoiceState<Self>, texts: &mut Transcript) {
        let is_finished = choice.finish_reason.is_some();
        choice.message.tool_calls.settle(choice.index, is_finished, texts);
    }

    fn only_text<'e>(delta: &'e ChunkChoice<'_>) -> Option<&'e str> {
        let ChunkChoice {
            index: _,
            position: _,
            delta,
            logprobs: _,
            finish_reason: _,
            extra: _,
            misplaced: None,
        } = delta
        else {
            return None;
        };
        let Delta {
            role: _,
            content,
            refusal: None,
            reasoning_content,
            reasoning,
            reasoning_text,
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
        let no_reasoning =
            [reasoning_content, reasoning, reasoning_text].into_iter().all(is_absent);
        match (reasoning_content, reasoning, reasoning_text, &tool_calls[..]) {
            // Of reasonings that are the same one counts, so each depends on the others.
            (Some(text), None, None, [])
            | (None, Some(text), None, [])
            | (None, None, Some(text), [])
                if no_content && !text.is_empty() =>
            {
                Some(text.as_json())
            }
            (_, _, _, []) if no_reasoning => match content {
                Some(Content::Text(text)) => Some(text.as_json()),
                _ => None,
            },
            (_, _, _, [call]) if no_content && no_reasoning => call.only_arguments(),
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
            }),
            tool_calls: tool_calls
                .into_ordered()
                .into_iter()
                .map(|call| complete_call(call, texts))
                .collect(),
            function_call,
            content_parts: rare.content_parts,
            // Beside the member of that name it would stand twice in the JSON.
            extra: rare.extra.without("content_parts"),
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
    /// Returns the bytes that folding it may add, as they stand in the JSON.
    fn weight(&self, keep_unknown: bool) -> usize {
        let mut weight = text_weight(&self.role);
        weight += text_weight(&self.reasoning_content) + text_weight(&self.reasoning);
        weight += text_weight(&self.reasoning_text);
        weight += match &self.content {
            None => 0,
            Some(Content::Text(text)) => text.as_json().len(),
            Some(Content::Parts(parts)) => parts.as_str().len(),
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
        weight += self.reasoning_details.as_ref().map_or(0, |details| details.as_str().len());
        weight += self
            .function_call
            .as_ref()
            .map_or(0, |f| text_weight(&f.name) + piece_weight(&f.arguments));
        let audio = |a: &AudioDelta<'_>| {
            text_weight(&a.id) + text_weight(&a.data) + text_weight(&a.transcript)
        };
        weight + self.audio.as_ref().map_or(0, audio)
    }

    /// Returns how many of those bytes repeat what is folded, if deltas are cumulative.
    fn repeated(&self, choice: &ChoiceState<ChatMessage>, texts: &Transcript) -> usize {
        let of = |text: Option<TextId>, delta: &RawStr<'_>| {
            text.map_or(0, |text| texts.repeated(text, delta))
        };
        let message = &choice.message;
        let mut repeated = match &self.content {
            Some(Content::Text(text)) => of(choice.content, text),
            _ => 0,
        };
        for reasoning in self.reasonings() {
            repeated += of(message.reasoning, reasoning);
        }
        if let Some(rare) = &message.rare {
            repeated += self.refusal.as_ref().map_or(0, |text| of(rare.refusal, text));
            let arguments = self.function_call.as_ref().and_then(|call| call.arguments.as_ref());
            if let (Some(text), Some(piece)) = (rare.function_arguments, arguments) {
                repeated += texts.repeated_piece(text, piece);
            }
        }
        repeated + message.tool_calls.repeated(&self.tool_calls, texts)
    }

    fn has_reasoning(&self) -> bool {
        self.reasoning_content.is_some()
            || self.reasoning.is_some()
            || self.reasoning_text.is_some()
    }

    /// Returns the reasoning under each of its names, but once if several have the same.
    ///
    /// Servers on their way from one name to another send both.
    fn reasonings(&self) -> impl Iterator<Item = &RawStr<'_>> {
        let names = [&self.reasoning_content, &self.reasoning, &self.reasoning_text];
        let is_first = move |at: usize| !names[..at].contains(&names[at]);
        (0..names.len()).filter(move |&at| is_first(at)).filter_map(move |at| names[at].as_ref())
    }

    /// Reports whether the model says something with it; a role is nothing.
    fn has_output(&self) -> bool {
        let is_text =
            |text: &Option<RawStr<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
        let has_content = match &self.content {
            None => false,
            Some(Content::Text(text)) => !text.is_empty(),
            Some(Content::Parts(_)) => true,
        };
        has_content
            || is_text(&self.refusal)
            || self.reasonings().any(|text| !text.is_empty())
            || !self.tool_calls.is_empty()
            || self.function_call.is_some()
            || self.audio.is_some()
    }

    fn fold(&self, choice: &mut ChoiceState<ChatMessage>, to: &mut Sink<'_>) -> Effect {
        let mut effect = choice.message.fold_role(self.role.as_ref(), to);
        effect = effect.and(match &self.content {
            None => Effect::Nothing,
            Some(Content::Text(text)) => choice.fold_content(text, to),
            Some(Content::Parts(parts)) => fold_parts(choice, parts, to),
        });
        let message = &mut choice.message;
        if self.has_reasoning() {
            for reasoning in self.reasonings() {
                effect = effect.and(message.fold_reasoning(reasoning, to));
            }
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
            let _ = to.append_delta(&mut rare.refusal, TextKind::Refusal, "refusal", refusal);
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

/// The part of a choice's misplaced members that is folded.
enum Meant<'m, 'a> {
    /// The message, as if it were the delta.
    Message(&'m Delta<'a>),
    /// The text, as if it were the delta's content.
    Text(&'m RawStr<'a>),
    /// Nothing: the message holds the texts that came in deltas.
    Again,
    Nothing,
}

impl<'a> Misplaced<'a> {
    /// Returns the part that is folded.
    ///
    /// A message is, if the choice has no text yet, or all of its texts came in messages.
    fn meant(
        &self,
        choice: Option<&ChoiceState<ChatMessage>>,
        texts: &Transcript,
    ) -> Meant<'_, 'a> {
        match (&self.message, &self.text) {
            (Some(message), _) => {
                let is_again = message.has_output()
                    && choice.is_some_and(|choice| {
                        has_text(choice, texts) && !choice.message.is_in_messages()
                    });
                if is_again { Meant::Again } else { Meant::Message(message) }
            }
            (None, Some(text)) => Meant::Text(text),
            (None, None) => Meant::Nothing,
        }
    }

    #[inline(never)]
    fn fold(&self, choice: &mut ChoiceState<ChatMessage>, to: &mut Sink<'_>) -> Effect {
        match self.meant(Some(choice), to.transcript) {
            Meant::Message(message) if !message.has_output() => _ = message.fold(choice, to),
            Meant::Message(message) => {
                to.anomaly(AnomalyKind::Misplaced, "choices.message");
                // A second message is the whole once more, or else the next piece.
                let is_second = has_text(choice, to.transcript);
                choice.message.rare.get_or_insert_default().in_messages = true;
                let options = to.transcript.options;
                to.transcript.options.cumulative |= is_second;
                let _ = message.fold(choice, to);
                to.transcript.options = options;
            }
            Meant::Text(text) => {
                if !text.is_empty() {
                    to.anomaly(AnomalyKind::Misplaced, "choices.text");
                }
                let _ = choice.fold_content(text, to);
            }
            Meant::Again => to.anomaly(AnomalyKind::Repeated, "choices.message"),
            Meant::Nothing => {}
        }
        Effect::Other
    }
}

/// Reports whether the choice has output of the model.
fn has_text(choice: &ChoiceState<ChatMessage>, texts: &Transcript) -> bool {
    let message = &choice.message;
    let refusal = message.rare.as_ref().and_then(|rare| rare.refusal);
    let has = |text: Option<TextId>| text.is_some_and(|text| !texts.is_empty(text));
    has(choice.content) || has(message.reasoning) || has(refusal) || !message.tool_calls.is_empty()
}

impl ChatMessage {
    fn is_in_messages(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.in_messages)
    }

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
    for part in parts.elements() {
        let members = (part.member("type"), part.member("text"), part.member("thinking"));
        match (part.as_string(), members) {
            (Some(text), _) => _ = choice.fold_content(&text, to),
            (_, (_, _, Some(thinking))) if thinking.is_array() => {
                for inner in thinking.elements() {
                    let text = inner.member("text");
                    let text = inner.as_string().or(text.as_ref().and_then(RawValue::as_string));
                    if let Some(text) = text {
                        let _ = choice.message.fold_reasoning(&text, to);
                    }
                }
            }
            (_, (_, _, Some(thinking))) if thinking.as_string().is_some() => {
                let text = thinking.as_string().unwrap_or_default();
                let _ = choice.message.fold_reasoning(&text, to);
            }
            (_, (kind, Some(text), _))
                if text.as_string().is_some()
                    && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
            {
                let _ = choice.fold_content(&text.as_string().unwrap_or_default(), to);
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

/// Returns the weight of a piece of arguments: a string's text, or the value in its place.
fn piece_weight(piece: &Option<RawValue<'_>>) -> usize {
    let len =
        |piece: &RawValue<'_>| string_inner(piece.as_str()).map_or(piece.as_str().len(), str::len);
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
        extra: call.extra,
    }
}
