//! The text before and after the document: white space, or what the options skip.
//!
//! These are the states `Outside`, `Fence`, `FenceWord`, `ThinkTag`, `ThinkBlock` and `EndTag` of
//! the parser. Each repair is counted where the state machine is sure of it, so that the count
//! does not depend on the cuts.

use memchr::{memchr, memchr2, memchr3};

use crate::error::ErrorKind;
use crate::parser::{Parser, State};
use crate::repair::Repair;

impl Parser {
    /// Handles one byte before or after the document.
    ///
    /// Skips text, or begins the document.
    pub(crate) fn outside(
        &mut self,
        byte: u8,
        text: &str,
        at: &mut usize,
    ) -> Result<bool, ErrorKind> {
        let options = self.options;
        let before = self.tree.is_empty();
        let skips = if before { options.leading_text } else { options.trailing_text };
        match byte {
            b'{' | b'[' if before => return self.begin(byte),
            b'<' if options.think_block && (before || skips) => {
                if !before {
                    self.repairs.note(Repair::TrailingText);
                }
                self.state = State::ThinkTag(1);
            }
            _ if skips => {
                let rest = &text.as_bytes()[*at..];
                let end = match (before, options.think_block) {
                    (true, true) => memchr3(b'{', b'[', b'<', rest),
                    (true, false) => memchr2(b'{', b'[', rest),
                    (false, true) => memchr(b'<', rest),
                    (false, false) => None,
                };
                self.repairs.note(self.text_outside());
                self.skip(rest, end, at);
            }
            b'`' if options.fence => self.state = State::Fence(1),
            _ if before => return self.begin(byte),
            _ => return Err(ErrorKind::TrailingCharacters),
        }
        Ok(false)
    }

    /// Skips text up to `end`, or all of it, and counts its lines.
    fn skip(&mut self, rest: &[u8], end: Option<usize>, at: &mut usize) {
        let skipped = &rest[..end.unwrap_or(rest.len())];
        self.count_lines(skipped, *at);
        *at += skipped.len();
    }

    fn text_outside(&self) -> Repair {
        if self.tree.is_empty() { Repair::LeadingText } else { Repair::TrailingText }
    }

    /// Reads a `<think>` tag, the block after it, or a `</think>` after the value.
    ///
    /// Returns false at the end of the text. A tag has its only `<` at its beginning, so a byte
    /// that does not continue one is looked at again as the first byte of what follows.
    #[inline(never)]
    pub(crate) fn think(&mut self, bytes: &[u8], at: &mut usize) -> Result<bool, ErrorKind> {
        const BEGIN: &[u8] = b"<think>";
        const END: &[u8] = b"</think>";
        while let Some(&byte) = bytes.get(*at) {
            let (tag, read) = match self.state {
                State::ThinkTag(1) if byte == b'/' && !self.tree.is_empty() => {
                    self.state = State::EndTag(1);
                    (END, 1)
                }
                State::ThinkTag(read) => (BEGIN, read),
                State::ThinkBlock(read) | State::EndTag(read) => (END, read),
                _ => return Ok(true),
            };
            let is_last = read + 1 == tag.len();
            self.state = match self.state {
                _ if byte == tag[read] => match self.state {
                    State::ThinkTag(_) if is_last => {
                        self.repairs.add(Repair::ThinkBlock);
                        State::ThinkBlock(0)
                    }
                    State::ThinkTag(_) => State::ThinkTag(read + 1),
                    State::ThinkBlock(_) if is_last => State::Outside,
                    State::ThinkBlock(_) => State::ThinkBlock(read + 1),
                    _ if is_last => return Err(ErrorKind::DraftValue),
                    _ => State::EndTag(read + 1),
                },
                State::ThinkBlock(_) => {
                    let rest = &bytes[*at..];
                    self.skip(rest, memchr(b'<', rest), at);
                    self.state = State::ThinkBlock(0);
                    continue;
                }
                // Another text begins like the tag.
                _ if self.tree.is_empty() && !self.options.leading_text => {
                    return Err(ErrorKind::ExpectedValue);
                }
                _ => {
                    self.repairs.note(self.text_outside());
                    self.state = State::Outside;
                    return Ok(true);
                }
            };
            *at += 1;
        }
        Ok(false)
    }

    /// Returns the error for text that is neither a document nor a fence around it.
    pub(crate) fn no_document(&self) -> ErrorKind {
        if self.tree.is_empty() { ErrorKind::ExpectedValue } else { ErrorKind::TrailingCharacters }
    }
}
