//! Going on over another connection, as a state machine.
//!
//! ```text
//!               answered(head)
//!   ┌─────────┐ ─────────────▶ ┌──────┐
//!   │ Connect │                │ Read │ the session takes the bytes
//!   └─────────┘ ◀─waited()─┐   └──────┘
//!      │                   │      │ ended(how)
//!      │ ended(how)     ┌──────┐  │
//!      └──────────────▶ │ Wait │ ◀┘
//!                       └──────┘
//! ```
//!
//! From Read and Connect it stops where the answer is complete, where an error came in the stream,
//! where there is no cursor, or where the policy allows no other try. So a request that the server
//! cannot resume is never sent again: without a cursor there is nothing to ask for, and the request
//! that began the stream is not known here.
//!
//! The waits are those of the event source ([`Reconnect`]).

use core::time::Duration;

use super::dialect::Dialect;
use super::outcome::How;
use super::session::Session;
use crate::error::Error;
use crate::sse::{Jitter, Reconnect, Wait};

/// The policy and the state by which a session goes on over another connection.
///
/// It does no I/O. [`action`](Self::action) says what to do next, as that of an
/// [`EventSource`](crate::sse::EventSource) does. The adapters' `Reader::resume` is a loop around
/// it.
///
/// ```
/// use deltawire::{How, Resume, Resumption, responses};
///
/// let first = concat!(
///     r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"r","output":[]}}"#,
///     "\n\n",
///     r#"data: {"type":"response.output_text.delta","sequence_number":1,"delta":"Hel"}"#,
///     "\n\n",
/// );
/// let second = concat!(
///     r#"data: {"type":"response.output_text.delta","sequence_number":2,"delta":"lo"}"#,
///     "\n\n",
///     r#"data: {"type":"response.completed","sequence_number":3,"response":{"id":"r"}}"#,
///     "\n\n",
/// );
/// let mut bodies = [first, second].into_iter();
/// let mut body = bodies.next().unwrap();
/// let (mut session, mut resumption) = (responses::Session::new(), Resumption::new());
/// loop {
///     match resumption.action() {
///         Resume::Read => {
///             session.feed(body.as_bytes())?;
///             resumption.ended(&mut session, How::broken("reset by peer", false))?;
///         }
///         Resume::Wait(_) => resumption.waited(),
///         Resume::Connect => {
///             assert_eq!(session.cursor().unwrap().to_string(), "response r after event 1");
///             body = bodies.next().unwrap();
///             resumption.answered(&mut session, 200, |_| None);
///         }
///         Resume::Stop => break,
///     }
/// }
/// assert_eq!(session.close(How::Clean).into_complete()?.text(), "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Resumption {
    reconnect: Reconnect,
    jitter: Option<Jitter>,
    /// The number of connections in a row that brought no byte.
    reconnects: u32,
    fails_at_gaps: bool,
    state: Resume,
}

/// The next thing to do for a stream that goes on over another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// Read on, and give the bytes to the session.
    ///
    /// At the end of the body call [`Resumption::ended`].
    Read,
    /// Wait for this [`time`](Wait::time), and then call [`Resumption::waited`].
    ///
    /// The connection is over.
    Wait(Wait),
    /// Send a request that resumes the stream after the session's
    /// [`cursor`](Session::cursor).
    ///
    /// Then call [`Resumption::answered`], or [`Resumption::ended`] if it failed.
    Connect,
    /// Stop: the stream has ended, for good.
    Stop,
}

impl Default for Resumption {
    fn default() -> Self {
        Self::new()
    }
}

impl Resumption {
    /// Returns a resumption for a session whose first response is there to be read.
    ///
    /// It has the default policy ([`Reconnect`]), and waits for the shortest times.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reconnect: Reconnect::default(),
            jitter: None,
            reconnects: 0,
            fails_at_gaps: false,
            state: Resume::Read,
        }
    }

    /// Connects at once, for a session without a response, such as one that was restored.
    ///
    /// Give it a session that [is resumable](Session::is_resumable).
    #[must_use]
    pub fn without_response(mut self) -> Self {
        self.state = Resume::Connect;
        self
    }

    /// Sets the policy for connecting again.
    ///
    /// `resend` says nothing here, because a request that resumes is a GET.
    #[must_use]
    pub fn with_reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Spreads the waits at random, starting from this seed.
    ///
    /// See [`EventSource::with_seed`](crate::sse::EventSource::with_seed).
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.jitter = Some(Jitter::new(seed));
        self
    }

    /// Reports whether the waits are spread at random.
    #[must_use]
    pub fn is_seeded(&self) -> bool {
        self.jitter.is_some()
    }

    /// Makes missing events an error ([`Error::Gap`]), where the server numbers its events.
    ///
    /// By default they are an [anomaly](crate::AnomalyKind::SequenceGap).
    #[must_use]
    pub fn with_strict_gaps(mut self, on: bool) -> Self {
        self.fails_at_gaps = on;
        self
    }

    /// Returns the next thing to do.
    ///
    /// It stays the same until the next input.
    #[must_use]
    pub fn action(&self) -> Resume {
        self.state
    }

    /// Records how a body ended, or that a request failed.
    ///
    /// Returns true if the end changed something; [`Session::update`] then has it. If the answer is
    /// not complete, and the stream has a cursor, it is resumed, and the end is none of the
    /// session's. Otherwise this is [`Session::end`].
    ///
    /// A connection that brought bytes counts as one that worked, and back-off begins anew.
    ///
    /// # Errors
    /// Returns the same errors as [`Session::end`], if the stream is not resumed.
    pub fn ended<D: Dialect>(&mut self, session: &mut Session<D>, how: How) -> Result<bool, Error> {
        match self.state {
            Resume::Read | Resume::Connect => {}
            Resume::Stop => return session.end(how),
            // The connection is over already.
            Resume::Wait(_) => return Ok(false),
        }
        if self.state == Resume::Read && session.decoder().offset() > 0 {
            self.reconnects = 0;
        }
        if how != How::Stopped && session.is_resumable() {
            if let Some(wait) = self.next_wait(session, Duration::ZERO) {
                self.state = Resume::Wait(wait);
                return Ok(false);
            }
        }
        self.state = Resume::Stop;
        session.end(how)
    }

    /// Records that the time to wait is over.
    pub fn waited(&mut self) {
        if matches!(self.state, Resume::Wait(_)) {
            self.state = Resume::Connect;
        }
    }

    /// Records the head of the response to a request that resumes the stream.
    ///
    /// `header` looks up a header by its lower-case name. A status other than 2xx ends the stream:
    /// read the body, whose beginning becomes part of [`Error::Refused`]. Where the policy says so
    /// ([`Reconnect::busy_statuses`]), a busy server is asked again.
    pub fn answered<'h, D: Dialect>(
        &mut self,
        session: &mut Session<D>,
        status: u16,
        header: impl Fn(&str) -> Option<&'h str>,
    ) {
        if self.state != Resume::Connect {
            return;
        }
        let is_busy = matches!(status, 429 | 500 | 502 | 503 | 504);
        if is_busy && self.reconnect.busy_statuses {
            let seconds = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            let not_before = seconds.map_or(Duration::ZERO, Duration::from_secs);
            if let Some(wait) = self.next_wait(session, not_before) {
                self.state = Resume::Wait(wait);
                return;
            }
        }
        session.resume(self.fails_at_gaps);
        session.head(status, header);
        self.state = Resume::Read;
    }

    /// Returns the next wait, if the policy allows another try.
    fn next_wait<D: Dialect>(
        &mut self,
        session: &Session<D>,
        not_before: Duration,
    ) -> Option<Wait> {
        if self.reconnect.max_reconnects.is_some_and(|max| self.reconnects >= max) {
            return None;
        }
        let random = self.jitter.as_mut().map_or(0, Jitter::next);
        let retry = session.decoder().retry();
        let wait = self.reconnect.wait(retry, self.reconnects, not_before, random);
        self.reconnects = self.reconnects.saturating_add(1);
        Some(wait)
    }
}
