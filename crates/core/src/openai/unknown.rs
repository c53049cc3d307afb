//! Members that nobody here knows: kept on request, merged under one rule.

use crate::engine::{Effect, Options, Transcript};
use crate::error::{Error, Limit};
use crate::json::Unknown;

/// Merges unknown members, if they are kept: of each name the last value that is not null.
///
/// A value that is replaced no longer counts as folded, nor does white space that is not kept.
#[inline(always)]
pub(crate) fn keep_unknown(
    kept: &mut Unknown<'static>,
    sent: &Unknown<'_>,
    to: &mut Transcript,
) -> Effect {
    if !to.options.keep_unknown || sent.is_empty() {
        return Effect::Nothing;
    }
    merge(kept, sent, to);
    Effect::Other
}

#[inline(never)]
fn merge(kept: &mut Unknown<'static>, sent: &Unknown<'_>, to: &mut Transcript) {
    for (name, sent) in sent.iter() {
        let value = sent.clone().into_owned();
        let dropped = sent.as_json().len() - value.as_json().len();
        let before = kept.set(name, value);
        to.release(dropped + before.map_or(0, |before| name.len() + before.as_json().len()));
    }
}

/// Checks that unknown members may be kept with those that are.
///
/// # Errors
/// There would be more than the limit allows.
#[inline(always)]
pub(crate) fn unknown_fits(
    kept: Option<&Unknown<'_>>,
    sent: &Unknown<'_>,
    options: &Options,
) -> Result<(), Error> {
    if options.keep_unknown && !sent.is_empty() { merged_fits(kept, sent, options) } else { Ok(()) }
}

#[inline(never)]
fn merged_fits(
    kept: Option<&Unknown<'_>>,
    sent: &Unknown<'_>,
    options: &Options,
) -> Result<(), Error> {
    let max = options.limits.max_unknown_members;
    let len = kept.map_or(0, Unknown::len);
    if len + sent.len() <= max {
        return Ok(());
    }
    let is_new = |name: &str| kept.is_none_or(|kept| kept.get(name).is_none());
    let new = sent.iter().filter(|(name, _)| is_new(name)).count();
    if len + new > max { Err(Limit::UnknownMembers.passed(max)) } else { Ok(()) }
}
