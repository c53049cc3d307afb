//! What the plain gate keeps, and what it says of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use deltawire::gate::{Annotation, Kind, Verdict};

/// A span as its judge should see it; with a number of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its number among all spans.
    pub number: usize,
    /// Its choice.
    pub choice: u64,
    /// Its text's kind.
    pub kind: Kind,
    /// What is to be judged, and what stands before it.
    pub text: (String, String),
    /// Its characters.
    pub characters: Range<usize>,
    /// Its bytes.
    pub bytes: Range<usize>,
}

/// A piece as it should be released.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its choice.
    pub choice: u64,
    /// Its text's kind.
    pub kind: Kind,
    /// What is shown.
    pub text: String,
    /// What it stands for.
    pub characters: Range<usize>,
    /// The span it is of.
    pub span: Range<usize>,
    /// Whether it is a replacement.
    pub redacted: bool,
    /// When its last character came.
    pub arrived: Duration,
    /// When it was released.
    pub released: Duration,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The span has its verdict.
    AlreadyJudged,
    /// A part is not of the span.
    OutOfSpan(usize, usize, usize),
    /// No room.
    Full,
    /// After the end.
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fate {
    Held,
    Queued,
    Dropped,
    Released,
    Taken,
}

#[derive(Debug)]
pub(super) struct Letter {
    pub(super) kind: Kind,
    /// Which of its text it is.
    pub(super) place: usize,
    pub(super) character: char,
    pub(super) came: Duration,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) struct Span {
    pub(super) number: usize,
    pub(super) kind: Kind,
    /// Places in the list of all the choice's characters.
    pub(super) letters: Range<usize>,
    pub(super) asked: bool,
    pub(super) verdict: Option<Verdict>,
    /// Released, as far as it ever will be.
    pub(super) done: bool,
    /// A stop left it out.
    pub(super) left_out: bool,
}

#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) letters: Vec<Letter>,
    pub(super) spans: Vec<Span>,
    pub(super) open: Option<Kind>,
    pub(super) tokens: usize,
    /// Where in the list, and what is said of it.
    pub(super) stopped: Option<(usize, Kind, usize)>,
    pub(super) origin: Option<usize>,
    pub(super) last: Option<Annotation>,
    /// As the service counts.
    pub(super) clean: usize,
    pub(super) filtered: bool,
    pub(super) shown: BTreeMap<Kind, String>,
    pub(super) redacted: BTreeMap<Kind, Vec<(Range<usize>, String)>>,
    pub(super) late: Vec<Range<usize>>,
    /// Of each released character, how many had come behind it and how long it had waited.
    pub(super) delays: BTreeMap<Kind, Vec<(usize, Duration)>>,
}

impl Choice {
    /// How many characters of the content have such a fate.
    pub(super) fn count(&self, fate: impl Fn(Fate) -> bool) -> usize {
        self.letters.iter().filter(|letter| letter.kind == Kind::Content && fate(letter.fate)).count()
    }
}

impl Span {
    pub(super) fn waits(&self) -> bool {
        self.asked && self.verdict.is_none() && !self.left_out
    }
}
