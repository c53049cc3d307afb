//! Anomalies: what was repaired, dropped or contradicted itself on the way.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::{Error, evidence};

/// Something that was repaired, or that contradicted what came before. It never stops a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Anomaly {
    /// The kind.
    pub kind: AnomalyKind,
    /// The choice it happened in, by its index on the wire. `None` for the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<u64>,
    /// The member concerned.
    pub member: String,
    /// The number of the first event it happened in, from 1.
    ///
    /// Of what stands between events it is the number of the event before, or 0.
    pub event: u64,
    /// The number of times it happened.
    pub count: u64,
    /// The data that it is about, of the first time.
    ///
    /// Only kinds that cannot be understood without have one: data that was passed over, a content
    /// type, the beginning of stray lines. It has at most
    /// [`Error::EXCERPT`](crate::Error::EXCERPT) bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

/// The kinds of [`Anomaly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyKind {
    /// A member that should stay the same arrived with another value: the envelope's `id`, `model`
    /// or `created`, a tool call's `name` or `type`, a finish reason. The first value counts, of a
    /// finish reason the last.
    Changed,
    /// A member that comes once came again: a role, a usage other than the one before.
    Repeated,
    /// An index is missing or is not one. A choice was told by its position, a tool call by the
    /// rules for calls without an index.
    MissingIndex,
    /// A fragment of a tool call's arguments has an index that no call has. It went to the latest
    /// call.
    UnknownIndex,
    /// A fragment of a tool call arrived before any call began. A call without a name was begun
    /// for it.
    OrphanArguments,
    /// A member has a value of a type that it cannot have, and was ignored.
    UnexpectedType,
    /// Half of a surrogate pair never met its other half, and stands as U+FFFD.
    LoneSurrogate,
    /// Text arrived after the choice's finish reason. It was folded all the same.
    AfterFinish,
    /// With cumulative deltas: a delta does not begin with the text so far. It was appended whole.
    NotCumulative,
    /// The content type is not `text/event-stream`, but the body is an event stream.
    ContentType,
    /// A line is no field. It was passed over; see
    /// [`Decoder::with_stray_lines`](crate::sse::Decoder::with_stray_lines).
    StrayLine,
    /// An event is neither a chunk nor an error, and was passed over as a keep-alive: one with a
    /// name whose data is not an object, or one whose data is a time, a number or a text in quotes.
    KeepAlive,
    /// A chunk has no member that is known. It was folded as one that changes nothing, but for
    /// unknown members.
    UnknownChunk,
    /// A chunk stands in the member `data` of another object. It was folded.
    WrappedChunk,
    /// An event has several chunks, one a line: the server divides its events by one line end. Each
    /// was folded.
    SeveralChunks,
    /// A number is `NaN`, `Infinity` or `-Infinity`, as Python writes them. It was read as null.
    NotANumber,
    /// A string has a control character that is not escaped. It was read as that character.
    ControlCharacter,
    /// More kinds of anomalies arrived than are kept. This one counts the rest.
    More,
}

impl AnomalyKind {
    /// Reports whether the data of the event is shown with it.
    fn is_quoted(self) -> bool {
        matches!(
            self,
            Self::ContentType | Self::KeepAlive | Self::UnknownChunk | Self::WrappedChunk
        )
    }
}

/// The anomalies of a stream, told apart by kind, choice and member. Their number is bounded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Anomalies {
    list: Vec<Anomaly>,
    /// The key of each anomaly in `list`.
    keys: Vec<Key>,
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

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // One place in the code notes one literal, so the text is hardly ever compared.
        let same_member =
            || core::ptr::eq(self.member, other.member) || self.member == other.member;
        self.kind == other.kind && self.choice == other.choice && same_member()
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
        let position =
            if self.keys.get(due) == Some(&key) { due } else { self.position(key, event) };
        self.again(position);
    }

    /// Returns the position of the anomaly, or of the one that counts those beyond the bound.
    #[inline(never)]
    fn position(&mut self, mut key: Key, event: u64) -> usize {
        let mut position = self.keys.iter().position(|kept| *kept == key);
        if position.is_none() && self.list.len() >= Self::MOST {
            key = Key { kind: AnomalyKind::More, choice: None, member: "" };
            position = self.keys.iter().position(|kept| *kept == key);
        }
        position.unwrap_or_else(|| {
            let Key { kind, choice, member } = key;
            let member = member.into();
            self.list.push(Anomaly { kind, choice, member, event, count: 0, excerpt: None });
            self.keys.push(key);
            self.list.len() - 1
        })
    }

    /// Shows this text with what the current event noted and cannot be understood without.
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
