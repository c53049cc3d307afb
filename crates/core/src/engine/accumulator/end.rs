//! The end of a stream: which of several counts, and what only it completes.

use alloc::boxed::Box;

use super::Accumulator;
use crate::engine::dialect::Dialect;
use crate::engine::outcome::{End, How, Outcome};
use crate::error::Error;

/// The block that a body ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// No block: the body ended between events.
    None,
    /// A block that was cut, without an update.
    Cut,
    /// A block that was cut.
    ///
    /// The update has those of its lines that were folded.
    Folded,
}

impl<D: Dialect> Accumulator<D> {
    /// Records how the stream ended, and returns true if that changed something.
    ///
    /// [`update`](Self::update) then has the change: tool calls that only the end completes. Only
    /// the first end counts, and an end that the stream brought itself counts before it.
    ///
    /// # Errors
    /// Returns the error that ended the stream.
    pub fn end(&mut self, how: How) -> Result<bool, Error> {
        let changed = self.end_cut(how, Rest::None);
        if changed { Ok(true) } else { self.check().map(|()| false) }
    }

    /// Ends the stream, and returns its outcome.
    ///
    /// A stream that has ended by itself has that end, whatever `how` says.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        self.end_cut(how, Rest::None);
        self.check_count();
        self.transcript.settle();
        self.check_count();
        let anomalies = core::mem::take(self.transcript.anomalies()).into_vec();
        let end = self.end.unwrap_or(End::Stopped);
        let usage = self.dialect.token_counts();
        let answer = self.dialect.answer(&mut self.transcript);
        Outcome { answer, end, usage, anomalies, error: self.error.map(|error| *error) }
    }

    /// Ends the stream, and reports whether that changed something.
    ///
    /// Only the first end counts. `rest` is the block at the end of the body.
    pub(crate) fn end_cut(&mut self, how: How, rest: Rest) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.dialect.settle(&mut self.transcript);
        let end = match how {
            How::Clean => None,
            How::Broken { .. } => Some(End::Truncated),
            How::Stalled(_) => Some(End::Stalled),
            How::Limit(_) => Some(End::Limit),
            How::Stopped => Some(End::Stopped),
        };
        let failure = how.into_error();
        if rest != Rest::None && failure.is_some() && !self.is_complete() {
            // A sentinel that a break cut says nothing of an answer that is not complete.
            self.done = false;
        }
        let is_clean = self.done || (self.error.is_none() && end.is_none());
        // A sentinel that the end of the body cut was no event yet.
        let is_over = self.done || (is_clean && self.dialect.is_finished());
        let mut told = None;
        if is_clean && self.error.is_none() {
            self.error = self.dialect.failure().map(Box::new);
        } else if self.error.is_none() {
            // The server said what is wrong before the connection broke, or the caller stopped.
            told = self.told_error().map(Box::new);
            if end != Some(End::Stopped) {
                self.error = told.take();
            }
        }
        if self.done || self.error.is_some() {
            self.end = Some(self.natural_end(false));
        } else {
            self.end = Some(end.unwrap_or_else(|| self.natural_end(rest != Rest::None)));
            self.error = failure.map(Box::new).or(told);
        }
        let is_early =
            matches!(self.end, Some(End::Truncated | End::Empty | End::DoneWithoutFinishReason));
        let stray = self.odd.as_mut().and_then(|odd| odd.stray.take());
        if let Some(stray) = stray.filter(|_| is_early && self.error.is_none()) {
            self.fail(Error::StrayLines { text: stray.text().into() });
        }
        let cut = self.odd.as_mut().and_then(|odd| odd.cut.take());
        if let Some(cut) = cut.filter(|_| self.end == Some(End::Truncated)) {
            // The server said what is wrong before the connection broke.
            self.fail(Error::Api(cut));
        }
        if is_early && self.error.is_none() && !self.transcript.has_texts() {
            self.tell_other_api();
        }
        if is_over && rest != Rest::Folded {
            self.transcript.clear();
        }
        (is_over && self.conclude()) || rest == Rest::Folded
    }

    /// Records what only the end completes, and returns true if there is anything.
    pub(super) fn conclude(&mut self) -> bool {
        self.transcript.begin_end();
        self.dialect.conclude(&mut self.transcript);
        self.transcript.parse();
        !self.transcript.records().is_empty()
    }

    /// Reports whether the stream ended with a sentinel that was not folded.
    pub(crate) fn has_sentinel(&self) -> bool {
        self.done && !self.dialect.is_over()
    }

    /// Returns the end of a stream that ended by itself, or whose body ended in order.
    fn natural_end(&self, cut: bool) -> End {
        match self.error.as_deref() {
            Some(Error::Limit { .. }) => return End::Limit,
            // Where something was folded, this is the answer to a request that resumes.
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) if self.folded > 0 => {
                return End::Truncated;
            }
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) => {
                return End::NotAnEventStream;
            }
            Some(_) => return End::Error,
            None => {}
        }
        match (self.done, self.dialect.is_finished()) {
            _ if self.folded == 0 && !cut => End::Empty,
            (true, true) => End::Done,
            (true, false) => End::DoneWithoutFinishReason,
            (false, true) if self.dialect.has_terminal() => End::DoneWithoutSentinel,
            (false, true) => End::Done,
            (false, false) => End::Truncated,
        }
    }

    /// Returns the error that the API sent, while the stream goes on after it.
    pub(super) fn told_error(&self) -> Option<Error> {
        self.dialect.failure().filter(|error| matches!(error, Error::Api(_)))
    }
}
