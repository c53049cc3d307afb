//! The seam between the engine and the APIs it reads.
//!
//! Every dialect is a few texts that grow, plus a little state of its own. The engine owns the
//! texts (the [`Transcript`]), the order of things, the end and the errors; a dialect owns the
//! rest. It implements [`Dialect`], and keeps three promises:
//!
//! - [`fold`](Dialect::fold) changes nothing when it returns an error. So it weighs first. And it
//!   counts in the transcript whatever it keeps.
//! - The [`Effect`] that it returns is honest. `Other` is always honest.
//! - [`holes`](Dialect::holes) names every member of an event and lets through only those whose
//!   folding is a function of the text alone. Written as a pattern without `..`, it fails to
//!   compile when a member is added and nobody thought of it.

use alloc::boxed::Box;
use core::fmt;

use super::change::Change;
use super::counts::TokenCounts;
use super::options::Options;
use super::record::Note;
use super::transcript::{Effect, Transcript};
use crate::error::{ApiError, Error};
use crate::json::Unknown;
use crate::sse;

/// An API whose streams are folded, as [`chat::Chat`](crate::chat::Chat).
///
/// A value of the type is the state of one stream. The trait is sealed; its methods are called by
/// [`Accumulator`](crate::Accumulator) and [`Session`](crate::Session).
pub trait Dialect: Notes + Sealed + Clone + fmt::Debug + Default {
    /// An event of the stream, borrowed from its data.
    type Event<'a>: Default;
    /// The answer: what the same API returns without `stream`.
    type Answer;

    /// Reads an event into `into`, which is empty.
    ///
    /// # Errors
    /// Data that cannot be an event of this API, or that exceeds a limit.
    fn read<'a>(
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Self::Event<'a>,
    ) -> Result<Read, Error>;

    /// Folds an event: texts into the transcript, everything else into `self`.
    ///
    /// # Errors
    /// A limit that the event would exceed. Nothing of it was folded then.
    fn fold(&mut self, event: &Self::Event<'_>, to: &mut Transcript) -> Result<Effect, Error>;

    /// Returns the one string that folding the event appends, if it can do nothing else.
    fn holes<'e>(event: &'e Self::Event<'_>) -> Option<Holes<'e>>;

    /// Reports whether the values of an event that matched a learned frame do what
    /// [`refill`](Self::refill) can do: those of [`Hole::Value`], in the order in which they stand.
    ///
    /// Otherwise the event is parsed in full. Nothing of it was folded yet.
    fn accepts(&self, values: &Values<'_>) -> bool {
        values.is_empty()
    }

    /// Folds the values of an event that matched a learned frame, after its text was appended.
    fn refill(&mut self, _values: &Values<'_>, _to: &mut Transcript) {}

    /// Returns the error that an event carries beside what it adds, if any. `data` is the event's.
    fn api_error(event: &Self::Event<'_>, data: &str) -> Option<Box<ApiError>>;

    /// Reports whether everything that began has the reason why it ended.
    fn is_finished(&self) -> bool;

    /// Returns the error of an answer that ended as the server's failure, if it did.
    fn failure(&self) -> Option<Error>;

    /// Notes what can only be told at the end of the stream, before the answer is made.
    fn settle(&mut self, texts: &mut Transcript);

    /// Returns the last token counts that came.
    fn token_counts(&self) -> Option<TokenCounts>;

    /// Walks through the state, and returns everything that it holds besides the transcript's
    /// texts.
    ///
    /// What is counted while folding is held against it.
    #[cfg(debug_assertions)]
    fn held(&self) -> super::transcript::Held;

    /// Makes the answer, and takes the texts for it.
    fn answer(self, texts: &mut Transcript) -> Self::Answer;
}

/// Closes [`Dialect`]: the rules of folding are not for others to add to.
pub trait Sealed {}

/// The part of a dialect's state that it shows, whatever its types are. An
/// [`Update`](crate::Update) holds one, and is held over awaits.
pub trait Notes: Send + Sync {
    /// Returns the change that a note of this dialect stands for.
    fn change(&self, note: Note) -> Option<Change<'_>>;

    /// Returns the index and the unknown members of the choice at this position, if there is one.
    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)>;
}

/// The result of reading an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It means nothing: blank, or `null`.
    Nothing,
    /// It is neither an event of this API nor an error, and is passed over, which is an anomaly.
    KeepAlive,
    /// It ends the stream in order.
    Done,
    /// It is an error and nothing else.
    Error(Box<ApiError>),
    /// It is an event to fold.
    Event,
}

/// The values of an event that may differ in the next one of the same frame. Each lies in the
/// event's data.
#[derive(Debug, Clone, Copy)]
pub struct Holes<'e> {
    /// The string that is appended, as it stands between its quotes.
    pub(crate) text: &'e str,
    /// The other values, in any order.
    pub(crate) others: [Option<Hole<'e>>; Holes::OTHERS],
}

impl<'e> Holes<'e> {
    /// The largest number of values besides the text.
    pub(crate) const OTHERS: usize = 3;

    /// Returns the holes of an event that appends this string, and nothing else that may differ.
    pub(crate) fn of_text(text: &'e str) -> Self {
        Self { text, others: [None; Holes::OTHERS] }
    }

    /// Adds a value that may differ, if there is one.
    pub(crate) fn with(mut self, hole: Option<Hole<'e>>) -> Self {
        if let Some(free) = self.others.iter_mut().find(|other| other.is_none()) {
            *free = hole;
        }
        self
    }
}

/// A value, besides the text, that may differ in the next event of the same frame.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hole<'e> {
    /// A string that means nothing, as it stands between its quotes.
    Padding(&'e str),
    /// A value that [`Dialect::refill`] takes, as JSON.
    #[allow(dead_code, reason = "no dialect so far numbers its events")]
    Value(&'e str),
}

/// The values that fill the holes of a learned frame anew, besides its text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values<'e> {
    values: [&'e str; Holes::OTHERS],
    len: usize,
}

impl<'e> Values<'e> {
    pub(crate) fn push(&mut self, value: &'e str) {
        self.values[self.len] = value;
        self.len += 1;
    }
}

impl<'e> core::ops::Deref for Values<'e> {
    type Target = [&'e str];

    fn deref(&self) -> &[&'e str] {
        &self.values[..self.len]
    }
}
