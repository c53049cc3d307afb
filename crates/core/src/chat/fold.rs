//! The message of a chat completion as it is folded.

use alloc::boxed::Box;
use alloc::string::String;

use super::chunk::{AudioDelta, ChunkChoice, Content, Delta, Misplaced};
use super::completion::{Audio, ChatCompletion, Choice, FunctionCall, ReasoningName, ToolCall};
use super::tool_calls::{CallState, ToolCalls};
use crate::engine::{
    self, AnomalyKind, Change, Effect, Held, Hole, Holes, Note, Outcome, Place, TextId, TextKind,
    ToolCallKind, ToolCallSoFar, Transcript, Values, What, range_in, read_object,
};
use crate::error::Error;
use crate::json::{Growing, RawArray, RawStr, RawValue, deserialize_by};
use crate::openai::held_growing;
use crate::openai::{
    self, ChoiceState, Envelope, Message, Sink, first_choice, growth, hole, keep_growing,
    read_body, read_choice, unknown_fits,
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
        let ChunkChoice {
            index: _,
            position: _,
            delta,
            logprobs,
            finish_reason: _,
            extra: of_choice,
            misplaced,
        } = delta;
        let delta = delta.as_ref()?;
        let mut holes = Holes::of(delta.only_text()?);
        if let Some(misplaced) = misplaced {
            // Beside a delta with output they mean nothing, whatever they are.
            let Misplaced { message, text, usage: None } = &**misplaced else { return None };
            let message = message.as_ref().and_then(|message| match &message.content {
                Some(Content::Text(text)) => Some(text),
                _ => None,
            });
            // A text that is kept as an unknown member is a hole of that, if it changes.
            let is_kept = ["text", "content"].iter().any(|name| of_choice.get(name).is_some());
            let text = text.as_ref().map(|(text, _)| text).filter(|_| !is_kept);
            holes.values[hole::BESIDE] = match (message, text) {
                (None, None) => None,
                (Some(text), None) | (None, Some(text)) => Some(Hole::Ignored(text.as_json())),
                (Some(_), Some(_)) => return None,
            };
            holes.needs_text = true;
        }
        let growing = rare.of_message.hole(&delta.extra).ok()?;
        let details = match &delta.reasoning_details {
            None => None,
            Some(details) => details_hole(details)?,
        };
        holes.values[hole::MESSAGE] = match (growing, details) {
            (Some(_), Some(_)) => return None,
            (growing, details) => growing.or(details),
        };
        if let Some(logprobs) = logprobs.as_ref().filter(|logprobs| !logprobs.is_empty()) {
            let (kind, list) = logprobs.only_list()?;
            if delta.kind_of(holes.text)? != kind {
                return None;
            }
            holes.values[hole::LOGPROBS] = Some(Hole::Value(list.as_json()));
        }
        (!holes.needs_text || !holes.text.is_empty()).then_some(holes)
    }

    fn refill(choice: &mut ChoiceState<Self>, values: &Values<'_>, to: &mut Sink<'_>) {
        let (details, member) = (values.text(hole::MESSAGE), values.value(hole::MESSAGE));
        if details.is_none() && member.is_none() {
            return;
        }
        let rare = choice.message.rare.get_or_insert_default();
        if let Some(details) = details {
            let list = rare.reasoning_details.get_or_insert_default();
            let before = list.as_json().len();
            list.push_text(details);
            to.transcript.replaced(before, list.as_json().len());
        }
        if let Some(volatile) = to.rare {
            volatile.of_message.keep_growing(&mut rare.extra, member, to.transcript);
        }
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

impl Delta<'_> {
    /// Checks that a message stays within the limits of each list with it.
    ///
    /// `before` is the number of unknown members that the same chunk adds before.
    fn fits(
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
    fn growth(&self, choice: Option<&ChoiceState<ChatMessage>>, to: &Transcript) -> Held {
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

    /// Returns the only string that the delta appends, if it has one.
    ///
    /// Its unknown members and its reasoning details are not looked at.
    fn only_text(&self) -> Option<&str> {
        let Delta {
            role: _,
            content,
            refusal: None,
            reasoning_content,
            reasoning,
            reasoning_text,
            reasoning_details: _,
            tool_calls,
            function_call: None,
            audio: None,
            content_parts: None,
            extra: _,
        } = self
        else {
            return None;
        };
        // Empty strings beside the text append nothing, whatever the text is.
        let is_absent = |text: &Option<RawStr<'_>>| text.as_ref().is_none_or(RawStr::is_empty);
        let no_content = match content {
            None => true,
            Some(Content::Text(text)) => text.is_empty(),
            Some(Content::Parts(parts)) => {
                let is_alone = tool_calls.is_empty()
                    && [reasoning_content, reasoning, reasoning_text].into_iter().all(is_absent);
                return only_part(parts).filter(|_| is_alone);
            }
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

    /// Returns the kind of a text of the delta, if it is content or reasoning.
    fn kind_of(&self, text: &str) -> Option<TextKind> {
        let is_it = |member: &RawStr<'_>| core::ptr::eq(member.as_json(), text);
        let reasonings = [&self.reasoning_content, &self.reasoning, &self.reasoning_text];
        match &self.content {
            Some(Content::Text(content)) if is_it(content) => Some(TextKind::Content),
            _ if reasonings.into_iter().flatten().any(is_it) => Some(TextKind::Reasoning),
            _ => None,
        }
    }

    fn has_reasoning(&self) -> bool {
        self.reasoning_content.is_some()
            || self.reasoning.is_some()
            || self.reasoning_text.is_some()
    }

    /// Returns the reasoning under each of its names, without repetitions.
    ///
    /// Servers on their way from one name to another send both.
    fn reasonings(&self) -> impl Iterator<Item = (&'static str, &RawStr<'_>)> {
        let names = ["reasoning_content", "reasoning", "reasoning_text"];
        let texts = [&self.reasoning_content, &self.reasoning, &self.reasoning_text];
        // They may be escaped in two ways.
        let is_same = |one: &RawStr<'_>, other: &RawStr<'_>| one.to_text() == other.to_text();
        let is_said = move |text: &RawStr<'_>, at: usize| {
            texts[..at].iter().copied().flatten().any(|earlier| is_same(earlier, text))
        };
        let named = move |at: usize| texts[at].as_ref().map(|text| (names[at], text));
        (0..names.len()).filter_map(move |at| named(at).filter(|(_, text)| !is_said(text, at)))
    }

    /// Reports whether the delta has output of the model.
    ///
    /// A role is not output.
    pub(super) fn has_output(&self) -> bool {
        let is_text =
            |text: &Option<RawStr<'_>>| text.as_ref().is_some_and(|text| !text.is_empty());
        let has_content = match &self.content {
            None => false,
            Some(Content::Text(text)) => !text.is_empty(),
            Some(Content::Parts(_)) => true,
        };
        has_content
            || is_text(&self.refusal)
            || self.reasonings().any(|(_, text)| !text.is_empty())
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
    /// Of them only reasoning details are learned from, as a hole.
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

/// The part of a choice's misplaced members that is folded.
enum Meant<'m, 'a> {
    /// The message, as if it were the delta.
    Message(&'m Delta<'a>),
    /// The text of this member, as if it were the delta's content.
    Text(&'m RawStr<'a>, &'static str),
    /// Nothing, because the message repeats the texts of the deltas.
    Again,
    Nothing,
}

impl<'a> ChunkChoice<'a> {
    /// Returns the part of the misplaced members that is folded.
    ///
    /// A message is folded if the choice has no text yet, or if all of its texts arrived in
    /// messages.
    fn meant(
        &self,
        choice: Option<&ChoiceState<ChatMessage>>,
        texts: &Transcript,
    ) -> Meant<'_, 'a> {
        let Some(misplaced) = self.instead() else { return Meant::Nothing };
        match (&misplaced.message, &misplaced.text) {
            (Some(message), _) => {
                let has_output = message.has_output();
                let is_again = choice.is_some_and(|choice| {
                    has_output && has_text(choice, texts) && !choice.message.is_in_messages()
                });
                let is_beside = self.delta.as_ref().is_some_and(|delta| *delta != Delta::default());
                match (is_again, has_output) {
                    // Perplexity sends both in every chunk, and the last delta is empty.
                    (true, _) | (_, false) if is_beside => Meant::Nothing,
                    (true, _) => Meant::Again,
                    (false, _) => Meant::Message(message),
                }
            }
            (None, Some((text, member))) => Meant::Text(text, member),
            (None, None) => Meant::Nothing,
        }
    }

    /// Folds the misplaced members, after the delta.
    #[inline(never)]
    fn fold_misplaced(&self, choice: &mut ChoiceState<ChatMessage>, to: &mut Sink<'_>) -> Effect {
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
            Meant::Text(text, member) => {
                if !text.is_empty() {
                    to.anomaly(AnomalyKind::Misplaced, member);
                }
                let _ = choice.fold_content(text, to);
            }
            Meant::Again => to.anomaly(AnomalyKind::Repeated, "choices.message"),
            Meant::Nothing => return Effect::Nothing,
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
    let mut effect = Effect::Nothing;
    each_part(parts, |part| match part {
        Part::Text(text) => effect = effect.and(choice.fold_content(&text, to)),
        Part::Reasoning(text) => {
            let name = ReasoningName::THINKING;
            effect = effect.and(choice.message.fold_reasoning(name, &text, to));
        }
        Part::Other(part) if to.options().keep_unknown => {
            effect = Effect::Other;
            let kept = &mut choice.message.rare.get_or_insert_default().content_parts;
            let before = kept.as_ref().map_or(0, |kept| kept.as_json().len());
            let list = kept.get_or_insert_default();
            if !has_others {
                // The first of them: the rest of the array may be as well.
                list.reserve(parts.as_json().len());
                has_others = true;
            }
            list.push(&part);
            to.transcript.replaced(before, kept.as_ref().map_or(0, |kept| kept.as_json().len()));
        }
        Part::Other(_) => {}
    });
    effect
}

/// A part of a content array.
enum Part<'p> {
    Text(RawStr<'p>),
    Reasoning(RawStr<'p>),
    Other(RawValue<'p>),
}

/// Calls `each` with the parts of an array, or with the part that stands there alone.
fn each_part(parts: &RawValue<'_>, mut each: impl FnMut(Part<'_>)) {
    if parts.is_object() {
        return classify(parts, &mut each);
    }
    for part in parts.elements() {
        classify(&part, &mut each);
    }
}

/// Calls `each` with the texts of a part, or with the part itself if it has none.
fn classify(part: &RawValue<'_>, each: &mut impl FnMut(Part<'_>)) {
    let members = (part.member("type"), part.member("text"), part.member("thinking"));
    match (part.as_raw_str(), members) {
        (Some(text), _) => each(Part::Text(text)),
        (_, (_, _, Some(thinking))) if thinking.is_array() => {
            for inner in thinking.elements() {
                let text = inner.member("text");
                let text = inner.as_raw_str().or(text.as_ref().and_then(RawValue::as_raw_str));
                if let Some(text) = text {
                    each(Part::Reasoning(text));
                }
            }
        }
        (_, (_, _, Some(thinking))) if thinking.as_raw_str().is_some() => {
            each(Part::Reasoning(thinking.as_raw_str().unwrap_or_default()));
        }
        (_, (kind, Some(text), _))
            if text.as_raw_str().is_some()
                && kind.as_ref().is_none_or(|kind| kind.to_text() == "text") =>
        {
            each(Part::Text(text.as_raw_str().unwrap_or_default()));
        }
        _ => each(Part::Other(part.clone())),
    }
}

/// Returns the only text in an array of parts, if there is nothing else to fold in it.
fn only_part<'p>(parts: &'p RawValue<'_>) -> Option<&'p str> {
    let (mut found, mut count) = (None, 0);
    each_part(parts, |part| {
        count += 1;
        found = match part {
            Part::Text(text) | Part::Reasoning(text) => range_in(parts.as_json(), text.as_json()),
            Part::Other(_) => None,
        };
    });
    parts.as_json().get(found.filter(|_| count == 1)?)
}

/// Returns the hole in reasoning details: the string of their only element that is new text.
///
/// Returns no hole if there are no elements, and `None` if the details cannot be learned from.
fn details_hole<'d>(details: &'d RawValue<'_>) -> Option<Option<Hole<'d>>> {
    let json = details.as_json();
    let text = json.strip_prefix('[')?.strip_suffix(']')?;
    if text.is_empty() {
        return Some(None);
    }
    let mut elements = details.elements();
    let element = elements.next().filter(RawValue::is_object)?;
    if elements.next().is_some() || details.to_compact() != json {
        return None;
    }
    let string = ["text", "summary", "data"].iter().find_map(|name| element.member(name))?;
    let string = json.get(range_in(json, string.as_string_inner()?)?)?;
    Some(Some(Hole::Within { text, string }))
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
