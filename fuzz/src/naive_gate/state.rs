//! The state of the plain gate, and its answers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::{Annotation, Verdict};

/// A span as its judge should see it, with a number of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its number among all spans.
    pub number: usize,
    /// The place of its text.
    pub at: Place,
    /// The kind of its text.
    pub kind: TextKind,
    /// The text to judge, and its context.
    pub text: (String, String),
    /// Its characters.
    pub characters: Range<usize>,
    /// Its bytes.
    pub bytes: Range<usize>,
}

/// A piece as it should be released.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The place of its text.
    pub at: Place,
    /// The kind of its text.
    pub kind: TextKind,
    /// The text to show.
    pub text: String,
    /// The characters that it stands for.
    pub characters: Range<usize>,
    /// The span that it belongs to.
    pub span: Range<usize>,
    /// True for a replacement.
    pub redacted: bool,
    /// The arrival time of its last character.
    pub arrived: Duration,
    /// The time of its release.
    pub released: Duration,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The span has its verdict already.
    AlreadyJudged,
    /// A part does not fit the span.
    OutOfSpan(usize, usize, usize),
    /// There is no room.
    Full,
    /// Text arrived after the end.
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
    pub(super) kind: TextKind,
    /// Its place in its text.
    pub(super) place: usize,
    pub(super) character: char,
    pub(super) arrived: Duration,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) struct Span {
    pub(super) number: usize,
    pub(super) kind: TextKind,
    /// Places in the list of all the choice's characters.
    pub(super) letters: Range<usize>,
    pub(super) asked: bool,
    pub(super) verdict: Option<Verdict>,
    /// Released, as far as it ever will be.
    pub(super) done: bool,
    /// A stop dropped it.
    pub(super) dropped: bool,
}

#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) letters: Vec<Letter>,
    pub(super) spans: Vec<Span>,
    pub(super) open: Option<TextKind>,
    pub(super) tokens: usize,
    /// The place in the list; the text and the number of its characters in the outcome.
    pub(super) stopped: Option<(usize, TextKind, usize)>,
    pub(super) origin: Option<usize>,
    pub(super) last: Option<Annotation>,
    /// An offset of the service's.
    pub(super) clean: usize,
    pub(super) filtered: bool,
    pub(super) shown: BTreeMap<TextKind, String>,
    pub(super) redacted: BTreeMap<TextKind, Vec<(Range<usize>, String)>>,
    pub(super) late: Vec<Range<usize>>,
    /// The delay of each released character, in characters and in time.
    pub(super) delays: BTreeMap<TextKind, Vec<(usize, Duration)>>,
}

impl Choice {
    /// Returns the number of characters of the content that have such a fate.
    pub(super) fn count(&self, fate: impl Fn(Fate) -> bool) -> usize {
        self.letters
            .iter()
            .filter(|letter| letter.kind == TextKind::Content && fate(letter.fate))
            .count()
    }
}

impl Span {
    pub(super) fn waits(&self) -> bool {
        self.asked && self.verdict.is_none() && !self.dropped
    }
}
