//! Unknown members, which are kept by default.
//!
//! In a chunk and a choice the last value of a member counts. In a delta and below, members are
//! pieces that [`Growing`] puts together.

use alloc::boxed::Box;
use alloc::string::String;

use crate::engine::{AnomalyKind, Effect, Held, Hole, Options, Transcript};
use crate::error::{Error, Limit};
use crate::json::{Growing, Grown, RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer, saved};

/// The unknown member whose value differs from chunk to chunk, if there is one.
///
/// Together numbers its tokens, and llama.cpp sends timings. It is a hole of learned frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Volatile(Option<Box<str>>);

/// The parts of a stream's state that few streams have.
#[derive(Debug, Clone, Default)]
pub struct Rare {
    pub(crate) moderation: Option<RawValue<'static>>,
    pub(crate) of_chunk: Volatile,
    pub(crate) of_choice: Volatile,
    pub(crate) of_message: Volatile,
}

saved!(Rare { moderation, of_chunk, of_choice, of_message });

impl Volatile {
    /// The longest name that is remembered, in bytes.
    const MAX_NAME: usize = 64;

    /// Reports whether the member that changed is the volatile one, and its value a hole.
    ///
    /// Lets it become that, if none is. This time it still counts as an effect, because there may
    /// be frames in which its value is a literal.
    fn takes(&mut self, name: &str, value: &RawValue<'_>) -> bool {
        match &self.0 {
            Some(known) => **known == *name && is_hole(value),
            None => {
                // A member of the name `error` makes the chunk suspect, whatever its value is.
                if is_hole(value) && name != "error" && name.len() <= Self::MAX_NAME {
                    self.0 = Some(name.into());
                }
                false
            }
        }
    }

    /// Returns the member's value, if the chunk has it.
    ///
    /// # Errors
    /// Fails if the value cannot be a hole. The chunk cannot be learned from then.
    pub(crate) fn hole<'e>(&self, sent: &'e Unknown<'_>) -> Result<Option<Hole<'e>>, ()> {
        match self.0.as_deref().and_then(|name| sent.get(name)) {
            None => Ok(None),
            Some(value) if is_hole(value) => Ok(Some(Hole::Value(value.as_json()))),
            Some(_) => Err(()),
        }
    }

    /// Keeps the member's value from a hole.
    pub(crate) fn keep_last(
        &self,
        kept: &mut Unknown<'static>,
        value: Option<RawValue<'_>>,
        to: &mut Transcript,
    ) {
        if let (Some(name), Some(value)) = (&self.0, value) {
            let _ = keep_member(kept, name, &value, to);
        }
    }

    /// Adds the member's value from a hole to what it grows to.
    pub(crate) fn keep_growing(
        &self,
        kept: &mut Growing,
        value: Option<RawValue<'_>>,
        to: &mut Transcript,
    ) {
        if let (Some(name), Some(value)) = (&self.0, value) {
            let _ = add(kept, name, &value, to);
        }
    }
}

impl Saved for Volatile {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let name: Option<Box<str>> = Saved::load(from)?;
        match name {
            Some(name) if name.len() > Self::MAX_NAME => Err(Fault::Damaged("a name")),
            name => Ok(Self(name)),
        }
    }
}

/// Reports whether a value may be a hole: it is not a literal.
fn is_hole(value: &RawValue<'_>) -> bool {
    matches!(value.as_json().as_bytes(), [b'"' | b'{' | b'[' | b'-' | b'0'..=b'9', ..])
}

/// Keeps the last value of each member, if unknown members are kept.
///
/// A value that arrived before has no effect, so a chunk that repeats it may be learned from. Nor
/// has another value of the volatile member, because that is a hole.
#[inline(always)]
pub(crate) fn keep_last(
    kept: &mut Unknown<'static>,
    sent: &Unknown<'_>,
    volatile: &mut Volatile,
    to: &mut Transcript,
) -> Effect {
    if sent.is_empty() || !to.options.keep_unknown {
        return Effect::Nothing;
    }
    keep_each(kept, sent, volatile, to)
}

#[inline(never)]
fn keep_each(
    kept: &mut Unknown<'static>,
    sent: &Unknown<'_>,
    volatile: &mut Volatile,
    to: &mut Transcript,
) -> Effect {
    let mut effect = Effect::Nothing;
    sent.for_each(|name, value| {
        let before = kept.len();
        if keep_member(kept, name, value, to) == Effect::Other
            && (kept.len() > before || !volatile.takes(name, value))
        {
            effect = Effect::Other;
        }
    });
    effect
}

/// Keeps the last value of one member.
#[inline]
pub(crate) fn keep_member(
    kept: &mut Unknown<'static>,
    name: &str,
    sent: &RawValue<'_>,
    to: &mut Transcript,
) -> Effect {
    match kept.get_mut(name) {
        Some(value) if *value == *sent => return Effect::Nothing,
        Some(value) => {
            let before = value.as_json().len();
            if !value.assign(sent) {
                return Effect::Nothing;
            }
            to.replaced(before, value.as_json().len());
        }
        None => {
            let value = sent.clone().into_owned();
            to.hold(Held::item(name.len() + value.as_json().len()));
            kept.set(String::from(name).into(), value);
        }
    }
    Effect::Other
}

/// Adds pieces to the members that they belong to, if unknown members are kept.
#[inline(always)]
pub(crate) fn keep_growing(
    kept: &mut Growing,
    sent: &Unknown<'_>,
    volatile: Option<&mut Volatile>,
    to: &mut Transcript,
) -> Effect {
    if sent.is_empty() || !to.options.keep_unknown {
        return Effect::Nothing;
    }
    grow(kept, sent, volatile, to)
}

#[inline(never)]
fn grow(
    kept: &mut Growing,
    sent: &Unknown<'_>,
    mut volatile: Option<&mut Volatile>,
    to: &mut Transcript,
) -> Effect {
    let mut effect = Effect::Nothing;
    sent.for_each(|name, piece| {
        let before = kept.len();
        if add(kept, name, piece, to) == Effect::Nothing {
            return;
        }
        let takes = |volatile: &mut &mut Volatile| volatile.takes(name, piece);
        if kept.len() > before || !volatile.as_mut().is_some_and(takes) {
            effect = Effect::Other;
        }
    });
    effect
}

/// Adds a piece to one member.
fn add(kept: &mut Growing, name: &str, piece: &RawValue<'_>, to: &mut Transcript) -> Effect {
    match kept.add(name, piece) {
        Grown::Nothing => return Effect::Nothing,
        Grown::Began(bytes) => to.hold(Held::item(bytes)),
        Grown::From(before, now) => to.replaced(before, now),
        Grown::Retyped(before, now) => {
            to.replaced(before, now);
            to.anomaly(AnomalyKind::Changed, None, "delta");
        }
    }
    Effect::Other
}

/// Returns an upper bound of what [`keep_last`] adds.
pub(crate) fn last_growth(
    kept: Option<&Unknown<'_>>,
    sent: &Unknown<'_>,
    options: &Options,
) -> Held {
    let mut new = Held::default();
    for (name, value) in sent.iter().filter(|_| options.keep_unknown) {
        new += member_growth(kept, name, value);
    }
    new
}

/// Returns an upper bound of what keeping the last value of a member adds.
pub(crate) fn member_growth(kept: Option<&Unknown<'_>>, name: &str, sent: &RawValue<'_>) -> Held {
    let len = sent.to_compact().len();
    match kept.and_then(|kept| kept.get(name)) {
        Some(before) => Held::bytes(len.saturating_sub(before.as_json().len())),
        None => Held::item(name.len() + len),
    }
}

/// Returns an upper bound of what [`keep_growing`] adds.
pub(crate) fn growth(kept: Option<&Growing>, sent: &Unknown<'_>, options: &Options) -> Held {
    let none = Growing::default();
    let kept = kept.unwrap_or(&none);
    let mut new = Held::default();
    for (name, piece) in sent.iter().filter(|_| options.keep_unknown) {
        let (bytes, begins) = kept.growth(name, piece);
        new += Held { bytes, items: usize::from(begins) };
    }
    new
}

/// Returns the amount that the members hold.
pub(crate) fn held_last(kept: &Unknown<'_>) -> Held {
    let bytes = kept.iter().map(|(name, value)| name.len() + value.as_json().len()).sum();
    Held { bytes, items: kept.len() }
}

/// Returns the amount that growing members hold.
pub(crate) fn held_growing(kept: &Growing) -> Held {
    Held { bytes: kept.weight(), items: kept.len() }
}

/// Checks that more members may be kept.
///
/// `len` are kept already, and `has` reports whether one is.
///
/// # Errors
/// Fails if there would be more members than the limit allows.
#[inline(always)]
pub(crate) fn unknown_fits(
    len: usize,
    has: impl Fn(&str) -> bool,
    sent: &Unknown<'_>,
    options: &Options,
) -> Result<(), Error> {
    let max = options.limits.max_unknown_members;
    if sent.is_empty() || !options.keep_unknown || len + sent.len() <= max {
        return Ok(());
    }
    let new = sent.iter().filter(|(name, _)| !has(name)).count();
    if len + new > max { Err(Limit::UnknownMembers.passed(max)) } else { Ok(()) }
}
