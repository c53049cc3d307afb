//! Function calls: whole in one part, or in parts whose arguments come by path.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::parts::without_args;
use super::{ARGS, Gemini, LastKind, Streamed, TOOL_ARGS};
use crate::blocks::{Blocks, Path, Slot};
use crate::engine::{AnomalyKind, Effect, Held, TextKind, ToolCallKind, Transcript};
use crate::gemini::args::{Args, Step, Value, parse_path};
use crate::gemini::event::PartDelta;
use crate::json::{Cursor, Invalid, Members, Name, RawStr, RawValue, Unknown, Walk, parse_object};

/// Function calls.
impl Gemini {
    /// Takes a function call, or a piece of one.
    ///
    /// A name begins a call, also a second one of the same function. A streamed call is whole with
    /// a piece that does not go on and whose arguments do not either, usually an empty one; with a
    /// part of any other kind; with another call; and with a finish reason that does not cut.
    pub(super) fn call(
        &mut self,
        index: u64,
        part: &PartDelta<'_>,
        call: &RawValue<'_>,
        to: &mut Transcript,
    ) -> Effect {
        let mut piece = Piece::default();
        let walk = Walk::new().with_unknown(true, usize::MAX);
        // It was read before as a value, so it is an object.
        let _ = parse_object(call.as_json(), &mut piece, &walk);
        if let Some(member) = walk.unexpected() {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, Some(index), member, to);
        }
        let last = self.last.get(&index).copied().unwrap_or_default();
        if let LastKind::Call { slot, is_streamed } = last.kind {
            let is_named = piece.name.is_some();
            let is_same = piece
                .id
                .as_ref()
                .is_some_and(|id| self.blocks.call_id(slot).is_some_and(|known| *id == *known));
            if is_streamed && (!is_named || is_same) {
                return self.piece(index, slot, (part, &piece), to);
            }
            if !is_named && piece.args.is_none() && piece.partial_args.is_none() && !piece.goes_on {
                // The end of a call that came whole.
                self.set_members(slot, (part, &piece), to);
                return Effect::Other;
            }
        }
        self.leave_call(index, to);
        let Piece { id, name, args, partial_args, goes_on, extra: _ } = &piece;
        let is_streamed = *goes_on || partial_args.is_some();
        if name.is_none() {
            self.blocks.anomaly(AnomalyKind::NotStarted, Some(index), "functionCall", to);
        }
        let base = without_args(&part.raw, ARGS.0);
        let slot = self.begin(index, &base, to);
        if name.is_none() && args.is_none() && !is_streamed {
            return Effect::Other;
        }
        self.set_last(index, LastKind::Call { slot, is_streamed });
        let (id, name) = (id.as_ref().map(RawStr::to_text), name.as_ref().map(RawStr::to_text));
        let names = (id.as_deref(), name.as_deref());
        let _ = self.blocks.call(slot, names, ToolCallKind::Function, to);
        if is_streamed {
            let args = Args::new();
            // And the text of a call without arguments.
            let mut most = args.held();
            most.bytes += 2;
            if !self.blocks.weigh(|_| most) {
                to.hold(args.held());
                let call = Streamed { slot, args, is_told: false, is_changed: false };
                self.calls.insert(index, call);
            }
            self.put_args(index, slot, &piece, to);
        } else {
            let (at, json) = match args {
                Some(args) => (Some(Path::from(ARGS)), args.to_compact()),
                None => (None, Cow::Borrowed("{}")),
            };
            let _ = self.blocks.append_json(slot, at, TextKind::Arguments, json, to);
            let _ = self.blocks.call_done(slot, to);
        }
        Effect::Other
    }

    /// Takes a piece of a streamed call.
    fn piece(
        &mut self,
        index: u64,
        slot: Slot,
        (part, piece): (&PartDelta<'_>, &Piece<'_>),
        to: &mut Transcript,
    ) -> Effect {
        if let Some(id) = piece.id.as_ref().filter(|_| self.blocks.call_id(slot).is_none()) {
            let id = id.to_text();
            let _ = self.blocks.call(slot, (Some(&*id), None), ToolCallKind::Function, to);
            let json = serde_json::to_string(&*id).unwrap_or_default();
            let _ = self.blocks.set(slot, ("functionCall", "id"), &RawValue::compacted(json), to);
        }
        let known = self.blocks.call_name(slot);
        if piece.name.as_ref().is_some_and(|name| known.is_some_and(|known| *name != *known)) {
            self.blocks.anomaly(AnomalyKind::Changed, Some(index), "functionCall.name", to);
        }
        self.set_members(slot, (part, piece), to);
        self.put_args(index, slot, piece, to);
        Effect::Other
    }

    /// Sets what a piece has beside arguments.
    fn set_members(
        &mut self,
        slot: Slot,
        (part, piece): (&PartDelta<'_>, &Piece<'_>),
        to: &mut Transcript,
    ) {
        let members = [("thoughtSignature", &part.thought_signature), ("thought", &part.thought)];
        for (name, value) in members {
            if let Some(value) = value {
                let _ = self.blocks.set(slot, name, value, to);
            }
        }
        if part.text.is_some() || !part.extra.is_empty() || !piece.extra.is_empty() {
            self.blocks.anomaly(AnomalyKind::UnknownDelta, None, "functionCall", to);
        }
    }

    /// Puts the arguments of a piece where they belong, and ends the call if it does not go on.
    fn put_args(&mut self, index: u64, slot: Slot, piece: &Piece<'_>, to: &mut Transcript) {
        let mut goes_on = piece.goes_on;
        let mut out = String::new();
        let args = piece.args.as_ref().filter(|args| args.is_object());
        let _ = args.and_then(|args| {
            args.find_member(|name, value| {
                let name = serde_json::to_string(name).unwrap_or_default();
                let json = value.as_ref().map_or(Cow::Borrowed("null"), RawValue::to_compact);
                let path = [Step::Name(name)].into();
                self.put((index, slot), path, Value::Whole(&json), &mut out, to);
                None::<()>
            })
        });
        for partial in piece.partial_args.iter().flat_map(RawValue::elements) {
            let mut arg = PartialArg::default();
            let walk = Walk::new().with_unknown(true, usize::MAX);
            let _ = parse_object(partial.as_json(), &mut arg, &walk);
            goes_on |= arg.goes_on;
            if arg.has_unknown {
                self.blocks.anomaly(AnomalyKind::UnknownDelta, Some(index), "partialArgs", to);
            }
            let path = arg.path.as_ref().and_then(|path| parse_path(&path.to_text()));
            let value = match (&arg.text, &arg.whole) {
                (Some(text), _) => Some(Value::Text(text, arg.goes_on)),
                (None, Some(json)) => Some(Value::Whole(json)),
                (None, None) => None,
            };
            let Some((path, value)) = path.zip(value) else {
                // A kind of value or path that is not known, or a path that is too deep.
                self.blocks.anomaly(AnomalyKind::UnknownDelta, Some(index), "partialArgs", to);
                continue;
            };
            self.put((index, slot), path, value, &mut out, to);
        }
        if self.blocks.weigh(|_| Held::item(0)) {
            return;
        }
        let Some(call) = self.calls.get(&index) else { return };
        if !call.args.is_empty() {
            let at = Some(Path::from(ARGS));
            let _ = self.blocks.append_json(slot, at, TextKind::Arguments, out.into(), to);
        }
        if !goes_on {
            self.end_call(index, to);
        }
    }

    /// Puts one argument where its path leads.
    fn put(
        &mut self,
        (index, slot): (u64, Slot),
        path: Vec<Step>,
        value: Value<'_>,
        out: &mut String,
        to: &mut Transcript,
    ) {
        let call = self.calls.get_mut(&index).filter(|call| call.slot == slot);
        if self.blocks.is_weighing() {
            // A call that begins in this event is not there yet.
            let none = Args::new();
            let most = call.map_or(&none, |call| &call.args).most(&path, value);
            self.blocks.weigh(|_| most);
            return;
        }
        let Some(call) = call else { return };
        call.is_changed = true;
        let (fitted, more, less) = call.args.put(path, value, out);
        let notes = [
            (fitted.contradicts && !call.is_told, AnomalyKind::Contradicted),
            (fitted.is_late || call.is_told, AnomalyKind::AfterFinish),
            (fitted.skips, AnomalyKind::MissingIndex),
        ];
        to.hold(more);
        to.release(less);
        for (_, kind) in notes.into_iter().filter(|(is_it, _)| *is_it) {
            to.anomaly(kind, Some(index), "partialArgs");
        }
    }

    /// Tells that the streamed call of a candidate is whole, if it is open.
    pub(super) fn end_call(&mut self, index: u64, to: &mut Transcript) {
        let Some(call) = self.calls.get_mut(&index).filter(|call| !call.is_told) else { return };
        // The tree weighs more than the text that is written from it.
        if self.blocks.weigh(|_| Held::bytes(call.args.held().bytes)) {
            return;
        }
        let at = (!call.args.is_empty()).then(|| Path::from(ARGS));
        let slot = call.slot;
        match call.args.end() {
            Ok(end) => {
                let _ = self.blocks.append_json(slot, at, TextKind::Arguments, end.into(), to);
            }
            Err(whole) => self.blocks.replace_json(slot, &whole, to),
        }
        (call.is_told, call.is_changed) = (true, false);
        let _ = self.blocks.call_done(slot, to);
    }

    /// Ends the streamed call of a candidate, because another part follows.
    pub(super) fn leave_call(&mut self, index: u64, to: &mut Transcript) {
        self.end_call(index, to);
        if self.blocks.is_weighing() {
            return;
        }
        let Some(call) = self.calls.remove(&index) else { return };
        if call.is_changed {
            self.blocks.replace_json(call.slot, &call.args.to_json(), to);
        }
        to.release(call.args.held());
    }
}

impl Blocks {
    /// Writes the JSON texts of a candidate's parts as JSON.
    ///
    /// The texts are taken, so that nothing is held twice.
    pub(super) fn write_json(
        &mut self,
        index: u64,
        call: Option<Streamed>,
        texts: &mut Transcript,
    ) {
        let slots: Vec<Slot> = self.slots(index).collect();
        // The text of an open call is cut.
        let mut open = call.filter(|call| !call.is_told || call.is_changed);
        for slot in slots {
            let at = [ARGS, TOOL_ARGS].into_iter().find(|at| self.has_text(slot, *at));
            let Some(at) = at else { continue };
            let text = self.take_own_text(slot, texts);
            let json = match open.take_if(|call| call.slot == slot) {
                Some(call) => {
                    drop(text);
                    Some(call.args.to_json())
                }
                None => text,
            };
            if let Some(json) = json {
                // A restored state may have any text here.
                let json = match RawValue::parse(&json) {
                    Ok(_) => json,
                    Err(_) => serde_json::to_string(&json).unwrap_or_default(),
                };
                self.write_instead(slot, at, RawValue::compacted(json));
            }
        }
    }
}

/// Reports whether a call's arguments come by path, or go on in another part.
pub(super) fn is_streamed(call: &RawValue<'_>) -> bool {
    call.members(["partialArgs", "willContinue"]).iter().any(Option::is_some)
}

/// A function call, or a piece of one.
#[derive(Debug, Default)]
struct Piece<'a> {
    id: Option<RawStr<'a>>,
    name: Option<RawStr<'a>>,
    args: Option<RawValue<'a>>,
    partial_args: Option<RawValue<'a>>,
    goes_on: bool,
    extra: Unknown<'a>,
}

impl<'de> Members<'de> for Piece<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        let filled = |text: Option<RawStr<'de>>| text.filter(|text| !text.is_empty());
        if name.is("id") {
            self.id = filled(walk.string("functionCall.id", cursor)?);
        } else if name.is("name") {
            self.name = filled(walk.string("functionCall.name", cursor)?);
        } else if name.is("args") {
            self.args = walk.value(cursor)?;
            if self.args.as_ref().is_some_and(|args| !args.is_object()) {
                walk.note("functionCall.args");
            }
        } else if name.is("partialArgs") {
            self.partial_args = walk.value(cursor)?;
            if self.partial_args.as_ref().is_some_and(|args| !args.is_array()) {
                walk.note("functionCall.partialArgs");
            }
        } else if name.is("willContinue") {
            self.goes_on = walk.value(cursor)?.is_some_and(|value| value.as_bool() == Some(true));
        } else {
            walk.unknown(name, cursor, &mut self.extra)?;
        }
        Ok(())
    }
}

/// A value or a piece of a string in the arguments of a streamed call.
#[derive(Debug, Default)]
struct PartialArg<'a> {
    path: Option<RawStr<'a>>,
    text: Option<RawStr<'a>>,
    whole: Option<Cow<'a, str>>,
    goes_on: bool,
    has_unknown: bool,
}

impl<'de> Members<'de> for PartialArg<'de> {
    fn member(
        &mut self,
        name: Name<'_>,
        cursor: &mut Cursor<'de>,
        walk: &Walk,
    ) -> Result<(), Invalid> {
        if name.is("jsonPath") {
            self.path = walk.string("partialArgs.jsonPath", cursor)?;
        } else if name.is("stringValue") {
            self.text = walk.string("partialArgs.stringValue", cursor)?;
        } else if name.is("numberValue") || name.is("boolValue") {
            let value = walk.value(cursor)?;
            let value =
                value.filter(|value| value.as_f64().or(value.as_bool().map(f64::from)).is_some());
            self.whole = value.map(|value| value.to_compact().into_owned().into());
        } else if name.is("nullValue") {
            // The enumeration's only value, or `null`.
            walk.skip(cursor)?;
            self.whole = Some(Cow::Borrowed("null"));
        } else if name.is("willContinue") {
            self.goes_on = walk.value(cursor)?.is_some_and(|value| value.as_bool() == Some(true));
        } else {
            self.has_unknown = true;
            walk.skip(cursor)?;
        }
        Ok(())
    }
}
