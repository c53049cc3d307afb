//! The interface between the engine and the APIs that it reads.
//!
//! Every dialect is a few texts that grow, plus a little state of its own. The engine owns the
//! texts (the [`Transcript`]), the order of things, the end and the errors; a dialect owns the
//! rest. It implements [`Dialect`], and keeps three promises:
//!
//! - [`fold`](Dialect::fold) changes nothing when it returns an error. So it weighs an event first.
//!   It counts in the transcript whatever it keeps.
//! - The [`Effect`] that it returns is honest. `Other` is always honest.
//! - [`holes`](Dialect::holes) names every member of an event and lets through only those whose
//!   folding is a function of the text and of the values that [`refill`](Dialect::refill) folds. It
//!   is a pattern without `..`, so it does not compile if somebody adds a member and forgets it
//!   here.

use alloc::boxed::Box;
use core::fmt;

use serde::Serialize;

use super::change::Change;
use super::counts::TokenCounts;
use super::cursor::Cursor;
use super::options::Options;
use super::place::Place;
use super::record::{Note, TextId};
use super::tool_call::ToolCallSoFar;
use super::transcript::{Effect, Transcript};
use crate::error::{ApiError, Error};
use crate::json::{RawStr, RawValue, Unknown};
use crate::save::{Fault, Saved};
use crate::sse;

/// An API whose streams are folded, as [`chat::Chat`](crate::chat::Chat).
///
/// A value of the type is the state of one stream. The trait is sealed; its methods are called by
/// [`Accumulator`](crate::Accumulator) and [`Session`](crate::Session).
///
/// Code that is generic over it can log, compare, serialise and send whatever comes out:
///
/// ```
/// use deltawire::{Dialect, Session, chat};
///
/// fn log<D: Dialect>(session: Session<D>) -> String {
///     let outcome = session.close(deltawire::How::Stopped);
///     std::thread::spawn(move || format!("{} {:?}", outcome.end, outcome.answer)).join().unwrap()
/// }
/// assert!(log(chat::Session::new()).starts_with("stopped Completion"));
/// ```
pub trait Dialect: Notes + Sealed + Saved + Clone + fmt::Debug + Default {
    /// An event of the stream, borrowed from its data.
    type Event<'a>: Clone + fmt::Debug + Default;
    /// The answer: what the same API returns without `stream`.
    type Answer: Clone + fmt::Debug + PartialEq + Serialize + Send + Sync + 'static;

    /// The name of the dialect, which is that of its module.
    ///
    /// A saved session has it.
    const NAME: &'static str;

    /// The way in which the bytes of a stream are cut into events.
    const FRAMING: Framing = Framing::Events;

    /// Reports whether a body that begins with an object is one of lines, whatever its first line.
    ///
    /// It is asked with [`Framing::Either`].
    fn has_lines(&self) -> bool {
        false
    }

    /// Reports whether the first line of a body is an event of an API of lines.
    ///
    /// It is asked with [`Framing::Either`].
    fn is_line(_: &str) -> bool {
        false
    }

    /// Returns the name of the API, as errors name it.
    fn api(&self) -> &'static str;

    /// Reads an event into `into`, which is empty.
    ///
    /// # Errors
    /// Fails if the data is not an event of this API, or exceeds a limit.
    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Self::Event<'a>,
    ) -> Result<Read, Error>;

    /// Folds an event: texts into the transcript, everything else into `self`.
    ///
    /// # Errors
    /// Returns the limit that the event would exceed. Nothing of the event was folded then.
    fn fold(&mut self, event: &Self::Event<'_>, to: &mut Transcript) -> Result<Effect, Error>;

    /// Returns the string that the event appends, if it has no other effect.
    ///
    /// It is asked after the event was folded. Values that [`refill`](Self::refill) folds are no
    /// other effect: [`fold`](Self::fold) leaves them out of what it returns, too.
    fn holes<'e>(&self, event: &'e Self::Event<'_>) -> Option<Holes<'e>>;

    /// Folds the values of an event that matched a learned frame, after its text was appended.
    ///
    /// `text` is what was appended to. The effect has to be that of folding an event with these
    /// values. An anomaly that depends on them is noted apart (`Transcript::anomaly_apart`), here
    /// and in [`fold`](Self::fold), because the others are noted again with the frame.
    #[inline]
    fn refill(&mut self, text: TextId, values: &Values<'_>, to: &mut Transcript) {
        let _ = (text, values, to);
    }

    /// Returns the error that an event carries beside its choices, if any.
    ///
    /// `data` is the event's.
    fn api_error(event: &Self::Event<'_>, data: &str) -> Option<Box<ApiError>>;

    /// Reports whether an event or a sentinel ends the stream.
    ///
    /// Otherwise the end of the body does.
    fn has_terminal(&self) -> bool {
        true
    }

    /// Reports whether an event that was folded ended the stream in order.
    ///
    /// It is asked after each event that did more than append. A sentinel that is not folded is
    /// `Read::Done`.
    fn is_over(&self) -> bool {
        false
    }

    /// Reports whether an event ends the stream, or may be its last.
    ///
    /// Such an event counts even where the end of the body cut off its blank line.
    fn is_terminal(_: &Self::Event<'_>) -> bool {
        false
    }

    /// Reports whether every choice that began has its finish reason.
    fn is_finished(&self) -> bool;

    /// Returns the error of an answer that the server ended as failed, if it did.
    fn failure(&self) -> Option<Error>;

    /// Notes the anomalies that only the end of the stream shows.
    ///
    /// It is called before the answer is made.
    fn settle(&mut self, texts: &mut Transcript);

    /// Records what only the end of the stream completes.
    ///
    /// It is called at the sentinel and at a complete end, and changes nothing the second time.
    fn conclude(&mut self, to: &mut Transcript);

    /// Returns the place after which the server can resume the stream, if the events say it.
    fn cursor(&self) -> Option<Cursor<'_>> {
        None
    }

    /// Notes that the stream goes on over another connection, after the cursor.
    ///
    /// Events up to the cursor are then passed over. `fails_at_gaps` makes a missing event an
    /// error.
    fn resume(&mut self, fails_at_gaps: bool) {
        let _ = fails_at_gaps;
    }

    /// Returns the token counts that arrived last.
    fn token_counts(&self) -> Option<TokenCounts>;

    /// Walks through the state, and counts all that it holds besides texts.
    ///
    /// A restored state is counted so. Debug builds compare the result with the count that folding
    /// keeps. The transcript's texts are counted there.
    fn held(&self) -> super::transcript::Held;

    /// Checks a restored state as a whole, after each of its values was checked.
    ///
    /// Folding relies on what is checked here.
    ///
    /// # Errors
    /// Fails if parts of the state contradict each other, or exceed the limits.
    fn check(&self, texts: &Transcript) -> Result<(), Fault>;

    /// Makes the answer, and takes the texts for it.
    fn answer(self, texts: &mut Transcript) -> Self::Answer;
}

/// The way in which the bytes of a stream are cut into events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// The stream is an event stream, which [`sse::Decoder`] decodes.
    Events,
    /// The stream has one JSON value a line, which [`lines::Decoder`](crate::lines::Decoder)
    /// decodes.
    Lines,
    /// The first line tells which of the two it is.
    Either,
}

/// Seals [`Dialect`], so that other crates cannot implement it.
pub trait Sealed {}

/// The part of a dialect's state that it shows, whatever its types are.
///
/// An [`Update`](crate::Update) holds one, and is held over awaits.
pub trait Notes: Send + Sync {
    /// Returns the change that a note of this dialect describes.
    fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>>;

    /// Returns the tool call at this place, as far as it has arrived.
    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>>;

    /// Returns the index and the unknown members of the choice at this position.
    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)>;
}

/// The result of reading an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// It means nothing: blank, or `null`.
    Nothing,
    /// It is neither an event of this API nor an error.
    ///
    /// It is passed over, which is an anomaly.
    KeepAlive,
    /// It ends the stream in order.
    Done,
    /// It is an error and nothing else.
    Error(Box<ApiError>),
    /// It is an event to fold.
    Event,
}

/// The values of an event that may differ in the next one of the same frame.
///
/// Each lies in the event's data.
#[derive(Debug, Clone, Copy)]
pub struct Holes<'e> {
    /// The string that is appended, as it stands between its quotes.
    pub(crate) text: &'e str,
    /// A string that means nothing, if there is one, as it stands between its quotes.
    pub(crate) padding: Option<&'e str>,
    /// The text may not be empty, because other members of the frame would count then.
    pub(crate) needs_text: bool,
    /// The values that [`Dialect::refill`] folds, in the order in which it expects them.
    pub(crate) values: [Option<Hole<'e>>; Holes::VALUES],
}

impl<'e> Holes<'e> {
    /// The largest number of values besides text and padding.
    pub(crate) const VALUES: usize = 7;

    /// Returns the holes of an event of which nothing differs but the text.
    pub(crate) fn of(text: &'e str) -> Self {
        Self { text, padding: None, needs_text: false, values: [None; Self::VALUES] }
    }
}

/// A value that may differ in the next event of the same frame.
///
/// Its kind decides what else may stand in its place. Another kind needs a variant here and in
/// [`Filled`], and an arm where frames are matched.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hole<'e> {
    /// A whole number of zero or more, in digits alone.
    Number(&'e str),
    /// A string, as it stands between its quotes.
    String(&'e str),
    /// A string that means nothing, as it stands between its quotes.
    Ignored(&'e str),
    /// A string, number, object or array.
    Value(&'e str),
    /// A text of which nothing differs but one string, as it stands between its quotes.
    ///
    /// The text has no white space outside its strings.
    Within { text: &'e str, string: &'e str },
}

/// The values of an event that matched a learned frame.
#[derive(Debug, Clone, Copy)]
pub struct Values<'v> {
    /// The event's bytes.
    pub(crate) bytes: &'v [u8],
    /// The event as text, if there are values other than numbers.
    pub(crate) event: &'v str,
    /// The values, in the order of [`Holes::values`].
    pub(crate) filled: &'v [Filled],
}

/// A value that was found in place of a [`Hole`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Filled {
    /// The frame has no such hole.
    #[default]
    Nothing,
    /// The number, the first byte of its digits, and the end of them.
    Number(u64, (u32, u32)),
    /// The first byte of a string or text, and the end of it.
    Text(usize, usize),
    /// The first byte of a value, the end of it, and true if it may have white space in it.
    Value(usize, usize, bool),
}

impl<'v> Values<'v> {
    /// Returns the number in the hole at this position, if the frame has one.
    pub(crate) fn number(&self, position: usize) -> Option<u64> {
        match self.filled[position] {
            Filled::Number(number, _) => Some(number),
            _ => None,
        }
    }

    /// Returns the digits of the number in the hole at this position, if the frame has one.
    pub(crate) fn digits(&self, position: usize) -> Option<&'v str> {
        match self.filled[position] {
            Filled::Number(_, (start, end)) => {
                core::str::from_utf8(self.bytes.get(start as usize..end as usize)?).ok()
            }
            _ => None,
        }
    }

    /// Returns the string in the hole at this position, if the frame has one.
    pub(crate) fn string(&self, position: usize) -> Option<RawStr<'v>> {
        self.text(position).map(RawStr::from_inner)
    }

    /// Returns the text around and in the hole at this position, if the frame has one.
    pub(crate) fn text(&self, position: usize) -> Option<&'v str> {
        match self.filled[position] {
            Filled::Text(start, end) => self.event.get(start..end),
            _ => None,
        }
    }

    /// Returns the value in the hole at this position, if the frame has one.
    pub(crate) fn value(&self, position: usize) -> Option<RawValue<'v>> {
        match self.filled[position] {
            Filled::Value(start, end, spaced) => {
                Some(RawValue::within(self.event.get(start..end)?, spaced))
            }
            _ => None,
        }
    }
}
