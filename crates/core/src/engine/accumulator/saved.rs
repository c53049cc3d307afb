//! An accumulator as bytes: saved, and restored later or elsewhere.

use alloc::vec::Vec;

use super::Accumulator;
use crate::engine::dialect::Dialect;
use crate::engine::learned::Learned;
use crate::engine::options::Options;
use crate::engine::transcript::Transcript;
use crate::error::RestoreError;
use crate::save::{Fault, Reader, Saved, Writer};

/// Saving and restoring.
impl<D: Dialect> Accumulator<D> {
    /// Saves everything that was folded, to [restore](Self::restore) it later or elsewhere.
    ///
    /// See [`Session::save`](crate::Session::save), which also has the bytes of an event that has
    /// not arrived whole. The changes of the last event are not saved.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut to = Writer::new(D::NAME, self.transcript.held().bytes + 256);
        to.byte(0);
        self.save_in(&mut to);
        to.finish()
    }

    /// Restores an accumulator that was [saved](Self::save).
    ///
    /// See [`Session::restore`](crate::Session::restore).
    ///
    /// # Errors
    /// Fails if the bytes are not a saved accumulator of this dialect, or if it holds more than the
    /// limits allow.
    pub fn restore(bytes: &[u8], options: Options) -> Result<Self, RestoreError> {
        restore::<D, _>(bytes, &options, 0, |from| Self::load_from(options, from))
    }

    pub(crate) fn save_in(&self, to: &mut Writer) {
        // Learned frames are forgotten, and learned again.
        let Self { dialect, transcript, learned: _, done, folded, fast, error, odd, end } = self;
        transcript.save(to);
        dialect.save(to);
        done.save(to);
        folded.save(to);
        fast.save(to);
        error.save(to);
        odd.save(to);
        end.save(to);
    }

    pub(crate) fn load_from(options: Options, from: &mut Reader<'_>) -> Result<Self, Fault> {
        let transcript = Transcript::load(options, from)?;
        let mut restored = Self {
            transcript,
            dialect: Saved::load(from)?,
            learned: Learned::default(),
            done: Saved::load(from)?,
            folded: from.counter()?,
            fast: from.counter()?,
            error: Saved::load(from)?,
            odd: Saved::load(from)?,
            end: Saved::load(from)?,
        };
        restored.dialect.check(&restored.transcript)?;
        restored.transcript.recount(restored.dialect.held())?;
        Ok(restored)
    }
}

/// Restores what was saved of a dialect.
///
/// `kind` tells the bytes of a session from those of an accumulator.
pub(crate) fn restore<D: Dialect, T>(
    bytes: &[u8],
    options: &Options,
    kind: u8,
    load: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>,
) -> Result<T, RestoreError> {
    let limits = &options.limits;
    let from = Reader::new(bytes, D::NAME, (limits.max_folded, limits.max_items));
    let mut from = from.map_err(|fault| RestoreError::of(fault, 0))?;
    let all = || {
        if from.byte()? != kind {
            return Err(Fault::Foreign);
        }
        let restored = load(&mut from)?;
        from.finish()?;
        Ok(restored)
    };
    let restored = all();
    restored.map_err(|fault| RestoreError::of(fault, from.offset()))
}
