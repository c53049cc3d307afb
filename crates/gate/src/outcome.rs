//! What became of everything that went into the gate.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use serde::Serialize as DeriveSerialize;
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::kind::Kind;

/// What was shown and what was not, choice by choice, and how much later than it came.
///
/// Of each text, every character is in exactly one of: shown as it came, `redacted`, `dropped`, `held`.
#[derive(Debug, Clone, PartialEq, DeriveSerialize)]
#[non_exhaustive]
pub struct Outcome {
    /// Each choice of which text came or that was stopped, by index.
    pub choices: Vec<ChoiceOutcome>,
    /// The delay of all that was released.
    pub delay: Delay,
}

impl Outcome {
    /// What was shown of the content of choice 0.
    #[must_use]
    pub fn text(&self) -> &str {
        let content =
            self.choices.iter().find(|choice| choice.choice == 0).and_then(|choice| choice.text(Kind::Content));
        content.map_or("", |content| &content.shown)
    }

    /// Whether all that came was shown as it came.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        let mut texts = self.choices.iter().flat_map(|choice| &choice.texts);
        texts.all(|text| text.redacted.is_empty() && text.dropped.is_none() && text.held.is_none())
    }
}

/// One choice.
#[derive(Debug, Clone, PartialEq, DeriveSerialize)]
#[non_exhaustive]
pub struct ChoiceOutcome {
    /// Its index.
    pub choice: u64,
    /// Where a verdict stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Its texts, ordered by kind.
    pub texts: Vec<TextOutcome>,
}

impl ChoiceOutcome {
    /// What became of a text.
    #[must_use]
    pub fn text(&self, kind: Kind) -> Option<&TextOutcome> {
        self.texts.iter().find(|text| text.kind == kind)
    }
}

/// Where a verdict stopped a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, DeriveSerialize)]
#[non_exhaustive]
pub struct Stopped {
    /// In which text.
    #[serde(flatten)]
    pub kind: Kind,
    /// Behind how many of its characters.
    pub at: usize,
}

/// One text of a choice. Offsets and lengths are in characters of it as the model wrote it.
#[derive(Debug, Clone, PartialEq, DeriveSerialize)]
#[non_exhaustive]
pub struct TextOutcome {
    /// Which text.
    #[serde(flatten)]
    pub kind: Kind,
    /// How much came.
    pub characters: usize,
    /// What was shown: all that was taken from the gate, replacements included.
    pub shown: String,
    /// What was replaced.
    pub redacted: Vec<Redacted>,
    /// What a stop left out, or the caller's options withhold: all from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Range<usize>>,
    /// What never got its verdict, or was not taken after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Range<usize>>,
    /// What was already released when an annotation said that it is filtered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub late: Vec<Range<usize>>,
    /// The delay of what was released.
    pub delay: Delay,
}

/// A part of a text that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize)]
#[non_exhaustive]
pub struct Redacted {
    /// Which part of the model's text.
    pub characters: Range<usize>,
    /// By what.
    pub replacement: String,
}

/// How much later than it came text was released. Each character that was released, redacted ones included, counts once.
///
/// Serialises as `{"characters": …, "mean_characters": …, "max_characters": …, "mean_seconds": …, "max_seconds": …}`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Delay {
    released: u64,
    characters: u128,
    max_characters: usize,
    seconds: f64,
    max: Duration,
}

impl Delay {
    /// How many characters were released.
    #[must_use]
    pub fn released(&self) -> u64 {
        self.released
    }

    /// How many characters of its text had come behind one when it was released, on average.
    #[must_use]
    pub fn mean_characters(&self) -> f64 {
        if self.released == 0 { 0.0 } else { self.characters as f64 / self.released as f64 }
    }

    /// The same, at most.
    #[must_use]
    pub fn max_characters(&self) -> usize {
        self.max_characters
    }

    /// How many seconds lay between a character's arrival and its release, on average. With the time that was handed in; a clock that runs backwards counts as standing still.
    #[must_use]
    pub fn mean_seconds(&self) -> f64 {
        if self.released == 0 { 0.0 } else { self.seconds / self.released as f64 }
    }

    /// The same, at most.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Characters that came together are released, while `behind` have come behind the last of them.
    pub(crate) fn add(&mut self, count: usize, behind: usize, waited: Duration) {
        if count == 0 {
            return;
        }
        let (n, each) = (count as u128, behind as u128);
        self.released += count as u64;
        self.characters += n * each + n * (n - 1) / 2;
        self.max_characters = self.max_characters.max(behind + count - 1);
        self.seconds += waited.as_secs_f64() * count as f64;
        self.max = self.max.max(waited);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.released += other.released;
        self.characters += other.characters;
        self.max_characters = self.max_characters.max(other.max_characters);
        self.seconds += other.seconds;
        self.max = self.max.max(other.max);
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut delay = serializer.serialize_struct("Delay", 5)?;
        delay.serialize_field("characters", &self.released)?;
        delay.serialize_field("mean_characters", &self.mean_characters())?;
        delay.serialize_field("max_characters", &self.max_characters)?;
        delay.serialize_field("mean_seconds", &self.mean_seconds())?;
        delay.serialize_field("max_seconds", &self.max.as_secs_f64())?;
        delay.end()
    }
}
