//! The state machine: text in, in pieces; changes out.

use memchr::{memchr_iter, memchr2, memrchr};

use crate::change::{Change, Told};
use crate::error::{Error, ErrorKind, Limit};
use crate::node::Node;
use crate::number::{Progress, out_of_range};
use crate::options::Options;
use crate::string::Escape;
use crate::tree::{NONE, Tag, Tree};

/// Reads JSON that comes in pieces, cut anywhere, and keeps the values of what is there so far.
///
/// [`next`](Self::next) takes text and tells what it changed; between two pieces, [`value`](Self::value), [`deserialize`](Self::deserialize) and [`root`](Self::root) say what
/// there is. [`finish`](Self::finish) says that no more comes.
///
/// A byte costs a bounded amount of work, whatever the pieces; a piece allocates only where the values outgrow their buffers. An error stays: every later call says it again,
/// and everything before it can still be looked at.
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
    options: Options,
    tree: Tree,
    state: State,
    escape: Escape,
    /// The innermost array or object that is open.
    open: u32,
    depth: usize,
    /// Bytes that were taken.
    offset: u64,
    /// Line feeds so far, and where the last one ends.
    lines: u64,
    line_start: u64,
    failed: Option<Error>,
    /// The last change.
    told: Told,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A document, or what may stand around it.
    Outside,
    /// This many backticks of a fence came.
    Fence(usize),
    /// The word behind them.
    FenceWord,
    /// A value.
    Value,
    /// The first element of an array, or its end.
    FirstElement,
    /// Another element.
    Element,
    /// The first member of an object, or its end.
    FirstKey,
    /// Another member.
    NextKey,
    /// More of a name, which begins here in the texts.
    Key(u32),
    Colon,
    /// More of a string, of a number, of a literal.
    Text,
    Number(Progress),
    Literal(&'static str),
    /// A comma, or the end of what is open.
    Comma,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser of JSON and nothing else, with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// The same with other options.
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
            failed: None,
            told: Told::began(NONE),
        }
    }

    /// Takes text off the front of `piece` until something changed (`Some`) or the piece is used up (`None`: go on with the next piece, or
    /// [`finish`](Self::finish)). Ask until it says `None`: the last change of a piece may be told when the piece is used up.
    ///
    /// # Errors
    /// Where and why the text is not JSON, or what limit it passes. `piece` begins with the offending character then, but for a number out of range, which ends before it.
    pub fn next(&mut self, piece: &mut &str) -> Result<Option<Change<'_>>, Error> {
        Ok(if self.advance(piece)? { Some(self.change(&self.told)) } else { None })
    }

    /// Takes a whole piece, without telling what it changed.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn feed(&mut self, piece: &str) -> Result<(), Error> {
        let mut piece = piece;
        while self.advance(&mut piece)? {}
        Ok(())
    }

    /// Signals the end of the text. Only a number that is the whole document can be completed by it: that change is returned, once.
    ///
    /// # Errors
    /// A text that is no JSON, or ended too soon.
    pub fn finish(&mut self) -> Result<Option<Change<'_>>, Error> {
        Ok(if self.end()? { Some(self.change(&self.told)) } else { None })
    }

    /// The document of now; `None` while there is none.
    #[must_use]
    pub fn root(&self) -> Option<Node<'_>> {
        (!self.tree.is_empty()).then_some(Node { tree: &self.tree, at: 0, incomplete: self.options.incomplete })
    }

    /// The value of now, as [`Options::incomplete`] has it; `None` while nothing shows. Builds it: linear in it. See [`Node::to_value`].
    #[must_use]
    pub fn value(&self) -> Option<serde_json::Value> {
        self.root()?.to_value()
    }

    /// The value of now as a `T`. What has not come is missing: an `Option` is `None`, a `#[serde(default)]` its default, and anything else an error. See
    /// [`Node::deserialize`].
    ///
    /// # Errors
    /// What serde says of a `T` that cannot be made of what is there; nothing being there.
    pub fn deserialize<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match self.root() {
            Some(root) => root.deserialize(),
            None => Err(serde::de::Error::custom("no value has begun")),
        }
    }

    /// The value at a JSON pointer (RFC 6901) in the document of now, whole or not. See [`Node::at`].
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<Node<'_>> {
        self.root()?.at(pointer)
    }

    /// Whether a document is whole, and none has begun since. A number that is the whole document is so after [`finish`](Self::finish).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.root().is_some_and(|root| root.is_complete())
    }

    /// Where and why the text stopped being JSON, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Advances to the next change, and returns whether there is one; [`last_change`](Self::last_change)
    /// then returns it. For callers that keep changes while the parser goes on.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn advance(&mut self, piece: &mut &str) -> Result<bool, Error> {
        if let Some(error) = self.failed {
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

    /// Notes a change, which is handed out then.
    fn tell(&mut self, event: Told) -> bool {
        self.told = event;
        true
    }

    /// Returns the last change that [`advance`](Self::advance) found, in a form that borrows nothing.
    #[must_use]
    pub fn last_change(&self) -> Told {
        self.told
    }

    /// Returns the change that `told` stands for. It has to be one of this parser's.
    #[inline]
    #[must_use]
    pub fn change(&self, event: &Told) -> Change<'_> {
        event.change(&self.tree, self.options.incomplete)
    }

    /// Up to the next change. `at` is where the text is not taken yet.
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
                        self.state = State::FenceWord;
                        continue;
                    }
                },
                State::FenceWord => match bytes.get(*at) {
                    None => return Ok(false),
                    Some(byte) if byte.is_ascii_alphanumeric() || b"_-+.".contains(byte) => {}
                    Some(_) => {
                        self.state = State::Outside;
                        continue;
                    }
                },
                _ => {
                    let Some(byte) = self.past_space(bytes, at) else { return Ok(false) };
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

    /// The next byte that is no white space.
    #[inline]
    fn past_space(&mut self, bytes: &[u8], at: &mut usize) -> Option<u8> {
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

    /// One byte of a document's structure.
    #[inline]
    fn structure(&mut self, byte: u8, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        use ErrorKind::{ExpectedColon, ExpectedCommaOrBrace, ExpectedCommaOrBracket, ExpectedKey, TrailingComma};
        match (self.state, byte) {
            (State::Comma, b',') => {
                self.state = if self.in_object() { State::NextKey } else { State::Element };
            }
            (State::Comma | State::FirstKey, b'}') if self.in_object() => return Ok(self.close()),
            (State::Comma | State::FirstElement, b']') if !self.in_object() => return Ok(self.close()),
            (State::Comma, _) => {
                return Err(if self.in_object() { ExpectedCommaOrBrace } else { ExpectedCommaOrBracket });
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::Colon, _) => return Err(ExpectedColon),
            (State::FirstKey | State::NextKey, b'"') => self.state = State::Key(self.tree.texts.len() as u32),
            (State::NextKey, b'}') | (State::Element, b']') => {
                return if self.options.trailing_comma { Ok(self.close()) } else { Err(TrailingComma) };
            }
            (State::FirstKey | State::NextKey, _) => return Err(ExpectedKey),
            (State::Outside, _) => return self.outside(byte, text, at),
            _ => return self.begin(byte),
        }
        Ok(false)
    }

    /// A value begins with this byte.
    fn begin(&mut self, byte: u8) -> Result<bool, ErrorKind> {
        let (tag, state) = match byte {
            b'"' => (Tag::String, State::Text),
            b'{' => (Tag::Object, State::FirstKey),
            b'[' => (Tag::Array, State::FirstElement),
            b't' => (Tag::True, State::Literal("rue")),
            b'f' => (Tag::False, State::Literal("alse")),
            b'n' => (Tag::Null, State::Literal("ull")),
            b'-' | b'0'..=b'9' => (Tag::Number, State::Number(Progress::Start.next(byte).unwrap_or(Progress::Start))),
            _ => return Err(ErrorKind::ExpectedValue),
        };
        let limits = &self.options.limits;
        let container = matches!(tag, Tag::Object | Tag::Array);
        if container && self.depth >= limits.max_depth {
            return Err(ErrorKind::Limit { limit: Limit::Depth, max: limits.max_depth });
        }
        let at = if self.in_object() {
            // Begun by its name.
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
        Ok(self.tell(Told::began(at)))
    }

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

    /// The innermost array or object is whole.
    fn close(&mut self) -> bool {
        let at = self.open;
        self.tree.close(at);
        self.open = self.tree.entry(at).parent;
        self.depth -= 1;
        self.complete(at)
    }

    /// A value is whole.
    fn complete(&mut self, at: u32) -> bool {
        self.tree.entry_mut(at).complete = true;
        self.state = if self.open == NONE { State::Outside } else { State::Comma };
        self.tell(Told::complete(at))
    }

    /// The value that is neither array nor object and came last.
    fn latest(&self) -> u32 {
        self.tree.len() as u32 - 1
    }

    fn text(&mut self, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let latest = self.latest();
        let start = self.tree.texts.len();
        let result = self.escape.decode(text, at, &mut self.tree.texts);
        let end = self.tree.texts.len();
        if end > start {
            self.tree.entry_mut(latest).len += (end - start) as u32;
            // What ended it, its quote or an error, is still to come, and is met again.
            return Ok(self.tell(Told::text(latest, start as u32, end as u32)));
        }
        if result? {
            *at += 1;
            return Ok(self.complete(latest));
        }
        Ok(false)
    }

    fn key(&mut self, start: u32, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        if !self.escape.decode(text, at, &mut self.tree.texts)? {
            return Ok(false);
        }
        let key = self.push(Tag::Pending, start)?;
        *at += 1;
        self.state = State::Colon;
        Ok(self.tell(Told::key(key)))
    }

    fn number(&mut self, progress: Progress, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let latest = self.latest();
        let (start, mut progress, mut behind) = (*at, progress, None);
        for &byte in &text.as_bytes()[start..] {
            match progress.next(byte) {
                Some(next) => progress = next,
                None => {
                    behind = Some(byte);
                    break;
                }
            }
            *at += 1;
        }
        self.tree.texts.push_str(&text[start..*at]);
        self.tree.entry_mut(latest).len += (*at - start) as u32;
        self.state = State::Number(progress);
        match behind {
            None => Ok(false),
            Some(byte) if !progress.ends_before(byte) => Err(ErrorKind::InvalidNumber),
            Some(_) if out_of_range(self.tree.text(latest)).is_some() => Err(ErrorKind::NumberOutOfRange),
            Some(_) => Ok(self.complete(latest)),
        }
    }

    fn literal(&mut self, rest: &'static str, bytes: &[u8], at: &mut usize) -> Result<bool, ErrorKind> {
        for (done, expected) in rest.bytes().enumerate() {
            match bytes.get(*at) {
                Some(&byte) if byte == expected => *at += 1,
                other => {
                    self.state = State::Literal(&rest[done..]);
                    return if other.is_some() { Err(ErrorKind::ExpectedLiteral) } else { Ok(false) };
                }
            }
        }
        let latest = self.latest();
        Ok(self.complete(latest))
    }

    /// Before and behind the document: past what is skipped, or into the document.
    fn outside(&mut self, byte: u8, text: &str, at: &mut usize) -> Result<bool, ErrorKind> {
        let options = self.options;
        let more = self.tree.is_empty();
        let skips = if more { options.leading_text } else { options.trailing_text };
        match byte {
            b'{' | b'[' if more => return self.begin(byte),
            _ if skips => {
                let rest = &text.as_bytes()[*at..];
                let skipped = memchr2(b'{', b'[', rest).filter(|_| more).unwrap_or(rest.len());
                self.lines += memchr_iter(b'\n', &rest[..skipped]).count() as u64;
                if let Some(last) = memrchr(b'\n', &rest[..skipped]) {
                    self.line_start = self.offset + (*at + last) as u64 + 1;
                }
                *at += skipped;
            }
            b'`' if options.fence => self.state = State::Fence(1),
            _ if more => return self.begin(byte),
            _ => return Err(ErrorKind::TrailingCharacters),
        }
        Ok(false)
    }

    /// What is wrong where no document can begin.
    fn no_document(&self) -> ErrorKind {
        if self.tree.is_empty() { ErrorKind::ExpectedValue } else { ErrorKind::TrailingCharacters }
    }

    fn end(&mut self) -> Result<bool, Error> {
        use ErrorKind::{EndInArray, EndInObject, EndInString, EndInValue};
        if let Some(error) = self.failed {
            return Err(error);
        }
        let open = if self.in_object() { EndInObject } else { EndInArray };
        let kind = match self.state {
            State::Outside | State::FenceWord | State::Fence(3..) if !self.tree.is_empty() => return Ok(false),
            State::Number(progress) if progress.is_complete() => {
                let latest = self.latest();
                if out_of_range(self.tree.text(latest)).is_some() {
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

    /// The text is not JSON from here on, or ended.
    fn fail(&mut self, kind: ErrorKind, found: Option<char>) -> Error {
        let (mut offset, mut lines, mut line_start) = (self.offset, self.lines, self.line_start);
        // serde_json's columns count what it has read, the offending byte included.
        let mut read = offset + u64::from(found.is_some());
        let mut found = found;
        if kind == ErrorKind::NumberOutOfRange {
            let text = self.tree.text(self.latest());
            let seen = out_of_range(text).unwrap_or(text.len());
            offset = offset - text.len() as u64 + seen as u64;
            (read, found) = (offset, None);
        }
        if found == Some('\n') {
            (lines, line_start) = (lines + 1, read);
        }
        let error = Error { kind, offset, line: lines + 1, column: read - line_start, found };
        self.failed = Some(error);
        error
    }
}

/// The last boundary between characters at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or_default()
}
