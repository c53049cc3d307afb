//! Unknown members that grow delta by delta.
//!
//! A delta's members are pieces of the members that the body has when it is not streamed. This rule
//! puts them together, at every depth:
//!
//! - strings are appended, except labels ([`is_label`]), of which the last counts;
//! - arrays are extended; an element that is an object with an `index` is merged with the one of
//!   the same index that an earlier delta sent;
//! - objects are merged member by member;
//! - the last number, the last boolean, and the last of values of different types counts;
//! - null is nothing new.
//!
//! Pieces are not merged when they arrive. A member is kept as a *log*: its pieces as JSON, one
//! after another. The log is merged when it has doubled, and when the answer is made. So a delta
//! costs a copy of its bytes, and a stream a constant number of passes over them. Only the bytes
//! that were sent are held, without nodes or values beside them.
//!
//! Most pieces need no merging: a string, and an array without an `index` in it, are appended at
//! once.
//!
//! [`merge`] works on texts alone. It cuts the objects of a log into members (12 bytes each), sorts
//! them by name, and writes each group; a group of one is copied as it was sent. A position in a
//! log is a `u32`: a log that would be longer begins anew with its last piece.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use memchr::memmem;

use super::ends::{string_end, value_end};
use super::text::decode;
use super::value::whole_number;
use super::{RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer};

/// The unknown members of an object that arrives in pieces, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Growing(
    /// The members.
    ///
    /// It is `None` if there are none.
    #[allow(
        clippy::box_collection,
        reason = "a map is three words, and hardly any object has such members"
    )]
    Option<Box<BTreeMap<String, Log>>>,
);

/// The effect of a piece on the members that it was added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grown {
    /// The piece is nothing new.
    Nothing,
    /// A member began, with this many bytes, its name included.
    Began(usize),
    /// A member of the first number of bytes now has the second number.
    From(usize, usize),
    /// The same, and the piece replaced a value of another type.
    Retyped(usize, usize),
}

impl Growing {
    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |members| members.len())
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|members| members.contains_key(name))
    }

    /// Returns the number of bytes held of names and values.
    pub(crate) fn weight(&self) -> usize {
        let members = self.0.iter().flat_map(|members| members.iter());
        members.map(|(name, log)| name.len() + log.text.len()).sum()
    }

    /// Adds a piece of the member `name`.
    ///
    /// It is linear in the piece, over a whole stream.
    pub(crate) fn add(&mut self, name: &str, piece: &RawValue<'_>) -> Grown {
        let piece = piece.to_compact();
        let members = self.0.get_or_insert_default();
        let Some(log) = members.get_mut(name) else {
            members.insert(name.into(), Log::new(&piece));
            return Grown::Began(name.len() + piece.len());
        };
        let before = log.text.len();
        // Null is a value that had not come.
        let is_retyped =
            Kind::of(&log.text) != Kind::of(&piece) && ![&*log.text, &*piece].contains(&"null");
        match log.push(name, &piece) {
            false => Grown::Nothing,
            true if is_retyped => Grown::Retyped(before, log.text.len()),
            true => Grown::From(before, log.text.len()),
        }
    }

    /// Returns an upper bound of the bytes that a piece adds.
    ///
    /// Also reports whether the piece begins a member.
    pub(crate) fn growth(&self, name: &str, piece: &RawValue<'_>) -> (usize, bool) {
        let piece = piece.to_compact();
        match self.0.as_ref().and_then(|members| members.get(name)) {
            None => (name.len() + piece.len(), true),
            Some(log) => (log.growth(name, &piece), false),
        }
    }

    /// Returns the members, each merged.
    pub(crate) fn into_unknown(self) -> Unknown<'static> {
        let mut unknown = Unknown::default();
        for (name, mut log) in self.0.into_iter().flat_map(|members| *members) {
            log.merge();
            unknown.set(Cow::Owned(name), RawValue::compacted(log.text));
        }
        unknown
    }
}

/// The pieces of one member.
#[derive(Debug, Clone)]
struct Log {
    /// The pieces, one after another, all of one type.
    ///
    /// A string is one text from the beginning.
    text: String,
    /// The length of the text after it was last merged.
    merged: usize,
    /// The ends of the pieces, if they are several.
    ends: Vec<u32>,
    /// The text is one value, and the same value again would be nothing new.
    is_settled: bool,
}

/// The way in which a piece is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Nothing,
    /// The string grows.
    Text,
    /// The array grows by elements without an index.
    Elements,
    /// The piece is merged later.
    Piece,
    /// The last one counts.
    Last,
}

impl Log {
    /// Logs that are shorter are merged only in the end.
    const STEP: usize = 512;

    fn new(piece: &str) -> Self {
        Self {
            text: piece.into(),
            merged: piece.len(),
            ends: Vec::new(),
            is_settled: is_settled(piece),
        }
    }

    fn way(&self, name: &str, piece: &str) -> Way {
        let kind = Kind::of(piece);
        let fits = self.text.len() + piece.len() < u32::MAX as usize;
        match kind {
            _ if (self.is_settled || is_label(name)) && self.text == piece => Way::Nothing,
            Kind::Scalar => Way::Last,
            _ if kind != Kind::of(&self.text) || is_label(name) || !fits => Way::Last,
            // An empty string, array or object.
            _ if piece.len() == 2 => Way::Nothing,
            Kind::Text => Way::Text,
            Kind::List if self.ends.is_empty() && !has_index(piece) => Way::Elements,
            Kind::List | Kind::Object => Way::Piece,
        }
    }

    /// Adds a piece, and reports whether that changed anything.
    fn push(&mut self, name: &str, piece: &str) -> bool {
        match self.way(name, piece) {
            Way::Nothing => return false,
            Way::Text => {
                self.text.pop();
                self.text.push_str(&piece[1..]);
                self.is_settled = false;
            }
            Way::Elements => {
                self.text.reserve(piece.len());
                self.text.pop();
                if self.text.len() > 1 {
                    self.text.push(',');
                }
                self.text.push_str(&piece[1..]);
                self.is_settled = false;
            }
            Way::Piece => {
                if piece.len() > self.text.len() / 4 {
                    // So large a piece need not leave room for as much again.
                    self.text.reserve_exact(piece.len());
                }
                if self.ends.is_empty() {
                    self.ends.push(self.text.len() as u32);
                }
                self.text.push_str(piece);
                self.ends.push(self.text.len() as u32);
                self.is_settled = false;
                if self.text.len() > 2 * self.merged + Self::STEP {
                    self.merge();
                }
            }
            Way::Last => {
                // As `RawValue::assign` does it: most of the buffer must not be left empty.
                let mut text = core::mem::take(&mut self.text);
                text.clear();
                if text.capacity() > 64 + 4 * piece.len() {
                    text = String::new();
                }
                text.push_str(piece);
                let (merged, is_settled) = (piece.len(), is_settled(piece));
                *self = Self { text, merged, ends: Vec::new(), is_settled };
            }
        }
        true
    }

    fn growth(&self, name: &str, piece: &str) -> usize {
        match self.way(name, piece) {
            Way::Nothing => 0,
            Way::Text => piece.len() - 2,
            Way::Elements => piece.len() - usize::from(self.text.len() > 2) - 1,
            Way::Piece => piece.len(),
            Way::Last => piece.len().saturating_sub(self.text.len()),
        }
    }

    fn merge(&mut self) {
        if !self.ends.is_empty() {
            self.text = merge(&self.text, &self.ends);
            self.merged = self.text.len();
            self.ends = Vec::new();
            self.is_settled = is_settled(&self.text);
        }
    }
}

/// Reports whether the member is a label and not a text.
///
/// The official Python client does not append `type` either. Groq repeats `channel` in each delta.
fn is_label(name: &str) -> bool {
    matches!(name, "index" | "type" | "id" | "channel")
}

/// Reports whether an array may have an element with an `index`.
///
/// The name may have escapes.
fn has_index(array: &str) -> bool {
    let has = |needle: &[u8]| memmem::find(array.as_bytes(), needle).is_some();
    has(b"\"index\"") || has(b"\\u")
}

/// Reports whether merging a value with itself gives the value.
///
/// Such a value may be sent again.
///
/// That holds if no string and no array in it has anything to append.
fn is_settled(value: &str) -> bool {
    match Kind::of(value) {
        Kind::Scalar => true,
        Kind::Text | Kind::List => value.len() == 2,
        Kind::Object => {
            let text = value.as_bytes();
            let mut settled = true;
            let read = members(text, 0, |member| {
                // Objects in objects may have anything; they are seldom enough.
                let flat = !matches!(text[member.value as usize], b'"' | b'[' | b'{');
                settled &= flat || member.end - member.value == 2;
            });
            settled && read.is_some()
        }
    }
}

/// The types of JSON that are put together in different ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A number, a boolean or null.
    Scalar,
    Text,
    List,
    Object,
}

impl Kind {
    fn of(json: &str) -> Self {
        Self::of_first(json.as_bytes().first().copied())
    }

    fn of_first(first: Option<u8>) -> Self {
        match first {
            Some(b'"') => Self::Text,
            Some(b'[') => Self::List,
            Some(b'{') => Self::Object,
            _ => Self::Scalar,
        }
    }
}

/// A part of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A member of an object in a log.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// The beginning of its name, after the quote.
    name: u32,
    /// The beginning of its value.
    value: u32,
    end: u32,
}

impl Member {
    /// Returns the place of its name between the quotes.
    ///
    /// In compact JSON a colon follows at once.
    fn name(self) -> Span {
        Span { start: self.name, end: self.value - 2 }
    }

    fn value(self) -> Span {
        Span { start: self.value, end: self.end }
    }
}

/// Merges the values of `log` that end at these positions.
///
/// All have one type. The result is compact JSON.
fn merge(log: &str, ends: &[u32]) -> String {
    let mut values = Vec::with_capacity(ends.len());
    let mut start = 0;
    for &end in ends {
        values.push(Span { start, end });
        start = end;
    }
    let mut merger = Merger { log, out: String::new() };
    if merger.merge(&values, 0).is_none() {
        // Not reached with a log of valid JSON: then the last piece counts, as it was sent.
        merger.out.clear();
        merger.push(values.last().copied().unwrap_or(Span { start: 0, end: log.len() as u32 }));
    }
    let mut merged = merger.out;
    merged.shrink_to_fit();
    merged
}

struct Merger<'l> {
    log: &'l str,
    out: String,
}

/// An element of an array that is merged by index.
#[derive(Debug, Clone, Copy)]
struct Element {
    /// The index, then the beginning of the element that it is merged into.
    ///
    /// If it is merged into no other element, that is its own beginning.
    key: u32,
    start: u32,
}

impl Element {
    /// Stands for no index.
    ///
    /// Such elements stay where they are.
    const NO_INDEX: u32 = u32::MAX;
}

impl Merger<'_> {
    /// The depth from which objects are not merged.
    ///
    /// The last of them counts, whole.
    ///
    /// So merging needs little stack, and no more passes over a log than this.
    const MAX_DEPTH: usize = 32;
    /// The length from which the members and elements of a log are counted first.
    ///
    /// The list then has exactly that length.
    const COUNTED: usize = 16 << 10;

    /// Writes the merged `values`, in the order in which they arrived.
    fn merge(&mut self, values: &[Span], depth: usize) -> Option<()> {
        let last = *values.iter().rfind(|value| !self.is_null(**value)).or(values.last())?;
        let kind = self.kind(last);
        // What came before a value of another type does not count.
        let other = |value: &Span| self.kind(*value) != kind && !self.is_null(*value);
        let start = values.iter().rposition(other).map_or(0, |at| at + 1);
        let run: Cow<'_, [Span]> = if values[start..].iter().any(|value| self.is_null(*value)) {
            values[start..].iter().copied().filter(|value| !self.is_null(*value)).collect()
        } else {
            Cow::Borrowed(&values[start..])
        };
        match kind {
            _ if run.len() <= 1 => self.push(last),
            Kind::Scalar => self.push(last),
            Kind::Text => self.join(&run, '"', '"', ""),
            Kind::List => return self.merge_lists(&run, depth),
            Kind::Object if depth == Self::MAX_DEPTH => self.push(last),
            Kind::Object => return self.merge_objects(&run, depth),
        }
        Some(())
    }

    fn merge_objects(&mut self, objects: &[Span], depth: usize) -> Option<()> {
        let mut count = 0;
        if self.log.len() > Self::COUNTED {
            self.members(objects, |_| count += 1)?;
        }
        let mut found = Vec::with_capacity(count);
        self.members(objects, |member| found.push(member))?;
        found.sort_unstable_by(|one, other| {
            let order = self.text(one.name()).cmp(&self.text(other.name()));
            order.then(one.value.cmp(&other.value))
        });
        self.out.push('{');
        let mut at = 0;
        let mut group = Vec::new();
        while let Some(first) = found.get(at).copied() {
            let same = |other: &&Member| self.text(other.name()) == self.text(first.name());
            let len = found[at..].iter().take_while(same).count();
            if at > 0 {
                self.out.push(',');
            }
            self.out.push('"');
            self.push(first.name());
            self.out.push_str("\":");
            group.clear();
            for member in &found[at..at + len] {
                // Of one name that an object has twice the last counts.
                let place = parent(objects, member.value);
                let is_again = |last: &Span| parent(objects, last.start) == place;
                if group.last().is_some_and(is_again) {
                    group.pop();
                }
                group.push(member.value());
            }
            if is_label(&self.text(first.name())) {
                let last = group.iter().rfind(|value| !self.is_null(**value)).copied();
                self.push(last.unwrap_or(first.value()));
            } else {
                self.merge(&group, depth + 1)?;
            }
            at += len;
        }
        self.out.push('}');
        Some(())
    }

    /// Calls `each` with the members of the objects.
    ///
    /// If members of one name follow each other, the last one counts.
    fn members(&self, objects: &[Span], mut each: impl FnMut(Member)) -> Option<()> {
        for object in objects {
            let mut last: Option<Member> = None;
            members(self.log.as_bytes(), object.start, |member| {
                let before = last.replace(member);
                let is_other =
                    |before: &Member| self.text(before.name()) != self.text(member.name());
                before.into_iter().filter(is_other).for_each(&mut each);
            })?;
            last.into_iter().for_each(&mut each);
        }
        Some(())
    }

    fn merge_lists(&mut self, lists: &[Span], depth: usize) -> Option<()> {
        if !lists.iter().any(|list| has_index(&self.log[list.range()])) {
            self.join(lists, '[', ']', ",");
            return Some(());
        }
        let mut count = 0;
        if self.log.len() > Self::COUNTED {
            self.elements(lists, |_| count += 1)?;
        }
        let mut elements = Vec::with_capacity(count);
        self.elements(lists, |element| elements.push(element))?;
        elements.sort_unstable_by_key(|element| (element.key, element.start));
        let mut before: Option<(u32, usize, u32)> = None;
        for element in &mut elements {
            let (index, list) = (element.key, parent(lists, element.start));
            element.key = match before {
                // Two of one array are two.
                Some((same, other, lead))
                    if same == index && other != list && index != Element::NO_INDEX =>
                {
                    lead
                }
                _ => element.start,
            };
            before = Some((index, list, element.key));
        }
        elements.sort_unstable_by_key(|element| (element.key, element.start));
        self.reserve();
        self.out.push('[');
        let mut at = 0;
        let mut group = Vec::new();
        while let Some(first) = elements.get(at) {
            let len = elements[at..].iter().take_while(|element| element.key == first.key).count();
            if at > 0 {
                self.out.push(',');
            }
            group.clear();
            for element in &elements[at..at + len] {
                let list = lists.get(parent(lists, element.start).checked_sub(1)?)?;
                group.push(self.element(*list, element.start)?.0);
            }
            if len == 1 {
                self.push(group[0]);
            } else {
                self.merge(&group, depth + 1)?;
            }
            at += len;
        }
        self.out.push(']');
        Some(())
    }

    /// Calls `each` with the elements of the lists.
    ///
    /// Adjacent elements without an index are one.
    fn elements(&self, lists: &[Span], mut each: impl FnMut(Element)) -> Option<()> {
        for list in lists {
            let mut start = list.start + 1;
            while start + 1 < list.end {
                let (span, key) = self.element(*list, start)?;
                each(Element { key, start });
                start = span.end + 1;
            }
        }
        Some(())
    }

    /// Returns the element of the list that begins at `start`, and its index.
    ///
    /// An element without an index extends to the next that has one.
    fn element(&self, list: Span, start: u32) -> Option<(Span, u32)> {
        let (mut end, index) = self.single(start)?;
        while index == Element::NO_INDEX && end + 2 < list.end {
            let (next, its_index) = self.single(end + 1)?;
            if its_index != Element::NO_INDEX {
                break;
            }
            end = next;
        }
        Some((Span { start, end }, index))
    }

    /// Returns the end of the element that begins at `start`, and its `index`.
    ///
    /// The `index` is `None` unless the element is an object with a valid one.
    fn single(&self, start: u32) -> Option<(u32, u32)> {
        let bytes = self.log.as_bytes();
        let mut index = Element::NO_INDEX;
        if *bytes.get(start as usize)? != b'{' {
            return Some((value_end(bytes, start as usize, &mut false)? as u32, index));
        }
        let end = members(bytes, start, |member| {
            if self.text(member.name()) == "index" {
                let number = whole_number(&self.log[member.value().range()]);
                let number = number.and_then(|number| u32::try_from(number).ok());
                index = number.unwrap_or(Element::NO_INDEX);
            }
        })?;
        Some((end, index))
    }

    /// Writes the insides of strings or arrays as one.
    ///
    /// None of them is empty.
    fn join(&mut self, values: &[Span], open: char, close: char, between: &str) {
        self.reserve();
        self.out.push(open);
        for (place, value) in values.iter().enumerate() {
            let inner = &self.log[value.start as usize + 1..value.end as usize - 1];
            if inner.is_empty() {
                continue;
            }
            if place > 0 && self.out.as_bytes().last() != Some(&(open as u8)) {
                self.out.push_str(between);
            }
            self.out.push_str(inner);
        }
        self.out.push(close);
    }

    /// Makes room for all of the log, if nothing is written yet.
    fn reserve(&mut self) {
        if self.out.is_empty() {
            self.out.reserve_exact(self.log.len());
        }
    }

    fn push(&mut self, span: Span) {
        self.out.push_str(&self.log[span.range()]);
    }

    fn kind(&self, value: Span) -> Kind {
        Kind::of_first(self.log.as_bytes().get(value.start as usize).copied())
    }

    fn is_null(&self, value: Span) -> bool {
        self.log.as_bytes().get(value.start as usize) == Some(&b'n')
    }

    /// Returns a name without its escapes.
    fn text(&self, name: Span) -> Cow<'_, str> {
        decode(&self.log[name.range()])
    }
}

/// Returns the number of the parent, from 1, in which a position lies.
///
/// The `parents` are in order.
fn parent(parents: &[Span], at: u32) -> usize {
    parents.partition_point(|parent| parent.start <= at)
}

/// Calls `each` with each member of the object, and returns the object's end.
///
/// The object begins at `start`, in compact JSON. Returns `None` if it is not JSON.
fn members(bytes: &[u8], start: u32, mut each: impl FnMut(Member)) -> Option<u32> {
    let mut at = start as usize + 1;
    while *bytes.get(at)? == b'"' {
        let name_end = string_end(bytes, at + 1)?;
        let value = name_end + 2;
        let end = value_end(bytes, value, &mut false)?;
        each(Member { name: at as u32 + 1, value: value as u32, end: end as u32 });
        if *bytes.get(end)? != b',' {
            return Some(end as u32 + 1);
        }
        at = end + 1;
    }
    Some(at as u32 + 1)
}

impl Saved for Growing {
    fn save(&self, to: &mut Writer) {
        to.number(self.len() as u64);
        for (name, log) in self.0.iter().flat_map(|members| members.iter()) {
            to.text(name);
            log.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut members = BTreeMap::new();
        from.each(|(name, log): (String, Log)| match members.insert(name, log) {
            None => Ok(()),
            Some(_) => Err(Fault::Damaged("a member")),
        })?;
        Ok(Self((!members.is_empty()).then(|| Box::new(members))))
    }
}

/// Every piece has to be compact JSON, and all of them of one type: merging cuts at their ends.
impl Saved for Log {
    fn save(&self, to: &mut Writer) {
        let Self { text, merged, ends, is_settled } = self;
        to.text(text);
        merged.save(to);
        ends.save(to);
        is_settled.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        const FAULT: Fault = Fault::Damaged("a log");
        let (text, merged) = (from.text()?, from.count()?);
        let (ends, is_settled) = (Vec::<u32>::load(from)?, bool::load(from)?);
        let (kind, mut start) = (Kind::of(text), 0);
        let whole = [text.len() as u32];
        for &end in if ends.is_empty() { &whole[..] } else { &ends } {
            let piece = text.get(start..end as usize).ok_or(FAULT)?;
            let value = RawValue::parse(piece).map_err(|_| FAULT)?;
            if *value.to_compact() != *piece || Kind::of(piece) != kind {
                return Err(FAULT);
            }
            start = end as usize;
        }
        let is_short = text.len() < u32::MAX as usize;
        if start != text.len() || merged > text.len() || !is_short {
            return Err(FAULT);
        }
        Ok(Self { text: text.into(), merged, ends, is_settled })
    }
}
