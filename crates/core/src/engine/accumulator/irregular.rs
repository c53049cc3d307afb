//! Irregular events: nearly JSON, several in one, or cut by the end.
//!
//! Each is read once more, so nothing here costs a regular event anything. Nothing is learned from
//! them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Accumulator;
use crate::engine::anomaly::AnomalyKind;
use crate::engine::dialect::{Dialect, Read};
use crate::error::{ApiError, Error};
use crate::json::{RawValue, repair};
use crate::sse::Event;

/// Irregular events: nearly JSON, several in one, or cut by the end.
impl<D: Dialect> Accumulator<D> {
    /// Folds an event that is nearly JSON, or that is several events.
    ///
    /// Nothing is learned from it.
    ///
    /// # Errors
    /// Returns `error` if it is neither. Nothing of the event was folded then.
    #[inline(never)]
    pub(super) fn fold_nearly(&mut self, event: &Event<'_>, error: Error) -> Result<bool, Error> {
        if !matches!(self.read_nearly(event), Err(Error::InvalidJson { .. })) {
            return self.fold_readable(event);
        }
        if let Some(data) = event.data.strip_prefix("data:") {
            // A proxy put the field before one that was there.
            let inner = Event { data: data.trim_start(), ..*event };
            if !matches!(self.read_nearly(&inner), Err(Error::InvalidJson { .. })) {
                let is_folded = self.fold_readable(&inner)?;
                self.transcript.anomaly(AnomalyKind::WrappedChunk, None, "");
                self.transcript.anomalies().quote(event.data);
                return Ok(is_folded);
            }
        }
        let lines = || event.data.split('\n').filter(|line| !line.trim().is_empty());
        let is_chunk = |line: &str| self.is_chunk(&Event { data: line, ..*event });
        if lines().count() < 2 || !lines().all(is_chunk) {
            let stray = self.odd.as_ref().and_then(|odd| odd.stray.as_ref());
            let stray = stray.and_then(|stray| stray.error_after(event.data));
            return Err(stray.map_or(error, |stray| Error::Api(Box::new(stray))));
        }
        let is_folded = self.fold_lines(event, lines())?;
        self.transcript.anomaly(AnomalyKind::SeveralChunks, None, "");
        Ok(is_folded)
    }

    /// Folds each line as an event of its own, and reports whether any was folded.
    ///
    /// # Errors
    /// Returns the error of the first line, and then nothing was folded. The error of a later line
    /// ends the stream.
    fn fold_lines<'l>(
        &mut self,
        event: &Event<'_>,
        lines: impl Iterator<Item = &'l str>,
    ) -> Result<bool, Error> {
        let number = self.transcript.events();
        let mut is_folded = false;
        for line in lines {
            match self.fold_readable(&Event { data: line, ..*event }) {
                Ok(folded) => is_folded |= folded,
                Err(error) if is_folded => self.fail(error.at_event(number)),
                Err(error) => return Err(error),
            }
            if self.is_ended() {
                break;
            }
        }
        Ok(is_folded)
    }

    /// Folds an event that is JSON, or nearly JSON.
    fn fold_readable(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        let repaired = match self.read(event) {
            Err(Error::InvalidJson { .. }) => repair(event.data),
            _ => None,
        };
        let data = repaired.as_ref().map_or(event.data, |repaired| &repaired.text);
        let mut parsed = D::Event::default();
        let event = Event { data, ..*event };
        let read = self.dialect.read(&event, &self.transcript.options, &mut parsed)?;
        let is_folded = if read == Read::Event {
            self.learned.forget();
            // A text that was repaired may have become longer.
            self.transcript.expect(data.len());
            let _ = self.fold(&parsed)?;
            self.settle_event(&parsed, data);
            self.end_if_over();
            true
        } else {
            self.pass(read, data)?
        };
        if let Some(repaired) = &repaired {
            if repaired.numbers {
                self.transcript.anomaly(AnomalyKind::NotANumber, None, "");
            }
            if repaired.controls {
                self.transcript.anomaly(AnomalyKind::ControlCharacter, None, "");
            }
        }
        Ok(is_folded)
    }

    /// Classifies an event without folding it.
    fn read(&self, event: &Event<'_>) -> Result<Read, Error> {
        self.dialect.read(event, &self.transcript.options, &mut D::Event::default())
    }

    /// Classifies an event like [`read`](Self::read), and repairs it if necessary.
    fn read_nearly(&self, event: &Event<'_>) -> Result<Read, Error> {
        match self.read(event) {
            Err(error @ Error::InvalidJson { .. }) => match repair(event.data) {
                Some(repaired) => self.read(&Event { data: &repaired.text, ..*event }),
                None => Err(error),
            },
            read => read,
        }
    }

    /// Reports whether a line can be an event of its own: an object or the sentinel.
    fn is_chunk(&self, line: &Event<'_>) -> bool {
        matches!(self.read_nearly(line), Ok(Read::Done | Read::Event) | Err(Error::Limit { .. }))
    }

    /// Takes an event that the end of the body cut.
    ///
    /// Returns true if anything of it was folded.
    ///
    /// The standard discards such an event, which is an anomaly. A sentinel, or a whole event that
    /// ends the stream, counts all the same. If the event has several chunks, one on each line,
    /// each complete line counts too. An error is the error of a stream that is truncated there.
    pub fn push_cut(&mut self, event: &Event<'_>) -> bool {
        if self.is_ended() {
            return false;
        }
        let lines: Vec<&str> =
            event.data.split('\n').filter(|line| !line.trim().is_empty()).collect();
        let is_done = |line: &&str| self.read(&Event { data: line, ..*event }) == Ok(Read::Done);
        if let [line] = &lines[..] {
            if self.is_terminal(&Event { data: line, ..*event }) {
                return self.fold_cut(event, &lines, false);
            }
        }
        let is_chunk = |line: &&str| self.is_chunk(&Event { data: line, ..*event });
        let whole = match &lines[..] {
            [line] => usize::from(is_done(line)),
            [before @ .., last] if before.iter().all(is_chunk) => {
                before.len() + usize::from(is_chunk(last))
            }
            _ => 0,
        };
        // The end that is told next decides whether a sentinel counts.
        let chunks = lines[..whole].iter().position(is_done).unwrap_or(whole);
        let is_folded = chunks > 0 && self.fold_cut(event, &lines[..chunks], true);
        self.done |= chunks < whole && !self.is_ended();
        if whole < lines.len() && !self.is_ended() {
            self.discard_cut(event, &lines[whole..]);
        }
        is_folded
    }

    /// Discards the lines of an event that the end of the body cut, and keeps them as evidence.
    #[inline(never)]
    pub(crate) fn discard_cut(&mut self, event: &Event<'_>, lines: &[&str]) {
        let data = lines.join("\n");
        let error = match self.read(&Event { data: &data, ..*event }) {
            Ok(Read::Error(error)) => Some(error),
            Ok(Read::Event) => {
                RawValue::parse(&data).ok().as_ref().and_then(ApiError::of).map(Box::new)
            }
            _ => None,
        };
        if error.is_some() {
            self.odd.get_or_insert_default().cut = error;
        }
        // No event notes it.
        self.transcript.anomalies().begin_event();
        self.transcript.anomaly(AnomalyKind::CutEvent, None, "");
        self.transcript.anomalies().quote(&data);
    }

    /// Folds the lines of an event that the end of the body cut.
    ///
    /// `several` says that they are not all that the event has.
    fn fold_cut(&mut self, event: &Event<'_>, lines: &[&str], several: bool) -> bool {
        self.transcript.begin_event(event.data.len());
        let number = self.transcript.events();
        match self.fold_lines(event, lines.iter().copied()) {
            Ok(is_folded) => {
                if several {
                    self.transcript.anomaly(AnomalyKind::SeveralChunks, None, "");
                }
                is_folded
            }
            Err(error) => {
                self.fail(error.at_event(number));
                false
            }
        }
    }

    /// Reports whether an event that is whole would end the stream.
    fn is_terminal(&self, event: &Event<'_>) -> bool {
        let mut parsed = D::Event::default();
        let read = self.dialect.read(event, &self.transcript.options, &mut parsed);
        read == Ok(Read::Event) && D::is_terminal(&parsed)
    }
}
