//! The evidence of a stream that is not what it should be.
//!
//! It is kept while the stream goes on, and its end decides what it means: see
//! [`Accumulator::end_cut`].

use alloc::boxed::Box;
use alloc::string::String;

use super::Accumulator;
use crate::engine::anomaly::AnomalyKind;
use crate::engine::dialect::Dialect;
use crate::engine::outcome::End;
use crate::engine::stray::Stray;
use crate::error::{ApiError, Error, OtherApi, evidence, other_api};
use crate::save::{Fault, Reader, Saved, Writer};

/// The evidence of a stream that is not what it should be.
#[derive(Debug, Clone, Default)]
pub(super) struct Odd {
    /// The number of events that were unknown.
    unknown: u64,
    /// Another API, if one of its events arrived, and the beginning of that.
    other: Option<(OtherApi, String)>,
    /// The lines that are not fields, if any arrived.
    pub(super) stray: Option<Stray>,
    /// The error that the end of the body cut, if the last event was one.
    pub(super) cut: Option<Box<ApiError>>,
}

impl Odd {
    /// The number of unknown events that are searched for another API's marks.
    const LOOKED_AT: u64 = 16;
}

impl<D: Dialect> Accumulator<D> {
    /// Takes a line that is not a field.
    ///
    /// # Errors
    /// Returns the error that the lines spell, if they are one. It ends the stream.
    #[inline(never)]
    pub(super) fn take_stray(&mut self, line: &str) -> Result<(), Error> {
        if self.is_ended() {
            return Ok(());
        }
        let max_event = self.transcript.options.limits.max_event;
        let stray = self.odd.get_or_insert_default().stray.get_or_insert_default();
        let error = stray.take(line, max_event);
        let anomalies = self.transcript.anomalies();
        // No event notes it, and there is no bound to how often it happens.
        anomalies.begin_event();
        self.transcript.anomaly(AnomalyKind::StrayLine, None, "");
        self.transcript.anomalies().requote(AnomalyKind::StrayLine, stray.text());
        if let Some(error) = error {
            self.fail(Error::Api(Box::new(error)));
        }
        self.check()
    }

    /// Looks for the API of an event that is unknown here.
    ///
    /// Events that say nothing, such as pings, may come before.
    #[inline(never)]
    pub(super) fn recognise(&mut self, data: &str) {
        let odd = self.odd.get_or_insert_default();
        odd.unknown += 1;
        if odd.other.is_none() && odd.unknown <= Odd::LOOKED_AT {
            let other = other_api(data).filter(|api| api.name != self.dialect.api());
            odd.other = other.map(|api| (api, evidence(data, Error::EXCERPT)));
        }
    }

    /// Ends in an error if only events of another API arrived.
    #[inline(never)]
    pub(super) fn tell_other_api(&mut self) {
        let other = self.odd.as_mut().and_then(|odd| odd.other.take());
        let Some((OtherApi { name: api, module }, data)) = other else { return };
        self.end = Some(End::Error);
        self.fail(Error::OtherApi { api, module, data });
    }
}

impl Saved for Odd {
    fn save(&self, to: &mut Writer) {
        let Self { unknown, other, stray, cut } = self;
        unknown.save(to);
        other.save(to);
        stray.save(to);
        cut.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            unknown: from.counter()?,
            other: Saved::load(from)?,
            stray: Saved::load(from)?,
            cut: Saved::load(from)?,
        })
    }
}
