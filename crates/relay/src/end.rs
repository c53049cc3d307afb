//! The end of a stream.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The end of a stream, as the last entry of its log has it.
///
/// Serialises as `{"end":"cancelled","by":"user"}`; members without a value are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct End {
    /// The kind of the end.
    #[serde(rename = "end")]
    pub kind: EndKind,
    /// The one who stopped it, for [`EndKind::Cancelled`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A message for people, for ends that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The end of the folded stream, if the producer folded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<deltawire::End>,
}

/// The kind of an [`End`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EndKind {
    /// The answer is complete.
    Done,
    /// The model's server failed, or sent what is no answer.
    Error,
    /// Somebody [stopped](crate::Relay::stop) it.
    Cancelled,
    /// The model's stream ended before the answer did, or its producer was dropped.
    Truncated,
    /// The producer died: its lease expired.
    ProducerLost,
    /// The log lost entries, or could not take them.
    ///
    /// A reader that misses one gets [`ReadError::Lost`](crate::ReadError::Lost) instead.
    EntriesLost,
}

impl EndKind {
    /// Returns the name that the kind has in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Truncated => "truncated",
            Self::ProducerLost => "producer_lost",
            Self::EntriesLost => "entries_lost",
        }
    }
}

impl fmt::Display for EndKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl End {
    /// Returns an end of this kind, without a message.
    #[must_use]
    pub fn new(kind: EndKind) -> Self {
        Self { kind, by: None, message: None, outcome: None }
    }

    /// Returns the end of a complete answer.
    #[must_use]
    pub fn done() -> Self {
        Self::new(EndKind::Done)
    }

    /// Returns the end of a stream that somebody stopped.
    #[must_use]
    pub fn cancelled(by: impl Into<String>) -> Self {
        Self { by: Some(by.into()), ..Self::new(EndKind::Cancelled) }
    }

    /// Returns the end with a message for people.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..self }
    }

    /// Returns the end of a stream that was folded.
    #[must_use]
    pub fn of<A>(outcome: &deltawire::Outcome<A>) -> Self {
        use deltawire::End as Folded;
        let kind = match outcome.end {
            end if end.is_complete() => EndKind::Done,
            Folded::Stopped => EndKind::Cancelled,
            Folded::Error | Folded::NotAnEventStream | Folded::Limit => EndKind::Error,
            _ => EndKind::Truncated,
        };
        let message = outcome.error.as_ref().map(ToString::to_string);
        Self { kind, by: None, message, outcome: Some(outcome.end) }
    }

    /// Returns the text of its entry.
    pub(crate) fn to_json(&self) -> String {
        // Strings and names only: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(by) = &self.by {
            write!(f, " by {}", deltawire::Escaped::new(by))?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {}", deltawire::Escaped::new(message))?;
        }
        Ok(())
    }
}
