//! Anomalies: everything that was repaired, was dropped, or is contradictory.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use crate::error::{Error, Escaped, evidence};
use crate::save::{Fault, Reader, Saved, Writer, saved_variants};

/// Something that was repaired, or that contradicted what came before.
///
/// It never stops a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Anomaly {
    /// The kind.
    pub kind: AnomalyKind,
    /// The choice it happened in, by its index on the wire.
    ///
    /// It is `None` for the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<u64>,
    /// The member concerned.
    pub member: &'static str,
    /// The number of the first event it happened in, from 1.
    ///
    /// An anomaly between events has the number of the event before it, or 0.
    pub event: u64,
    /// The number of times it happened.
    pub count: u64,
    /// The data that caused it the first time.
    ///
    /// Only some kinds have one: data that was passed over, a content type, the beginning of stray
    /// lines. It has at most [`Error::EXCERPT`](crate::Error::EXCERPT) bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// The kinds of [`Anomaly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyKind {
    /// A member that should stay the same arrived with another value.
    ///
    /// It is the envelope's `id`, `model` or `created`, a tool call's `type`, an audio `id`, the
    /// role of a Gemini candidate, or a finish reason. The first value is kept, but the last finish
    /// reason, and the last ID of an interaction. Or it is the type of a kept member of a `delta`,
    /// of which the last value is kept.
    Changed,
    /// A member that should arrive once arrived again.
    ///
    /// It is a role, a usage other than the one before, or a whole `message` after deltas, which
    /// was not folded. It is also a text that came with its item, and then in deltas, which were
    /// not appended (LiteLLM), and another signature of a block, of which the last one counts.
    Repeated,
    /// An index is missing or is not one.
    ///
    /// A choice was identified by its position, a tool call by the rules for calls without an
    /// index. In Gemini's streamed arguments an index skips elements, which were left out.
    MissingIndex,
    /// A fragment of a tool call's arguments has an index that no call has.
    ///
    /// It went to the latest call.
    UnknownIndex,
    /// A fragment of a tool call arrived before any call began.
    ///
    /// A call without a name was begun for it.
    OrphanArguments,
    /// A tool call's ID is the text `null` or `None`.
    ///
    /// It was taken as missing.
    ToolCallIdPlaceholder,
    /// A fragment of a tool call has no name, and an ID that no call has.
    ///
    /// It went to the call of its index, else to the latest, which keeps its ID. LM Studio sends
    /// another ID with every fragment.
    ToolCallIdChanged,
    /// Two tool calls have one ID.
    ///
    /// The second was begun by another index, or by another name after arguments (DeepSeek, GLM).
    ToolCallIdShared,
    /// A tool call began with an index that another call has.
    ///
    /// Ollama sends every call as index 0.
    ToolCallIndexReused,
    /// The name of a tool call arrived in pieces, which were joined.
    ToolCallNameContinued,
    /// A tool call has no name at the end of the stream.
    ToolCallWithoutName,
    /// The arguments of a tool call are several JSON documents at the end.
    ///
    /// Servers send `{}` before the real ones, or all of them once more. They stand as sent.
    SeveralDocuments,
    /// The arguments of a tool call are cut, although the choice is finished.
    ///
    /// They are not a whole JSON document: a token limit cut them, they are repeated in part, or
    /// the model wrote no JSON. In Anthropic's Messages the input of a server's tool counts too.
    UnfinishedArguments,
    /// The answer stands in the wrong member, and was folded from there.
    ///
    /// The anomaly's member is a `message` in place of the delta, a `delta` or `message` in a
    /// legacy completion, a `text` in a chat completion, a `delta` for a block, an item or a part
    /// of another type, which has the text beside what it has.
    Misplaced,
    /// Each choice began after the one before had ended without a finish reason.
    ///
    /// The choice index seems to count tokens (TGI, Foundry Local).
    /// [`Options::with_one_choice`](crate::Options::with_one_choice) then folds the one answer.
    IndexCountsTokens,
    /// A text is a number or a boolean, without quotes.
    ///
    /// It was appended as written.
    ScalarText,
    /// A member has a value of a type that it cannot have.
    ///
    /// It was ignored, unless it has what the member should have: a text in place of the delta, a
    /// part or a tool call without its array, an array of texts.
    UnexpectedType,
    /// Half of a surrogate pair never met its other half, and stands as U+FFFD.
    LoneSurrogate,
    /// Text arrived after the choice's finish reason, and was folded all the same.
    ///
    /// So did a part of a tool call that was reported as done.
    AfterFinish,
    /// With cumulative deltas: a delta does not begin with the text so far.
    ///
    /// It was appended whole.
    NotCumulative,
    /// A tool call was cut, by its choice's finish reason or by a `[DONE]` without one.
    ///
    /// Its arguments may be incomplete, so no [`Change::ToolCallDone`](crate::Change::ToolCallDone)
    /// reported it.
    CutToolCall,
    /// The content type is not `text/event-stream`, but the body is an event stream.
    ///
    /// Or it is not one of lines of JSON, but the body has such lines, and the API too.
    ContentType,
    /// A line is not a field.
    ///
    /// It was passed over; see
    /// [`Decoder::with_stray_lines`](crate::sse::Decoder::with_stray_lines).
    StrayLine,
    /// The body ended within an event, which was discarded.
    ///
    /// The excerpt is what arrived of its data. As the standard has it, an event is discarded even
    /// if its data is whole; what ends the stream counts, and an error is told.
    CutEvent,
    /// An event that is neither a chunk nor an error was passed over as a keep-alive.
    ///
    /// It has a name and its data is not an object, or its data is a time, a number or a quoted
    /// text.
    KeepAlive,
    /// A chunk has no member that is known.
    ///
    /// It changed nothing, except for unknown members.
    UnknownChunk,
    /// A chunk stands in the member `data` of another object, or Gemini's in `response`.
    ///
    /// Or it stands after a second `data:`. It was folded.
    WrappedChunk,
    /// An event has several chunks, one on each line, and each was folded.
    ///
    /// The server ends its events with a single line end.
    SeveralChunks,
    /// A number is `NaN`, `Infinity` or `-Infinity`, as Python writes them.
    ///
    /// It was read as null.
    NotANumber,
    /// A string has a control character that is not escaped.
    ///
    /// It was read as that character.
    ControlCharacter,
    /// An event has a type that is not known, and was passed over.
    ///
    /// APIs add types all the time. Their events are in no answer, but
    /// [`Session::next_event`](crate::Session::next_event) returns them.
    UnknownEvent,
    /// A delta has a type that is not known, and was passed over.
    UnknownDelta,
    /// An item, a block, a step or a part has a type that is not known.
    ///
    /// Or a part has a text that its type does not have.
    ///
    /// It is in the answer as it was sent. It is noted once, with the first event that has one.
    UnknownItem,
    /// An event or its delta has a member that has no place in the answer.
    ///
    /// It is not known, or the type of the event or the delta has no such member.
    ///
    /// The rest of the event was folded.
    UnknownMember,
    /// A whole text or item differs from the deltas that came before it.
    ///
    /// Or it leaves them out, or annotations or log probabilities, or a whole call has another ID
    /// or name, or an item stands in place of one of another type. The whole one counts in the
    /// answer. What the updates added stays as it was, but a call that was not told as done is told
    /// as the whole one has it. Of the input that a block of Anthropic's Messages began with, the
    /// deltas count.
    Contradicted,
    /// A delta or an annotation is for an item, a part or a block that did not begin.
    ///
    /// One was begun for it.
    NotStarted,
    /// An item or block began a second time, and the later one counts.
    ///
    /// Or a part began in place of one of another type.
    /// In Anthropic's Messages another block began at the same index, and both are kept.
    BegunAgain,
    /// The stream ended in order, but an item or block did not.
    NotStopped,
    /// The answer began a second time with the same ID, which changed nothing.
    StartedAgain,
    /// Another answer began in the stream, and was passed over.
    ///
    /// A proxy spliced two of them. The first one counts, and is not complete unless it had ended.
    Spliced,
    /// The ID of an item differs from event to event (GitHub Copilot).
    ///
    /// Items are told apart by their index.
    ItemIdChanged,
    /// A number is missing in the sequence of the events, so events may be lost.
    SequenceGap,
    /// The sequence number of an event is not higher than the one before.
    SequenceRepeated,
    /// The last event repeats the answer without what was folded, which is kept.
    ///
    /// It has an empty `output`, as ChatGPT's Codex backend sends it.
    OutputMissing,
    /// A text that is parsed as JSON has a Markdown fence around it.
    ///
    /// This kind and the next five need lenient options of `Options::with_parsed_content`.
    JsonFence,
    /// A text that is parsed as JSON has other text before or after the value.
    JsonText,
    /// A text that is parsed as JSON has a `<think>` block before the value.
    JsonThinkBlock,
    /// A text that is parsed as JSON has a comma before the end of an array or object.
    JsonTrailingComma,
    /// A text that is parsed as JSON has a control character in a string.
    ///
    /// Usually that is a line feed.
    JsonControlCharacter,
    /// A text that is parsed as JSON has an escape that JSON does not have.
    ///
    /// The text of the escape is kept.
    JsonUnknownEscape,
    /// More kinds of anomalies arrived than are kept.
    ///
    /// This one counts the rest.
    More,
}

impl AnomalyKind {
    /// Reports whether the anomaly quotes the event's data.
    fn is_quoted(self) -> bool {
        matches!(
            self,
            Self::ContentType
                | Self::CutEvent
                | Self::KeepAlive
                | Self::UnknownChunk
                | Self::WrappedChunk
                | Self::UnknownEvent
                | Self::UnknownDelta
                | Self::UnknownItem
                | Self::UnknownMember
        )
    }
}

/// Displays as `changed finish_reason in choice 0, first in event 7, 3 times`.
///
/// An excerpt follows after a colon, in one line.
impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if !self.member.is_empty() {
            write!(f, " {}", self.member)?;
        }
        if let Some(choice) = self.choice {
            write!(f, " in choice {choice}")?;
        }
        write!(f, ", first in event {}", self.event)?;
        if self.count > 1 {
            write!(f, ", {} times", self.count)?;
        }
        match &self.excerpt {
            Some(excerpt) => write!(f, ": {}", Escaped::new(excerpt).at_most(160)),
            None => Ok(()),
        }
    }
}

/// Displays as it serialises: `changed`, `missing_index` and so on.
impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The anomalies of a stream, counted by kind, choice and member.
///
/// Their number is bounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Anomalies {
    list: Vec<Anomaly>,
    /// The positions in `list` that the current event noted.
    noted: Vec<usize>,
}

/// The identity of an anomaly.
#[derive(Debug, Clone, Copy)]
struct Key {
    kind: AnomalyKind,
    choice: Option<u64>,
    member: &'static str,
}

impl Key {
    #[inline]
    fn is_of(&self, anomaly: &Anomaly) -> bool {
        // One place in the code notes one literal, so the text is hardly ever compared.
        let same_member =
            || core::ptr::eq(self.member, anomaly.member) || self.member == anomaly.member;
        self.kind == anomaly.kind && self.choice == anomaly.choice && same_member()
    }
}

impl Anomalies {
    const MOST: usize = 64;

    /// Notes an anomaly of event number `event`.
    pub(crate) fn note(
        &mut self,
        kind: AnomalyKind,
        choice: Option<u64>,
        member: &'static str,
        event: u64,
    ) {
        let key = Key { kind, choice, member };
        // An anomaly of one event is usually one of all events, in the same order.
        let due = self.noted.last().map_or(0, |last| last + 1);
        let is_due = self.list.get(due).is_some_and(|anomaly| key.is_of(anomaly));
        let position = if is_due { due } else { self.position(key, event) };
        self.again(position);
    }

    /// Notes an anomaly of the text or of another value `count` times.
    ///
    /// An event that repeats the frame does not repeat this anomaly, because its values are others.
    pub(crate) fn note_apart(
        &mut self,
        kind: AnomalyKind,
        choice: Option<u64>,
        member: &'static str,
        (event, count): (u64, u64),
    ) {
        let position = self.position(Key { kind, choice, member }, event);
        if let Some(anomaly) = self.list.get_mut(position) {
            anomaly.count += count;
        }
    }

    /// Returns the position of the anomaly, or of the one that counts the rest.
    #[inline(never)]
    fn position(&mut self, mut key: Key, event: u64) -> usize {
        let mut position = self.list.iter().position(|kept| key.is_of(kept));
        if position.is_none() && self.list.len() >= Self::MOST {
            key = Key { kind: AnomalyKind::More, choice: None, member: "" };
            position = self.list.iter().position(|kept| key.is_of(kept));
        }
        position.unwrap_or_else(|| {
            let Key { kind, choice, member } = key;
            self.list.push(Anomaly { kind, choice, member, event, count: 0, excerpt: None });
            self.list.len() - 1
        })
    }

    /// Quotes this text in the current event's anomalies, if their kind needs it.
    ///
    /// The text of the first time stays.
    pub(crate) fn quote(&mut self, text: &str) {
        for &position in &self.noted {
            if let Some(anomaly) = self.list.get_mut(position) {
                if anomaly.kind.is_quoted() && anomaly.excerpt.is_none() {
                    anomaly.excerpt = Some(evidence(text, Error::EXCERPT));
                }
            }
        }
    }

    /// Reports whether the current event noted that it is unknown.
    pub(crate) fn noted_unknown(&self) -> bool {
        let is_unknown = |position: &usize| {
            let anomaly = self.list.get(*position);
            anomaly.is_some_and(|anomaly| {
                matches!(anomaly.kind, AnomalyKind::UnknownChunk | AnomalyKind::UnknownEvent)
            })
        };
        self.noted.iter().any(is_unknown)
    }

    /// Replaces the text that is shown with an anomaly, if it is kept.
    pub(crate) fn requote(&mut self, kind: AnomalyKind, text: &str) {
        if let Some(anomaly) = self.list.iter_mut().find(|anomaly| anomaly.kind == kind) {
            anomaly.excerpt = Some(text.into());
        }
    }

    pub(crate) fn begin_event(&mut self) {
        self.noted.clear();
    }

    /// Returns the positions that the current event noted, for [`again`](Self::again).
    pub(crate) fn noted(&self) -> &[usize] {
        &self.noted
    }

    /// Counts the anomaly at this position once more.
    pub(crate) fn again(&mut self, position: usize) {
        if let Some(anomaly) = self.list.get_mut(position) {
            anomaly.count += 1;
            self.noted.push(position);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Anomaly> {
        self.list
    }

    pub(crate) fn list(&self) -> &[Anomaly] {
        &self.list
    }
}

saved_variants!(AnomalyKind {
    Changed = 0,
    Repeated = 1,
    MissingIndex = 2,
    UnknownIndex = 3,
    OrphanArguments = 4,
    ToolCallIdPlaceholder = 5,
    ToolCallIdChanged = 6,
    ToolCallIdShared = 7,
    ToolCallIndexReused = 8,
    ToolCallNameContinued = 9,
    ToolCallWithoutName = 10,
    SeveralDocuments = 11,
    UnfinishedArguments = 12,
    Misplaced = 13,
    IndexCountsTokens = 14,
    ScalarText = 15,
    UnexpectedType = 16,
    LoneSurrogate = 17,
    AfterFinish = 18,
    NotCumulative = 19,
    CutToolCall = 20,
    ContentType = 21,
    StrayLine = 22,
    KeepAlive = 23,
    UnknownChunk = 24,
    WrappedChunk = 25,
    SeveralChunks = 26,
    NotANumber = 27,
    ControlCharacter = 28,
    UnknownEvent = 29,
    UnknownDelta = 30,
    UnknownMember = 31,
    Contradicted = 32,
    NotStarted = 33,
    BegunAgain = 34,
    NotStopped = 35,
    StartedAgain = 36,
    Spliced = 37,
    ItemIdChanged = 38,
    SequenceGap = 39,
    SequenceRepeated = 40,
    OutputMissing = 41,
    JsonFence = 42,
    JsonText = 43,
    JsonThinkBlock = 44,
    JsonTrailingComma = 45,
    JsonControlCharacter = 46,
    JsonUnknownEscape = 47,
    More = 48,
    UnknownItem = 49,
    CutEvent = 50,
});

impl Saved for Anomaly {
    fn save(&self, to: &mut Writer) {
        let Self { kind, choice, member, event, count, excerpt } = self;
        kind.save(to);
        choice.save(to);
        to.name(member);
        event.save(to);
        count.save(to);
        excerpt.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            kind: AnomalyKind::load(from)?,
            choice: Saved::load(from)?,
            member: from.name()?,
            event: u64::load(from)?,
            count: from.counter()?,
            excerpt: Saved::load(from)?,
        })
    }
}

/// Leaves out the notes of the current event, which is over.
impl Saved for Anomalies {
    fn save(&self, to: &mut Writer) {
        self.list.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let list = Vec::<Anomaly>::load(from)?;
        // The one that counts the rest comes on top.
        if list.len() > Self::MOST + 1 {
            return Err(Fault::Damaged("anomalies"));
        }
        Ok(Self { list, noted: Vec::new() })
    }
}
