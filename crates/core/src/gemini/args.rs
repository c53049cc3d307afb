//! The arguments of a function call that arrive by path.
//!
//! Vertex AI streams them (`streamFunctionCallArguments`): each partial argument has a path such as
//! `$.items[0].name` and a value, or a piece of a string. The values are kept as a tree. The JSON
//! text of the arguments is written at the same time, as long as each path comes after the one
//! before in the order of the text, as it does in all recordings. A path that goes back to what the
//! text has closed ends that: the rest of the text comes when the call is whole.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::blocks::Map;
use crate::engine::Held;
use crate::json::{RawStr, RawValue};
use crate::save::{Fault, Reader, Saved, Writer};

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The name of a member, as a JSON string with its quotes.
    Name(String),
    /// The index of an element.
    Index(u64),
}

impl Step {
    fn bracket(&self) -> char {
        match self {
            Self::Name(_) => '{',
            Self::Index(_) => '[',
        }
    }

    fn closing(&self) -> char {
        match self {
            Self::Name(_) => '}',
            Self::Index(_) => ']',
        }
    }

    /// Returns the bytes that the name takes.
    fn len(&self) -> usize {
        match self {
            Self::Name(name) => name.len(),
            Self::Index(_) => 0,
        }
    }
}

/// The longest path that is followed.
const MAX_STEPS: usize = 64;

/// Reads a path of RFC 9535, "JSONPath", that has only names and indices.
///
/// Returns `None` for any other path, for the root itself, and for one with too many steps.
pub(super) fn parse_path(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.trim().strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    let encoded = |name: &str| serde_json::to_string(name).ok();
    while !rest.is_empty() {
        if steps.len() == MAX_STEPS {
            return None;
        }
        if let Some(after) = rest.strip_prefix('[') {
            let quote = after.chars().next().filter(|first| matches!(first, '\'' | '"'));
            match quote {
                Some(quote) => {
                    let (name, after) = quoted_name(&after[1..], quote)?;
                    steps.push(Step::Name(encoded(&name)?));
                    rest = after.strip_prefix(']')?;
                }
                None => {
                    let (index, after) = after.split_once(']')?;
                    let is_index = index.bytes().all(|byte| byte.is_ascii_digit());
                    steps.push(Step::Index(index.parse().ok().filter(|_| is_index)?));
                    rest = after;
                }
            }
            continue;
        }
        // The first name may stand without its root.
        rest = match rest.strip_prefix('.') {
            Some(after) => after,
            None if steps.is_empty() && !path.starts_with('$') => rest,
            None => return None,
        };
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        if end == 0 {
            return None;
        }
        steps.push(Step::Name(encoded(&rest[..end])?));
        rest = &rest[end..];
    }
    matches!(steps.first(), Some(Step::Name(_))).then_some(steps)
}

/// Reads a name up to its closing quote, and returns it with what comes after.
fn quoted_name(text: &str, quote: char) -> Option<(String, &str)> {
    let mut json = String::from("\"");
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => match chars.next()?.1 {
                '\'' => json.push('\''),
                other => json.extend(['\\', other]),
            },
            _ if char == quote => {
                json.push('"');
                let name = RawValue::parse(&json).ok()?.as_str()?.into_owned();
                return Some((name, &text[at + 1..]));
            }
            '"' => json.push_str("\\\""),
            _ => json.push(char),
        }
    }
    None
}

/// A value at the end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'v> {
    /// A piece of a string, and whether more of it follows.
    Text(&'v RawStr<'v>, bool),
    /// The compact JSON text of a whole value.
    Whole(&'v str),
}

/// The effect of a value on what came before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Fitted {
    /// The value replaced another one, or the text cannot show it any more.
    pub(super) contradicts: bool,
    /// An index skips elements.
    pub(super) skips: bool,
    /// The string had ended.
    pub(super) is_late: bool,
}

/// The arguments so far.
#[derive(Debug, Clone)]
pub(super) struct Args {
    root: Node,
    /// The path of the last value, up to which the text is written.
    at: Vec<Step>,
    /// The text shows all values so far.
    follows: bool,
}

#[derive(Debug, Clone)]
enum Node {
    /// The members by name, each with its place in the order in which they began.
    Object(Map<Box<str>, (u32, Node)>),
    /// The elements by their index on the wire, which may skip some.
    Array(Map<u64, Node>),
    /// A string, as it stands between its quotes, and whether more of it follows.
    Text(String, bool),
    Whole(Box<str>),
}

impl Node {
    /// The weight of a node beside its texts, which is about what the maps take for it.
    ///
    /// It is more than all that the text has beside values. Objects and arrays are items too, and
    /// so are the members of the arguments: a few bytes of a path or an object begin one. Any other
    /// value came by a path of its own.
    const WEIGHT: usize = 64;

    /// Returns an empty node in which a path can take this step.
    fn for_step(step: &Step) -> Self {
        match step {
            Step::Name(_) => Self::Object(Map::default()),
            Step::Index(_) => Self::Array(Map::default()),
        }
    }

    fn takes(&self, step: &Step) -> bool {
        matches!((self, step), (Self::Object(_), Step::Name(_)) | (Self::Array(_), Step::Index(_)))
    }

    /// Returns what the node holds.
    ///
    /// The cost is linear in it.
    fn weight(&self) -> Held {
        let mut held = Held { bytes: Self::WEIGHT, items: usize::from(self.is_inner()) };
        match self {
            Self::Object(members) => {
                for (name, (_, node)) in members.iter() {
                    held += Held::bytes(name.len());
                    held += node.weight();
                }
            }
            Self::Array(elements) => {
                for (_, node) in elements.iter() {
                    held += node.weight();
                }
            }
            Self::Text(text, _) => held += Held::bytes(text.len()),
            Self::Whole(json) => held += Held::bytes(json.len()),
        }
        held
    }

    /// Reports whether the node has others in it.
    fn is_inner(&self) -> bool {
        matches!(self, Self::Object(_) | Self::Array(_))
    }

    /// Returns the node that a step leads to.
    fn child(&self, step: &Step) -> Option<&Self> {
        match (self, step) {
            (Self::Object(members), Step::Name(name)) => {
                members.get(name.as_str()).map(|(_, node)| node)
            }
            (Self::Array(elements), Step::Index(index)) => elements.get(index),
            _ => None,
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_unstable_by_key(|(_, (place, _))| *place);
                out.push('{');
                for (position, (name, (_, node))) in members.into_iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    out.push_str(name);
                    out.push(':');
                    node.write(out);
                }
                out.push('}');
            }
            Self::Array(elements) => {
                out.push('[');
                for (position, (_, node)) in elements.iter().enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    node.write(out);
                }
                out.push(']');
            }
            Self::Text(text, _) => {
                out.push('"');
                out.push_str(text);
                out.push('"');
            }
            Self::Whole(json) => out.push_str(json),
        }
    }
}

impl Args {
    pub(super) fn new() -> Self {
        Self { root: Node::Object(Map::default()), at: Vec::new(), follows: true }
    }

    /// Reports whether no value arrived.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.root, Node::Object(members) if members.is_empty())
    }

    /// Returns what is held.
    ///
    /// The cost is linear in it.
    pub(super) fn held(&self) -> Held {
        let mut held = self.root.weight();
        if let Node::Object(members) = &self.root {
            held.items += members.len();
        }
        held += Held::bytes(self.at.iter().map(Step::len).sum());
        held
    }

    /// Returns the most that a value adds to what is held, together with its text.
    pub(super) fn most(&self, path: &[Step], value: Value<'_>) -> Held {
        let names: usize = path.iter().map(Step::len).sum();
        let value = match value {
            Value::Text(text, _) => text.as_json().len(),
            Value::Whole(json) => json.len(),
        };
        let new = path.len() - self.known(path);
        // In the tree, in the path and in the text; and the brackets and quotes of the text.
        let bytes = new * Node::WEIGHT + 3 * names + 2 * value + 4 * path.len() + self.at.len() + 4;
        // The last node is no item, but a member of the arguments is one more, and so is a value
        // that becomes an object.
        Held { bytes, items: new }
    }

    /// Returns the number of the path's steps that lead to something.
    fn known(&self, path: &[Step]) -> usize {
        let mut node = &self.root;
        for (depth, step) in path.iter().enumerate() {
            match node.child(step) {
                Some(child) => node = child,
                None => return depth,
            }
        }
        path.len()
    }

    /// Puts a value at the end of a path, and appends to `out` what the text grows by.
    ///
    /// Returns what is held more, and less, than before.
    pub(super) fn put(
        &mut self,
        path: Vec<Step>,
        value: Value<'_>,
        out: &mut String,
    ) -> (Fitted, Held, Held) {
        let mut fitted = Fitted::default();
        let (mut more, mut less) = (Held::default(), Held::default());
        // The number of steps that lead to something, and whether the next one comes last there.
        let (mut known, mut is_last) = (path.len(), false);
        let mut node = &mut self.root;
        for (depth, step) in path.iter().enumerate() {
            if !node.takes(step) {
                less += node.weight();
                *node = Node::for_step(step);
                more += node.weight();
                fitted.contradicts = true;
            }
            let mut is_new = false;
            let new = || match path.get(depth + 1) {
                Some(next) => Node::for_step(next),
                None => match value {
                    Value::Text(..) => Node::Text(String::new(), true),
                    Value::Whole(_) => Node::Whole("".into()),
                },
            };
            node = match (node, step) {
                (Node::Object(members), Step::Name(name)) => {
                    let name = name.as_str();
                    if members.get(name).is_none() {
                        is_new = true;
                        is_last |= known == path.len();
                        let (place, new) = (members.len() as u32, new());
                        more += Held { bytes: name.len(), items: usize::from(depth == 0) };
                        more += new.weight();
                        members.insert(name.into(), (place, new));
                    }
                    match members.get_mut(name) {
                        Some((_, node)) => node,
                        None => return (fitted, more, less),
                    }
                }
                (Node::Array(elements), Step::Index(index)) => {
                    let last = elements.last_key().copied();
                    if elements.get(index).is_none() {
                        is_new = true;
                        let next = last.map_or(0, |last| last.saturating_add(1));
                        fitted.skips |= *index != next;
                        is_last |= known == path.len() && last.is_none_or(|last| last < *index);
                        let new = new();
                        more += new.weight();
                        elements.insert(*index, new);
                    }
                    match elements.get_mut(index) {
                        Some(node) => node,
                        None => return (fitted, more, less),
                    }
                }
                // It takes the step.
                _ => return (fitted, more, less),
            };
            if is_new && known == path.len() {
                known = depth;
            }
        }
        let is_again = known == path.len();
        let is_string = matches!((&*node, value), (Node::Text(..), Value::Text(..)));
        if is_again && !is_string {
            fitted.contradicts = true;
        }
        match (&mut *node, value) {
            (Node::Text(text, goes_on), Value::Text(piece, continues)) => {
                fitted.is_late = is_again && !*goes_on && !piece.is_empty();
                text.push_str(piece.as_json());
                more += Held::bytes(piece.as_json().len());
                *goes_on = continues;
            }
            (node, value) => {
                less += node.weight();
                *node = match value {
                    Value::Text(piece, continues) => Node::Text(piece.as_json().into(), continues),
                    Value::Whole(json) => Node::Whole(json.into()),
                };
                more += node.weight();
            }
        }
        if self.follows {
            let common = self.at.iter().zip(&path).take_while(|(own, new)| own == new).count();
            // More of the last string, or a value after the last one.
            let continues = is_again && common == path.len() && common == self.at.len();
            self.follows = !fitted.contradicts && (continues || (is_last && known == common));
            fitted.contradicts |= !self.follows;
            if self.follows {
                if !continues {
                    self.move_to(&path, common, out);
                    less += Held::bytes(self.at.iter().map(Step::len).sum());
                    more += Held::bytes(path.iter().map(Step::len).sum());
                    self.at = path;
                    if let Value::Text(..) = value {
                        out.push('"');
                    }
                }
                let piece = match value {
                    Value::Text(piece, _) => piece.as_json(),
                    Value::Whole(json) => json,
                };
                // Brackets may follow, which are not to move a long text into twice its room.
                out.reserve(piece.len() + 16);
                out.push_str(piece);
            }
        }
        (fitted, more, less)
    }

    /// Closes what the last path has open, and opens what the new one needs.
    fn move_to(&self, path: &[Step], common: usize, out: &mut String) {
        if self.at.is_empty() {
            out.push('{');
        } else {
            self.close_down_to(common, out);
            out.push(',');
        }
        for (depth, step) in path.iter().enumerate().skip(common) {
            if let Step::Name(name) = step {
                out.push_str(name);
                out.push(':');
            }
            if let Some(next) = path.get(depth + 1) {
                out.push(next.bracket());
            }
        }
    }

    /// Closes the last value, and the objects and arrays that it is in, down to this depth.
    fn close_down_to(&self, depth: usize, out: &mut String) {
        if self.ends_in_text() {
            out.push('"');
        }
        for step in self.at.iter().skip(depth + 1).rev() {
            out.push(step.closing());
        }
    }

    fn ends_in_text(&self) -> bool {
        let mut node = &self.root;
        for step in &self.at {
            match node.child(step) {
                Some(child) => node = child,
                None => return false,
            }
        }
        matches!(node, Node::Text(..))
    }

    /// Returns the end of the text, or the whole text if what was written is not its beginning.
    pub(super) fn end(&mut self) -> Result<String, String> {
        if !core::mem::replace(&mut self.follows, false) {
            return Err(self.to_json());
        }
        let mut out = String::new();
        if self.at.is_empty() {
            out.push('{');
        } else {
            self.close_down_to(0, &mut out);
        }
        out.push('}');
        Ok(out)
    }

    /// Returns the arguments so far as JSON text.
    ///
    /// The elements that an index skipped are left out.
    pub(super) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.root.weight().bytes);
        self.root.write(&mut out);
        out
    }
}

impl Saved for Args {
    fn save(&self, to: &mut Writer) {
        let Self { root, at, follows } = self;
        root.save(to);
        at.save(to);
        follows.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let root = Node::load(from, 0)?;
        let (at, follows) = (Vec::<Step>::load(from)?, bool::load(from)?);
        if !matches!(root, Node::Object(_)) || at.len() > MAX_STEPS {
            return Err(Fault::Damaged("arguments"));
        }
        Ok(Self { root, at, follows })
    }
}

/// A name has to be a JSON string, because it is written as it is.
impl Saved for Step {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Name(name) => {
                to.byte(0);
                name.save(to);
            }
            Self::Index(index) => {
                to.byte(1);
                index.save(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        match from.byte()? {
            0 => loaded_name(from).map(|name| Self::Name(name.into())),
            1 => u64::load(from).map(Self::Index),
            _ => Err(Fault::Damaged("a step")),
        }
    }
}

/// Loads a name, which is a JSON string with its quotes.
fn loaded_name<'b>(from: &mut Reader<'b>) -> Result<&'b str, Fault> {
    let name = from.text()?;
    let is_name = name.starts_with('"') && RawValue::parse(name).is_ok() && name.ends_with('"');
    if is_name { Ok(name) } else { Err(Fault::Damaged("a name")) }
}

impl Node {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Object(members) => {
                to.byte(0);
                to.number(members.len() as u64);
                for (name, (place, node)) in members.iter() {
                    to.text(name);
                    place.save(to);
                    node.save(to);
                }
            }
            Self::Array(elements) => {
                to.byte(1);
                to.number(elements.len() as u64);
                for (index, node) in elements.iter() {
                    index.save(to);
                    node.save(to);
                }
            }
            Self::Text(text, goes_on) => {
                to.byte(2);
                to.text(text);
                goes_on.save(to);
            }
            Self::Whole(json) => {
                to.byte(3);
                to.text(json);
            }
        }
    }

    /// Loads a node in so many others.
    ///
    /// No path leads deeper than its steps, so loading needs little stack.
    fn load(from: &mut Reader<'_>, depth: usize) -> Result<Self, Fault> {
        const FAULT: Fault = Fault::Damaged("arguments");
        if depth > MAX_STEPS {
            return Err(FAULT);
        }
        match from.byte()? {
            0 => {
                let mut members = Map::default();
                for _ in 0..from.count()? {
                    from.charge::<(Box<str>, (u32, Self))>()?;
                    let name: Box<str> = loaded_name(from)?.into();
                    let place = u32::load(from)?;
                    if members.get(&name).is_some() {
                        return Err(FAULT);
                    }
                    members.insert(name, (place, Self::load(from, depth + 1)?));
                }
                Ok(Self::Object(members))
            }
            1 => {
                let mut elements = Map::default();
                for _ in 0..from.count()? {
                    from.charge::<(u64, Self)>()?;
                    let index = u64::load(from)?;
                    if elements.get(&index).is_some() {
                        return Err(FAULT);
                    }
                    elements.insert(index, Self::load(from, depth + 1)?);
                }
                Ok(Self::Array(elements))
            }
            2 => {
                let text = from.text()?;
                let quoted = ["\"", text, "\""].concat();
                RawValue::parse(&quoted).map_err(|_| FAULT)?;
                Ok(Self::Text(text.into(), bool::load(from)?))
            }
            3 => {
                let json = from.text()?;
                RawValue::parse(json).map_err(|_| FAULT)?;
                Ok(Self::Whole(json.into()))
            }
            _ => Err(FAULT),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn path(text: &str) -> Option<String> {
        let steps = parse_path(text)?;
        let steps = steps.iter().map(|step| match step {
            Step::Name(name) => name.clone(),
            Step::Index(index) => index.to_string(),
        });
        Some(steps.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_path_has_names_and_indices() {
        for (text, steps) in [
            ("$.a", Some("\"a\"")),
            ("$.a.b[0].c", Some("\"a\" \"b\" 0 \"c\"")),
            ("$.a[1][23]", Some("\"a\" 1 23")),
            ("$['a b']['it\\'s']", Some("\"a b\" \"it's\"")),
            ("$[\"a\\u0062\\\"\"]", Some("\"ab\\\"\"")),
            ("$['\"']", Some("\"\\\"\"")),
            ("$.größe-x", Some("\"größe-x\"")),
            ("a.b", Some("\"a\" \"b\"")),
            ("$", None),
            ("", None),
            ("$[0]", None),
            ("$.", None),
            ("$..a", None),
            ("$.a[", None),
            ("$.a[-1]", None),
            ("$.a[+1]", None),
            ("$.a[*]", None),
            ("$.a[99999999999999999999]", None),
            ("$['a", None),
            ("$x", None),
        ] {
            assert_eq!(path(text).as_deref(), steps, "{text}");
        }
        assert!(parse_path(&("$".to_string() + &".a".repeat(MAX_STEPS))).is_some());
        assert!(parse_path(&("$".to_string() + &".a".repeat(MAX_STEPS + 1))).is_none());
    }

    /// Puts values, and returns the arguments and whether the text told them all.
    fn put(values: &[(&str, &str)]) -> (String, bool) {
        let (mut args, mut text) = (Args::new(), String::new());
        let mut held = args.held();
        for (path, json) in values {
            let path = parse_path(path).expect("a path");
            let string = json.strip_prefix('"').map(RawStr::from_inner);
            let value = match &string {
                Some(piece) => Value::Text(piece, true),
                None => Value::Whole(json),
            };
            let (most, before) = (args.most(&path, value), (held, text.len()));
            let (_, more, less) = args.put(path, value, &mut text);
            held.bytes = held.bytes + more.bytes - less.bytes;
            held.items = held.items + more.items - less.items;
            assert_eq!(held, args.held(), "{values:?}");
            assert!(
                held.bytes + text.len() <= before.0.bytes + before.1 + most.bytes,
                "{values:?}"
            );
            assert!(held.items <= before.0.items + most.items, "{values:?}");
        }
        let json = args.to_json();
        let follows = match args.end() {
            Ok(end) => {
                text.push_str(&end);
                assert_eq!(text, json, "{values:?}");
                assert!(text.len() <= before_end(held.bytes), "{values:?}");
                true
            }
            Err(whole) => {
                assert_eq!(whole, json);
                false
            }
        };
        (json, follows)
    }

    /// The tree weighs more than the text that is written from it.
    fn before_end(held: usize) -> usize {
        held
    }

    #[test]
    fn values_are_written_in_their_order() {
        for (values, json) in [
            (&[][..], "{}"),
            (&[("$.a", "\"x"), ("$.a", "\"y"), ("$.a", "\"")], r#"{"a":"xy"}"#),
            (&[("$.a", "\""), ("$.b", "null")], r#"{"a":"","b":null}"#),
            (
                &[("$.a[0].b", "\"x"), ("$.a[0].c", "1"), ("$.a[1].b", "\"y"), ("$.d", "true")],
                r#"{"a":[{"b":"x","c":1},{"b":"y"}],"d":true}"#,
            ),
            (&[("$.a[0][0]", "1"), ("$.a[0][1]", "2"), ("$.a[1][0]", "3")], r#"{"a":[[1,2],[3]]}"#),
            (
                &[("$.a.b.c", "1"), ("$.a.d", "2"), ("$.e", "3")],
                r#"{"a":{"b":{"c":1},"d":2},"e":3}"#,
            ),
            (&[("$.a[7]", "1"), ("$.a[18446744073709551615]", "2")], r#"{"a":[1,2]}"#),
            (&[("$.a", "\"\\ud83d"), ("$.a", "\"\\ude00")], r#"{"a":"\ud83d\ude00"}"#),
        ] {
            assert_eq!(put(values), (json.into(), true));
        }
    }

    #[test]
    fn a_path_that_goes_back_is_kept_all_the_same() {
        for (values, json) in [
            (&[("$.a", "\"x"), ("$.b", "1"), ("$.a", "\"y")][..], r#"{"a":"xy","b":1}"#),
            (&[("$.a.b", "1"), ("$.c", "2"), ("$.a.d", "3")], r#"{"a":{"b":1,"d":3},"c":2}"#),
            (&[("$.a[1]", "1"), ("$.a[0]", "2")], r#"{"a":[2,1]}"#),
            (&[("$.a", "1"), ("$.a", "2")], r#"{"a":2}"#),
            (&[("$.a", "1"), ("$.a", "\"x")], r#"{"a":"x"}"#),
            (&[("$.a", "1"), ("$.a.b", "2")], r#"{"a":{"b":2}}"#),
            (&[("$.a.b", "2"), ("$.a", "1")], r#"{"a":1}"#),
            (&[("$.a.b", "2"), ("$.a[0]", "1"), ("$.c", "1")], r#"{"a":[1],"c":1}"#),
        ] {
            assert_eq!(put(values), (json.into(), false));
        }
    }
}
