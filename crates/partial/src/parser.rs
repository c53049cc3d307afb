//! The state machine that reads text in pieces and records changes.
//!
//! [`Parser::advance`] is the only way in. It runs the machine to the next change, or to the end of
//! the piece. Three rules hold:
//!
//! - Between two calls everything is in the fields, so a piece may end after any byte. A state
//!   that needs more text returns `Ok(false)`, and the next piece continues in it.
//! - One call records at most one change. If a byte both ends a run of text and completes the
//!   string, the text is recorded first and the byte is read again by the next call.
//! - A byte is consumed when `at` passes it. An error leaves `at` on the offending byte, which is
//!   how `fail` finds its place.
//!
//! A new state needs an arm in `run` or `structure`, and one in `end` for a text that ends in it.
//! The order of the checks is that of `serde_json`, whose errors are the reference. The tests and
//! the fuzz target `partial_json` compare both.

use memchr::{memchr_iter, memrchr};

use crate::change::{Change, Told};
use crate::error::{Error, ErrorKind, Limit};
use crate::node::Node;
use crate::number::{Progress, overflow_at};
use crate::options::Options;
use crate::repair::{Repair, Repairs};
use crate::since::{Changes, Mark};
use crate::string::Escape;
use crate::tree::{NONE, Tag, Tree};

/// A parser for JSON that arrives in pieces, cut anywhere.
///
/// It keeps the value so far.
///
/// [`next`](Self::next) takes text and returns what it changed. Between two pieces,
/// [`value`](Self::value), [`deserialize`](Self::deserialize) and [`root`](Self::root) return what
/// has arrived. [`finish`](Self::finish) signals the end of the text.
///
/// A byte costs a bounded amount of work, whatever the pieces are. A piece allocates only if the
/// values outgrow their buffers. After an error every call returns the same error, and everything
/// that arrived before it can still be read.
///
/// ```
/// use deltawire_partial::Parser;
/// use serde_json::json;
///
/// let mut parser = Parser::new();
/// parser.feed(r#"{"name": "Ada", "tags": ["first", "sec"#)?;
/// assert_eq!(parser.value().unwrap(), json!({"name": "Ada", "tags": ["first", "sec"]}));
/// parser.feed(r#"ond"]}"#)?;
/// parser.finish()?;
/// assert_eq!(parser.value().unwrap(), json!({"name": "Ada", "tags": ["first", "second"]}));
/// # Ok::<(), deltawire_partial::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Parser {
    pub(crate) options: Options,
    pub(crate) tree: Tree,
    pub(crate) state: State,
    escape: Escape,
    /// The innermost array or object that is open.
    open: u32,
    depth: usize,
    /// The number of bytes that were consumed.
    offset: u64,
    /// The number of line feeds so far.
    lines: u64,
    /// The offset after the last one.
    line_start: u64,
    error: Option<Error>,
    last_change: Told,
    pub(crate) repairs: Repairs,
}

/// The position in the grammar, named after what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The document, or the text that may stand before or after it.
    Outside,
    /// The rest of a fence, of which this many backticks were read.
    Fence(usize),
    /// The rest of the word after a fence.
    FenceWord,
    /// The rest of `<think>`, of which this many bytes were read.
    ThinkTag(usize),
    /// A `<think>` block, of whose end this many bytes were read.
    ThinkBlock(usize),
    /// The rest of a `</think>` after the value, of which this many bytes were read.
    EndTag(usize),
    /// A value.
    Value,
    /// The first element of an array, or its end.
    FirstElement,
    /// An element after a comma.
    Element,
    /// The first member of an object, or its end.
    FirstKey,
    /// A member after a comma.
    NextKey,
    /// The rest of a name that starts at this place in the texts.
    Key(u32),
    Colon,
    /// The rest of a string.
    Text,
    /// The rest of a number.
    Number(Progress),
    /// The rest of a literal, which is this text.
    Literal(&'static str),
    /// A comma, or the end of the innermost array or object.
    Comma,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Returns a parser that accepts JSON only and has the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// Returns a parser with these options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self {
            options,
            tree: Tree::default(),
            state: State::Outside,
            escape: Escape::None,
            open: NONE,
            depth: 0,
            offset: 0,
            lines: 0,
            line_start: 0,
            error: None,
            last_change: Told::began(NONE),
            repairs: Repairs::default(),
        }
    }

    /// Parses a whole text.
    ///
    /// # Errors
    /// Returns the reason and the place if the text is not one that the options accept.
    pub fn parse(text: &str, options: Options) -> Result<serde_json::Value, Error> {
        let mut parser = Self::with_options(options);
        parser.feed(text)?;
        parser.finish()?;
        // A complete document is visible.
        Ok(parser.value().unwrap_or_default())
    }

    /// Consumes text from the front of `piece` and returns the next change.
    ///
    /// Returns `None` when the piece is used up. Continue with the next piece then, or with
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// Returns the reason and the place if the text is not JSON or exceeds a limit. `piece` then
    /// begins with the offending character. For a number out of range it begins after the number.
    pub fn next(&mut self, piece: &mut &str) -> Result<Option<Change<'_>>, Error> {
        Ok(if self.advance(piece)? { Some(self.change(&self.last_change)) } else { None })
    }

    /// Consumes a whole piece without returning its changes.
    ///
    /// # Errors
    /// Returns the same errors as [`next`](Self::next).
    pub fn feed(&mut self, piece: &str) -> Result<(), Error> {
        let mut piece = piece;
        while self.advance(&mut piece)? {}
        Ok(())
    }

    /// Signals the end of the text.
    ///
    /// A number that is the whole document is complete only now. The first call returns that
    /// change, and every other call returns `None`.
    ///
    /// # Errors
    /// Returns an error if the text is not JSON or ended too soon.
    pub fn finish(&mut self) -> Result<Option<Change<'_>>, Error> {
        Ok(if self.end()? { Some(self.change(&self.last_change)) } else { None })
    }

    /// Returns the document so far, or `None` if it has not begun.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        (!self.tree.is_empty()).then_some(Node {
            tree: &self.tree,
            at: 0,
            incomplete: self.options.incomplete,
        })
    }

    /// Returns the current value, or `None` if nothing of it is visible.
    ///
    /// [`Options::incomplete`] chooses what is visible. Each call builds the value, at a cost
    /// linear in its size. See [`Node::to_value`].
    #[must_use]
    pub fn value(&self) -> Option<serde_json::Value> {
        self.root()?.to_value()
    }

    /// Converts the current value to a `T`.
    ///
    /// A field that has not arrived is missing: an `Option` is `None`, a field with
    /// `#[serde(default)]` has its default, and any other field is an error. See
    /// [`Node::deserialize`].
    ///
    /// # Errors
    /// Returns serde's error if the value is not a `T`, and an error if nothing has arrived or if
    /// the value is deeper than `serde_json` reads.
    pub fn deserialize<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self.root() {
            Some(root) => root.deserialize(),
            None => Err(serde::de::Error::custom("no value has begun")),
        }
    }

    /// Returns the visible value at a JSON pointer (RFC 6901).
    ///
    /// See [`Node::at`].
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Node<'_>> {
        self.root()?.at(pointer)
    }

    /// Returns true if the document is complete.
    ///
    /// A number that is the whole document is complete after [`finish`](Self::finish).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.root().is_some_and(|root| root.is_complete())
    }

    /// Returns the error, if the text stopped being JSON or exceeded a limit.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// Returns the number of bytes that were consumed.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the repairs that were made so far, each with its number.
    #[must_use]
    pub fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// Returns the options.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns a mark of the parser's current position.
    ///
    /// [`changes_since`](Self::changes_since) returns what changed after it. So the changes of a
    /// piece can be read after the piece was [fed](Self::feed), and more than once.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark::new(&self.tree, self.open)
    }

    /// Returns the changes since a mark of this parser.
    ///
    /// A mark costs 16 bytes, however much changes after it, and a change costs as much as
    /// [`next`](Self::next) would. A mark of another parser gives changes that were not made.
    #[must_use]
    pub fn changes_since(&self, mark: Mark) -> Changes<'_> {
        Changes::new(&self.tree, self.options.incomplete, mark)
    }

    /// Returns the number of values that the parser holds.
    ///
    /// It counts names whose values have not begun as well.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.tree.len()
    }

    /// Sets [`Limits::max_nodes`](crate::Limits::max_nodes) from here on.
    ///
    /// It is for parsers that share a limit.
    pub fn set_max_nodes(&mut self, max: usize) {
        self.options.limits.max_nodes = max;
    }

    /// Runs to the next change.
    ///
    /// Returns true if there was one, and `piece` is what is left then.
    fn advance(&mut self, piece: &mut &str) -> Result<bool, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let text = *piece;
        let max = self.options.limits.max_bytes.min(NONE as usize);
        let room = (max as u64).saturating_sub(self.offset) as usize;
        let within = if text.len() > room { &text[..boundary(text, room)] } else { text };
        let mut at = 0;
        let mut result = self.run(within, &mut at);
        if within.len() < text.len() && result == Ok(false) {
            result = Err(ErrorKind::Limit { limit: Limit::Bytes, max });
        }
        *piece = &text[at..];
        self.offset += at as u64;
        match result {
            Ok(changed) => Ok(changed),
            Err(kind) => Err(self.fail(kind, piece.chars().next())),
        }
    }

    fn change(&self, told: &Told) -> Change<'_> {
        told.change(&self.tree, self.options.incomplete)
    }

    /// Runs to the next change or to the end of `text`.
    ///
    /// Returns true for a change. `at` is the offset of the first byte that is not
    /// consumed.
    fn run(&mut self, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let bytes = text.as_bytes();
        loop {
            match self.state {
                State::Text => return self.text(text, at),
                State::Key(start) => return self.key(start, text, at),
                State::Number(progress) => return self.number(progress, text, at),
                State::Literal(rest) => return self.literal(rest, bytes, at),
                State::Fence(count) => match bytes.get(*at) {
                    None => return Ok(false),
                    Some(b'`') => self.state = State::Fence(count + 1),
                    Some(_) if count < 3 => return Err(self.no_document()),
                    Some(_) => {
                        self.repairs.note(Repair::Fence);
                        self.state = State::FenceWord;
                        continue;
                    }
                },
                State::ThinkTag(_) | State::ThinkBlock(_) | State::EndTag(_) => {
                    if !self.think(bytes, at)? {
                        return Ok(false);
                    }
                    continue;
                }
                State::FenceWord => match bytes.get(*at) {
                    None => return Ok(false),
                    Some(byte) if byte.is_ascii_alphanumeric() || b"_-+.".contains(byte) => {}
                    Some(_) => {
                        self.state = State::Outside;
                        continue;
                    }
                },
                _ => {
                    let Some(byte) = self.skip_space(bytes, at) else { return Ok(false) };
                    if self.structure(byte, text, at)? {
                        *at += 1;
                        return Ok(true);
                    }
                    if self.state == State::Outside {
                        continue;
                    }
                }
            }
            *at += 1;
        }
    }

    /// Skips white space and returns the byte after it.
    #[inline]
    fn skip_space(&mut self, bytes: &[u8], at: &mut usize) -> Option<u8> {
        while let Some(&byte) = bytes.get(*at) {
            match byte {
                b' ' | b'\t' | b'\r' => {}
                b'\n' => {
                    self.lines += 1;
                    self.line_start = self.offset + *at as u64 + 1;
                }
                _ => return Some(byte),
            }
            *at += 1;
        }
        None
    }

    /// Handles one byte that is not in a string, number or literal.
    #[inline]
    fn structure(&mut self, byte: u8, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        use ErrorKind::{
            ExpectedColon, ExpectedCommaOrBrace, ExpectedCommaOrBracket, ExpectedKey, TrailingComma,
        };
        match (self.state, byte) {
            (State::Comma, b',') => {
                self.state = if self.in_object() { State::NextKey } else { State::Element };
            }
            (State::Comma | State::FirstKey, b'}') if self.in_object() => return Ok(self.close()),
            (State::Comma | State::FirstElement, b']') if !self.in_object() => {
                return Ok(self.close());
            }
            (State::Comma, _) => {
                return Err(if self.in_object() {
                    ExpectedCommaOrBrace
                } else {
                    ExpectedCommaOrBracket
                });
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::Colon, _) => return Err(ExpectedColon),
            (State::FirstKey | State::NextKey, b'"') => {
                self.state = State::Key(self.tree.texts.len() as u32);
            }
            (State::NextKey, b'}') | (State::Element, b']') => {
                if !self.options.trailing_comma {
                    return Err(TrailingComma);
                }
                self.repairs.add(Repair::TrailingComma);
                return Ok(self.close());
            }
            (State::FirstKey | State::NextKey, _) => return Err(ExpectedKey),
            (State::Outside, _) => return self.outside(byte, text, at),
            _ => return self.begin(byte),
        }
        Ok(false)
    }

    /// Records a change and returns true, as `run` does.
    fn record(&mut self, change: Told) -> bool {
        self.last_change = change;
        true
    }

    /// Begins the value whose first byte is `byte`.
    pub(crate) fn begin(&mut self, byte: u8) -> Result<bool, ErrorKind> {
        let (tag, state) = match byte {
            b'"' => (Tag::String, State::Text),
            b'{' => (Tag::Object, State::FirstKey),
            b'[' => (Tag::Array, State::FirstElement),
            b't' => (Tag::True, State::Literal("rue")),
            b'f' => (Tag::False, State::Literal("alse")),
            b'n' => (Tag::Null, State::Literal("ull")),
            b'-' | b'0'..=b'9' => {
                (Tag::Number, State::Number(Progress::Start.next(byte).unwrap_or(Progress::Start)))
            }
            _ => return Err(ErrorKind::ExpectedValue),
        };
        let limits = &self.options.limits;
        let container = matches!(tag, Tag::Object | Tag::Array);
        if container && self.depth >= limits.max_depth {
            return Err(ErrorKind::Limit { limit: Limit::Depth, max: limits.max_depth });
        }
        let at = if self.in_object() {
            // Its name has already added the entry.
            let at = self.tree.len() as u32 - 1;
            self.tree.entry_mut(at).tag = tag;
            at
        } else {
            self.push(tag, self.tree.texts.len() as u32)?
        };
        if tag == Tag::Number {
            self.tree.texts.push(char::from(byte));
            self.tree.entry_mut(at).len = 1;
        }
        if container {
            self.open = at;
            self.depth += 1;
        }
        self.state = state;
        Ok(self.record(Told::began(at)))
    }

    /// Appends an entry to the innermost array or object.
    fn push(&mut self, tag: Tag, key: u32) -> Result<u32, ErrorKind> {
        let max = self.options.limits.max_nodes.min(NONE as usize);
        if self.tree.len() >= max {
            return Err(ErrorKind::Limit { limit: Limit::Nodes, max });
        }
        Ok(self.tree.push(self.open, tag, key))
    }

    fn in_object(&self) -> bool {
        self.open != NONE && self.tree.entry(self.open).tag == Tag::Object
    }

    /// Completes the innermost array or object.
    fn close(&mut self) -> bool {
        let at = self.open;
        self.tree.close(at);
        self.open = self.tree.entry(at).parent;
        self.depth -= 1;
        self.complete(at)
    }

    /// Completes a value.
    fn complete(&mut self, at: u32) -> bool {
        self.tree.entry_mut(at).complete = true;
        self.state = if self.open == NONE { State::Outside } else { State::Comma };
        self.record(Told::complete(at))
    }

    /// Returns the entry of the string, number or literal that is being read.
    fn latest(&self) -> u32 {
        self.tree.len() as u32 - 1
    }

    fn text(&mut self, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let latest = self.latest();
        let start = self.tree.texts.len();
        let result = self.decode(text, at);
        let end = self.tree.texts.len();
        if end > start {
            self.tree.entry_mut(latest).len += (end - start) as u32;
            // The quote or the error that ended the text is met again by the next call.
            return Ok(self.record(Told::text(latest, start as u32, end as u32)));
        }
        if result? {
            *at += 1;
            return Ok(self.complete(latest));
        }
        Ok(false)
    }

    /// Decodes the rest of a string as far as it has arrived.
    ///
    /// Returns true at its end.
    fn decode(&mut self, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let (start, controls) = (*at, self.repairs.count(Repair::ControlCharacter));
        let how = (&self.options, &mut self.repairs);
        let result = self.escape.decode(text, at, &mut self.tree.texts, how);
        if self.repairs.count(Repair::ControlCharacter) != controls {
            self.count_lines(&text.as_bytes()[start..*at], start);
        }
        result
    }

    /// Counts the lines of text that begins at `at` of the piece.
    pub(crate) fn count_lines(&mut self, text: &[u8], at: usize) {
        self.lines += memchr_iter(b'\n', text).count() as u64;
        if let Some(last) = memrchr(b'\n', text) {
            self.line_start = self.offset + (at + last) as u64 + 1;
        }
    }

    fn key(&mut self, start: u32, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        if !self.decode(text, at)? {
            return Ok(false);
        }
        let key = self.push(Tag::Pending, start)?;
        *at += 1;
        self.state = State::Colon;
        Ok(self.record(Told::key(key)))
    }

    fn number(
        &mut self,
        progress: Progress,
        text: &str,
        at: &mut usize,
    ) -> Result<bool, ErrorKind> {
        let latest = self.latest();
        let (start, mut progress, mut after) = (*at, progress, None);
        for &byte in &text.as_bytes()[start..] {
            match progress.next(byte) {
                Some(next) => progress = next,
                None => {
                    after = Some(byte);
                    break;
                }
            }
            *at += 1;
        }
        self.tree.texts.push_str(&text[start..*at]);
        self.tree.entry_mut(latest).len += (*at - start) as u32;
        self.state = State::Number(progress);
        match after {
            None => Ok(false),
            Some(byte) if !progress.ends_before(byte) => Err(ErrorKind::InvalidNumber),
            Some(_) if overflow_at(self.tree.text(latest)).is_some() => {
                Err(ErrorKind::NumberOutOfRange)
            }
            Some(_) => Ok(self.complete(latest)),
        }
    }

    fn literal(
        &mut self,
        rest: &'static str,
        bytes: &[u8],
        at: &mut usize,
    ) -> Result<bool, ErrorKind> {
        for (done, expected) in rest.bytes().enumerate() {
            match bytes.get(*at) {
                Some(&byte) if byte == expected => *at += 1,
                other => {
                    self.state = State::Literal(&rest[done..]);
                    return if other.is_some() {
                        Err(ErrorKind::ExpectedLiteral)
                    } else {
                        Ok(false)
                    };
                }
            }
        }
        let latest = self.latest();
        Ok(self.complete(latest))
    }

    /// Does the work of `finish`.
    ///
    /// Returns true if there was a change.
    fn end(&mut self) -> Result<bool, Error> {
        use ErrorKind::{EndInArray, EndInObject, EndInString, EndInValue};
        if let Some(error) = self.error {
            return Err(error);
        }
        let open = if self.in_object() { EndInObject } else { EndInArray };
        let kind = match self.state {
            State::Outside
            | State::FenceWord
            | State::Fence(3..)
            | State::ThinkTag(_)
            | State::ThinkBlock(_)
            | State::EndTag(_)
                if !self.tree.is_empty() =>
            {
                return Ok(false);
            }
            State::ThinkBlock(_) => ErrorKind::EndInThinkBlock,
            State::Number(progress) if progress.is_complete() => {
                let latest = self.latest();
                if overflow_at(self.tree.text(latest)).is_some() {
                    ErrorKind::NumberOutOfRange
                } else if self.open == NONE {
                    return Ok(self.complete(latest));
                } else {
                    open
                }
            }
            State::Key(_) | State::Text => EndInString,
            State::FirstElement | State::FirstKey | State::Comma | State::Colon => open,
            _ => EndInValue,
        };
        Err(self.fail(kind, None))
    }

    /// Stores and returns the error at the current offset.
    ///
    /// `found` is `None` at the end of the text.
    fn fail(&mut self, kind: ErrorKind, found: Option<char>) -> Error {
        let (mut offset, mut lines, mut line_start) = (self.offset, self.lines, self.line_start);
        // The columns of serde_json count the bytes it has read, with the offending one.
        let mut read = offset + u64::from(found.is_some());
        let mut found = found;
        if kind == ErrorKind::NumberOutOfRange {
            let text = self.tree.text(self.latest());
            let seen = overflow_at(text).unwrap_or(text.len());
            offset = offset - text.len() as u64 + seen as u64;
            (read, found) = (offset, None);
        }
        if found == Some('\n') {
            (lines, line_start) = (lines + 1, read);
        }
        let error = Error { kind, offset, line: lines + 1, column: read - line_start, found };
        self.error = Some(error);
        error
    }
}

/// Returns the last boundary between characters at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}
