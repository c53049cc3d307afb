//! The fold of a streamed response.
//!
//! Each event type has its row in [`Responses::fold_event`]. The table of the events is that of
//! OpenAI's API reference, "Streaming events"; what servers send beside it is noted at its row.
//!
//! Items are told apart by `output_index` and not by their IDs, which GitHub Copilot changes with
//! every event; that is noted. Only where there is no index (llama.cpp) the ID counts, and else the
//! item that began last. What comes whole counts: a `.done` event replaces what its deltas built,
//! and the last event replaces the items, if it has them.

mod items;
mod parts;
mod places;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use self::places::{
    ARGUMENTS, CODE, INPUT, MCP_ARGUMENTS, OUTPUT_TEXT, REASONING_TEXT, REFUSAL, SUMMARY_TEXT,
};
use super::answer::{OutputItem, Response};
use super::event::Event;
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Cursor, Dialect, Effect, Held, Hole, Holes, Note, Notes, Options,
    Outcome, Payload, Place, Read, Sealed, TextId, TextKind, TokenCounts, ToolCallSoFar,
    Transcript, Values, What,
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
            output_index,
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
        if output_index.is_none() && self.has_changing_ids {
            // The ID says which item is meant, and folding may have noted that it is another one.
            return None;
        }
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
            "response.queued" | "response.in_progress" => {
                let _ = self.keep_envelope(event, to);
            }
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
        let _ = self.keep_envelope(event, to);
        Effect::Other
    }

    /// Reports whether an item began.
    fn is_begun(&self) -> bool {
        self.blocks.slots(0).next().is_some()
    }

    /// Keeps the members of the event's response, but for its output.
    ///
    /// Returns its output, and why it is incomplete.
    fn keep_envelope<'e>(
        &mut self,
        event: &'e Event<'_>,
        to: &mut Transcript,
    ) -> [Option<RawValue<'e>>; 2] {
        let (mut output, mut details) = (None, None);
        let Some(response) = &event.response else { return [output, details] };
        let mut has_usage = false;
        let _ = response.find_member(|name, value| {
            if name == "output" {
                output = value;
                return None;
            }
            if name == "incomplete_details" {
                details = value.clone();
            }
            let value = match value {
                Some(value) => value,
                // Nothing erases token counts.
                None if name == "usage" => return None,
                None => RawValue::within("null", false),
            };
            let is_new = self.blocks.keep(&mut self.envelope, name, &value, to);
            has_usage |= is_new && name == "usage" && value.is_object();
            None::<()>
        });
        if has_usage {
            let _ = to.note(What::Usage, 0, 0);
        }
        [output, details]
    }

    fn terminal(&mut self, event: &Event<'_>, event_type: &str, to: &mut Transcript) -> Effect {
        let [output, details] = self.keep_envelope(event, to);
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
