//! Tool calls as bytes: saved, and restored later or elsewhere.

use super::{CallState, Told, ToolCalls};
use crate::engine::{Item, Transcript};
use crate::error::Limit;
use crate::save::{Fault, Reader, Saved, Writer, saved_variants};

/// Saving and restoring.
impl ToolCalls {
    /// Checks restored calls.
    ///
    /// # Errors
    /// Fails if there are more of them than the limit allows.
    pub(crate) fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        let max = texts.options.limits.max_tool_calls;
        if self.calls.len() > max {
            return Err(Fault::Limit(Limit::ToolCalls.name(), max));
        }
        Ok(())
    }
}

saved_variants!(Told { Nothing = 0, Done = 1, Cut = 2 });

impl Saved for ToolCalls {
    fn save(&self, to: &mut Writer) {
        let Self { calls, bound, many } = self;
        calls.save(to);
        // The calls by their IDs follow from the calls.
        let more = many.iter().flat_map(|many| &many.bound);
        to.number((bound.len() + many.as_ref().map_or(0, |many| many.bound.len())) as u64);
        for (index, call) in bound.iter().map(|(index, call)| (index, call)).chain(more) {
            index.save(to);
            call.save(to);
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let mut calls = Self { calls: Saved::load(from)?, ..Self::default() };
        for (position, call) in calls.calls.iter_mut().enumerate() {
            call.item = Item::new(position as u32);
        }
        from.each(|(index, call): (u64, usize)| {
            if call >= calls.calls.len() || calls.bound(index).is_some() {
                return Err(Fault::Damaged("a call"));
            }
            calls.bind(index, call, usize::MAX);
            Ok(())
        })?;
        (0..calls.calls.len()).for_each(|call| calls.remember_id(call));
        Ok(calls)
    }
}

impl Saved for CallState {
    fn save(&self, to: &mut Writer) {
        let Self {
            item: _,
            index,
            id,
            call_type,
            name,
            arguments,
            custom,
            told,
            extra,
            function_extra,
            documents,
        } = self;
        index.save(to);
        id.save(to);
        call_type.save(to);
        name.save(to);
        arguments.save(to);
        custom.save(to);
        told.save(to);
        extra.save(to);
        function_extra.save(to);
        documents.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            item: Item::FIRST,
            index: Saved::load(from)?,
            id: Saved::load(from)?,
            call_type: Saved::load(from)?,
            name: Saved::load(from)?,
            arguments: Saved::load(from)?,
            custom: Saved::load(from)?,
            told: Saved::load(from)?,
            extra: Saved::load(from)?,
            function_extra: Saved::load(from)?,
            documents: Saved::load(from)?,
        })
    }
}
