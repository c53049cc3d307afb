//! The fold of a streamed response.
//!
//! Each event type has its row in [`Responses::fold_event`]. The table of the events is that of
//! OpenAI's API reference, "Streaming events"; what servers send beside it is noted at its row.
//!
//! Items are told apart by `output_index` and not by their IDs, which GitHub Copilot changes with
//! every event; that is noted. Only where there is no index (llama.cpp) the ID counts, and else the
//! item that began last. What comes whole counts: a `.done` event replaces what its deltas built,
//! and the last event replaces the items, if it has them.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::align::{Item, Known, align};
use super::answer::{OutputItem, Response};
use super::event::Event;
use crate::blocks::{Blocks, Path, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Cursor, Dialect, Effect, Held, Hole, Holes, Note, Notes, Options,
    Outcome, Payload, Place, Read, Sealed, TextId, TextKind, TokenCounts, ToolCallKind,
    ToolCallSoFar, Transcript, Values, What,
};
use crate::error::{ApiError, Error};
use crate::json::{RawStr, RawValue, Unknown, Walk};
use crate::save::{Fault, saved};
use crate::sse;

/// The dialect of OpenAI's Responses API, and of the servers that speak Open Responses.
#[derive(Debug, Clone, Default)]
pub struct Responses {
    blocks: Blocks,
    /// The members of the response, but for its output.
    envelope: Unknown<'static>,
    /// The items that began without an index, by their IDs.
    by_id: BTreeMap<String, Slot>,
    /// The part that began last, for events without an index of the part.
    last_part: Option<(Slot, u64)>,
    /// The items in the order of the last event, if it has them.
    order: Vec<Slot>,
    /// The last sequence number.
    sequence: Option<u64>,
    /// The number of annotations that were handed out, of each part.
    cited: BTreeMap<(Slot, u64), usize>,
    /// The numbers of parts that an item has in its content and summary as it was sent last.
    sent_parts: BTreeMap<Slot, (u64, u64)>,
    /// The error that the server sent, while the event that ends the stream may still come.
    error: Option<Box<ApiError>>,
    /// Another response began, and its events are passed over.
    is_spliced: bool,
    /// The ID of an item changed, so it may differ in each event.
    has_changing_ids: bool,
    is_over: bool,
    /// The state of a stream that was resumed, until the first event after the cursor.
    resumed: Option<Resumed>,
}

/// A stream that goes on over another connection.
#[derive(Debug, Clone, Copy)]
struct Resumed {
    /// The number of the last event of the connection before.
    after: u64,
    fails_at_gaps: bool,
}

/// Folds the events of a streamed response; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Responses>;

/// Folds the bytes of a streamed response; see [`crate::Session`].
pub type Session = engine::Session<Responses>;

/// Reads a streamed response from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Responses, R>;

/// Folds the whole body of a streamed response, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::responses;
///
/// let body = br#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}
///
/// data: {"type":"response.completed","response":{"id":"resp_1","status":"completed"}}
///
/// "#;
/// let response = responses::fold(body).into_complete()?;
/// assert_eq!(response.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<responses::Response>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Response> {
    engine::fold::<Responses>(body)
}

impl Sealed for Responses {}

impl Dialect for Responses {
    type Event<'a> = Event<'a>;
    type Answer = Response;

    const NAME: &'static str = "responses";

    fn api(&self) -> &'static str {
        "OpenAI's Responses API"
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Event<'a>,
    ) -> Result<Read, Error> {
        // An event named `error` is an object like any other, and the stream goes on after it.
        let is_object = event.data.trim_start().starts_with('{');
        let name = if is_object { sse::Event::DEFAULT_TYPE } else { event.event };
        let data = match Payload::of(&sse::Event { event: name, ..*event }) {
            Payload::Chunk(data) => data,
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            // OpenRouter sends the sentinel after the event that ended the stream.
            Payload::Nothing | Payload::Done => return Ok(Read::Nothing),
        };
        let max = options.limits.max_unknown_members;
        into.read(data, &Walk::new().with_unknown(true, max))?;
        if into.event_type.is_none() {
            if let Some(error) = RawValue::parse(data).ok().as_ref().and_then(ApiError::of) {
                return Ok(Read::Error(Box::new(error)));
            }
        }
        Ok(Read::Event)
    }

    fn fold(&mut self, event: &Event<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        if self.resumed.is_some() && self.is_again(event)? {
            return Ok(Effect::Other);
        }
        if event.delta.is_none() {
            // An item is held as it was sent, and its texts once more.
            to.expect_copies(3);
        }
        Blocks::weighed(self, to, |this| &mut this.blocks, |this, to| this.fold_event(event, to))
    }

    fn holes<'e>(&self, event: &'e Event<'_>) -> Option<Holes<'e>> {
        // A member with `_` has no effect when it comes again, or folding it has said so: of log
        // probabilities, that there are none.
        let Event {
            event_type: _,
            sequence_number: _,
            output_index: _,
            content_index: _,
            summary_index: _,
            command_index: _,
            item_id,
            delta: Some(delta),
            text: None,
            refusal: None,
            arguments: None,
            input: None,
            code: None,
            command: None,
            diff: None,
            name: None,
            response: None,
            item: None,
            part: None,
            annotation: None,
            logprobs: _,
            output: None,
            error: None,
            extra: _,
            number,
            obfuscation,
            unexpected: _,
            data: _,
        } = event
        else {
            return None;
        };
        // As long as IDs stay the same, they are a part of the frame.
        let id = item_id.as_ref().filter(|_| self.has_changing_ids);
        let mut holes = Holes::of(delta.as_string_inner()?);
        holes.padding = obfuscation.as_ref().map(RawStr::as_json);
        holes.values[0] = number.map(|number| Hole::Number(number.trim_start()));
        holes.values[1] = id.map(|id| Hole::String(id.as_json()));
        Some(holes)
    }

    fn refill(&mut self, text: TextId, values: &Values<'_>, to: &mut Transcript) {
        if let Some(number) = values.number(0) {
            self.count(number, to);
        }
        if let (Some(id), Some(slot)) = (values.string(1), self.blocks.grower(text)) {
            self.identify(slot, &id, to);
        }
    }

    fn api_error(_: &Event<'_>, _: &str) -> Option<Box<ApiError>> {
        None
    }

    fn is_terminal(event: &Event<'_>) -> bool {
        matches!(
            &*event.event_type(),
            "response.completed" | "response.incomplete" | "response.failed"
        )
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
        self.blocks.note_left_out(texts);
        // What fails does not stop its items.
        let has_failed = self.blocks.finish_reason(0) == Some("failed");
        if self.is_over && !has_failed && !self.blocks.are_stopped() {
            texts.anomaly(AnomalyKind::NotStopped, None, "output");
        }
        if self.blocks.finish_reason(0).is_some_and(|reason| reason != "completed") {
            self.blocks.note_cut_calls(texts);
        }
    }

    fn conclude(&mut self, _: &mut Transcript) {}

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        // The answer has each item once.
        let mut order = self.order.clone();
        order.sort_unstable();
        order.dedup();
        if order.len() < self.order.len() {
            return Err(Fault::Damaged("the order of the items"));
        }
        self.blocks.check(texts)
    }

    fn cursor(&self) -> Option<Cursor<'_>> {
        let response = self.envelope.get("id")?.as_str()?;
        Some(Cursor::Sequence { response, number: self.sequence? })
    }

    fn resume(&mut self, fails_at_gaps: bool) {
        self.resumed = self.sequence.map(|after| Resumed { after, fails_at_gaps });
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        self.envelope.get("usage").and_then(super::answer::token_counts)
    }

    fn held(&self) -> Held {
        let mut held = self.blocks.held();
        held += crate::blocks::held_members(&self.envelope);
        for id in self.by_id.keys() {
            held += Held::item(id.len());
        }
        held
    }

    fn answer(self, texts: &mut Transcript) -> Response {
        let slots = match self.order.is_empty() {
            true => self.blocks.slots(0).collect(),
            false => self.order,
        };
        let output = slots.into_iter().map(|slot| self.blocks.value(slot, texts));
        Response::new(output.map(OutputItem::new).collect(), self.envelope)
    }
}

impl Notes for Responses {
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

/// The time at which an item or part comes whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// It begins. Deltas may still repeat its texts.
    First,
    /// It ended.
    Last,
}

/// A text in an item: its place, its kind, and the item and part that have one.
#[derive(Clone, Copy)]
struct TextIn {
    kind: TextKind,
    /// The item that is begun where a delta comes without one.
    item: &'static str,
    /// The list that the text's part is in, and the part.
    part: Option<(&'static str, &'static str)>,
    /// The member that is the text, of the part or the item.
    member: &'static str,
}

const MESSAGE: &str = r#"{"type":"message","role":"assistant","content":[]}"#;
const REASONING: &str = r#"{"type":"reasoning","summary":[]}"#;

const OUTPUT_TEXT: TextIn = TextIn {
    kind: TextKind::Content,
    item: MESSAGE,
    part: Some(("content", r#"{"type":"output_text","annotations":[]}"#)),
    member: "text",
};
const REFUSAL: TextIn = TextIn {
    kind: TextKind::Refusal,
    item: MESSAGE,
    part: Some(("content", r#"{"type":"refusal"}"#)),
    member: "refusal",
};
const REASONING_TEXT: TextIn = TextIn {
    kind: TextKind::Reasoning,
    item: REASONING,
    part: Some(("content", r#"{"type":"reasoning_text"}"#)),
    member: "text",
};
const SUMMARY_TEXT: TextIn = TextIn {
    kind: TextKind::ReasoningSummary,
    item: REASONING,
    part: Some(("summary", r#"{"type":"summary_text"}"#)),
    member: "text",
};
const ARGUMENTS: TextIn = TextIn {
    kind: TextKind::Arguments,
    item: r#"{"type":"function_call"}"#,
    part: None,
    member: "arguments",
};
const INPUT: TextIn = TextIn {
    kind: TextKind::Arguments,
    item: r#"{"type":"custom_tool_call"}"#,
    part: None,
    member: "input",
};
const MCP_ARGUMENTS: TextIn = TextIn {
    kind: TextKind::ServerArguments,
    item: r#"{"type":"mcp_call"}"#,
    part: None,
    member: "arguments",
};
const CODE: TextIn = TextIn {
    kind: TextKind::Code,
    item: r#"{"type":"code_interpreter_call"}"#,
    part: None,
    member: "code",
};

impl Responses {
    /// Folds an event, or weighs it.
    fn fold_event(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let event_type = event.event_type();
        if self.is_spliced && !event_type.is_empty() {
            return Effect::Other;
        }
        self.check(event, to);
        match &*event_type {
            "response.created" => return self.created(event, to),
            "response.queued" | "response.in_progress" => return self.keep_envelope(event, to),
            "response.completed" | "response.incomplete" | "response.failed" => {
                return self.terminal(event, &event_type, to);
            }
            "error" => return self.error(event),
            "response.output_item.added" => return self.item(event, false, to),
            "response.output_item.done" => return self.item(event, true, to),
            "response.content_part.added"
            | "response.content_part.done"
            // Bedrock's.
            | "response.reasoning_part.added"
            | "response.reasoning_part.done" => {
                return self.part(event, ("content", event.content_index), to);
            }
            "response.reasoning_summary_part.added" | "response.reasoning_summary_part.done" => {
                return self.part(event, ("summary", event.summary_index), to);
            }
            "response.output_text.delta" => return self.delta(event, OUTPUT_TEXT, to),
            "response.output_text.done" => return self.whole(event, OUTPUT_TEXT, &event.text, to),
            "response.refusal.delta" => return self.delta(event, REFUSAL, to),
            "response.refusal.done" => return self.whole(event, REFUSAL, &event.refusal, to),
            "response.reasoning_text.delta" => return self.delta(event, REASONING_TEXT, to),
            "response.reasoning_text.done" => {
                return self.whole(event, REASONING_TEXT, &event.text, to);
            }
            "response.reasoning_summary_text.delta" => {
                return self.delta(event, SUMMARY_TEXT, to);
            }
            "response.reasoning_summary_text.done" => {
                return self.whole(event, SUMMARY_TEXT, &event.text, to);
            }
            "response.function_call_arguments.delta" => return self.delta(event, ARGUMENTS, to),
            "response.function_call_arguments.done" => {
                return self.whole(event, ARGUMENTS, &event.arguments, to);
            }
            "response.custom_tool_call_input.delta" => return self.delta(event, INPUT, to),
            "response.custom_tool_call_input.done" => {
                return self.whole(event, INPUT, &event.input, to);
            }
            "response.mcp_call_arguments.delta" => return self.delta(event, MCP_ARGUMENTS, to),
            "response.mcp_call_arguments.done" => {
                return self.whole(event, MCP_ARGUMENTS, &event.arguments, to);
            }
            "response.code_interpreter_call_code.delta" => return self.delta(event, CODE, to),
            "response.code_interpreter_call_code.done" => {
                return self.whole(event, CODE, &event.code, to);
            }
            "response.output_text.annotation.added" => return self.annotation(event, to),
            "response.shell_call_command.added" | "response.shell_call_command.done" => {
                return self.command(event, event.command.as_ref(), true, to);
            }
            "response.shell_call_command.delta" => {
                let delta = event.delta.as_ref().and_then(RawValue::as_raw_str);
                return self.command(event, delta.as_ref(), false, to);
            }
            // Not in the reference; OpenAI sends them.
            "response.apply_patch_call_operation_diff.delta" => {
                let delta = event.delta.as_ref().and_then(RawValue::as_raw_str);
                return self.diff(event, delta.as_ref(), false, to);
            }
            "response.apply_patch_call_operation_diff.done" => {
                return self.diff(event, event.diff.as_ref(), true, to);
            }
            "response.shell_call_output_content.delta" => return self.shell_output(event, to),
            "response.shell_call_output_content.done" => {
                return self.shell_output_done(event, to);
            }
            // States of tools, which the item has too; pictures that a later one replaces; pings.
            "response.image_generation_call.partial_image"
            | "response.audio.done"
            | "response.audio.transcript.done"
            | "response.compaction.compacting"
            | "response.keep_alive"
            | "keepalive"
            | "ping" => return Effect::Other,
            "response.audio.delta" => return self.audio(event, TextKind::AudioData, to),
            "response.audio.transcript.delta" => {
                return self.audio(event, TextKind::Transcript, to);
            }
            "" => self.blocks.anomaly(AnomalyKind::UnknownChunk, None, "", to),
            event_type if is_state(event_type) => {}
            _ => self.blocks.anomaly(AnomalyKind::UnknownEvent, None, "type", to),
        }
        Effect::Other
    }

    /// Reports whether an event of a resumed stream came before.
    ///
    /// # Errors
    /// Fails if events are missing before it, and that is to be an error.
    fn is_again(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        let Some(Resumed { after, fails_at_gaps }) = self.resumed else { return Ok(false) };
        let Some(found) = event.sequence_number else { return Ok(false) };
        if found <= after {
            return Ok(true);
        }
        if fails_at_gaps && found - 1 > after {
            return Err(Error::Gap { after, found });
        }
        self.resumed = None;
        Ok(false)
    }

    /// Notes what the members of an event say about the stream.
    fn check(&mut self, event: &Event<'_>, to: &mut Transcript) {
        if self.blocks.is_weighing() {
            return;
        }
        if let Some(member) = event.unexpected {
            to.anomaly(AnomalyKind::UnexpectedType, None, member);
        }
        if let Some(number) = event.sequence_number {
            self.count(number, to);
        }
    }

    /// Notes the number of an event.
    #[inline]
    fn count(&mut self, number: u64, to: &mut Transcript) {
        let anomaly = match self.sequence.replace(number) {
            // A resumed stream begins behind its first event.
            None => return,
            Some(last) if number.checked_sub(1) == Some(last) => return,
            Some(last) if number > last => AnomalyKind::SequenceGap,
            Some(_) => AnomalyKind::SequenceRepeated,
        };
        to.anomaly_apart(anomaly, "sequence_number");
    }

    /// Notes the ID that an event has for an item.
    #[inline]
    fn identify(&mut self, slot: Slot, id: &RawStr<'_>, to: &mut Transcript) {
        if self.blocks.identify(slot, id, to) {
            self.has_changing_ids = true;
            to.anomaly_apart(AnomalyKind::ItemIdChanged, "item_id");
        }
    }

    fn created(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        if let (Some(response), Some(known)) = (&event.response, self.envelope.get("id")) {
            let id = response.member("id");
            let is_other = id.is_some_and(|id| id != *known);
            if is_other && self.is_begun() {
                self.blocks.anomaly(AnomalyKind::Spliced, None, "response.id", to);
                self.is_spliced |= !self.blocks.is_weighing();
                return Effect::Other;
            }
            if !is_other {
                self.blocks.anomaly(AnomalyKind::StartedAgain, None, "response", to);
            }
        }
        self.blocks.begin_choice(0, to);
        self.keep_envelope(event, to)
    }

    /// Reports whether an item began.
    fn is_begun(&self) -> bool {
        self.blocks.slots(0).next().is_some()
    }

    /// Keeps the members of the event's response, but for its output.
    fn keep_envelope(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(response) = &event.response else { return Effect::Other };
        let mut has_usage = false;
        let _ = response.find_member(|name, value| {
            let name = core::str::from_utf8(name).unwrap_or_default();
            if name == "output" {
                return None;
            }
            let null = || RawValue::parse("null").ok();
            let value = match value {
                Some(value) => value,
                // Nothing erases token counts.
                None if name == "usage" => return None,
                None => null()?,
            };
            let is_new = self.blocks.keep(&mut self.envelope, name, &value, to);
            has_usage |= is_new && name == "usage" && value.is_object();
            None::<()>
        });
        if has_usage {
            let _ = to.note(What::Usage, 0, 0);
        }
        Effect::Other
    }

    fn terminal(&mut self, event: &Event<'_>, event_type: &str, to: &mut Transcript) -> Effect {
        let _ = self.keep_envelope(event, to);
        let [output, details] = match &event.response {
            Some(response) => response.members(["output", "incomplete_details"]),
            None => [None, None],
        };
        let state = event_type.strip_prefix("response.").unwrap_or_default();
        self.take_output(output.as_ref(), state == "failed", to);
        let is_weighing = self.blocks.is_weighing();
        let reason = details.as_ref().and_then(|details| details.member("reason"));
        let reason = reason.as_ref().filter(|_| state == "incomplete").and_then(RawValue::as_str);
        let calls: Vec<Slot> = self.blocks.slots(0).collect();
        if state == "completed" {
            // Calls whose items did not end: the response says that all is there.
            for slot in calls {
                let _ = self.blocks.call_done(slot, to);
            }
        }
        let _ = self.blocks.finish(0, reason.as_deref().unwrap_or(state), to);
        if !is_weighing {
            self.is_over = true;
            if state == "failed" && self.error.is_none() {
                let error = event
                    .response
                    .as_ref()
                    .and_then(|response| response.member("error"))
                    .map_or_else(
                        || ApiError::from_data(event.data),
                        |error| ApiError::from_data(error.as_json()),
                    );
                self.error = Some(Box::new(error));
            }
            if state != "failed" {
                // The answer came in spite of the error.
                self.error = None;
            }
        }
        // Copilot sends its own counts beside the response.
        let extra = &event.extra;
        extra.for_each(|name, value| {
            if to.options.keep_unknown {
                self.blocks.keep(&mut self.envelope, name, value, to);
            }
        });
        Effect::Other
    }

    /// Takes the items that the last event repeats, if it has all that were folded.
    fn take_output(
        &mut self,
        output: Option<&RawValue<'_>>,
        has_failed: bool,
        to: &mut Transcript,
    ) {
        let slots: Vec<Slot> = self.blocks.slots(0).collect();
        // Null in place of an item is none.
        let items = output.iter().flat_map(|output| output.elements());
        let items: Vec<RawValue<'_>> = items.filter(RawValue::is_object).collect();
        if items.len() < slots.len() {
            // ChatGPT's Codex backend sends an empty list, and so does every response that failed.
            if !has_failed || !items.is_empty() {
                self.blocks.anomaly(AnomalyKind::OutputMissing, None, "response.output", to);
            }
            return;
        }
        let known = |slot: &Slot| {
            let sent = self.blocks.sent(*slot).map(Known::of);
            Some((self.blocks.index(*slot)?, sent?))
        };
        let folded: Vec<(u64, Known)> = slots.iter().filter_map(known).collect();
        let sent: Vec<Known> = items.iter().map(Known::of).collect();
        let of_output = align(&folded, &sent, self.has_changing_ids, |item| match item {
            Item::Folded(own) => says(&self.blocks.value(slots[own], to)),
            Item::Sent(other) => says(&items[other]),
        });
        let mut order = Vec::new();
        for ((item, own), sent) in items.iter().zip(of_output).zip(&sent) {
            let slot = match own {
                Some(own) => {
                    if folded[own].1.item_type != sent.item_type {
                        let kind = AnomalyKind::Contradicted;
                        self.blocks.anomaly(kind, None, "response.output", to);
                    }
                    self.blocks.replace(slots[own], item, to);
                    self.blocks.cover(slots[own], Path::ALL);
                    slots[own]
                }
                None => {
                    let next = self.blocks.end(0);
                    self.blocks.begin(0, next, item, to)
                }
            };
            order.push(slot);
            let _ = self.take_item(slot, item, Sent::Last, to);
            self.blocks.stop(slot);
        }
        if !self.blocks.is_weighing() {
            self.order = order;
        }
    }

    /// Notes an error, which the last event of the stream may follow.
    fn error(&mut self, event: &Event<'_>) -> Effect {
        if !self.blocks.is_weighing() && self.error.is_none() {
            let nested = event.error.as_ref().filter(|error| error.is_object());
            let error = match nested {
                Some(error) => ApiError::from_data(error.as_json()).with_whole(event.data),
                None => ApiError::from_data(event.data),
            };
            self.error = Some(Box::new(error));
        }
        Effect::Other
    }

    /// Begins an item, or takes it whole.
    fn item(&mut self, event: &Event<'_>, is_done: bool, to: &mut Transcript) -> Effect {
        let Some(item) = event.item.as_ref().filter(|item| item.is_object()) else {
            // `null` in place of an item: it begins with its first delta.
            if event.item.is_some() {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "item", to);
            }
            return Effect::Other;
        };
        let id = item.member("id");
        let id = id.as_ref().and_then(RawValue::as_str);
        let known = match (event.output_index, is_done) {
            (Some(index), _) => self.blocks.find(0, index),
            (None, true) => self.find_by_id(id.as_deref()),
            (None, false) => id.as_deref().and_then(|id| self.by_id.get(id)).copied(),
        };
        let slot = match known {
            Some(slot) => {
                if !is_done {
                    self.blocks.anomaly(AnomalyKind::BegunAgain, None, "output_index", to);
                }
                self.blocks.replace(slot, item, to);
                self.blocks.cover(slot, Path::ALL);
                slot
            }
            None => {
                if is_done {
                    self.blocks.anomaly(AnomalyKind::NotStarted, None, "output_item", to);
                }
                self.begin(event.output_index, id.as_deref(), item, to)
            }
        };
        let sent = if is_done { Sent::Last } else { Sent::First };
        let status = self.take_item(slot, item, sent, to);
        if is_done {
            self.blocks.stop(slot);
            if status.is_none_or(|status| status != *"incomplete") {
                let _ = self.blocks.call_done(slot, to);
            }
        }
        Effect::Other
    }

    /// Begins an item, which without an index has the next one.
    fn begin(
        &mut self,
        index: Option<u64>,
        id: Option<&str>,
        item: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Slot {
        let next = || self.blocks.last().map_or(0, |(_, index)| index.saturating_add(1));
        let slot = self.blocks.begin(0, index.unwrap_or_else(next), item, to);
        if index.is_none() {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "output_index", to);
            if let Some(id) = id.filter(|id| !self.by_id.contains_key(*id)) {
                if !self.blocks.weigh_item(id.len()) {
                    to.hold(Held::item(id.len()));
                    self.by_id.insert(id.into(), slot);
                }
            }
        }
        slot
    }

    /// Returns the item of this ID among those without an index, or else the last item.
    fn find_by_id(&self, id: Option<&str>) -> Option<Slot> {
        let of_id = id.and_then(|id| self.by_id.get(id)).copied();
        of_id.or_else(|| self.blocks.last().map(|(slot, _)| slot))
    }

    /// Takes the ID of an item, and hands out what it has in its texts and as a call.
    ///
    /// Returns the status.
    fn take_item<'i>(
        &mut self,
        slot: Slot,
        item: &'i RawValue<'_>,
        sent: Sent,
        to: &mut Transcript,
    ) -> Option<RawValue<'i>> {
        let [item_type, role, id, call_id, name, content, summary, status] =
            item.members(["type", "role", "id", "call_id", "name", "content", "summary", "status"]);
        if let Some(id) = id.as_ref().and_then(RawValue::as_raw_str) {
            self.identify(slot, &id, to);
        }
        let count = |list: &Option<RawValue<'_>>| {
            list.as_ref().map_or(0, |list| list.elements().count() as u64)
        };
        let counts = (count(&content), count(&summary));
        if !self.blocks.is_weighing() {
            match counts {
                (0, 0) => self.sent_parts.remove(&slot),
                counts => self.sent_parts.insert(slot, counts),
            };
        }
        let item_type = item_type.as_ref().and_then(RawValue::as_str).unwrap_or_default();
        let kind = match &*item_type {
            "function_call" => Some(ToolCallKind::Function),
            "custom_tool_call" => Some(ToolCallKind::Custom),
            _ => None,
        };
        if let Some(kind) = kind {
            let string =
                |value: &'_ Option<RawValue<'_>>| Some(value.as_ref()?.as_str()?.into_owned());
            let (call_id, name) = (string(&call_id), string(&name));
            if sent == Sent::Last {
                self.blocks.correct_call(slot, (call_id.as_deref(), name.as_deref()), to);
            }
            let id = call_id.or_else(|| string(&id));
            let _ = self.blocks.call(slot, (id.as_deref(), name.as_deref()), kind, to);
        }
        let mut own = |text: TextIn, to: &mut Transcript| {
            let value = item.member(text.member);
            if let Some(whole) = value.as_ref().and_then(RawValue::as_raw_str) {
                let _ = self.take_text(slot, text.member, text.kind, (&whole, sent), to);
            } else if let Some(object) = value.as_ref().filter(|value| value.is_object()) {
                // In place of its JSON text.
                let _ = self.blocks.whole_json(slot, text.member, text.kind, object, to);
            }
        };
        match &*item_type {
            "function_call" => own(ARGUMENTS, to),
            "custom_tool_call" => {
                own(INPUT, to);
                self.blocks.set_free(slot, to);
            }
            "mcp_call" => own(MCP_ARGUMENTS, to),
            "code_interpreter_call" => own(CODE, to),
            "message" | "reasoning" => {
                if item_type == "message" {
                    let role = role.as_ref().and_then(RawValue::as_str);
                    self.blocks.role(0, role.as_deref().unwrap_or("assistant"), to);
                }
                for (list, parts) in [("content", content), ("summary", summary)] {
                    let Some(parts) = parts else { continue };
                    if !parts.is_array() && !parts.is_void() {
                        self.blocks.anomaly(AnomalyKind::UnexpectedType, None, list, to);
                    }
                    self.take_parts(slot, list, (&parts, sent), to);
                }
            }
            "shell_call" => {
                let action = item.member("action");
                let commands = action.as_ref().and_then(|action| action.member("commands"));
                for (index, command) in commands.iter().flat_map(RawValue::elements).enumerate() {
                    if let Some(command) = command.as_raw_str() {
                        let at = ("action", "commands", index as u32);
                        let _ = self.take_text(slot, at, TextKind::Code, (&command, sent), to);
                    }
                }
            }
            "shell_call_output" => {
                let output = item.member("output");
                for (index, output) in output.iter().flat_map(RawValue::elements).enumerate() {
                    self.take_output_of_command(slot, index as u32, (&output, sent), to);
                }
            }
            "apply_patch_call" => {
                let operation = item.member("operation");
                let diff = operation.as_ref().and_then(|operation| operation.member("diff"));
                if let Some(diff) = diff.as_ref().and_then(RawValue::as_raw_str) {
                    let at = ("operation", "diff");
                    let _ = self.take_text(slot, at, TextKind::Code, (&diff, sent), to);
                }
            }
            item_type if OTHER_ITEMS.contains(&item_type) => {}
            _ => self.blocks.anomaly_once(AnomalyKind::UnknownItem, "item", to),
        }
        status
    }

    /// Takes a whole text of an item or part.
    fn take_text(
        &mut self,
        slot: Slot,
        at: impl Into<Path>,
        kind: TextKind,
        (whole, sent): (&RawStr<'_>, Sent),
        to: &mut Transcript,
    ) -> Effect {
        match sent {
            Sent::First => self.blocks.filled(slot, at, kind, whole, to),
            Sent::Last => self.blocks.whole(slot, at, kind, whole, to),
        }
    }

    /// Hands out what the parts of an item's content or summary have in their texts.
    fn take_parts(
        &mut self,
        slot: Slot,
        list: &'static str,
        (parts, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) {
        // Bedrock counts from 1, and other parts may be left out: then the order tells.
        let known = match sent {
            Sent::First => None,
            Sent::Last => self.blocks.texts_beyond(slot, list, parts.elements().count()),
        };
        let is_shifted = known.is_some();
        let known = known.unwrap_or_default();
        let of = |of: &'static str| known.iter().filter(move |(_, member)| *member == of);
        let (mut texts, mut refusals) = (of("text"), of("refusal"));
        // A part may have a text that its type does not have beside its own.
        let mut found = BTreeSet::new();
        for (position, part) in parts.elements().enumerate() {
            let own = text_of(&part).map(|text| text.member);
            let in_order = match own {
                Some("text") => texts.find(|(index, _)| found.insert(*index)),
                Some(_) => refusals.find(|(index, _)| found.insert(*index)),
                None => None,
            };
            let index = in_order.map_or(position as u64, |(index, _)| u64::from(*index));
            if !is_shifted || in_order.is_some() {
                self.take_other_texts(slot, (list, index), (&part, sent), to);
            }
            self.take_part(slot, (list, index), (&part, sent), to);
        }
    }

    /// Hands out what a part of a content or summary has in its text.
    fn take_part(
        &mut self,
        slot: Slot,
        (list, index): (&'static str, u64),
        (part, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) {
        let Some(text) = text_of(part) else {
            return self.blocks.anomaly_once(AnomalyKind::UnknownItem, "part", to);
        };
        let [whole, annotations] = part.members([text.member, "annotations"]);
        let at = (list, index as u32, text.member);
        match whole.as_ref().and_then(RawValue::as_raw_str) {
            Some(whole) => _ = self.take_text(slot, at, text.kind, (&whole, sent), to),
            None => self.blocks.expect_text(slot, at, text.kind, to),
        }
        let Some(annotations) = annotations else { return };
        let seen = self.cited.get(&(slot, index)).copied().unwrap_or_default();
        let mut count = 0;
        for annotation in annotations.elements() {
            count += 1;
            if count > seen {
                self.blocks.cite(slot, &annotation, to);
            }
        }
        if count > seen && !self.blocks.is_weighing() {
            self.cited.insert((slot, index), count);
        }
    }

    /// Takes the texts that a part of its type does not have.
    ///
    /// Deltas that are misplaced may have brought them, or may go on with them.
    fn take_other_texts(
        &mut self,
        slot: Slot,
        (list, index): (&'static str, u64),
        (part, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) {
        let own = text_of(part).map(|own| own.member);
        for text in [OUTPUT_TEXT, REFUSAL].iter().filter(|text| own != Some(text.member)) {
            let whole = part.member(text.member);
            let Some(whole) = whole.as_ref().and_then(RawValue::as_raw_str) else { continue };
            let (at, of) = ((list, index as u32, text.member), (list, index as u32));
            if self.blocks.had_text(slot, at) {
                let _ = self.take_text(slot, at, text.kind, (&whole, sent), to);
            } else if !whole.is_empty() && self.blocks.put(slot, of).is_none() {
                // There it is found without a walk through the item.
                let _ = self.blocks.set(slot, of, part, to);
            }
        }
    }

    /// Returns the item of an event, which is begun if it has not.
    fn slot(&mut self, event: &Event<'_>, item: &'static str, to: &mut Transcript) -> Slot {
        let id = || event.item_id.as_ref().map(RawStr::to_text);
        let known = match event.output_index {
            Some(index) => self.blocks.find(0, index),
            None => {
                self.blocks.anomaly(AnomalyKind::MissingIndex, None, "output_index", to);
                self.find_by_id(id().as_deref())
            }
        };
        let slot = match known {
            Some(slot) => slot,
            None => {
                self.blocks.anomaly(AnomalyKind::NotStarted, None, "output_item", to);
                let item = RawValue::within(item, false);
                let slot = self.begin(event.output_index, id().as_deref(), &item, to);
                let _ = self.take_item(slot, &item, Sent::First, to);
                slot
            }
        };
        if let Some(id) = &event.item_id {
            self.identify(slot, id, to);
        }
        slot
    }

    fn part(
        &mut self,
        event: &Event<'_>,
        (list, index): (&'static str, Option<u64>),
        to: &mut Transcript,
    ) -> Effect {
        let Some(part) = event.part.as_ref().filter(|part| part.is_object()) else {
            if event.part.is_some() {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "part", to);
            }
            return Effect::Other;
        };
        let item = if list == "summary" { REASONING } else { MESSAGE };
        let slot = self.slot(event, item, to);
        let is_done = event.event_type().ends_with(".done");
        let last = self.last_part.filter(|(of, _)| *of == slot).map(|(_, index)| index);
        let index = match (index, last) {
            (Some(index), _) => index,
            (None, Some(last)) if is_done => last,
            (None, last) => last.map_or(0, |last| last.saturating_add(1)),
        };
        if !self.blocks.is_weighing() {
            self.last_part = Some((slot, index));
        }
        let at = (list, index as u32);
        let is_other = match self.blocks.put(slot, at) {
            Some(known) => known.member("type") != part.member("type"),
            // One that came with its item.
            None => text_of(part).is_some_and(|text| {
                let text = (list, index as u32, text.member);
                self.has_part(slot, list, index) && !self.blocks.had_text(slot, text)
            }),
        };
        if is_other {
            let kind = if is_done { AnomalyKind::Contradicted } else { AnomalyKind::BegunAgain };
            self.blocks.anomaly(kind, Some(0), "part", to);
        }
        let _ = self.blocks.set(slot, at, part, to);
        // The item may have brought the text of a part that begins empty.
        let repeated = text_of(part).map(|text| (list, index as u32, text.member)).filter(|at| {
            let sent = part.member(at.2);
            let is_empty = sent.as_ref().is_none_or(|sent| *sent == *"");
            !is_done && is_empty && self.blocks.may_be_repeated(slot, *at)
        });
        self.blocks.cover(slot, at);
        if let Some(at) = repeated {
            self.blocks.keep_text(slot, at);
        } else {
            let sent = if is_done { Sent::Last } else { Sent::First };
            self.take_other_texts(slot, (list, index), (part, sent), to);
            self.take_part(slot, (list, index), (part, sent), to);
        }
        Effect::Other
    }

    /// Returns the index of the part that an event is for, in the item's content or summary.
    fn part_index(&self, event: &Event<'_>, slot: Slot, list: &str) -> u64 {
        let index = if list == "summary" { event.summary_index } else { event.content_index };
        let last = || self.last_part.filter(|(of, _)| *of == slot).map(|(_, index)| index);
        index.or_else(last).unwrap_or_default()
    }

    fn delta(&mut self, event: &Event<'_>, text: TextIn, to: &mut Transcript) -> Effect {
        let delta = event.delta.as_ref().and_then(RawValue::as_raw_str);
        let logprobs = event.logprobs.as_ref().filter(|logprobs| !logprobs.is_void());
        if delta.is_none() {
            self.note_unread(event, to);
            if logprobs.is_none() {
                return Effect::Other;
            }
        }
        let (slot, kind, mut effect) = self.place(event, text, to);
        let part = text.part.map(|(list, _)| (list, self.part_index(event, slot, list) as u32));
        if let Some(delta) = &delta {
            effect = effect.and(match part {
                None => self.blocks.append_new(slot, text.member, kind, delta, to),
                Some((list, index)) => {
                    self.blocks.append_new(slot, (list, index, text.member), kind, delta, to)
                }
            });
        }
        let Some(logprobs) = logprobs else { return effect };
        // They count whatever becomes of the text: a text that came before may be repeated.
        match part {
            Some((list, index)) if logprobs.is_array() => {
                for logprob in logprobs.elements() {
                    let _ = self.blocks.push(slot, (list, index, "logprobs"), &logprob, to);
                }
            }
            Some(_) => self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "logprobs", to),
            None => self.blocks.anomaly(AnomalyKind::UnknownMember, None, "logprobs", to),
        }
        Effect::Other
    }

    fn whole(
        &mut self,
        event: &Event<'_>,
        text: TextIn,
        whole: &Option<RawStr<'_>>,
        to: &mut Transcript,
    ) -> Effect {
        let logprobs = event.logprobs.as_ref().filter(|all| !all.is_void());
        if whole.is_none() {
            self.note_unread(event, to);
            if logprobs.is_none() {
                return Effect::Other;
            }
        }
        let (slot, kind, _) = self.place(event, text, to);
        if let Some(name) = &event.name {
            let name = name.to_text();
            let _ = self.blocks.call(slot, (None, Some(&*name)), ToolCallKind::Function, to);
        }
        let part = text.part.map(|(list, _)| (list, self.part_index(event, slot, list) as u32));
        if let Some(logprobs) = logprobs {
            match part {
                Some((list, index)) => {
                    let _ = self.blocks.set(slot, (list, index, "logprobs"), logprobs, to);
                }
                None => self.blocks.anomaly(AnomalyKind::UnknownMember, None, "logprobs", to),
            }
        }
        if let Some(whole) = whole {
            let at = match part {
                None => Path::from(text.member),
                Some((list, index)) => Path::from((list, index, text.member)),
            };
            if !self.blocks.has_text(slot, at) && self.blocks.had_text(slot, at) {
                // A whole item or part left it out.
                self.blocks.keep_text(slot, at);
            }
            let _ = self.blocks.whole(slot, at, kind, whole, to);
        }
        Effect::Other
    }

    /// Notes that an event brings a text in a member where its type has none.
    fn note_unread(&self, event: &Event<'_>, to: &mut Transcript) {
        if event.delta.is_some() {
            return self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "delta", to);
        }
        let Event { text, refusal, arguments, input, code, command, diff, .. } = event;
        let texts = [text, refusal, arguments, input, code, command, diff];
        if texts.into_iter().flatten().any(|text| !text.is_empty()) {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "text", to);
        }
    }

    /// Returns the item of a text and the text's kind in it.
    ///
    /// Begins the item and the part if they have not begun.
    fn place(
        &mut self,
        event: &Event<'_>,
        text: TextIn,
        to: &mut Transcript,
    ) -> (Slot, TextKind, Effect) {
        let slot = self.slot(event, text.item, to);
        if let Some((list, _)) = text.part {
            let index = self.part_index(event, slot, list);
            let effect = self.begin_part(slot, text, index, to);
            return (slot, text.kind, effect);
        }
        let mut effect = Effect::Nothing;
        let is_new = !self.blocks.has_text(slot, text.member);
        let is_misplaced = is_new && !self.is_of(slot, text);
        if is_misplaced {
            self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
        }
        let kind = match text.kind {
            // Whoever runs a call runs the arguments of its own type, and no other item is a call.
            TextKind::Arguments if is_misplaced => TextKind::ServerArguments,
            TextKind::Arguments if !self.blocks.is_call(slot) && !is_new => {
                TextKind::ServerArguments
            }
            kind => kind,
        };
        if kind == TextKind::Arguments && !self.blocks.is_call(slot) {
            let kind = match text.member {
                "input" => ToolCallKind::Custom,
                _ => ToolCallKind::Function,
            };
            effect = self.blocks.call(slot, (None, None), kind, to);
        }
        (slot, kind, effect)
    }

    /// Begins the part of a text if it has not begun.
    ///
    /// A part of another type stays, and has the text as one more member.
    fn begin_part(&mut self, slot: Slot, text: TextIn, index: u64, to: &mut Transcript) -> Effect {
        let Some((list, part)) = text.part else { return Effect::Nothing };
        let at = (list, index as u32, text.member);
        if self.blocks.has_text(slot, at) {
            return Effect::Nothing;
        }
        if self.has_part(slot, list, index) {
            if !self.blocks.had_text(slot, at) {
                self.blocks.anomaly(AnomalyKind::Misplaced, Some(0), "delta", to);
                let put = self.blocks.put(slot, (list, index as u32));
                let put = put.and_then(|part| Some(part.member(text.member)?.into_owned()));
                if let Some(sent) = put.as_ref().and_then(RawValue::as_raw_str) {
                    let _ = self.blocks.append(slot, at, text.kind, &sent, to);
                }
            }
            return Effect::Other;
        }
        self.blocks.anomaly(AnomalyKind::NotStarted, None, "part", to);
        // The text is valid JSON.
        self.blocks.set(slot, (list, index as u32), &RawValue::within(part, false), to)
    }

    /// Reports whether an item has a part at this place.
    fn has_part(&self, slot: Slot, list: &'static str, index: u64) -> bool {
        let (contents, summaries) = self.sent_parts.get(&slot).copied().unwrap_or_default();
        index < if list == "summary" { summaries } else { contents }
            || self.blocks.has_put(slot, (list, index as u32))
    }

    /// Reports whether an item is of the type that has this text, or of none.
    fn is_of(&self, slot: Slot, text: TextIn) -> bool {
        let sent = self.blocks.sent(slot).and_then(|sent| sent.member("type"));
        // An item that would begin is of the right type, while it is weighed.
        sent.is_none_or(|sent| RawValue::within(text.item, false).member("type") == Some(sent))
    }

    fn annotation(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(annotation) = &event.annotation else { return Effect::Other };
        let slot = self.slot(event, MESSAGE, to);
        let index = self.part_index(event, slot, "content");
        if !self.has_part(slot, "content", index) {
            let _ = self.begin_part(slot, OUTPUT_TEXT, index, to);
            let (at, empty) = (("content", index as u32, "text"), RawStr::from_inner(""));
            let _ = self.blocks.append(slot, at, TextKind::Content, &empty, to);
        }
        let at = ("content", index as u32, "annotations");
        let _ = self.blocks.push(slot, at, annotation, to);
        self.blocks.cite(slot, annotation, to);
        if !self.blocks.is_weighing() {
            *self.cited.entry((slot, index)).or_default() += 1;
        }
        Effect::Other
    }

    fn command(
        &mut self,
        event: &Event<'_>,
        text: Option<&RawStr<'_>>,
        is_whole: bool,
        to: &mut Transcript,
    ) -> Effect {
        let Some(text) = text else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"shell_call","action":{"commands":[]}}"#, to);
        let at = ("action", "commands", event.command_index.unwrap_or_default() as u32);
        match is_whole {
            true => self.blocks.whole(slot, at, TextKind::Code, text, to),
            false => self.blocks.append_new(slot, at, TextKind::Code, text, to),
        }
    }

    fn diff(
        &mut self,
        event: &Event<'_>,
        text: Option<&RawStr<'_>>,
        is_whole: bool,
        to: &mut Transcript,
    ) -> Effect {
        let Some(text) = text else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"apply_patch_call","operation":{}}"#, to);
        let at = ("operation", "diff");
        match is_whole {
            true => self.blocks.whole(slot, at, TextKind::Code, text, to),
            false => self.blocks.append_new(slot, at, TextKind::Code, text, to),
        }
    }

    fn shell_output(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let Some(delta) = event.delta.as_ref().filter(|delta| delta.is_object()) else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, r#"{"type":"shell_call_output","output":[]}"#, to);
        let index = event.command_index.unwrap_or_default() as u32;
        for member in ["stdout", "stderr"] {
            let text = delta.member(member);
            if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
                let at = ("output", index, member);
                let _ = self.blocks.append_new(slot, at, TextKind::ToolOutput, &text, to);
            }
        }
        Effect::Other
    }

    fn shell_output_done(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        let mut outputs = event.output.iter().flat_map(RawValue::elements);
        let Some(output) = outputs.next() else {
            if event.output.as_ref().is_some_and(|output| !output.is_void()) {
                self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "output", to);
            }
            return Effect::Other;
        };
        if outputs.next().is_some() {
            // An event is about one command.
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "output", to);
        }
        let slot = self.slot(event, r#"{"type":"shell_call_output","output":[]}"#, to);
        let index = event.command_index.unwrap_or_default() as u32;
        let _ = self.blocks.set(slot, ("output", index), &output, to);
        self.blocks.cover(slot, ("output", index));
        self.take_output_of_command(slot, index, (&output, Sent::Last), to);
        Effect::Other
    }

    /// Hands out the output of a command.
    fn take_output_of_command(
        &mut self,
        slot: Slot,
        index: u32,
        (output, sent): (&RawValue<'_>, Sent),
        to: &mut Transcript,
    ) {
        for member in ["stdout", "stderr"] {
            let text = output.member(member);
            if let Some(text) = text.as_ref().and_then(RawValue::as_raw_str) {
                let at = ("output", index, member);
                let _ = self.take_text(slot, at, TextKind::ToolOutput, (&text, sent), to);
            }
        }
    }

    /// Appends audio or its transcript, which belong to no item.
    fn audio(&mut self, event: &Event<'_>, kind: TextKind, to: &mut Transcript) -> Effect {
        let Some(delta) = event.delta.as_ref().and_then(RawValue::as_raw_str) else {
            self.note_unread(event, to);
            return Effect::Other;
        };
        let slot = self.slot(event, MESSAGE, to);
        let member = if kind == TextKind::AudioData { "data" } else { "transcript" };
        self.blocks.append(slot, ("audio", member), kind, &delta, to)
    }
}

/// The types of items that have no text that grows.
const OTHER_ITEMS: [&str; 25] = [
    "additional_tools",
    "agent_message",
    "apply_patch_call_output",
    "compaction",
    "computer_call",
    "computer_call_output",
    "custom_tool_call_output",
    "file_search_call",
    "function_call_output",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_list_tools",
    "multi_agent_call",
    "multi_agent_call_output",
    "program",
    "program_output",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "tool_search_call_output",
    "web_search_call",
    "item_reference",
];

/// Returns the text that a part of a content or summary has.
fn text_of(part: &RawValue<'_>) -> Option<TextIn> {
    let part_type = part.member("type");
    Some(match part_type.as_ref().and_then(RawValue::as_str)?.as_ref() {
        "output_text" => OUTPUT_TEXT,
        "refusal" => REFUSAL,
        "reasoning_text" => REASONING_TEXT,
        "summary_text" => SUMMARY_TEXT,
        _ => return None,
    })
}

/// Returns all that an item says, for comparison.
fn says(item: &RawValue<'_>) -> String {
    let mut all = String::new();
    let mut add = |text: Option<&RawValue<'_>>| {
        if let Some(text) = text.and_then(RawValue::as_str) {
            all.push_str(&text);
        }
    };
    let [arguments, input, code, content, summary] =
        item.members(["arguments", "input", "code", "content", "summary"]);
    [arguments, input, code].iter().for_each(|text| add(text.as_ref()));
    for part in [content, summary].iter().flatten().flat_map(RawValue::elements) {
        let [text, refusal] = part.members(["text", "refusal"]);
        add(text.as_ref());
        add(refusal.as_ref());
    }
    all
}

/// Reports whether an event says in which state a tool of the server is.
fn is_state(event_type: &str) -> bool {
    const TOOLS: [&str; 7] = [
        "mcp_list_tools",
        "mcp_call",
        "code_interpreter_call",
        "file_search_call",
        "web_search_call",
        "image_generation_call",
        "computer_call",
    ];
    let state = event_type.strip_prefix("response.").and_then(|rest| rest.split_once('.'));
    state.is_some_and(|(tool, state)| TOOLS.contains(&tool) && !state.contains('.'))
}

saved!(Responses {
    blocks,
    envelope,
    by_id,
    last_part,
    order,
    sequence,
    cited,
    sent_parts,
    error,
    is_spliced,
    has_changing_ids,
    is_over,
    resumed,
});
saved!(Resumed { after, fails_at_gaps });
