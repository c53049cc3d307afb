//! Unknown members, which are kept by default.
//!
//! In a chunk and a choice the last value of a member counts. In a delta and below, members are
//! pieces that [`Growing`] puts together.

use alloc::string::String;

use crate::engine::{Effect, Held, Options, Transcript};
use crate::error::{Error, Limit};
use crate::json::{Growing, Grown, RawValue, Unknown};

/// Keeps the last value of each member, if unknown members are kept.
///
/// A value that arrived before has no effect, so a chunk that repeats it may be learned from.
#[inline(always)]
pub(crate) fn keep_last(
    kept: &mut Unknown<'static>,
    sent: &Unknown<'_>,
    to: &mut Transcript,
) -> Effect {
    if sent.is_empty() || !to.options.keep_unknown {
        return Effect::Nothing;
    }
    keep_each(kept, sent, to)
}

#[inline(never)]
fn keep_each(kept: &mut Unknown<'static>, sent: &Unknown<'_>, to: &mut Transcript) -> Effect {
    let mut effect = Effect::Nothing;
    sent.for_each(|name, value| {
        if keep_member(kept, name, value, to) == Effect::Other {
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
pub(crate) fn keep_growing(kept: &mut Growing, sent: &Unknown<'_>, to: &mut Transcript) -> Effect {
    if sent.is_empty() || !to.options.keep_unknown { Effect::Nothing } else { grow(kept, sent, to) }
}

#[inline(never)]
fn grow(kept: &mut Growing, sent: &Unknown<'_>, to: &mut Transcript) -> Effect {
    let mut effect = Effect::Nothing;
    sent.for_each(|name, piece| {
        match kept.add(name, piece) {
            Grown::Nothing => return,
            Grown::Began(bytes) => to.hold(Held::item(bytes)),
            Grown::From(before, now) => to.replaced(before, now),
        }
        effect = Effect::Other;
    });
    effect
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
