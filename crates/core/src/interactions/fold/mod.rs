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

mod deltas;
mod steps;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::answer::{self, Interaction, Kind};
use super::event::{Delta, Event};
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Cursor, Dialect, Effect, Hole, Holes, Note, Notes, Options, Outcome,
    Payload, Place, Read, Sealed, TextId, TextKind, TokenCounts, ToolCallSoFar, Transcript, Values,
    What,
};
use crate::error::{ApiError, Error};
use crate::json::{RawValue, Unknown, Walk, string_inner};
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

    /// Returns the text of a delta that says nothing else but its event's ID.
    ///
    /// Events of an interaction that is stored have one each, and the last is kept.
    fn holes<'e>(&self, event: &'e Event<'_>) -> Option<Holes<'e>> {
        let Event {
            event_type: Some(event_type),
            event_id,
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
        let mut holes = Holes::of(text);
        if let Some(id) = event_id {
            let _ = id.as_string_inner()?;
            holes.values[EVENT_ID] = Some(Hole::Value(id.as_json()));
        }
        Some(holes)
    }

    fn refill(&mut self, _: TextId, values: &Values<'_>, to: &mut Transcript) {
        if let Some(id) = values.value(EVENT_ID) {
            self.blocks.keep(&mut self.cursor, "event_id", &id, to);
        }
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

/// The position of the event's ID in [`Holes::values`].
const EVENT_ID: usize = 0;

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
            // A string is a hole of the learned frame.
            effect = Effect::set(id.as_string_inner().is_none());
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
        let output = || sent().filter(|step| !has_more || shape_of(step).0 != Kind::Input);
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

/// Reports whether this is a known type of a step, or of a content of one.
fn is_known(step_type: Option<&RawValue<'_>>) -> bool {
    const OTHERS: [&str; 8] =
        ["audio", "document", "image", "model_output", "text", "thought", "user_input", "video"];
    let step_type = step_type.and_then(RawValue::as_str).unwrap_or_default();
    OTHERS.contains(&&*step_type) || Kind::of_whole(&step_type).is_some()
}

/// Returns the kind of a step by its type.
fn kind_of(step_type: Option<&RawValue<'_>>) -> Kind {
    Kind::of(step_type.and_then(RawValue::as_str).as_deref().unwrap_or_default())
}

/// Returns the kind of a step, and the lengths of its lists.
fn shape_of(step: &RawValue<'_>) -> (Kind, u32, u32) {
    let [step_type, content, summary] = step.members(["type", "content", "summary"]);
    let count = |list: Option<RawValue<'_>>| list.map_or(0, |list| list.elements().count() as u32);
    (kind_of(step_type.as_ref()), count(content), count(summary))
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
