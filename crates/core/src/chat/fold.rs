//! How a chat completion's chunks are folded.

use alloc::vec::Vec;

use crate::engine;
use crate::engine::Options;
use crate::engine::{
    CallState, ChoiceState, Endpoint, FoldChoice, Notes, Part, Sealed, State, append, finished, fold_arguments,
    keep_unknown, unknown_fits,
};
use crate::error::{ApiError, Error};
use crate::json::{self, string_inner};

use super::chunk::{AudioDelta, Chunk, ChunkChoice, Content, Delta};
use super::completion::{Audio, ChatCompletion, Choice, FunctionCall, Message, ToolCall, ToolCallKind};

/// The chat completions endpoint.
#[derive(Debug, Clone, Copy)]
pub enum Chat {}

/// Folds the events of a streamed chat completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Chat>;

/// Folds the bytes of a streamed chat completion; see [`crate::Session`].
pub type Session = engine::Session<Chat>;

impl Sealed for Chat {}

impl Endpoint for Chat {
    type Chunk<'a> = Chunk<'a>;
    type Answer = ChatCompletion;

    fn parse(data: &str) -> Result<Chunk<'_>, Error> {
        Chunk::parse(data)
    }

    fn into_owned(chunk: Chunk<'_>) -> Chunk<'static> {
        chunk.into_owned()
    }

    fn api_error(chunk: &Chunk<'_>) -> Option<ApiError> {
        chunk.api_error()
    }

    fn fold(state: &mut State, data: &str) -> Result<Option<ApiError>, Error> {
        state.fold_data::<ChunkChoice<'_>>(data)
    }

    fn fold_chunk(state: &mut State, chunk: &Chunk<'_>) -> Result<(), Error> {
        state.fold(chunk)
    }

    fn complete(state: State) -> ChatCompletion {
        ChatCompletion::from_state(ChatCompletion::OBJECT, state, complete_choice)
    }
}

impl FoldChoice for ChunkChoice<'_> {
    fn index(&self) -> Option<u64> {
        self.index
    }

    fn position(&self) -> usize {
        self.position
    }

    fn weight(&self, keep_unknown: bool) -> usize {
        let unknown = if keep_unknown { self.extra.weight() } else { 0 };
        let logprobs = self.logprobs.as_ref().map_or(0, crate::ChunkLogprobs::weight);
        let finish_reason = self.finish_reason.as_ref().map_or(0, |reason| reason.as_json().len());
        unknown + logprobs + finish_reason + self.delta.as_ref().map_or(0, |delta| delta.weight(keep_unknown))
    }

    fn fits(&self, choice: Option<&ChoiceState>, options: &Options) -> Result<(), Error> {
        let none = json::Unknown::default();
        unknown_fits(choice.map_or(&none, |choice| &choice.extra), &self.extra, options)?;
        let Some(delta) = &self.delta else { return Ok(()) };
        unknown_fits(choice.and_then(ChoiceState::message_extra).unwrap_or(&none), &delta.extra, options)?;
        if delta.tool_calls.is_empty() {
            return Ok(());
        }
        match choice {
            Some(choice) => choice.tool_calls.fits(&delta.tool_calls, options),
            None => ChoiceState::default().tool_calls.fits(&delta.tool_calls, options),
        }
    }

    fn fold(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>) {
        if let Some(delta) = &self.delta {
            delta.fold(choice, notes);
        }
        choice.fold_logprobs(self.logprobs.as_ref(), notes);
        choice.fold_finish(self.finish_reason.as_ref(), notes);
        keep_unknown(&mut choice.extra, &self.extra, notes.folded, notes.options.keep_unknown);
    }

    fn appended(&self, part: Part) -> Option<&str> {
        let delta = self.delta.as_ref()?;
        match part {
            Part::Content => match &delta.content {
                Some(Content::Text(text)) => Some(text.as_json()),
                _ => None,
            },
            // Of two that are the same, one is left out: which makes each depend on the other.
            Part::Reasoning => match (&delta.reasoning_content, &delta.reasoning, &delta.content) {
                (_, _, Some(Content::Parts(_))) => None,
                (Some(text), None, _) | (None, Some(text), _) => Some(text.as_json()),
                _ => None,
            },
            Part::Arguments => match &delta.tool_calls[..] {
                [call] if call.custom.is_none() => string_inner(call.function.as_ref()?.arguments.as_ref()?.as_str()),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Delta<'_> {
    /// Bytes that folding it may add, as they stand in the JSON.
    fn weight(&self, keep_unknown: bool) -> usize {
        let mut weight = text_weight(&self.role) + text_weight(&self.reasoning_content) + text_weight(&self.reasoning);
        weight += match &self.content {
            None => 0,
            Some(Content::Text(text)) => text.as_json().len(),
            Some(Content::Parts(parts)) => parts.as_str().len(),
        };
        for call in &self.tool_calls {
            weight += text_weight(&call.id) + text_weight(&call.call_type);
            weight += if keep_unknown { call.extra.weight() } else { 0 };
            weight += call.function.as_ref().map_or(0, |f| text_weight(&f.name) + piece_weight(&f.arguments));
            weight += call.custom.as_ref().map_or(0, |c| text_weight(&c.name) + piece_weight(&c.input));
        }
        weight + if self.has_rare() { self.rare_weight(keep_unknown) } else { 0 }
    }

    fn rare_weight(&self, keep_unknown: bool) -> usize {
        let mut weight = text_weight(&self.refusal) + if keep_unknown { self.extra.weight() } else { 0 };
        weight += self.reasoning_details.as_ref().map_or(0, |details| details.as_str().len());
        weight += self.function_call.as_ref().map_or(0, |f| text_weight(&f.name) + piece_weight(&f.arguments));
        let audio = |a: &AudioDelta<'_>| text_weight(&a.id) + text_weight(&a.data) + text_weight(&a.transcript);
        weight + self.audio.as_ref().map_or(0, audio)
    }

    fn fold(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>) {
        choice.fold_role(self.role.as_ref(), notes);
        match &self.content {
            None => {}
            Some(Content::Text(text)) => choice.fold_content(text, notes),
            Some(Content::Parts(parts)) => choice.fold_parts(parts, notes),
        }
        if let Some(reasoning) = &self.reasoning_content {
            choice.fold_reasoning(reasoning, notes);
        }
        // Servers on their way from one name to the other send both, with the same text.
        if let Some(reasoning) = self.reasoning.as_ref().filter(|&text| self.reasoning_content.as_ref() != Some(text)) {
            choice.fold_reasoning(reasoning, notes);
        }
        for fragment in &self.tool_calls {
            choice.tool_calls.fold(fragment, notes);
        }
        if self.has_rare() {
            self.fold_rare(choice, notes);
        }
    }

    fn has_rare(&self) -> bool {
        self.refusal.is_some()
            || self.reasoning_details.is_some()
            || self.function_call.is_some()
            || self.audio.is_some()
            || !self.extra.is_empty()
    }

    fn fold_rare(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>) {
        let rare = choice.rare();
        if let Some(refusal) = &self.refusal {
            append(rare.refusal.get_or_insert_default(), refusal, Part::Refusal, 0, notes);
        }
        if let Some(details) = &self.reasoning_details {
            rare.reasoning_details.get_or_insert_default().extend(details);
            *notes.changed = true;
        }
        if let Some(call) = &self.function_call {
            let arguments = rare.function_arguments.get_or_insert_default();
            if let Some(name) = call.name.as_ref().filter(|name| !name.is_empty()) {
                if rare.function_name.is_none() {
                    rare.function_name = Some(name.to_text().into_owned());
                    notes.record(Part::FunctionName, 0, 0, 0);
                }
            }
            if let Some(piece) = &call.arguments {
                fold_arguments(arguments, piece, Part::FunctionArguments, 0, notes);
            }
        }
        if let Some(audio) = &self.audio {
            audio.fold(rare.audio.get_or_insert_default(), notes);
        }
        keep_unknown(&mut rare.message, &self.extra, notes.folded, notes.options.keep_unknown);
    }
}

fn text_weight(text: &Option<json::RawStr<'_>>) -> usize {
    text.as_ref().map_or(0, |text| text.as_json().len())
}

/// Of a piece of arguments: a string's text, or what stands in its place.
fn piece_weight(piece: &Option<json::RawValue<'_>>) -> usize {
    piece.as_ref().map_or(0, |piece| piece.as_string().map_or(piece.as_str().len(), |text| text.as_json().len()))
}

impl AudioDelta<'_> {
    fn fold(&self, audio: &mut engine::AudioState, notes: &mut Notes<'_>) {
        if let Some(id) = self.id.as_ref().filter(|id| audio.id.is_none() && !id.is_empty()) {
            audio.id = Some(id.to_text().into_owned());
        }
        audio.expires_at = self.expires_at.or(audio.expires_at);
        if let Some(data) = &self.data {
            append(&mut audio.data, data, Part::AudioData, 0, notes);
        }
        if let Some(transcript) = &self.transcript {
            append(&mut audio.transcript, transcript, Part::Transcript, 0, notes);
        }
    }
}

fn complete_choice(choice: ChoiceState) -> Choice {
    let rare = choice.rare.map(|rare| *rare).unwrap_or_default();
    let text = |text: Option<json::Text>| text.map(json::Text::into_string);
    let function_call = (rare.function_name.is_some() || rare.function_arguments.is_some()).then(|| FunctionCall {
        name: rare.function_name.unwrap_or_default(),
        arguments: text(rare.function_arguments).unwrap_or_default(),
    });
    let content = text(choice.content);
    let message = Message {
        role: choice.role.unwrap_or_else(|| "assistant".into()),
        parsed: finished(choice.parser, content.as_deref().unwrap_or_default()),
        content,
        refusal: text(rare.refusal),
        reasoning_content: text(choice.reasoning),
        reasoning_details: rare.reasoning_details,
        tool_calls: choice.tool_calls.into_ordered().into_iter().map(complete_call).collect::<Vec<_>>(),
        function_call,
        audio: rare.audio.map(|audio| Audio {
            id: audio.id,
            data: audio.data.into_string(),
            transcript: audio.transcript.into_string(),
            expires_at: audio.expires_at,
        }),
        content_parts: rare.content_parts,
        // Beside the member of that name it would stand twice in the JSON.
        extra: rare.message.without("content_parts"),
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

fn complete_call(call: CallState) -> ToolCall {
    let custom = call.is_custom();
    let arguments = call.arguments.into_string();
    ToolCall {
        id: call.id,
        kind: if custom { ToolCallKind::Custom } else { ToolCallKind::Function },
        call_type: call.call_type.unwrap_or_else(|| if custom { "custom" } else { "function" }.into()),
        name: call.name.unwrap_or_default(),
        parsed_arguments: finished(call.parser, &arguments).filter(|_| !custom),
        arguments,
        extra: call.extra,
    }
}
