//! A session over one connection after another, as a state machine.
//!
//! ```text
//!               answered(head)
//!   ┌─────────┐ ─────────────▶ ┌──────┐ ──advance(bytes)──▶ updates
//!   │ Connect │                │ Read │ ◀─┐  │
//!   └─────────┘ ◀─waited()─┐   └──────┘   └──┘
//!      │                   │      │ ended(how)
//!      │ failed(error)  ┌──────┐  │
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

use core::fmt;
use core::time::Duration;

use super::cursor::Cursor;
use super::dialect::Dialect;
use super::outcome::{How, Outcome};
use super::session::Session;
use super::update::Update;
use crate::error::{Error, TransportError};
use crate::sse::{Jitter, Reconnect, Wait};

/// A session that goes on where its connection was lost.
///
/// It does no I/O. [`action`](Self::action) says what to do next, as that of an
/// [`EventSource`](crate::sse::EventSource) does. The adapters have a stream around it.
///
/// ```
/// use deltawire::sse::Reconnect;
/// use deltawire::{How, ResumableSession, Resume, responses};
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
/// let mut body = bodies.next().unwrap().as_bytes();
/// let mut session = ResumableSession::new(responses::Session::new());
/// loop {
///     match session.action() {
///         Resume::Read => {
///             while session.advance(&mut body)? {}
///             session.ended(How::broken("reset by peer", false))?;
///         }
///         Resume::Wait(_) => session.waited(),
///         Resume::Connect => {
///             assert_eq!(session.cursor().unwrap().to_string(), "response r after event 1");
///             body = bodies.next().unwrap().as_bytes();
///             session.answered(200, |_| None);
///         }
///         Resume::Stop => break,
///     }
/// }
/// assert_eq!(session.close(How::Clean).into_complete()?.text(), "Hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ResumableSession<D> {
    session: Session<D>,
    reconnect: Reconnect,
    jitter: Option<Jitter>,
    /// The number of connections in a row that brought no byte.
    reconnects: u32,
    fails_at_gaps: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connect,
    Read,
    Wait(Wait),
    Stop,
}

/// The next thing that the caller of a [`ResumableSession`] has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resume {
    /// Read on and [`advance`](ResumableSession::advance).
    ///
    /// At the end of the body call [`ended`](ResumableSession::ended).
    Read,
    /// Wait for this [`time`](Wait::time), and then call [`waited`](ResumableSession::waited).
    ///
    /// The connection is over.
    Wait(Wait),
    /// Send a request that resumes the stream after the [`cursor`](ResumableSession::cursor).
    ///
    /// Then call [`answered`](ResumableSession::answered) or [`failed`](ResumableSession::failed).
    Connect,
    /// Stop: the stream has ended, for good.
    Stop,
}

impl<D: Dialect> ResumableSession<D> {
    /// Returns a session whose first response is there to be read.
    ///
    /// It has the default policy ([`Reconnect`]), and waits for the shortest times.
    #[must_use]
    pub fn new(session: Session<D>) -> Self {
        Self {
            session,
            reconnect: Reconnect::default(),
            jitter: None,
            reconnects: 0,
            fails_at_gaps: false,
            state: State::Read,
        }
    }

    /// Returns a session that is to be resumed at once, such as one that was restored.
    ///
    /// If there is no cursor, the session goes on to be read.
    #[must_use]
    pub fn lost(session: Session<D>) -> Self {
        let is_resumable = session.is_resumable();
        let state = if is_resumable { State::Connect } else { State::Read };
        Self { state, ..Self::new(session) }
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
        match self.state {
            // An error or a sentinel that was folded ended it.
            State::Read if self.session.is_ended() => Resume::Stop,
            State::Read => Resume::Read,
            State::Wait(wait) => Resume::Wait(wait),
            State::Connect => Resume::Connect,
            State::Stop => Resume::Stop,
        }
    }

    /// Returns the place after which the next request resumes the stream.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor<'_>> {
        self.session.cursor()
    }

    /// Consumes bytes until an event changed something; see [`Session::advance`].
    ///
    /// From the first byte on the connection counts as one that works.
    ///
    /// # Errors
    /// Returns the same errors as [`Updates::next`](crate::Updates::next).
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        if !input.is_empty() {
            self.reconnects = 0;
        }
        self.session.advance(input)
    }

    /// Records how the body ended, and returns true if that changed something.
    ///
    /// If the answer is not complete, and the stream has a cursor, it is resumed. Otherwise this is
    /// [`Session::end`].
    ///
    /// # Errors
    /// Returns the same errors as [`Session::end`], if the stream is not resumed.
    pub fn ended(&mut self, how: How) -> Result<bool, Error> {
        match self.state {
            State::Read | State::Connect => self.again(how),
            State::Stop => self.session.end(how),
            // The connection is over already.
            State::Wait(_) => Ok(false),
        }
    }

    /// Records that a request to resume the stream failed.
    ///
    /// # Errors
    /// Returns the error, if the policy allows no other try.
    pub fn failed(&mut self, error: TransportError) -> Result<bool, Error> {
        self.ended(How::Broken(error))
    }

    /// Records that the time to wait is over.
    pub fn waited(&mut self) {
        if matches!(self.state, State::Wait(_)) {
            self.state = State::Connect;
        }
    }

    /// Records the head of the response to a request that resumes the stream.
    ///
    /// `header` looks up a header by its lower-case name. A status other than 2xx ends the stream:
    /// read the body, whose beginning becomes part of [`Error::Refused`]. Where the policy says so
    /// ([`Reconnect::busy_statuses`]), a busy server is asked again.
    pub fn answered<'h>(&mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) {
        if self.state != State::Connect {
            return;
        }
        let is_busy = matches!(status, 429 | 500 | 502 | 503 | 504);
        if is_busy && self.reconnect.busy_statuses {
            let seconds = header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            if let Some(wait) = self.next_wait(seconds.map_or(Duration::ZERO, Duration::from_secs))
            {
                self.state = State::Wait(wait);
                return;
            }
        }
        self.session.resume(self.fails_at_gaps);
        self.session.head(status, header);
        self.state = State::Read;
    }

    /// Waits for the next connection, or ends.
    fn again(&mut self, how: How) -> Result<bool, Error> {
        if how != How::Stopped && self.session.is_resumable() {
            if let Some(wait) = self.next_wait(Duration::ZERO) {
                self.state = State::Wait(wait);
                return Ok(false);
            }
        }
        self.state = State::Stop;
        self.session.end(how)
    }

    /// Returns the next wait, if the policy allows another try.
    fn next_wait(&mut self, not_before: Duration) -> Option<Wait> {
        if self.reconnect.max_reconnects.is_some_and(|max| self.reconnects >= max) {
            return None;
        }
        let random = self.jitter.as_mut().map_or(0, Jitter::next);
        let retry = self.session.decoder().retry();
        let wait = self.reconnect.wait(retry, self.reconnects, not_before, random);
        self.reconnects = self.reconnects.saturating_add(1);
        Some(wait)
    }

    /// Returns what the last event changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.session.update()
    }

    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> &Session<D> {
        &self.session
    }

    /// Returns the session, to report times and limits to.
    pub fn session_mut(&mut self) -> &mut Session<D> {
        &mut self.session
    }

    /// Ends the session, and returns its outcome.
    ///
    /// An earlier end, or one that the stream brought itself, counts before `how`.
    #[must_use]
    pub fn close(self, how: How) -> Outcome<D::Answer> {
        self.session.close(how)
    }
}

/// Leaves out the state of the session, which is everything that was folded.
impl<D> fmt::Debug for ResumableSession<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumableSession")
            .field("session", &self.session)
            .field("state", &self.state)
            .field("reconnects", &self.reconnects)
            .finish_non_exhaustive()
    }
}
