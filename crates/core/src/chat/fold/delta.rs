//! A delta: the limits it has to fit, the most that it adds, and its fold.
//!
//! The growth is known before anything is folded, so `growth` and `fold` go through the same
//! members.

use super::parts::{Part, each_part, fold_parts};
use super::{AudioState, ChatMessage, Rare};
use crate::chat::chunk::{AudioDelta, Content, Delta};
use crate::chat::tool_calls::ToolCalls;
use crate::engine::{AnomalyKind, Effect, Held, TextId, TextKind, Transcript, What};
use crate::error::Error;
use crate::json::{Growing, RawArray, RawStr, RawValue};
use crate::openai::{ChoiceState, Sink, growth, keep_growing, unknown_fits};

impl Delta<'_> {
    /// Checks that a message stays within the limits of each list with it.
    ///
    /// `before` is the number of unknown members that the same chunk adds before.
    pub(super) fn fits(
        &self,
        message: Option<&ChatMessage>,
        before: usize,
        texts: &Transcript,
    ) -> Result<(), Error> {
        if !self.extra.is_empty() {
            let extra = message.and_then(|message| message.rare.as_ref()).map(|rare| &rare.extra);
            let has = |name: &str| extra.is_some_and(|extra| extra.contains(name));
            let count = extra.map_or(0, Growing::len) + before;
            unknown_fits(count, has, &self.extra, &texts.options)?;
        }
        if self.tool_calls.is_empty() {
            return Ok(());
        }
        match message {
            Some(message) => message.tool_calls.fits(&self.tool_calls, texts),
            None => ToolCalls::default().fits(&self.tool_calls, texts),
        }
    }

    /// Returns an upper bound of what folding the delta adds.
    pub(super) fn growth(
        &self,
        choice: Option<&ChoiceState<ChatMessage>>,
        to: &Transcript,
    ) -> Held {
        let message = choice.map(|choice| &choice.message);
        let mut new = Held::default();
        if message.is_none_or(|message| message.role.is_none()) {
            new.bytes += text_len(&self.role);
        }
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
        for (_, text) in self.reasonings() {
            new.bytes += to.delta_growth(reasoning, text);
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
        new.bytes += self.refusal.as_ref().map_or(0, |text| to.delta_growth(rare.refusal, text));
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

    pub(super) fn fold(&self, choice: &mut ChoiceState<ChatMessage>, to: &mut Sink<'_>) -> Effect {
        let mut effect = choice.message.fold_role(self.role.as_ref(), to);
        effect = effect.and(match &self.content {
            None => Effect::Nothing,
            Some(Content::Text(text)) => choice.fold_content(text, to),
            Some(Content::Parts(parts)) => fold_parts(choice, parts, to),
        });
        let message = &mut choice.message;
        if self.has_reasoning() {
            for (name, reasoning) in self.reasonings() {
                effect = effect.and(message.fold_reasoning(name, reasoning, to));
            }
        }
        for fragment in &self.tool_calls {
            effect = effect.and(message.tool_calls.fold(fragment, to));
        }
        if !self.extra.is_empty() {
            let rare = message.rare.get_or_insert_default();
            let volatile = &mut to.rare.get_or_insert_default().of_message;
            let extra = &mut rare.extra;
            effect = effect.and(keep_growing(extra, &self.extra, Some(volatile), to.transcript));
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

    /// Folds the members that few deltas have.
    ///
    /// Only reasoning details are learned from, as a hole.
    #[inline(never)]
    fn fold_rare(&self, message: &mut ChatMessage, to: &mut Sink<'_>) -> Effect {
        let rare = message.rare.get_or_insert_default();
        if let Some(refusal) = &self.refusal {
            let _ = to.append_delta(&mut rare.refusal, TextKind::Refusal, "refusal", refusal);
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
                match &rare.function_name {
                    None => {
                        to.transcript.set(&mut rare.function_name, name);
                        let _ = to.note(What::FunctionCall, 0);
                    }
                    Some(kept) if *name != kept.as_str() => {
                        to.anomaly(AnomalyKind::Changed, "function_call.name");
                    }
                    Some(_) => {}
                }
            }
            if let Some(piece) = &call.arguments {
                let _ = to.transcript.append_piece(arguments, piece);
            }
            let _ = keep_growing(&mut rare.function_extra, &call.extra, None, to.transcript);
        }
        if let Some(audio) = &self.audio {
            audio.fold(rare.audio.get_or_insert_default(), to);
        }
        let has_others = self.refusal.is_some()
            || self.function_call.is_some()
            || self.audio.is_some()
            || self.content_parts.is_some();
        Effect::set(has_others)
    }
}

impl AudioDelta<'_> {
    fn fold(&self, audio: &mut AudioState, to: &mut Sink<'_>) {
        if let Some(id) = self.id.as_ref().filter(|id| !id.is_empty()) {
            match &audio.id {
                None => to.transcript.set(&mut audio.id, id),
                Some(before) if id == before.as_str() => {}
                Some(_) => to.anomaly(AnomalyKind::Changed, "audio.id"),
            }
        }
        audio.expires_at = self.expires_at.or(audio.expires_at);
        if let Some(data) = &self.data {
            let _ = to.append(&mut audio.data, TextKind::AudioData, "audio.data", data);
        }
        if let Some(transcript) = &self.transcript {
            let (kind, member) = (TextKind::Transcript, "audio.transcript");
            let _ = to.append(&mut audio.transcript, kind, member, transcript);
        }
        let _ = keep_growing(&mut audio.extra, &self.extra, None, to.transcript);
    }
}

/// Extends a list that is kept as sent, and counts what that adds.
fn extend(list: &mut Option<RawArray>, sent: &RawValue<'_>, to: &mut Sink<'_>) {
    let before = list.as_ref().map_or(0, |list| list.as_json().len());
    let list = list.get_or_insert_default();
    list.extend(sent);
    to.transcript.replaced(before, list.as_json().len());
}

/// Returns the length of a text without its escapes.
fn text_len(text: &Option<RawStr<'_>>) -> usize {
    text.as_ref().map_or(0, |text| text.to_text().len())
}
