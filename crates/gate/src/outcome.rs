//! The account of everything that passed through the gate, or did not.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use deltawire::{Item, Place, TextKind};
use serde::Serialize as DeriveSerialize;
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// The account of all choices: shown text, other text, and the delay.
///
/// Each character of a text is in exactly one of four groups: shown as it arrived, `redacted`,
/// `dropped`, `held`.
#[derive(Debug, Clone, PartialEq, DeriveSerialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The choices by index: those with text, and those that were stopped.
    pub choices: Vec<ChoiceOutcome>,
    /// The delay of everything that was released.
    pub delay: Delay,
}

impl Outcome {
    /// Returns the content of choice 0 as it was shown.
    #[must_use]
    pub fn text(&self) -> &str {
        self.find(Place::choice(0), TextKind::Content).map_or("", |content| &content.shown)
    }

    /// Returns the account of one text, if any of it arrived.
    #[must_use]
    pub fn find(&self, at: Place, kind: TextKind) -> Option<&TextOutcome> {
        let mut texts = self.choices.iter().flat_map(|choice| &choice.texts);
        texts.find(|text| (text.at, text.kind) == (at, kind))
    }

    /// Reports whether all text was shown as it arrived.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        let mut texts = self.choices.iter().flat_map(|choice| &choice.texts);
        texts.all(|text| text.redacted.is_empty() && text.dropped.is_none() && text.held.is_none())
    }
}

/// The account of one choice.
#[derive(Debug, Clone, PartialEq, DeriveSerialize)]
#[non_exhaustive]
pub struct ChoiceOutcome {
    /// The choice's index.
    pub choice: u64,
    /// The point at which a verdict or an annotation stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Its texts, by kind and place.
    pub texts: Vec<TextOutcome>,
}

/// The point at which a choice was stopped.
///
/// Serialises as `{"kind": "content", "at": …}`, with the `call` if the kind is `arguments`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// The place of the text.
    pub at: Place,
    /// The kind of text.
    pub kind: TextKind,
    /// The number of characters of the text before that point.
    pub after: usize,
}

/// The account of one text.
///
/// Offsets are in characters of the text as the model wrote it.
///
/// Serialises with its kind as `kind`. Arguments also have the number of their tool call as `call`,
/// and other texts that belong to an item its number as `item`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TextOutcome {
    /// The place of the text.
    pub at: Place,
    /// The kind of text.
    pub kind: TextKind,
    /// The number of characters that arrived.
    pub characters: usize,
    /// The text that was shown.
    ///
    /// It is everything that was taken from the gate, with replacements.
    pub shown: String,
    /// The parts that were replaced.
    pub redacted: Vec<Redacted>,
    /// The rest that a stop dropped, or that the options withhold.
    ///
    /// It is the end of the text.
    pub dropped: Option<Range<usize>>,
    /// The part that never got its verdict, or was not taken after it.
    pub held: Option<Range<usize>>,
    /// The parts that were released before an annotation filtered them.
    ///
    /// These are the first [`MOST_LATE`](Self::MOST_LATE).
    pub late: Vec<Range<usize>>,
    /// The number of such annotations whose parts are not in `late`.
    pub more_late: u64,
    /// The delay of what was released.
    pub delay: Delay,
}

impl TextOutcome {
    /// The largest number of parts in [`late`](Self::late).
    pub const MOST_LATE: usize = 64;
}

/// A part of a text that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, DeriveSerialize)]
#[non_exhaustive]
pub struct Redacted {
    /// The part, in characters of the model's text.
    pub characters: Range<usize>,
    /// The text that was shown in its place.
    pub replacement: String,
}

/// The delay between arrival and release.
///
/// Each character that was released counts once, redacted ones included. Serialises with the
/// members `characters` (their number), `mean_characters`, `max_characters`, `mean_seconds` and
/// `max_seconds`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Delay {
    released: u64,
    characters: u128,
    max_characters: usize,
    seconds: f64,
    max: Duration,
}

impl Delay {
    /// Returns the number of characters that were released.
    #[must_use]
    pub fn released(&self) -> u64 {
        self.released
    }

    /// Returns the mean delay in characters.
    ///
    /// The delay of a character is the number of characters of its text that had arrived after it
    /// when it was released.
    #[must_use]
    pub fn mean_characters(&self) -> f64 {
        if self.released == 0 { 0.0 } else { self.characters as f64 / self.released as f64 }
    }

    /// Returns the longest delay in characters.
    #[must_use]
    pub fn max_characters(&self) -> usize {
        self.max_characters
    }

    /// Returns the mean delay in seconds, from a character's arrival to its release.
    ///
    /// It is measured by the times that were passed in. A clock that runs backwards counts as
    /// standing still.
    #[must_use]
    pub fn mean_seconds(&self) -> f64 {
        if self.released == 0 { 0.0 } else { self.seconds / self.released as f64 }
    }

    /// Returns the longest delay in time.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Adds `count` characters that arrived together and are released together.
    ///
    /// `after` is the number of characters that have arrived after the last of them.
    pub(crate) fn add(&mut self, count: usize, after: usize, waited: Duration) {
        if count == 0 {
            return;
        }
        let (n, each) = (count as u128, after as u128);
        self.released += count as u64;
        self.characters += n * each + n * (n - 1) / 2;
        self.max_characters = self.max_characters.max(after + count - 1);
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

/// Writes the members that name a text within its choice.
fn name<M: SerializeMap>(map: &mut M, at: Place, kind: TextKind) -> Result<(), M::Error> {
    map.serialize_entry("kind", &kind)?;
    match (kind, at.item) {
        (TextKind::Arguments, call) => map.serialize_entry("call", &call),
        (_, Item::FIRST) => Ok(()),
        (_, item) => map.serialize_entry("item", &item),
    }
}

impl Serialize for Stopped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        name(&mut map, self.at, self.kind)?;
        map.serialize_entry("at", &self.after)?;
        map.end()
    }
}

impl Serialize for TextOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        name(&mut map, self.at, self.kind)?;
        map.serialize_entry("characters", &self.characters)?;
        map.serialize_entry("shown", &self.shown)?;
        map.serialize_entry("redacted", &self.redacted)?;
        if let Some(dropped) = &self.dropped {
            map.serialize_entry("dropped", dropped)?;
        }
        if let Some(held) = &self.held {
            map.serialize_entry("held", held)?;
        }
        if !self.late.is_empty() {
            map.serialize_entry("late", &self.late)?;
        }
        if self.more_late > 0 {
            map.serialize_entry("more_late", &self.more_late)?;
        }
        map.serialize_entry("delay", &self.delay)?;
        map.end()
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
