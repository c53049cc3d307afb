//! The fold of a streamed message.
//!
//! Each event type has its row in [`Messages::fold_event`]. The events are those of Anthropic's
//! API reference, "Streaming messages"; what servers send beside it is noted at its row.
//!
//! A block's text, reasoning and input grow by deltas, and nothing repeats them whole. A block is
//! found by its index. An input is JSON text that is parsed once, when the answer is made; until
//! then the transcript has it, as it has every text.

mod block;
mod delta;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use block::Input;

use super::answer::{self, ContentBlock, Message};
use super::event::{Delta, Event};
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Dialect, Effect, Held, Holes, Note, Notes, Options, Outcome,
    Payload, Place, Read, Sealed, TokenCounts, ToolCallSoFar, Transcript, What,
};
use crate::error::{ApiError, Error, Limit};
use crate::json::{RawStr, RawValue, Unknown, Walk};
use crate::save::{Fault, saved};
use crate::sse;

/// The dialect of Anthropic's Messages API, and of the servers that imitate it.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    blocks: Blocks,
    /// The members of the message, but for its content and usage.
    envelope: Unknown<'static>,
    /// The members of the usage.
    usage: Unknown<'static>,
    /// The index of the block that began last.
    last: Option<u64>,
    /// The tool calls that no stop reason completed or cut yet.
    open_calls: Vec<Slot>,
    /// A block began at the index of another.
    has_shared_index: bool,
    is_started: bool,
    /// Another message began, and its events are passed over.
    is_spliced: bool,
    is_over: bool,
}

/// Folds the events of a streamed message; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Messages>;

/// Folds the bytes of a streamed message; see [`crate::Session`].
pub type Session = engine::Session<Messages>;

/// Reads a streamed message from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Messages, R>;

/// Folds the whole body of a streamed message, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::messages;
///
/// let body = br#"data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}}
///
/// data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
///
/// data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}
///
/// data: {"type":"content_block_stop","index":0}
///
/// data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}
///
/// data: {"type":"message_stop"}
///
/// "#;
/// let message = messages::fold(body).into_complete()?;
/// assert_eq!(message.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<messages::Message>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Message> {
    engine::fold::<Messages>(body)
}

impl Sealed for Messages {}

impl Dialect for Messages {
    type Event<'a> = Event<'a>;
    type Answer = Message;

    const NAME: &'static str = "messages";

    fn api(&self) -> &'static str {
        "Anthropic's Messages API"
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Event<'a>,
    ) -> Result<Read, Error> {
        // The data says of what type an event is, its name is only the data's type once more.
        let is_object = event.data.trim_start().starts_with('{');
        let name = if is_object { sse::Event::DEFAULT_TYPE } else { event.event };
        let data = match Payload::of(&sse::Event { event: name, ..*event }) {
            Payload::Chunk(data) => data,
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            // Proxies add a sentinel; the event that ends the stream stands before it.
            Payload::Nothing | Payload::Done => return Ok(Read::Nothing),
        };
        let max = options.limits.max_unknown_members;
        let walk = Walk::new().with_unknown(true, max).with_nulls();
        into.read(data, &walk)?;
        if walk.overflow().is_some() {
            return Err(Limit::UnknownMembers.passed(max));
        }
        let own_type = into.event_type();
        let is_error = match &*own_type {
            "error" => true,
            "" => event.event == "error" || is_api_error(data),
            own => event.event == "error" && !EVENTS.contains(&own),
        };
        if is_error {
            return Ok(Read::Error(Box::new(ApiError::from_data(data))));
        }
        let is_plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if into.event_type.is_none()
            && event.event != sse::Event::DEFAULT_TYPE
            && is_plain(event.event)
        {
            into.event_type = Some(RawStr::from_inner(event.event));
        }
        Ok(Read::Event)
    }

    fn fold(&mut self, event: &Event<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        if self.is_mere_delta(event) {
            // It adds what stands in it.
        } else if is_of_block(event) || self.open_calls.is_empty() {
            // The beginning of a block is held as it was sent, as a text and as the names of a
            // call. A text that was sent there is held once more with its first delta, and the
            // input of a call with its end.
            to.expect_copies(4);
            let index = event.index.or(self.last);
            let slot = index.and_then(|index| self.blocks.find(CHOICE, index));
            let sent = slot.and_then(|slot| self.blocks.sent(slot));
            // And the block that is begun where a delta comes without one.
            to.expect_more(sent.map_or(32, |sent| sent.as_json().len()));
        } else {
            // The end of the message hands out the inputs of the calls that are open, whatever the
            // event has. So such events are weighed, of which there are few in a stream.
            to.expect(usize::MAX);
        }
        let effect = Blocks::weighed(
            self,
            to,
            |this| &mut this.blocks,
            |this, to| this.fold_event(event, to),
        )?;
        debug_assert!(to.admit(Held::default()).is_ok(), "more is held than was weighed");
        Ok(effect)
    }

    fn holes<'e>(&self, event: &'e Event<'_>) -> Option<Holes<'e>> {
        let Event {
            // They stand in the frame. What they mean follows from them and from what was folded.
            event_type: _,
            index: _,
            delta: Some(delta),
            message: None,
            content_block: None,
            usage: None,
            error: None,
            extra,
            unexpected: None,
        } = event
        else {
            return None;
        };
        let Delta {
            delta_type: _,
            text,
            thinking,
            partial_json,
            signature: None,
            citation: None,
            estimated_tokens: None,
            extra: more,
        } = delta
        else {
            return None;
        };
        if !extra.is_empty() || !more.is_empty() {
            return None;
        }
        match (text, thinking, partial_json) {
            (Some(text), None, None) | (None, Some(text), None) | (None, None, Some(text)) => {
                Some(Holes::of(text.as_json()))
            }
            _ => None,
        }
    }

    fn api_error(_: &Event<'_>, _: &str) -> Option<Box<ApiError>> {
        None
    }

    fn is_terminal(event: &Event<'_>) -> bool {
        event.event_type() == "message_stop"
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn is_finished(&self) -> bool {
        // Where two messages were spliced, nobody knows what is missing of the first.
        !self.is_spliced && self.blocks.are_finished()
    }

    fn failure(&self) -> Option<Error> {
        None
    }

    fn settle(&mut self, texts: &mut Transcript) {
        if self.is_over || self.blocks.are_finished() {
            if !self.blocks.are_stopped() {
                texts.anomaly(AnomalyKind::NotStopped, None, "content");
            }
            self.blocks.note_cut_calls(texts);
        }
    }

    fn conclude(&mut self, _: &mut Transcript) {}

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.blocks.check(texts)
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        if self.usage.is_empty() {
            return None;
        }
        let reasoning = self.usage.get("output_tokens_details").and_then(answer::reasoning);
        Some(answer::token_counts(|name| self.usage.get(name)?.as_count(), reasoning))
    }

    fn held(&self) -> crate::engine::Held {
        let mut held = self.blocks.held();
        held += crate::blocks::held_members(&self.envelope);
        held += crate::blocks::held_members(&self.usage);
        held
    }

    fn answer(self, texts: &mut Transcript) -> Message {
        let slots: Vec<Slot> = match self.has_shared_index {
            // Indices no longer say the order.
            true => self.blocks.begun().collect(),
            false => self.blocks.slots(CHOICE).collect(),
        };
        let content = slots.into_iter().map(|slot| self.blocks.value(slot, texts));
        let content = content.map(ContentBlock::new).collect();
        let mut members = self.envelope;
        if !self.usage.is_empty() {
            members.set("usage".into(), answer::to_object(&self.usage));
        }
        Message::new(content, members)
    }
}

impl Notes for Messages {
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

/// The one choice that a message has.
const CHOICE: u64 = 0;

/// The types of the events that are folded.
const EVENTS: [&str; 7] = [
    "message_start",
    "content_block_start",
    DELTA,
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
];

/// The type of the events that are nearly all of a stream.
const DELTA: &str = "content_block_delta";

/// Reports whether an event is about one block.
fn is_of_block(event: &Event<'_>) -> bool {
    matches!(&*event.event_type(), "content_block_start" | DELTA | "content_block_stop")
}

impl Messages {
    /// Folds an event, or weighs it.
    fn fold_event(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        if self.is_spliced {
            return Effect::Other;
        }
        if let Some(member) = event.unexpected {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, member, to);
        }
        let event_type = event.event_type();
        if *event_type != *DELTA || event.message.is_some() || event.content_block.is_some() {
            self.note_unread(event, &event_type, to);
        }
        match &*event_type {
            "message_start" => self.start(event, to),
            "content_block_start" => self.block(event, to),
            DELTA => return self.delta(event, to),
            "content_block_stop" => self.stop(event, to),
            "message_delta" => self.message_delta(event, to),
            "message_stop" => {
                self.begin(to);
                // Bedrock's `amazon-bedrock-invocationMetrics`.
                self.keep_extra(event, to);
                self.is_over |= !self.blocks.is_weighing();
            }
            "ping" => {}
            "" => self.blocks.anomaly(AnomalyKind::UnknownChunk, None, "", to),
            _ => self.blocks.anomaly(AnomalyKind::UnknownEvent, None, "type", to),
        }
        Effect::Other
    }

    /// Notes that an event has a member with a part of the answer which its type does not have.
    fn note_unread(&self, event: &Event<'_>, event_type: &str, to: &mut Transcript) {
        let Event { message, content_block, delta, .. } = event;
        let (message, block) = (message.is_some(), content_block.is_some());
        let is_odd = match event_type {
            DELTA => message || block,
            "message_start" => block || delta.is_some(),
            "content_block_start" => message || delta.is_some(),
            "content_block_stop" | "message_stop" | "ping" => message || block || delta.is_some(),
            "message_delta" => {
                message || block || delta.as_ref().is_some_and(|own| own.has_other(""))
            }
            // It is noted whatever it has.
            _ => false,
        };
        if is_odd {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, "", to);
        }
    }

    /// Begins the message.
    ///
    /// Where Claude calls tools from code that it runs, the message may be whole here.
    fn start(&mut self, event: &Event<'_>, to: &mut Transcript) {
        let Some(message) = event.message.as_ref().filter(|message| message.is_object()) else {
            return self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "message", to);
        };
        if self.is_started {
            let (id, known) = (message.member("id"), self.envelope.get("id"));
            let is_other = id.as_ref().zip(known).is_some_and(|(id, known)| id != known);
            let kind = if is_other { AnomalyKind::Spliced } else { AnomalyKind::StartedAgain };
            self.blocks.anomaly(kind, None, "message", to);
            self.is_spliced = is_other && !self.blocks.is_weighing();
            return;
        }
        self.is_started = !self.blocks.is_weighing();
        self.blocks.begin_choice(CHOICE, to);
        let [mut content, mut usage, mut role, mut reason] = [const { None }; 4];
        let _ = message.find_member(|name, value| {
            if name != "content" && (name != "usage" || value.is_none()) {
                self.keep(name, value.as_ref(), to);
            }
            match name {
                "content" => content = value,
                "usage" => usage = value,
                "role" => role = value,
                "stop_reason" => reason = value,
                _ => {}
            }
            None::<()>
        });
        if let Some(role) = role.as_ref().and_then(RawValue::as_str) {
            self.blocks.role(CHOICE, &role, to);
        }
        match content.as_ref().map(answer::blocks) {
            Some(Some(blocks)) => blocks.for_each(|block| self.whole_block(&block, to)),
            Some(None) => self.blocks.anomaly(AnomalyKind::UnexpectedType, None, "content", to),
            None => {}
        }
        self.keep_extra(event, to);
        if let Some(reason) = reason.as_ref().and_then(RawValue::as_str) {
            self.finish(&reason, to);
        }
        if let Some(usage) = usage {
            self.take_usage(&usage, to);
        }
    }

    /// Notes that the message did not begin, if it did not, and begins it.
    fn begin(&mut self, to: &mut Transcript) {
        if self.blocks.choices().next().is_none() {
            self.blocks.anomaly(AnomalyKind::NotStarted, None, "message", to);
            self.blocks.begin_choice(CHOICE, to);
        }
    }

    fn index_of(&mut self, event: &Event<'_>, to: &mut Transcript) -> u64 {
        event.index.unwrap_or_else(|| {
            self.blocks.anomaly(AnomalyKind::MissingIndex, None, "index", to);
            self.last.unwrap_or_default()
        })
    }

    fn message_delta(&mut self, event: &Event<'_>, to: &mut Transcript) {
        self.begin(to);
        let mut reason = None;
        if let Some(delta) = &event.delta {
            delta.extra.for_each(|name, value| match name {
                "content" if !value.is_void() => {
                    self.blocks.anomaly(AnomalyKind::UnknownMember, None, "delta", to);
                }
                "content" => {}
                "usage" => self.take_usage(value, to),
                name => {
                    if name == "stop_reason" {
                        reason = value.as_str().map(Cow::into_owned);
                    }
                    self.keep(name, Some(value), to);
                }
            });
        }
        self.keep_extra(event, to);
        if let Some(reason) = reason {
            self.finish(&reason, to);
        }
        if let Some(usage) = &event.usage {
            self.take_usage(usage, to);
        }
    }

    /// Sets the stop reason, which completes the open calls or cuts them.
    fn finish(&mut self, reason: &str, to: &mut Transcript) {
        if self.blocks.finish_reason(CHOICE).is_some_and(|known| known != reason) {
            self.blocks.anomaly(AnomalyKind::Changed, Some(CHOICE), "stop_reason", to);
        }
        let calls = match self.blocks.is_weighing() {
            true => self.open_calls.clone(),
            false => core::mem::take(&mut self.open_calls),
        };
        for slot in calls {
            let input = self.input(slot, to);
            if reason == TOOL_USE && !self.blocks.is_stopped(slot) {
                match input {
                    Input::None => self.hand_out_sent_input(slot, to),
                    Input::Json => {}
                    Input::Other => {
                        let kind = AnomalyKind::UnfinishedArguments;
                        self.blocks.anomaly(kind, Some(CHOICE), "input", to);
                    }
                }
            }
            if reason == TOOL_USE || matches!(input, Input::Json) {
                let _ = self.blocks.call_done(slot, to);
            }
        }
        let _ = self.blocks.finish(CHOICE, reason, to);
    }

    /// Keeps the token counts of a usage, each of which replaces the one before.
    ///
    /// They are totals. A null tells nothing.
    fn take_usage(&mut self, usage: &RawValue<'_>, to: &mut Transcript) {
        let (mut is_new, mut is_empty) = (false, true);
        let _ = usage.find_member(|name, value| {
            is_empty = false;
            is_new |= match value {
                Some(value) => self.blocks.keep(&mut self.usage, name, &value, to),
                None if self.usage.get(name).is_some() => false,
                None => {
                    let null = RawValue::within("null", false);
                    self.blocks.keep(&mut self.usage, name, &null, to)
                }
            };
            None::<()>
        });
        if is_empty {
            // Not an object, or one without counts.
            self.keep("usage", Some(usage), to);
        }
        if is_new {
            let _ = to.note(What::Usage, 0, 0);
        }
    }

    /// Keeps a member of the message. A null is kept where nothing is known.
    fn keep(&mut self, name: &str, value: Option<&RawValue<'_>>, to: &mut Transcript) {
        let value = value.filter(|value| !value.is_null());
        if value.is_none() && self.envelope.get(name).is_some() {
            return;
        }
        let null = RawValue::within("null", false);
        self.blocks.keep(&mut self.envelope, name, value.unwrap_or(&null), to);
    }

    /// Keeps the unknown members of an event as members of the message.
    fn keep_extra(&mut self, event: &Event<'_>, to: &mut Transcript) {
        event.extra.for_each(|name, value| {
            if name == "content" || name == "usage" {
                self.blocks.anomaly(AnomalyKind::UnknownMember, None, "content", to);
            } else if to.options.keep_unknown {
                self.keep(name, Some(value), to);
            }
        });
    }

    /// Notes the unknown members of an event that is about a block.
    fn note_extra(&self, event: &Event<'_>, to: &mut Transcript) {
        if !event.extra.is_empty() {
            self.note_unknown(&event.extra, "", to);
        }
    }

    fn note_unknown(&self, extra: &Unknown<'_>, of: &'static str, to: &mut Transcript) {
        if extra.iter().any(|(_, value)| !value.is_null()) {
            self.blocks.anomaly(AnomalyKind::UnknownMember, None, of, to);
        }
    }
}

/// The stop reason of a message whose tool calls are whole.
const TOOL_USE: &str = "tool_use";

/// Reports whether an object without a type is an error.
fn is_api_error(data: &str) -> bool {
    RawValue::parse(data).is_ok_and(|data| ApiError::of(&data).is_some())
}

saved!(Messages {
    blocks,
    envelope,
    usage,
    last,
    open_calls,
    has_shared_index,
    is_started,
    is_spliced,
    is_over,
});
