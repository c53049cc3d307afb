//! The changes since a mark, read from the tree.
//!
//! Entries are in the order in which their values began, and only the last entry and the arrays and
//! objects around it may be incomplete. So four numbers are enough for a parser's position, and a
//! walk from there finds everything that changed after it. Nothing is recorded meanwhile. The walk
//! must visit what the parser reports, in the same order; the tests compare both for every cut.

use crate::change::{Change, Told};
use crate::options::Incomplete;
use crate::tree::{Tag, Tree};

/// A place in the text of a parser, from which [`Parser::changes_since`] starts.
///
/// [`Parser::changes_since`]: crate::Parser::changes_since
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The number of entries.
    entries: u32,
    /// The length of the texts.
    texts: u32,
    /// The innermost array or object that was open.
    open: u32,
    last: Last,
}

/// The last entry at a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A name whose value had not begun.
    Pending,
    /// A string, number or literal that was not complete.
    Incomplete,
    /// Anything else.
    Settled,
}

impl Mark {
    pub(crate) fn new(tree: &Tree, open: u32) -> Self {
        let entries = tree.len() as u32;
        let last = match entries.checked_sub(1).map(|last| tree.entry(last)) {
            Some(entry) if entry.tag == Tag::Pending => Last::Pending,
            Some(entry) if !entry.complete && !entry.is_container() => Last::Incomplete,
            _ => Last::Settled,
        };
        Self { entries, texts: tree.texts.len() as u32, open, last }
    }
}

/// The changes since a [`Mark`], in the order in which they were made.
///
/// They are those that [`Parser::next`](crate::Parser::next) returned, except that a string grows
/// only once, by all of its new text.
#[derive(Debug, Clone)]
pub struct Changes<'p> {
    tree: &'p Tree,
    incomplete: Incomplete,
    /// The length of the texts at the mark.
    texts: u32,
    step: Step,
}

/// The next thing to look at.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The step to the entry `next` if it is in `open`, else to the end of `open`.
    After {
        next: u32,
        open: u32,
    },
    Began(u32),
    Text(u32),
    End(u32),
    Done,
}

impl<'p> Changes<'p> {
    pub(crate) fn new(tree: &'p Tree, incomplete: Incomplete, mark: Mark) -> Self {
        let last = mark.entries.wrapping_sub(1);
        let step = match mark.last {
            // A mark of another parser leads nowhere.
            _ if (mark.entries as usize) > tree.len() => Step::Done,
            Last::Pending => Step::Began(last),
            Last::Incomplete => Step::Text(last),
            Last::Settled => Step::After { next: mark.entries, open: mark.open },
        };
        Self { tree, incomplete, texts: mark.texts, step }
    }

    /// Takes a step, and returns the change that it finds, if any.
    fn step(&mut self) -> Option<Told> {
        let tree = self.tree;
        match self.step {
            Step::After { next, open } => match tree.get(next) {
                Some(entry) if entry.parent == open => {
                    self.step = Step::Began(next);
                    tree.in_object(next).then(|| Told::key(next))
                }
                _ => match tree.get(open).filter(|open| open.complete) {
                    Some(entry) => {
                        self.step = Step::After { next, open: entry.parent };
                        Some(Told::complete(open))
                    }
                    None => self.done(),
                },
            },
            Step::Began(at) => {
                let entry = tree.entry(at);
                self.step = match entry.tag {
                    Tag::Pending => return self.done(),
                    Tag::Array | Tag::Object => Step::After { next: at + 1, open: at },
                    _ => Step::Text(at),
                };
                Some(Told::began(at))
            }
            Step::Text(at) => {
                let entry = tree.entry(at);
                self.step = Step::End(at);
                let (start, end) = (entry.text.max(self.texts), entry.text + entry.len);
                (entry.tag == Tag::String && end > start).then(|| Told::text(at, start, end))
            }
            Step::End(at) => {
                let entry = tree.entry(at);
                if !entry.complete {
                    return self.done();
                }
                self.step = Step::After { next: at + 1, open: entry.parent };
                Some(Told::complete(at))
            }
            Step::Done => None,
        }
    }

    fn done(&mut self) -> Option<Told> {
        self.step = Step::Done;
        None
    }
}

impl<'p> Iterator for Changes<'p> {
    type Item = Change<'p>;

    fn next(&mut self) -> Option<Self::Item> {
        while !matches!(self.step, Step::Done) {
            if let Some(told) = self.step() {
                return Some(told.change(self.tree, self.incomplete));
            }
        }
        None
    }
}
