//! How a stream ended, and what is handed over then.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::error::Error;
use crate::openai::TokenCounts;
use crate::timing::Timing;

/// What a stream came to: the completion as far as it came, how it ended, and what was odd on the way.
///
/// Serialises as `{"answer": …, "end": …, "anomalies": […], "error": …}`, with `"usage"` and `"timing"` where they were asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome<C> {
    /// Everything that was folded; the same type, and the same JSON, as the answer to the request without `stream`.
    pub answer: C,
    /// How the stream ended.
    pub end: End,
    /// What was repaired or contradicted itself, each kind once with a count.
    pub anomalies: Vec<Anomaly>,
    /// Why the stream ended early, for the ends that have a reason.
    pub error: Option<Error>,
    /// How many tokens it took, and who counted them. Set by whoever counts (`deltawire-usage`); what the server sent is in the completion either way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<TokenCounts>,
    /// When what came. Set by whoever has a clock: the adapters, when asked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

impl<C> Outcome<C> {
    /// Whether the answer is whole: [`End::is_complete`].
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end.is_complete()
    }
}

/// How a stream ended. Exactly one for each stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// `[DONE]` came, and every choice has its finish reason.
    Done,
    /// The stream ended cleanly without `[DONE]`, and every choice has its finish reason.
    DoneWithoutSentinel,
    /// `[DONE]` came, but a choice has no finish reason: what an interrupted request looks like with llama-cpp-python, and what LiteLLM
    /// makes of several choices.
    DoneWithoutFinishReason,
    /// The stream ended, or the connection broke, before that.
    Truncated,
    /// The server sent an error in the stream, or an event that is no chunk.
    Error,
    /// The body is no event stream; or there is none, because the request was refused and the fold was told so ([`Session::head`](crate::Session::head)).
    NotAnEventStream,
    /// The stream ended without a single chunk.
    Empty,
    /// A limit was passed.
    Limit,
    /// The caller stopped before the end.
    Stopped,
    /// The stream is open and went without bytes, events or content for longer than a caller's limit: [`StallLimits`](crate::StallLimits). Also after all finish reasons,
    /// if `[DONE]` did not come, as a broken connection is truncated there.
    Stalled,
}

impl End {
    /// Whether the answer is whole as far as the server says: each choice came with the reason why it ended, and the stream ended in order
    /// ([`Done`](Self::Done), [`DoneWithoutSentinel`](Self::DoneWithoutSentinel)). A whole answer may still have been cut by the model's token limit: that is a finish reason.
    #[must_use]
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Done | Self::DoneWithoutSentinel)
    }

    /// The name it has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::DoneWithoutSentinel => "done_without_sentinel",
            Self::DoneWithoutFinishReason => "done_without_finish_reason",
            Self::Truncated => "truncated",
            Self::Error => "error",
            Self::NotAnEventStream => "not_an_event_stream",
            Self::Empty => "empty",
            Self::Limit => "limit",
            Self::Stopped => "stopped",
            Self::Stalled => "stalled",
        }
    }
}

/// Something that was repaired, or that contradicted what came before. Nothing of it stops a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Anomaly {
    /// What happened.
    pub kind: AnomalyKind,
    /// The choice it happened in, by its index on the wire; none for the envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<u64>,
    /// The member concerned.
    pub member: String,
    /// The number of the first event it happened in, from 1.
    pub event: u64,
    /// How often it happened.
    pub count: u64,
}

/// The kinds of [`Anomaly`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyKind {
    /// A member that should stay the same came with another value: the envelope's `id`, `model`, `created`; a tool call's `name` or `type`; a finish
    /// reason. The first one counts, of a finish reason the last.
    Changed,
    /// A member that comes once came again: a role, a usage other than the one before.
    Repeated,
    /// An index is missing, or is none: the choice was told by its position, the tool call by the rules for calls without one.
    MissingIndex,
    /// A fragment of a tool call's arguments has an index that no call has: it went to the latest call.
    UnknownIndex,
    /// A fragment of a tool call came before any call began: a call without a name was begun for it.
    OrphanArguments,
    /// A member has a value of a type that it cannot have, and was ignored.
    UnexpectedType,
    /// Half of a surrogate pair never met its other half, and stands as U+FFFD.
    LoneSurrogate,
    /// Text came after the choice's finish reason; it was folded all the same.
    AfterFinish,
    /// With cumulative deltas: a delta that does not begin with the text so far; it was appended whole.
    NotCumulative,
    /// More kinds of anomalies than are kept came; this counts them.
    More,
}

/// The anomalies of a stream, told apart by kind, choice and member. Bounded, because a stream is not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Anomalies {
    list: Vec<Anomaly>,
    /// What tells each of `list` apart.
    keys: Vec<Key>,
    /// Places in `list` of what the current event noted.
    noted: Vec<usize>,
}

/// What tells anomalies apart.
#[derive(Debug, Clone, Copy)]
struct Key {
    kind: AnomalyKind,
    choice: Option<u64>,
    member: &'static str,
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // The same place in the code notes the same literal, so the text is hardly ever looked at.
        let same_member = || core::ptr::eq(self.member, other.member) || self.member == other.member;
        self.kind == other.kind && self.choice == other.choice && same_member()
    }
}

impl Anomalies {
    const MOST: usize = 64;

    pub(crate) fn note(&mut self, kind: AnomalyKind, choice: Option<u64>, member: &'static str, event: u64) {
        let key = Key { kind, choice, member };
        // What is odd in one chunk is odd in all of them, in the same order.
        let due = self.noted.last().map_or(0, |last| last + 1);
        let place = if self.keys.get(due) == Some(&key) { due } else { self.place(key, event) };
        self.again(place);
    }

    /// Where this one is kept, or those that are too many to be.
    #[inline(never)]
    fn place(&mut self, mut key: Key, event: u64) -> usize {
        let mut place = self.keys.iter().position(|kept| *kept == key);
        if place.is_none() && self.list.len() >= Self::MOST {
            key = Key { kind: AnomalyKind::More, choice: None, member: "" };
            place = self.keys.iter().position(|kept| *kept == key);
        }
        place.unwrap_or_else(|| {
            let Key { kind, choice, member } = key;
            self.list.push(Anomaly { kind, choice, member: member.into(), event, count: 0 });
            self.keys.push(key);
            self.list.len() - 1
        })
    }

    pub(crate) fn begin_event(&mut self) {
        self.noted.clear();
    }

    /// Places of what the current event noted, for [`again`](Self::again).
    pub(crate) fn noted(&self) -> &[usize] {
        &self.noted
    }

    /// What was noted before at this place happened again.
    pub(crate) fn again(&mut self, place: usize) {
        if let Some(anomaly) = self.list.get_mut(place) {
            anomaly.count += 1;
            self.noted.push(place);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Anomaly> {
        self.list
    }

    pub(crate) fn list(&self) -> &[Anomaly] {
        &self.list
    }
}
