//! A JSON value as it was sent, and what was put into it since.
//!
//! A patch is a text that grows, a value, or elements at the end of an array; its [`Path`] says
//! where in the value it belongs. Patches are kept beside the value, and written into it once, when
//! the answer is made. So an event costs what it brings, and not a walk through the block.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::map::Map;
use crate::engine::{Held, TextId, Transcript};
use crate::json::{RawArray, RawValue, push_quoted};
use crate::save::{self, Fault, Reader, Saved, saved, saved_variants};

/// A step from a value to one in it.
#[derive(Debug, Clone, Copy, Eq)]
pub(crate) enum Step {
    /// No step: the path has ended.
    End,
    Index(u32),
    Member(&'static str),
}

impl Ord for Step {
    /// Compares names only if they are not one literal.
    ///
    /// Nearly all steps of a long list differ in their indices.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Member(one), Self::Member(other)) if core::ptr::eq(*one, *other) => {
                Ordering::Equal
            }
            (Self::Member(one), Self::Member(other)) => one.cmp(other),
            (Self::Index(one), Self::Index(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Step {
    /// Returns the place of the kind of step in the order.
    fn rank(self) -> u8 {
        match self {
            Self::End => 0,
            Self::Index(_) => 1,
            Self::Member(_) => 2,
        }
    }

    /// Returns the name of a member; no name is before all names.
    fn name(self) -> &'static str {
        match self {
            Self::Member(name) => name,
            Self::End | Self::Index(_) => "",
        }
    }
}

impl PartialEq for Step {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::End, Self::End) => true,
            (Self::Index(one), Self::Index(other)) => one == other,
            // One place in the code has one literal, so the text is hardly ever compared.
            (Self::Member(one), Self::Member(other)) => core::ptr::eq(*one, *other) || one == other,
            _ => false,
        }
    }
}

impl From<&'static str> for Step {
    fn from(name: &'static str) -> Self {
        Self::Member(name)
    }
}

impl From<u32> for Step {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

/// The place of a value in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(pub(crate) [Step; Path::DEPTH]);

impl Path {
    const DEPTH: usize = 3;
    /// The whole block.
    pub(crate) const ALL: Self = Self([Step::End; Self::DEPTH]);

    /// Returns the name of the last member on the path.
    pub(crate) fn name(&self) -> &'static str {
        self.0.iter().rev().map(|step| step.name()).find(|name| !name.is_empty()).unwrap_or("")
    }

    /// Reports whether the value at `other` is the one at this path, or in it.
    fn holds(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| *own == Step::End || own == other)
    }
}

impl From<&'static str> for Path {
    fn from(one: &'static str) -> Self {
        Self([one.into(), Step::End, Step::End])
    }
}

impl<A: Into<Step>, B: Into<Step>> From<(A, B)> for Path {
    fn from((one, two): (A, B)) -> Self {
        Self([one.into(), two.into(), Step::End])
    }
}

impl<A: Into<Step>, B: Into<Step>, C: Into<Step>> From<(A, B, C)> for Path {
    fn from((one, two, three): (A, B, C)) -> Self {
        Self([one.into(), two.into(), three.into()])
    }
}

/// Something other than a text that was put into a block.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    /// A value.
    Value(RawValue<'static>),
    /// Elements that follow those of the array that was sent.
    Elements(RawArray),
    /// Elements in place of those of the array that was sent.
    Array(RawArray),
}

/// The parts of a text that belong to one place in one block.
///
/// They are written in place of the string that was sent there. A choice has one content, to which
/// all of its blocks add.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) text: TextId,
    /// The parts, in order; the last one has no end while it grows.
    parts: Vec<(usize, Option<usize>)>,
    /// The whole value that the server sent, if it was not what the parts were.
    ///
    /// It is in their place. If it is a string, parts that came later follow it.
    pub(crate) whole: Option<RawValue<'static>>,
    /// The parts are the JSON text of the value that belongs here.
    pub(crate) is_json: bool,
    /// The place where the text is written. [`Patched::written`] knows of later covers, too.
    written: Written,
    /// The number of covers of the block that `written` allows for.
    covers: u32,
    /// The length of what deltas repeat of a text that came whole before them, so far.
    pub(crate) repeated: Option<usize>,
}

/// The place where a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// The text itself, in place of the string that was sent.
    Here,
    /// A whole value that was sent later has it.
    InWhole,
    /// A whole value that was sent later does not have it.
    Nowhere,
}

impl Share {
    /// Returns a share of a text from this offset on.
    fn from(text: TextId, start: usize, covers: u32) -> Self {
        let parts = [(start, None)].into();
        let (whole, is_json, written, repeated) = (None, false, Written::Here, None);
        Self { text, parts, whole, is_json, written, covers, repeated }
    }

    /// Ends the part that grows, because another share adds to the text.
    pub(crate) fn pause(&mut self, texts: &Transcript) {
        if let Some((_, end @ None)) = self.parts.last_mut() {
            *end = Some(texts.text(self.text).len());
        }
    }

    /// Begins another part at the end of the text.
    pub(crate) fn resume(&mut self, texts: &Transcript) {
        self.parts.push((texts.text(self.text).len(), None));
    }

    fn held(&self) -> Held {
        Held::item(self.whole.as_ref().map_or(0, |whole| whole.as_json().len()))
    }

    /// Returns the length of the parts.
    fn len(&self, texts: &Transcript) -> usize {
        let len = texts.text(self.text).len();
        self.parts.iter().map(|(start, end)| end.unwrap_or(len).saturating_sub(*start)).sum()
    }

    /// Puts a whole value in the place of the parts.
    pub(crate) fn set_whole(&mut self, whole: RawValue<'static>) {
        self.parts.clear();
        self.whole = Some(whole);
    }

    /// Reports whether the string is one part of the text.
    pub(crate) fn is_plain(&self) -> bool {
        self.whole.is_none() && self.parts.len() == 1
    }

    /// Reports whether a whole value is all of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.is_some() && (self.is_json || self.parts.is_empty())
    }

    /// Reports whether the last part grows.
    pub(crate) fn is_growing(&self) -> bool {
        matches!(self.parts.last(), Some((_, None)))
    }

    /// Returns the string so far.
    pub(crate) fn so_far<'t>(&self, texts: &'t Transcript) -> Cow<'t, str> {
        match self.whole.as_ref().filter(|_| !self.is_json) {
            Some(whole) => Cow::Owned([&*whole.to_text(), &*self.parts(texts)].concat()),
            None => self.parts(texts),
        }
    }

    /// Returns the string that the parts are.
    fn parts<'t>(&self, texts: &'t Transcript) -> Cow<'t, str> {
        let text = texts.text(self.text);
        let part = |&(start, end): &(usize, Option<usize>)| {
            text.get(start..end.unwrap_or(text.len())).unwrap_or_default()
        };
        match &self.parts[..] {
            [one] => Cow::Borrowed(part(one)),
            parts => parts.iter().map(part).collect(),
        }
    }
}

/// A block: the value that was sent, and the patches.
#[derive(Debug, Clone)]
pub(crate) struct Patched {
    pub(crate) base: RawValue<'static>,
    pub(crate) texts: Map<Path, Share>,
    /// The patches at places that have no text.
    ///
    /// They are apart, because a value that replaces others leaves the texts: it costs no more in
    /// a block that has many.
    pub(crate) patches: Map<Path, Patch>,
    /// The number of times that the whole block was covered.
    ///
    /// It stands for a walk through the texts, of which a block may have many.
    covers: u32,
}

impl Patched {
    pub(crate) fn new(base: RawValue<'static>) -> Self {
        Self { base, texts: Map::default(), patches: Map::default(), covers: 0 }
    }

    /// Begins a share at the end of the text, in place of the one that is at this path.
    pub(crate) fn begin(&mut self, at: Path, text: TextId, texts: &Transcript) {
        let start = texts.text(text).len();
        self.texts.insert(at, Share::from(text, start, self.covers));
    }

    /// Makes the share at this path all of its text.
    pub(crate) fn take_all(&mut self, at: &Path) {
        if let Some(share) = self.texts.get_mut(at) {
            let all = Share::from(share.text, 0, self.covers);
            *share = Share { is_json: share.is_json, ..all };
        }
    }

    /// Leaves the writing of the texts at this path and in it to the value that was sent there.
    ///
    /// The cost is linear in the number of texts in it, unless it is the whole block.
    pub(crate) fn cover(&mut self, at: &Path) {
        if *at == Path::ALL {
            self.covers += 1;
            return;
        }
        let inside = self.texts.range_from(at).take_while(|(path, _)| at.holds(path));
        let inside: Vec<Path> = inside.map(|(path, _)| *path).collect();
        for path in inside {
            self.write(&path, Written::Nowhere);
        }
    }

    /// Sets the place where a text is written.
    pub(crate) fn write(&mut self, at: &Path, written: Written) {
        if let Some(share) = self.texts.get_mut(at) {
            (share.written, share.covers) = (written, self.covers);
        }
    }

    /// Returns the place where a text is written.
    pub(crate) fn written(&self, share: &Share) -> Written {
        if share.covers == self.covers { share.written } else { Written::Nowhere }
    }

    /// Returns what the block holds besides texts.
    pub(crate) fn held(&self) -> Held {
        let mut held = Held::item(self.base.as_json().len());
        for (_, share) in self.texts.iter() {
            held += share.held();
        }
        for (_, patch) in self.patches.iter() {
            held += patch.held();
        }
        held
    }

    /// Returns what [`set`](Self::set) takes away at this path.
    pub(crate) fn replaceable(&self, at: &Path) -> Held {
        let mut held = Held::default();
        for (_, patch) in self.within(at) {
            held += patch.held();
        }
        held
    }

    /// Returns the patches at this path and in it, but not the texts.
    fn within<'p>(&'p self, at: &'p Path) -> impl Iterator<Item = (&'p Path, &'p Patch)> {
        self.patches.range_from(at).take_while(|(path, _)| at.holds(path))
    }

    /// Reports whether something was put at this path or into it.
    ///
    /// A text counts unless a later whole value does not have it.
    pub(crate) fn has(&self, at: &Path) -> bool {
        let mut texts = self.texts.range_from(at).take_while(|(path, _)| at.holds(path));
        texts.any(|(_, share)| self.written(share) != Written::Nowhere)
            || self.within(at).next().is_some()
    }

    /// Returns the name of an array at this path or in it whose new elements a value does not have.
    ///
    /// The value is to be put at this path. The cost is linear in it, and in the elements.
    pub(crate) fn left_out(&self, at: &Path, value: &RawValue<'_>) -> Option<&'static str> {
        let arrays = self.within(at).filter_map(|(path, patch)| match patch {
            Patch::Elements(elements) | Patch::Array(elements) => Some((path, elements)),
            Patch::Value(_) => None,
        });
        let arrays: Vec<_> = arrays.collect();
        if arrays.is_empty() {
            return None;
        }
        let depth = at.0.iter().take_while(|step| **step != Step::End).count();
        first_left_out(Some(value), &arrays, depth)
    }

    /// Removes the patches at this path and in it, but not the texts.
    pub(crate) fn clear(&mut self, at: &Path) {
        let old: Vec<Path> = self.within(at).map(|(path, _)| *path).collect();
        for path in old {
            self.patches.remove(&path);
        }
    }

    /// Writes the block with its patches, as compact JSON.
    pub(crate) fn to_json(&self, texts: &Transcript) -> RawValue<'static> {
        let is_here = |share: &Share| self.written(share) == Written::Here;
        let shares = self.texts.iter().filter(|(_, share)| is_here(share));
        let shares = shares.map(|(path, share)| (path, Put::Text(share)));
        let patches = self.patches.iter().map(|(path, patch)| (path, Put::Patch(patch)));
        let mut patches: Vec<_> = shares.chain(patches).collect();
        if patches.is_empty() {
            return self.base.clone();
        }
        patches.sort_unstable_by_key(|(path, _)| *path);
        // A long value is mostly what was sent first, or mostly what was put into it.
        let put: usize = patches.iter().map(|(_, put)| put.len(texts) + 32).sum();
        let capacity = put.max(self.base.as_json().len()) + 64;
        let mut writer = Writer { out: String::with_capacity(capacity), texts };
        writer.value(Some(self.base.as_json()), &patches, 0);
        RawValue::compacted(writer.out)
    }
}

impl Patch {
    pub(crate) fn held(&self) -> Held {
        Held::item(match self {
            Self::Value(value) => value.as_json().len(),
            Self::Elements(elements) | Self::Array(elements) => elements.as_json().len(),
        })
    }
}

/// Whatever was put into a block at one place.
#[derive(Clone, Copy)]
enum Put<'p> {
    Text(&'p Share),
    Patch(&'p Patch),
}

impl Put<'_> {
    /// Returns about the length of the JSON that is written.
    fn len(self, texts: &Transcript) -> usize {
        match self {
            Self::Text(share) => {
                share.whole.as_ref().map_or(0, |whole| whole.as_json().len()) + share.len(texts)
            }
            Self::Patch(Patch::Value(value)) => value.as_json().len(),
            Self::Patch(Patch::Elements(elements) | Patch::Array(elements)) => {
                elements.as_json().len()
            }
        }
    }
}

/// Everything that was put into a block, in the order of the paths.
type Patches<'p> = [(&'p Path, Put<'p>)];

struct Writer<'t> {
    out: String,
    texts: &'t Transcript,
}

impl Writer<'_> {
    /// Writes a value with the patches in it.
    fn value(&mut self, base: Option<&str>, patches: &Patches<'_>, depth: usize) {
        let is_here = |path: &Path| depth == Path::DEPTH || path.0[depth] == Step::End;
        let (here, inner) = match patches {
            [(path, patch), inner @ ..] if is_here(path) => (Some(*patch), inner),
            inner => (None, inner),
        };
        let base = match here {
            Some(Put::Text(share @ Share { whole: Some(whole), .. })) if share.is_whole() => {
                return self.out.push_str(whole.as_json());
            }
            Some(Put::Text(share)) if share.is_json => return self.json(base, share),
            Some(Put::Text(share)) => return self.string(&share.so_far(self.texts)),
            Some(Put::Patch(Patch::Value(value))) => Some(value.as_json()),
            Some(Put::Patch(Patch::Array(elements))) => {
                return self.out.push_str(elements.as_json());
            }
            Some(Put::Patch(Patch::Elements(elements))) => return self.elements(base, elements),
            None => base,
        };
        match inner.first().map(|(path, _)| path.0[depth]) {
            Some(Step::Member(_)) => self.object(base, inner, depth),
            Some(_) => self.array(base, inner, depth),
            None => self.out.push_str(base.unwrap_or("null")),
        }
    }

    /// Writes the value whose JSON text arrived.
    ///
    /// If none arrived, the value that was sent stays. A text that is not JSON, because it was cut
    /// or is wrong, is written as a string: so it is not lost, and nothing is invented.
    fn json(&mut self, base: Option<&str>, share: &Share) {
        let text = share.so_far(self.texts);
        if text.trim().is_empty() {
            return self.out.push_str(base.unwrap_or("{}"));
        }
        match RawValue::parse(&text) {
            Ok(value) => self.out.push_str(&value.to_compact()),
            Err(_) => self.string(&text),
        }
    }

    fn object(&mut self, base: Option<&str>, patches: &Patches<'_>, depth: usize) {
        let open = self.out.len();
        let mut written = alloc::vec![false; patches.len()];
        // It is valid, as every value that is kept.
        let own = base.map(|base| RawValue::within(base, false));
        let _ = own.as_ref().and_then(|own| {
            own.find_member(|name, value| {
                let start = patches.partition_point(|(path, _)| path.0[depth].name() < name);
                let group = first_group(&patches[start..], depth);
                let value = value.as_ref().map(RawValue::to_compact);
                self.name(open, name);
                if group.first().is_some_and(|(path, _)| path.0[depth].name() == name) {
                    written[start] = true;
                    self.value(value.as_deref(), group, depth + 1);
                } else {
                    self.out.push_str(value.as_deref().unwrap_or("null"));
                }
                None::<()>
            })
        });
        let mut start = 0;
        while start < patches.len() {
            let group = first_group(&patches[start..], depth);
            if !written[start] {
                self.name(open, group[0].0.0[depth].name());
                self.value(None, group, depth + 1);
            }
            start += group.len();
        }
        if self.out.len() == open {
            self.out.push('{');
        }
        self.out.push('}');
    }

    /// Writes an array; an index beyond its end takes the next place.
    fn array(&mut self, base: Option<&str>, patches: &Patches<'_>, depth: usize) {
        let open = self.out.len();
        let mut rest = patches;
        // It is valid, as every value that is kept.
        let own = base.map(|base| RawValue::within(base, false));
        for (index, element) in own.iter().flat_map(RawValue::elements).enumerate() {
            let element = element.to_compact();
            self.separate(open, '[');
            if rest.first().is_some_and(|(path, _)| path.0[depth] == Step::Index(index as u32)) {
                let group = first_group(rest, depth);
                rest = &rest[group.len()..];
                self.value(Some(&element), group, depth + 1);
            } else {
                self.out.push_str(&element);
            }
        }
        while !rest.is_empty() {
            let group = first_group(rest, depth);
            rest = &rest[group.len()..];
            self.separate(open, '[');
            self.value(None, group, depth + 1);
        }
        if self.out.len() == open {
            self.out.push('[');
        }
        self.out.push(']');
    }

    fn elements(&mut self, base: Option<&str>, elements: &RawArray) {
        let own = base.map(str::trim).filter(|base| base.starts_with('[') && base.len() > 2);
        match own {
            Some(own) if elements.is_empty() => self.out.push_str(own),
            Some(own) => {
                self.out.push_str(&own[..own.len() - 1]);
                self.out.push(',');
                self.out.push_str(&elements.as_json()[1..]);
            }
            None => self.out.push_str(elements.as_json()),
        }
    }

    /// Writes a member's name, after a brace or a comma.
    fn name(&mut self, open: usize, name: &str) {
        self.separate(open, '{');
        self.string(name);
        self.out.push(':');
    }

    fn separate(&mut self, open: usize, bracket: char) {
        self.out.push(if self.out.len() == open { bracket } else { ',' });
    }

    fn string(&mut self, text: &str) {
        push_quoted(&mut self.out, text);
    }
}

/// Returns the patches that have the first one's step.
fn first_group<'g, 'p, T>(patches: &'g [(&'p Path, T)], depth: usize) -> &'g [(&'p Path, T)] {
    let Some((first, _)) = patches.first() else { return &[] };
    let is_of = |(path, _): &&(&Path, T)| path.0[depth] == first.0[depth];
    &patches[..patches.iter().take_while(is_of).count()]
}

/// Returns the name of the first array whose elements a value does not have, all and in order.
fn first_left_out(
    value: Option<&RawValue<'_>>,
    arrays: &[(&Path, &RawArray)],
    depth: usize,
) -> Option<&'static str> {
    let mut rest = arrays;
    if let [(path, elements), inner @ ..] = arrays {
        if depth == Path::DEPTH || path.0[depth] == Step::End {
            let mut sent = value.iter().flat_map(|value| value.elements());
            let has = |own: RawValue<'_>| {
                sent.by_ref().any(|element| *element.to_compact() == *own.as_json())
            };
            if !elements.elements().all(has) {
                return Some(path.name());
            }
            rest = inner;
        }
    }
    let mut sent = value.iter().flat_map(|value| value.elements()).enumerate();
    while let Some((path, _)) = rest.first() {
        let group = first_group(rest, depth);
        rest = &rest[group.len()..];
        let inner = match path.0[depth] {
            Step::Index(index) => {
                sent.find(|(at, _)| *at == index as usize).map(|(_, value)| value)
            }
            Step::Member(name) => value.and_then(|value| value.member(name)),
            Step::End => None,
        };
        if let Some(name) = first_left_out(inner.as_ref(), group, depth + 1) {
            return Some(name);
        }
    }
    None
}

/// Saving and restoring.
impl Share {
    /// Adds the lengths of the parts to those of other shares of their texts.
    ///
    /// # Errors
    /// Fails if the parts are not in order. Then they might repeat the text over and over.
    pub(crate) fn check(&self, lens: &mut [usize], texts: &Transcript) -> Result<(), Fault> {
        let mut end = 0;
        for (position, part) in self.parts.iter().enumerate() {
            let is_last = position + 1 == self.parts.len();
            let part_end = part.1.or(is_last.then_some(usize::MAX));
            match part_end {
                Some(part_end) if end <= part.0 && part.0 <= part_end => end = part_end,
                _ => return Err(Fault::Damaged("a part of a text")),
            }
        }
        lens[self.text.0 as usize] += self.len(texts);
        // A whole value stands in the place of the parts.
        let is_there = !self.parts.is_empty() || self.whole.is_some();
        if is_there { Ok(()) } else { Err(Fault::Damaged("a part of a text")) }
    }
}

saved!(Share { text, parts, whole, is_json, written, covers, repeated });
saved_variants!(Written { Here = 0, InWhole = 1, Nowhere = 2 });

/// No place has both a text and a patch: one would be written into the other.
impl Saved for Patched {
    fn save(&self, to: &mut save::Writer) {
        let Self { base, texts, patches, covers } = self;
        base.save(to);
        texts.save(to);
        patches.save(to);
        covers.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let (base, texts) = (Saved::load(from)?, Map::<Path, Share>::load(from)?);
        let patches = Map::<Path, Patch>::load(from)?;
        if patches.iter().any(|(path, _)| texts.get(path).is_some()) {
            return Err(Fault::Damaged("a patch"));
        }
        Ok(Self { base, texts, patches, covers: from.small()? })
    }
}

impl Saved for Step {
    fn save(&self, to: &mut save::Writer) {
        match self {
            Self::End => to.byte(0),
            Self::Index(index) => {
                to.byte(1);
                index.save(to);
            }
            Self::Member(name) => {
                to.byte(2);
                to.name(name);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match from.byte()? {
            0 => Ok(Self::End),
            1 => u32::load(from).map(Self::Index),
            2 => from.name().map(Self::Member),
            _ => Err(Fault::Damaged("a step")),
        }
    }
}

/// A path is saved up to its end.
impl Saved for Path {
    fn save(&self, to: &mut save::Writer) {
        for step in &self.0 {
            step.save(to);
            if *step == Step::End {
                break;
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut path = Self::ALL;
        for step in &mut path.0 {
            *step = Step::load(from)?;
            if *step == Step::End {
                break;
            }
        }
        Ok(path)
    }
}

impl Saved for Patch {
    fn save(&self, to: &mut save::Writer) {
        match self {
            Self::Value(value) => {
                to.byte(0);
                value.save(to);
            }
            Self::Elements(elements) => {
                to.byte(1);
                elements.save(to);
            }
            Self::Array(elements) => {
                to.byte(2);
                elements.save(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match from.byte()? {
            0 => Saved::load(from).map(Self::Value),
            1 => Saved::load(from).map(Self::Elements),
            2 => Saved::load(from).map(Self::Array),
            _ => Err(Fault::Damaged("a patch")),
        }
    }
}
