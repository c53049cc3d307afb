//! The fold of a streamed interaction.
//!
//! Each event type has its row in [`Interactions::fold_event`], each type of delta its own in
//! [`Interactions::fold_delta`]. The tables are those of Google's API reference, "Interactions",
//! revision 2026-05-20, and of the types in `google-genai`.
//!
//! A step is kept as `step.start` sent it. Text goes into the elements of its `content` or
//! `summary`; arguments of a call arrive as JSON text, which is an object in the answer. A member
//! that a delta sets, such as a signature, is kept beside the step ([`Step::set`]) and written into
//! it when the answer is made.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::answer::{self, Interaction, Kind};
use super::event::{Delta, Event};
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Cursor, Dialect, Effect, Holes, Note, Notes, Options, Outcome,
    Payload, Place, Read, Sealed, TextKind, TokenCounts, ToolCallKind, ToolCallSoFar, Transcript,
    What,
};
use crate::error::{ApiError, Error};
use crate::json::{RawStr, RawValue, Unknown, Walk, string_inner};
use crate::save::{Fault, Reader, Saved, Writer, saved};
use crate::sse;

/// The dialect of Gemini's Interactions API.
#[derive(Debug, Clone, Default)]
pub struct Interactions {
    blocks: Blocks,
    steps: BTreeMap<Slot, Step>,
    /// The members of the interaction, but for its steps.
    envelope: Unknown<'static>,
    /// The ID of the last event that had one, as `event_id`.
    cursor: Unknown<'static>,
    /// The index of the step that began last.
    last: u64,
    /// The error of an interaction that failed.
    error: Option<Box<ApiError>>,
    /// The steps are contents, as in revisions before May 2026.
    are_contents: bool,
    /// Another interaction began, and its events are passed over.
    is_spliced: bool,
    is_over: bool,
    /// The stream was resumed, and brought no event with another ID than the cursor since.
    is_resumed: bool,
}

/// The state of a step beside its block.
#[derive(Debug, Clone, Default)]
struct Step {
    index: u64,
    kind: Kind,
    /// The step is a content itself, as in revisions before May 2026.
    is_content: bool,
    /// The number of elements of its `content`.
    contents: u32,
    /// The element that text is appended to.
    open: Option<u32>,
    /// The last element that is text, to which annotations belong.
    last_text: Option<u32>,
    /// The number of elements of its `summary`.
    summaries: u32,
    /// The element of the summary that text is appended to.
    open_summary: Option<u32>,
    /// The number of annotations that were handed out, by element.
    cited: BTreeMap<u32, usize>,
    /// The members that deltas set.
    set: Unknown<'static>,
}

/// Folds the events of a streamed interaction; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Interactions>;

/// Folds the bytes of a streamed interaction; see [`crate::Session`].
pub type Session = engine::Session<Interactions>;

/// Reads a streamed interaction from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Interactions, R>;

/// Folds the whole body of a streamed interaction, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::interactions;
///
/// let body = br#"data: {"event_type":"step.start","index":0,"step":{"type":"model_output"}}
///
/// data: {"event_type":"step.delta","index":0,"delta":{"type":"text","text":"Hi"}}
///
/// data: {"event_type":"step.stop","index":0}
///
/// data: {"event_type":"interaction.completed","interaction":{"id":"v1_a","status":"completed"}}
///
/// "#;
/// let interaction = interactions::fold(body).into_complete()?;
/// assert_eq!(interaction.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<interactions::Interaction>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Interaction> {
    engine::fold::<Interactions>(body)
}

impl Sealed for Interactions {}

impl Dialect for Interactions {
    type Event<'a> = Event<'a>;
    type Answer = Interaction;

    const NAME: &'static str = "interactions";

    fn api(&self) -> &'static str {
        "Gemini's Interactions API"
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Event<'a>,
    ) -> Result<Read, Error> {
        // An event named `error` is an object like any other.
        let is_object = event.data.trim_start().starts_with('{');
        let name = if is_object { sse::Event::DEFAULT_TYPE } else { event.event };
        let data = match Payload::of(&sse::Event { event: name, ..*event }) {
            Payload::Chunk(data) => data,
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            Payload::Nothing => return Ok(Read::Nothing),
            // It follows the event that ends the stream, so alone it ends one that is not complete.
            Payload::Done => return Ok(Read::Done),
        };
        into.read(data, &Walk::new().with_unknown(true, options.limits.max_unknown_members))?;
        if into.event_type.is_none() {
            let value = RawValue::parse(data).ok();
            let error = match event.event {
                "error" => Some(ApiError::from_data(data)),
                _ => value.as_ref().and_then(ApiError::of),
            };
            if let Some(error) = error {
                return Ok(Read::Error(Box::new(error)));
            }
        }
        Ok(Read::Event)
    }

    fn fold(&mut self, event: &Event<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        if self.is_resumed && event.event_id.is_some() {
            if event.event_id.as_ref() == self.cursor.get("event_id") {
                return Ok(Effect::Other);
            }
            self.is_resumed = false;
        }
        if self.holes(event).is_none() {
            // A step is held as it was sent, its texts once more, and a call's name and ID.
            to.expect_copies(3);
        }
        Blocks::weighed(self, to, |this| &mut this.blocks, |this, to| this.fold_event(event, to))
    }

    /// Returns the text of a delta that says nothing else.
    ///
    /// An event with an ID is read in full, because the last ID is kept.
    fn holes<'e>(&self, event: &'e Event<'_>) -> Option<Holes<'e>> {
        let Event {
            event_type: Some(event_type),
            event_id: None,
            index: _,
            interaction: None,
            interaction_id: None,
            status: None,
            continuation_token: None,
            step: None,
            content: None,
            delta: Some(delta),
            usage: None,
            step_usage: None,
            metadata: None,
            error: None,
            extra,
            unexpected: None,
            data: _,
        } = event
        else {
            return None;
        };
        let Delta {
            delta_type: Some(delta_type),
            text,
            arguments,
            signature: None,
            content: None,
            annotations: None,
            data: None,
            extra: of_delta,
        } = delta
        else {
            return None;
        };
        let is_delta = *event_type == "step.delta" || *event_type == "content.delta";
        if !is_delta || !extra.is_empty() || !of_delta.is_empty() {
            return None;
        }
        let text = match (text, arguments) {
            (Some(text), None) if *delta_type == "text" => text.as_json(),
            (None, Some(part)) if *delta_type == "arguments_delta" => string_inner(part.as_json())?,
            _ => return None,
        };
        Some(Holes::of(text))
    }

    fn api_error(event: &Event<'_>, data: &str) -> Option<Box<ApiError>> {
        let is_error = event.event_type.as_ref().is_some_and(|name| *name == "error");
        is_error.then(|| {
            let nested = event.error.as_ref().map(|error| ApiError::from_data(error.as_json()));
            Box::new(nested.unwrap_or_else(|| ApiError::from_data(data)).with_whole(data))
        })
    }

    fn is_terminal(event: &Event<'_>) -> bool {
        matches!(&*event.event_type(), "interaction.completed" | "interaction.complete" | "error")
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn is_finished(&self) -> bool {
        self.is_over
    }

    fn failure(&self) -> Option<Error> {
        self.error.clone().map(Error::Api)
    }

    fn settle(&mut self, texts: &mut Transcript) {
        if self.is_over && !self.blocks.are_stopped() {
            texts.anomaly(AnomalyKind::NotStopped, None, "step");
        }
        if self.blocks.finish_reason(0).is_some_and(|status| !has_whole_calls(status)) {
            self.blocks.note_cut_calls(texts);
        }
    }

    fn conclude(&mut self, _: &mut Transcript) {}

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.blocks.check(texts)
    }

    fn cursor(&self) -> Option<Cursor<'_>> {
        // An interaction that is not stored has an empty ID.
        let interaction = self.envelope.get("id")?.as_str().filter(|id| !id.is_empty())?;
        let event = self.cursor.get("event_id")?.as_str().filter(|id| !id.is_empty())?;
        Some(Cursor::Event { interaction, event })
    }

    fn resume(&mut self, _: bool) {
        self.is_resumed = true;
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        self.envelope.get("usage").and_then(answer::token_counts)
    }

    fn held(&self) -> crate::engine::Held {
        let mut held = self.blocks.held();
        held += crate::blocks::held_members(&self.envelope);
        held += crate::blocks::held_members(&self.cursor);
        for step in self.steps.values() {
            held += crate::blocks::held_members(&step.set);
        }
        held
    }

    fn answer(self, texts: &mut Transcript) -> Interaction {
        let mut steps: Vec<(u64, Slot)> =
            self.steps.iter().map(|(slot, step)| (step.index, *slot)).collect();
        // An index that began twice leads to two steps.
        steps.sort_unstable();
        let steps = steps.into_iter().map(|(_, slot)| {
            let value = self.blocks.value(slot, texts);
            let set = self.steps.get(&slot).map(|step| &step.set);
            answer::Step::new(match set.filter(|set| !set.is_empty()) {
                Some(set) => set.written_into(&value),
                None => value,
            })
        });
        let last_event_id = self.cursor.get("event_id").map(|id| id.to_text().into_owned());
        Interaction::new(steps.collect(), self.envelope, self.are_contents, last_event_id)
    }
}

impl Notes for Interactions {
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

/// The element that a text begins where there is none.
const TEXT: &str = r#"{"type":"text"}"#;

/// The types of the events that are folded, with those of revisions before May 2026.
const EVENTS: [&str; 11] = [
    "content.delta",
    "content.start",
    "content.stop",
    "interaction.complete",
    "interaction.completed",
    "interaction.created",
    "interaction.start",
    "interaction.status_update",
    "step.delta",
    "step.start",
    "step.stop",
];

/// Reports whether an interaction of this status has all of its calls.
fn has_whole_calls(status: &str) -> bool {
    matches!(status, "completed" | "requires_action")
}

/// Events.
impl Interactions {
    /// Folds an event, or weighs it.
    fn fold_event(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let event_type = event.event_type();
        if self.is_spliced && !event_type.is_empty() {
            return Effect::Other;
        }
        let effect = self.check(event, to);
        effect.and(match &*event_type {
            "interaction.created" | "interaction.start" => self.created(event, to),
            "interaction.status_update" => self.status(event, to),
            "interaction.completed" | "interaction.complete" => self.terminal(event, to),
            "step.start" => self.start(event, event.step.as_ref(), to),
            "content.start" => self.start(event, event.content.as_ref(), to),
            "step.delta" | "content.delta" => match &event.delta {
                Some(delta) => self.fold_delta(event, delta, to),
                None => {
                    self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "delta", to);
                    Effect::Other
                }
            },
            "step.stop" | "content.stop" => self.stop(event, to),
            // It ends the stream; see `api_error`.
            "error" => Effect::Other,
            "" => {
                self.blocks.anomaly(AnomalyKind::UnknownChunk, None, "", to);
                Effect::Other
            }
            _ => {
                self.blocks.anomaly(AnomalyKind::UnknownEvent, None, "event_type", to);
                Effect::Other
            }
        })
    }

    /// Takes the members that any event may have.
    fn check(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        if let Some(member) = event.unexpected {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, member, to);
        }
        let event_type = event.event_type.as_ref();
        let is_error = event_type.is_none_or(|name| *name == "error");
        // An event of an unknown type is noted as such, whatever members it has.
        let is_known = event_type.is_some_and(|name| EVENTS.contains(&&*name.to_text()));
        if !event.extra.is_empty() && !is_error && is_known {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "", to);
        }
        let mut effect = Effect::Nothing;
        if let Some(id) = &event.event_id {
            self.blocks.keep(&mut self.cursor, "event_id", id, to);
            effect = Effect::Other;
        }
        let metadata = event.metadata.as_ref();
        let total = metadata.and_then(|metadata| metadata.member("total_usage"));
        // `step_usage` is the part of it that is the step's.
        for usage in [event.usage.as_ref(), total.as_ref()].into_iter().flatten() {
            self.usage(usage, to);
            effect = Effect::Other;
        }
        effect
    }

    /// Takes token counts. An object without any replaces none.
    fn usage(&mut self, usage: &RawValue<'_>, to: &mut Transcript) {
        if answer::token_counts(usage).is_none_or(|counts| counts == TokenCounts::default())
            && self.envelope.get("usage").is_some()
        {
            return;
        }
        if self.blocks.keep(&mut self.envelope, "usage", usage, to) {
            let _ = to.note(What::Usage, 0, 0);
        }
    }

    fn created(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let id = event.interaction.as_ref().and_then(|interaction| interaction.member("id"));
        if let Some(known) = self.envelope.get("id") {
            // An interaction that is not stored has an empty ID.
            let is_same = id.as_ref() == Some(known) && *known != "";
            if !is_same && !self.steps.is_empty() {
                self.blocks.anomaly(AnomalyKind::Spliced, None, "interaction.id", to);
                self.is_spliced |= !self.blocks.is_weighing();
                return Effect::Other;
            }
            self.blocks.anomaly(AnomalyKind::StartedAgain, None, "interaction", to);
        }
        self.blocks.begin_choice(0, to);
        self.keep_envelope(event, to);
        Effect::Other
    }

    /// Notes that an event names another interaction. Its ID counts from now on.
    ///
    /// An interaction that is not stored has an empty ID.
    fn check_id(&self, id: Option<&RawValue<'_>>, to: &mut Transcript) {
        let known = self.envelope.get("id").filter(|known| **known != *"");
        if known.zip(id).is_some_and(|(known, id)| *id != *"" && known != id) {
            self.blocks.anomaly(AnomalyKind::Changed, None, "interaction.id", to);
        }
    }

    fn status(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        self.check_id(event.interaction_id.as_ref(), to);
        let members = [
            ("id", &event.interaction_id),
            ("status", &event.status),
            ("continuation_token", &event.continuation_token),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                self.blocks.keep(&mut self.envelope, name, value, to);
            }
        }
        Effect::Other
    }

    /// Keeps the members of the event's interaction, but for its steps.
    fn keep_envelope(&mut self, event: &Event<'_>, to: &mut Transcript) {
        let Some(interaction) = &event.interaction else { return };
        let _ = interaction.find_member(|name, value| {
            let name = core::str::from_utf8(name).unwrap_or_default();
            match (name, value) {
                ("steps" | "outputs", _) | ("usage", None) => {}
                ("usage", Some(usage)) => self.usage(&usage, to),
                (name, value) => {
                    let value = value.unwrap_or_else(|| RawValue::within("null", false));
                    self.blocks.keep(&mut self.envelope, name, &value, to);
                }
            }
            None::<()>
        });
        let role = interaction.member("role");
        if let Some(role) = role.as_ref().and_then(RawValue::as_str) {
            self.blocks.role(0, &role, to);
        }
    }

    /// Ends the stream.
    fn terminal(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let interaction = event.interaction.as_ref();
        let id = interaction.and_then(|interaction| interaction.member("id"));
        self.check_id(id.as_ref(), to);
        self.keep_envelope(event, to);
        let list = interaction.and_then(|interaction| {
            interaction.member("steps").or_else(|| interaction.member("outputs"))
        });
        if let Some(list) = list.filter(RawValue::is_array) {
            self.take_steps(&list, to);
        }
        let status = interaction.and_then(|interaction| interaction.member("status"));
        let status = status.as_ref().and_then(RawValue::as_str);
        let status = status.as_deref().unwrap_or("completed");
        let slots: Vec<Slot> = self.steps.keys().copied().collect();
        for slot in slots.into_iter().filter(|_| has_whole_calls(status)) {
            self.complete_arguments(slot, to);
            let _ = self.blocks.call_done(slot, to);
        }
        let _ = self.blocks.finish(0, status, to);
        if !self.blocks.is_weighing() {
            self.is_over = true;
            if status == "failed" {
                let errors = interaction.and_then(|interaction| interaction.member("errors"));
                let first = errors.as_ref().and_then(|errors| errors.elements().next());
                let error = match first.or_else(|| interaction?.member("error")) {
                    Some(error) => ApiError::from_data(error.as_json()).with_whole(event.data),
                    None => ApiError::from_data(event.data),
                };
                self.error = Some(Box::new(error));
            }
        }
        Effect::Other
    }

    /// Takes the steps that the last event repeats, if they are those that were folded.
    fn take_steps(&mut self, list: &RawValue<'_>, to: &mut Transcript) {
        let known: Vec<Slot> = self.blocks.slots(0).collect();
        // The list may be long, and is not copied.
        let sent = || list.elements();
        if known.is_empty() {
            for (index, step) in sent().enumerate() {
                let slot = self.begin(index as u64, &step, false, to);
                self.take_call(slot, &step, to);
                self.blocks.stop(slot);
            }
            return;
        }
        // The input may stand before the output.
        let has_more = sent().nth(known.len()).is_some();
        let output = || sent().filter(|step| !has_more || kind_of(step) != Kind::Input);
        let mut rest = known.iter();
        let same = output().all(|step| {
            let known = rest.next().and_then(|slot| self.steps.get(slot));
            let shape = known.map(|step| (step.kind, step.contents, step.summaries));
            shape == Some(shape_of(&step))
        });
        if !same || rest.next().is_some() {
            return self.blocks.anomaly(AnomalyKind::OutputMissing, None, "interaction.steps", to);
        }
        for (slot, step) in known.into_iter().zip(output()) {
            self.blocks.replace(slot, &step, to);
            if !self.blocks.is_weighing() {
                if let Some(known) = self.steps.get_mut(&slot) {
                    // The step has these members as they are.
                    to.release(held_set(&known.set));
                    known.set = Unknown::default();
                }
            }
            self.take_parts(slot, &step, to);
            self.take_call(slot, &step, to);
            self.blocks.stop(slot);
        }
    }
}

/// Steps.
impl Interactions {
    fn start(
        &mut self,
        event: &Event<'_>,
        step: Option<&RawValue<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let Some(step) = step.filter(|step| step.is_object()) else {
            // The step begins with its first delta.
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "step", to);
            return Effect::Other;
        };
        let index = self.index_of(event, to);
        if self.blocks.find(0, index).is_some() {
            self.blocks.anomaly(AnomalyKind::BegunAgain, None, "step", to);
        }
        let is_content = event.content.is_some() && event.step.is_none();
        self.begin(index, step, is_content, to);
        Effect::Other
    }

    /// Begins a step, and hands out what it has.
    fn begin(
        &mut self,
        index: u64,
        value: &RawValue<'_>,
        is_content: bool,
        to: &mut Transcript,
    ) -> Slot {
        if !is_known(value) {
            self.blocks.anomaly_once(AnomalyKind::UnknownItem, "step", to);
        }
        let slot = self.blocks.begin(0, index, value, to);
        if !self.blocks.is_weighing() {
            let step = Step { index, kind: kind_of(value), is_content, ..Step::default() };
            self.steps.insert(slot, step);
            self.last = index;
            self.are_contents |= is_content;
        }
        self.take_parts(slot, value, to);
        if kind_of(value) == Kind::Call {
            let id = value.member("id");
            let name = value.member("name");
            let id = id.as_ref().and_then(RawValue::as_str);
            let name = name.as_ref().and_then(RawValue::as_str);
            let of_call = (id.as_deref(), name.as_deref());
            let _ = self.blocks.call(slot, of_call, ToolCallKind::Function, to);
        }
        slot
    }

    /// Hands out the texts and annotations that a step has as it was sent.
    ///
    /// The arguments of a call wait for the deltas that may bring them.
    fn take_parts(&mut self, slot: Slot, value: &RawValue<'_>, to: &mut Transcript) {
        let kind = kind_of(value);
        let text_kind = text_kind(kind);
        let of_input = kind == Kind::Input;
        if let Some(text) = value.member("text").as_ref().and_then(RawValue::as_raw_str) {
            // A content of an older revision.
            let _ = self.blocks.whole(slot, "text", text_kind, &text, to);
            self.cite_new(slot, 0, value, to);
        }
        if value.member("type").is_some_and(|content| content == "audio") {
            if let Some(data) = value.member("data").as_ref().and_then(RawValue::as_raw_str) {
                let _ = self.blocks.whole(slot, "data", TextKind::AudioData, &data, to);
            }
        }
        if let (Kind::Result, Some(result)) = (kind, value.member("result")) {
            if let Some(output) = result.as_raw_str() {
                let _ = self.blocks.whole(slot, "result", TextKind::ToolOutput, &output, to);
            }
        }
        for (list, kind) in [("content", text_kind), ("summary", TextKind::ReasoningSummary)] {
            let parts = value.member(list);
            let mut count = 0;
            let mut last = None;
            for part in parts.iter().flat_map(RawValue::elements) {
                last = None;
                if !is_known(&part) {
                    self.blocks.anomaly_once(AnomalyKind::UnknownItem, "content", to);
                }
                let part_type = part.member("type");
                if part_type.as_ref().is_some_and(|part_type| *part_type == "text") {
                    last = Some(count);
                    if let Some(text) = part.member("text").as_ref().and_then(RawValue::as_raw_str)
                    {
                        let _ = self.blocks.whole(slot, (list, count, "text"), kind, &text, to);
                    }
                    if list == "content" && !of_input {
                        self.cite_new(slot, count, &part, to);
                    }
                } else if part_type.is_some_and(|part_type| part_type == "audio") && !of_input {
                    if let Some(data) = part.member("data").as_ref().and_then(RawValue::as_raw_str)
                    {
                        let at = (list, count, "data");
                        let _ = self.blocks.whole(slot, at, TextKind::AudioData, &data, to);
                    }
                }
                count += 1;
            }
            let Some(step) = self.steps.get_mut(&slot) else { continue };
            if self.blocks.is_weighing() || count == 0 {
                continue;
            }
            if list == "content" {
                (step.contents, step.open) = (count, last);
                step.last_text = last.or(step.last_text);
            } else {
                (step.summaries, step.open_summary) = (count, last);
            }
        }
    }

    /// Hands out the annotations of a text that were not handed out yet.
    fn cite_new(&mut self, slot: Slot, element: u32, part: &RawValue<'_>, to: &mut Transcript) {
        let Some(annotations) = part.member("annotations") else { return };
        let seen = self.steps.get(&slot).and_then(|step| step.cited.get(&element).copied());
        let seen = seen.unwrap_or_default();
        let mut count = 0;
        for annotation in annotations.elements() {
            count += 1;
            if count > seen {
                self.blocks.cite(slot, &annotation, to);
            }
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| count > seen) {
            if !self.blocks.is_weighing() {
                step.cited.insert(element, count);
            }
        }
    }

    fn stop(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let index = self.index_of(event, to);
        let Some(slot) = self.blocks.find(0, index) else {
            self.blocks.anomaly(AnomalyKind::NotStarted, None, "step", to);
            return Effect::Other;
        };
        if self.blocks.is_stopped(slot) {
            return Effect::Other;
        }
        self.complete_arguments(slot, to);
        self.blocks.stop(slot);
        // A step that a token limit cut is stopped too.
        let arguments = self.blocks.text(slot, "arguments", to);
        if arguments.is_none_or(|arguments| RawValue::parse(&arguments).is_ok()) {
            let _ = self.blocks.call_done(slot, to);
        }
        Effect::Other
    }

    /// Hands out the arguments that a call began with, if no delta brought any.
    fn complete_arguments(&mut self, slot: Slot, to: &mut Transcript) {
        if self.blocks.is_stopped(slot) || self.blocks.has_text(slot, "arguments") {
            return;
        }
        if let Some(sent) = self.blocks.sent(slot).cloned() {
            self.take_call(slot, &sent, to);
        }
    }

    /// Hands out the arguments that a step has as it was sent, if it is a call.
    fn take_call(&mut self, slot: Slot, step: &RawValue<'_>, to: &mut Transcript) {
        let kind = kind_of(step);
        let is_call = matches!(kind, Kind::Call | Kind::ServerCall | Kind::Code);
        if let Some(arguments) = step.member("arguments").filter(|_| is_call) {
            self.take_arguments(slot, kind, &arguments, false, to);
        }
    }

    /// Takes the arguments of a call, whole.
    ///
    /// `is_new` is true if they do not stand in the step as it was sent.
    fn take_arguments(
        &mut self,
        slot: Slot,
        kind: Kind,
        arguments: &RawValue<'_>,
        is_new: bool,
        to: &mut Transcript,
    ) {
        if kind == Kind::Code && !self.blocks.has_text(slot, "arguments") {
            if is_new {
                let _ = self.blocks.set(slot, "arguments", arguments, to);
            }
            if let Some(code) = arguments.member("code").as_ref().and_then(RawValue::as_raw_str) {
                let at = ("arguments", "code");
                let _ = self.blocks.whole(slot, at, TextKind::Code, &code, to);
            }
            return;
        }
        let kind = arguments_kind(kind);
        // A text that is no JSON was cut, and is taken as it is.
        let _ = match arguments.as_raw_str() {
            Some(text) => self.blocks.whole(slot, "arguments", kind, &text, to),
            None => self.blocks.whole_json(slot, "arguments", kind, arguments, to),
        };
    }

    /// Returns the index of an event's step.
    fn index_of(&mut self, event: &Event<'_>, to: &mut Transcript) -> u64 {
        event.index.unwrap_or_else(|| {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "index", to);
            self.last
        })
    }

    /// Returns the step of a delta, which is begun if it has not.
    fn slot(&mut self, event: &Event<'_>, delta_type: &str, to: &mut Transcript) -> Slot {
        let index = self.index_of(event, to);
        if let Some(slot) = self.blocks.find(0, index) {
            return slot;
        }
        self.blocks.anomaly(AnomalyKind::NotStarted, None, "step", to);
        let is_content = event.event_type() == "content.delta";
        let step_type = match delta_type {
            "thought_summary" | "thought_signature" => "thought",
            "arguments_delta" => "function_call",
            "text" | "text_annotation_delta" if is_content => "text",
            other if Kind::of_whole(other).is_some() || is_content => other,
            _ => "model_output",
        };
        let json = serde_json::to_string(step_type).unwrap_or_default();
        let step = RawValue::compacted(["{\"type\":", &json, "}"].concat());
        self.begin(index, &step, is_content, to)
    }
}

/// Deltas.
impl Interactions {
    fn fold_delta(&mut self, event: &Event<'_>, delta: &Delta<'_>, to: &mut Transcript) -> Effect {
        let delta_type = delta.delta_type();
        let whole = Kind::of_whole(&delta_type);
        let is_media = matches!(&*delta_type, "image" | "audio" | "video" | "document");
        let is_known = whole.is_some()
            || is_media
            || matches!(
                &*delta_type,
                "text"
                    | "arguments_delta"
                    | "thought_summary"
                    | "thought_signature"
                    | "text_annotation_delta"
            );
        if !is_known {
            self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "delta", to);
            return Effect::Other;
        }
        let slot = self.slot(event, &delta_type, to);
        if self.blocks.is_stopped(slot) {
            self.blocks.anomaly(AnomalyKind::AfterFinish, Some(0), "step", to);
        }
        let kind = self.steps.get(&slot).map(|step| step.kind);
        let is_call = matches!(kind, Some(Kind::Call | Kind::ServerCall | Kind::Code));
        let fits = match (whole, &*delta_type) {
            (Some(whole), _) => kind == Some(whole),
            (None, "arguments_delta") => is_call,
            (None, "thought_signature") => true,
            (None, _) => !is_call,
        };
        if !fits && kind.is_some() {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
        }
        let mut effect = Effect::Nothing;
        if let Some(kind) = whole {
            return self.whole(slot, kind, delta, to);
        }
        if let Some(signature) = &delta.signature {
            let known = self.signature(slot);
            let is_empty = *signature == *"";
            let is_other =
                known.as_ref().is_some_and(|known| known.to_compact() != signature.to_compact());
            if is_other && !is_empty {
                self.blocks.anomaly(AnomalyKind::Repeated, Some(0), "signature", to);
            }
            // An empty one takes no signature away.
            if !is_empty || known.is_none() {
                self.set(slot, "signature", signature, to);
            }
            effect = Effect::Other;
        }
        if is_media {
            return self.media(slot, event, to);
        }
        let has_other = (delta.text.is_some() && delta_type != "text")
            || (delta.arguments.is_some() && delta_type != "arguments_delta")
            || (delta.content.is_some() && delta_type != "thought_summary")
            || delta.data.is_some();
        if !delta.extra.is_empty() || has_other {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "delta", to);
        }
        if let Some(text) = delta.text.as_ref().filter(|_| delta_type == "text") {
            effect = effect.and(self.text(slot, text, to));
        }
        if let Some(part) = delta.arguments.as_ref().filter(|_| delta_type == "arguments_delta") {
            effect = effect.and(self.arguments(slot, part, to));
        }
        if let Some(content) = delta.content.as_ref().filter(|_| delta_type == "thought_summary") {
            effect = effect.and(self.summary(slot, content, to));
        }
        if let Some(annotations) = &delta.annotations {
            effect = effect.and(self.annotations(slot, annotations, to));
        }
        effect
    }

    fn text(&mut self, slot: Slot, text: &RawStr<'_>, to: &mut Transcript) -> Effect {
        let step = self.steps.get(&slot);
        let kind = text_kind(step.map_or(Kind::Output, |step| step.kind));
        if step.is_some_and(|step| step.is_content) {
            return self.blocks.append(slot, "text", kind, text, to);
        }
        let (element, effect) = match step.and_then(|step| step.open) {
            Some(element) => (element, Effect::Nothing),
            None => self.begin_text(slot, to),
        };
        effect.and(self.blocks.append(slot, ("content", element, "text"), kind, text, to))
    }

    /// Begins an element that is a text, and returns its index.
    fn begin_text(&mut self, slot: Slot, to: &mut Transcript) -> (u32, Effect) {
        let element = self.steps.get(&slot).map_or(0, |step| step.contents);
        let text = RawValue::within(TEXT, false);
        let effect = self.blocks.set(slot, ("content", element), &text, to);
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.contents += 1;
            (step.open, step.last_text) = (Some(element), Some(element));
        }
        (element, effect)
    }

    fn arguments(&mut self, slot: Slot, part: &RawValue<'_>, to: &mut Transcript) -> Effect {
        let kind = self.steps.get(&slot).map_or(Kind::Call, |step| step.kind);
        let Some(text) = part.as_raw_str() else {
            self.take_arguments(slot, kind, part, true, to);
            return Effect::Other;
        };
        let is_new = !self.blocks.has_text(slot, "arguments");
        let effect = self.blocks.append(slot, "arguments", arguments_kind(kind), &text, to);
        if is_new {
            self.blocks.set_json(slot, "arguments");
            return Effect::Other;
        }
        effect
    }

    /// Takes the content of a thought's summary: text, or something else as it is.
    fn summary(&mut self, slot: Slot, content: &RawValue<'_>, to: &mut Transcript) -> Effect {
        const KIND: TextKind = TextKind::ReasoningSummary;
        let step = self.steps.get(&slot);
        let (open, count) = step.map_or((None, 0), |step| (step.open_summary, step.summaries));
        let text = content.member("text");
        let text = text.as_ref().and_then(RawValue::as_raw_str);
        let is_text = content.member("type").is_some_and(|content| content == "text");
        let mut members = 0;
        let _ = content.find_member(|_, _| {
            members += 1;
            None::<()>
        });
        let is_plain = is_text && members == 2;
        if let (Some(element), Some(text), true) = (open, &text, is_plain) {
            return self.blocks.append(slot, ("summary", element, "text"), KIND, text, to);
        }
        let _ = self.blocks.set(slot, ("summary", count), content, to);
        if let Some(text) = text.filter(|_| is_text) {
            let _ = self.blocks.append(slot, ("summary", count, "text"), KIND, &text, to);
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.summaries += 1;
            step.open_summary = is_text.then_some(count);
        }
        Effect::Other
    }

    fn annotations(&mut self, slot: Slot, list: &RawValue<'_>, to: &mut Transcript) -> Effect {
        if list.elements().next().is_none() {
            return Effect::Nothing;
        }
        let step = self.steps.get(&slot);
        let is_content = step.is_some_and(|step| step.is_content);
        let element = match step.and_then(|step| step.last_text) {
            _ if is_content => 0,
            Some(element) => element,
            None => self.begin_text(slot, to).0,
        };
        let mut count = 0;
        for annotation in list.elements() {
            let _ = match is_content {
                true => self.blocks.push(slot, "annotations", &annotation, to),
                false => {
                    self.blocks.push(slot, ("content", element, "annotations"), &annotation, to)
                }
            };
            self.blocks.cite(slot, &annotation, to);
            count += 1;
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            *step.cited.entry(element).or_default() += count;
        }
        Effect::Other
    }

    /// Takes an image, audio, a video or a document.
    ///
    /// Each delta is an element of its own, because its base64 may end with padding.
    fn media(&mut self, slot: Slot, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(sent) = event.delta_as_sent() else { return Effect::Other };
        let step = self.steps.get(&slot);
        let is_audio = sent.member("type").is_some_and(|media| media == "audio");
        let data = sent.member("data").filter(|_| is_audio);
        let data = data.as_ref().and_then(RawValue::as_raw_str);
        if step.is_some_and(|step| step.is_content) {
            if let Some(data) = &data {
                let _ = self.blocks.append(slot, "data", TextKind::AudioData, data, to);
            }
            self.set_members(
                slot,
                &sent,
                |name| name == "type" || (name == "data" && is_audio),
                to,
            );
            return Effect::Other;
        }
        let element = step.map_or(0, |step| step.contents);
        let _ = match &data {
            Some(_) => {
                let empty = RawValue::within("\"\"", false);
                let mut without = Unknown::default();
                without.set("data".into(), empty);
                let media = without.written_into(&sent);
                self.blocks.set(slot, ("content", element), &media, to)
            }
            None => self.blocks.set(slot, ("content", element), &sent, to),
        };
        if let Some(data) = &data {
            let at = ("content", element, "data");
            let _ = self.blocks.append(slot, at, TextKind::AudioData, data, to);
        }
        if let Some(step) = self.steps.get_mut(&slot).filter(|_| !self.blocks.is_weighing()) {
            step.contents += 1;
            step.open = None;
        }
        Effect::Other
    }

    /// Takes a delta that is the whole call or result of a tool: its members are the step's.
    fn whole(&mut self, slot: Slot, kind: Kind, delta: &Delta<'_>, to: &mut Transcript) -> Effect {
        if let Some(arguments) = &delta.arguments {
            self.take_arguments(slot, kind, arguments, true, to);
        }
        let text = delta.text.as_ref().map(RawStr::to_text);
        let text = text.map(|text| serde_json::to_string(&*text).unwrap_or_default());
        let text = text.as_deref().map(|text| RawValue::within(text, false));
        let data = delta.data.as_ref().map(RawStr::to_text);
        let data = data.map(|data| serde_json::to_string(&*data).unwrap_or_default());
        let data = data.as_deref().map(|data| RawValue::within(data, false));
        let known = [
            ("signature", delta.signature.as_ref()),
            ("content", delta.content.as_ref()),
            ("annotations", delta.annotations.as_ref()),
            ("text", text.as_ref()),
            ("data", data.as_ref()),
        ];
        for (name, value) in known {
            if let Some(value) = value {
                self.set(slot, name, value, to);
            }
        }
        delta.extra.for_each(|name, value| {
            let output = value.as_raw_str().filter(|_| kind == Kind::Result && name == "result");
            match output {
                Some(output) => {
                    let _ = self.blocks.whole(slot, "result", TextKind::ToolOutput, &output, to);
                }
                None => self.set(slot, name, value, to),
            }
        });
        if kind == Kind::Call {
            let id = delta.extra.get("id").and_then(RawValue::as_str);
            let name = delta.extra.get("name").and_then(RawValue::as_str);
            let of_call = (id.as_deref(), name.as_deref());
            let _ = self.blocks.call(slot, of_call, ToolCallKind::Function, to);
        }
        Effect::Other
    }

    /// Sets members of a step, but for those that `is_other` names.
    fn set_members(
        &mut self,
        slot: Slot,
        members: &RawValue<'_>,
        is_other: impl Fn(&str) -> bool,
        to: &mut Transcript,
    ) {
        let _ = members.find_member(|name, value| {
            let name = core::str::from_utf8(name).unwrap_or_default();
            if let Some(value) = value.filter(|_| !is_other(name)) {
                self.set(slot, name, &value, to);
            }
            None::<()>
        });
    }

    /// Returns the signature of a step, if it is not empty.
    fn signature(&self, slot: Slot) -> Option<RawValue<'_>> {
        let set = self.steps.get(&slot).and_then(|step| step.set.get("signature"));
        let signature = match set {
            Some(set) => Some(set.clone()),
            None => self.blocks.sent(slot).and_then(|sent| sent.member("signature")),
        };
        signature.filter(|signature| *signature != *"")
    }

    /// Sets a member of a step. The last one counts.
    fn set(&mut self, slot: Slot, name: &str, value: &RawValue<'_>, to: &mut Transcript) {
        let mut none = Unknown::default();
        let set = self.steps.get_mut(&slot).map_or(&mut none, |step| &mut step.set);
        let is_other = |known: &RawValue<'_>| *known.as_json() != *value.to_compact();
        if name == "data" && set.get("data").is_some_and(is_other) {
            self.blocks.anomaly(AnomalyKind::Repeated, Some(0), "data", to);
        }
        self.blocks.keep(set, name, value, to);
    }
}

/// Reports whether a step, or a content of one, is of a type that is known.
fn is_known(step: &RawValue<'_>) -> bool {
    const OTHERS: [&str; 8] =
        ["audio", "document", "image", "model_output", "text", "thought", "user_input", "video"];
    let step_type = step.member("type");
    let step_type = step_type.as_ref().and_then(RawValue::as_str).unwrap_or_default();
    OTHERS.contains(&&*step_type) || Kind::of_whole(&step_type).is_some()
}

/// Returns the kind of a step by its type.
fn kind_of(step: &RawValue<'_>) -> Kind {
    let step_type = step.member("type");
    Kind::of(step_type.as_ref().and_then(RawValue::as_str).as_deref().unwrap_or_default())
}

/// Returns the kind of a step, and the lengths of its lists.
fn shape_of(step: &RawValue<'_>) -> (Kind, u32, u32) {
    let count = |list| step.member(list).map_or(0, |list| list.elements().count() as u32);
    (kind_of(step), count("content"), count("summary"))
}

/// Returns the kind of the text that stands in a step of this kind.
fn text_kind(kind: Kind) -> TextKind {
    match kind {
        Kind::Thought => TextKind::Reasoning,
        // The model did not write it.
        Kind::Result | Kind::Input => TextKind::ToolOutput,
        Kind::Output | Kind::Call | Kind::ServerCall | Kind::Code => TextKind::Content,
    }
}

/// Returns the kind of the arguments of a step of this kind.
fn arguments_kind(kind: Kind) -> TextKind {
    if kind == Kind::Call { TextKind::Arguments } else { TextKind::ServerArguments }
}

/// Returns what the members that deltas set hold.
fn held_set(set: &Unknown<'_>) -> crate::engine::Held {
    let bytes = set.iter().map(|(name, value)| name.len() + value.as_json().len()).sum();
    crate::engine::Held { bytes, items: set.len() }
}

saved!(Interactions {
    blocks,
    steps,
    envelope,
    cursor,
    last,
    error,
    are_contents,
    is_spliced,
    is_over,
    is_resumed,
});

impl Saved for Step {
    fn save(&self, to: &mut Writer) {
        let Self {
            index,
            kind,
            is_content,
            contents,
            open,
            last_text,
            summaries,
            open_summary,
            cited,
            set,
        } = self;
        index.save(to);
        kind.save(to);
        is_content.save(to);
        contents.save(to);
        open.save(to);
        last_text.save(to);
        summaries.save(to);
        open_summary.save(to);
        cited.save(to);
        set.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            index: Saved::load(from)?,
            kind: Saved::load(from)?,
            is_content: Saved::load(from)?,
            contents: from.small()?,
            open: Saved::load(from)?,
            last_text: Saved::load(from)?,
            summaries: from.small()?,
            open_summary: Saved::load(from)?,
            cited: Saved::load(from)?,
            set: Saved::load(from)?,
        })
    }
}
