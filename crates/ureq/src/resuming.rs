//! The loop around a resumption: wait, send the request, read its body.

use std::time::Duration;

use deltawire::{Cursor, Dialect, How, Resume, Resumption, Session, TransportError};
use ureq::http::response::Parts;

use crate::error::{Error, header};
use crate::read::ReadAhead;

/// Sends a request that resumes a stream after a cursor.
type Connect<R> = dyn FnMut(&Cursor<'_>) -> Result<(Parts, R), ureq::Error> + Send;

/// The way in which a stream goes on over another connection.
pub(crate) struct Resuming<R> {
    pub(crate) resumption: Resumption,
    pub(crate) connect: Box<Connect<R>>,
    pub(crate) sleep: Box<dyn FnMut(Duration) -> bool + Send>,
}

impl<R> Resuming<R> {
    /// Ends the session, or goes on with another body for it.
    ///
    /// Reports whether the end changed something.
    ///
    /// # Errors
    /// Returns the error that ended the session.
    pub(crate) fn go_on<D: Dialect>(
        &mut self,
        session: &mut Session<D>,
        body: &mut ReadAhead<R>,
        mut now: impl FnMut() -> Duration,
        how: How,
    ) -> Result<bool, deltawire::Error> {
        let mut has_changed = false;
        if self.resumption.action() != Resume::Connect {
            has_changed = self.resumption.ended(session, how)?;
        }
        loop {
            match self.resumption.action() {
                Resume::Read => return Ok(false),
                Resume::Stop => return Ok(has_changed),
                Resume::Wait(wait) => {
                    body.close();
                    if !(self.sleep)(wait.time) {
                        return session.end(How::Stopped);
                    }
                    self.resumption.waited();
                }
                Resume::Connect => has_changed = self.connect(session, body, &mut now)?,
            }
        }
    }

    fn connect<D: Dialect>(
        &mut self,
        session: &mut Session<D>,
        body: &mut ReadAhead<R>,
        now: impl FnOnce() -> Duration,
    ) -> Result<bool, deltawire::Error> {
        let answer = session.cursor().map(|cursor| (self.connect)(&cursor));
        let (head, reader) = match answer {
            // A session without a cursor does not come here, and has nothing to ask for.
            None => return session.end(How::Stopped),
            Some(Ok(response)) => response,
            Some(Err(error)) => {
                let error = Error::from(error);
                let is_futile = error.is_futile();
                let how = How::Broken(TransportError::from_source(error));
                return match is_futile {
                    true => session.end(how),
                    false => self.resumption.ended(session, how),
                };
            }
        };
        // The time of the waits is not the new connection's.
        session.tick(now());
        let lookup = |name: &str| header(&head.headers, name);
        self.resumption.answered(session, head.status.as_u16(), lookup);
        if self.resumption.action() == Resume::Read {
            body.replace(reader);
        }
        Ok(false)
    }
}
