//! The blocking stream: a loop around a session, which reads and says when.

use std::fmt;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use deltawire::any::Any;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::sse::OwnedEvent;
use deltawire::{Accumulator, Dialect, How, Outcome, Session, Update};
#[cfg(feature = "timing")]
use deltawire_timing::{Recorder, Timing};
use ureq::BodyReader;
use ureq::http::response::Parts;

use crate::error::{Error, is_socket_timeout, transport};
use crate::read::ReadAhead;
use crate::resuming::Resuming;

/// A streamed chat completion: an [`AnswerStream`], whose page has the methods.
///
/// [`chat`](crate::chat) makes one of a response.
///
/// ```
/// use deltawire_ureq::ChatStream;
///
/// let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\ndata: [DONE]\n\n";
/// let mut stream = ChatStream::from_reader(body.as_bytes());
/// while let Ok(Some(update)) = stream.next() {
///     assert_eq!(update.text(), "2");
/// }
/// assert!(stream.finish().into_complete().is_err()); // there is no finish reason
/// ```
pub type ChatStream<R = BodyReader<'static>> = AnswerStream<Chat, R>;

/// A streamed legacy completion: an [`AnswerStream`], whose page has the methods.
pub type CompletionStream<R = BodyReader<'static>> = AnswerStream<Completions, R>;

/// A streamed response of OpenAI's Responses API: an [`AnswerStream`].
pub type ResponsesStream<R = BodyReader<'static>> = AnswerStream<Responses, R>;

/// A streamed message of Anthropic's Messages API: an [`AnswerStream`].
pub type MessagesStream<R = BodyReader<'static>> = AnswerStream<Messages, R>;

/// A streamed response of Gemini's generateContent: an [`AnswerStream`].
pub type GeminiStream<R = BodyReader<'static>> = AnswerStream<Gemini, R>;

/// A streamed interaction of Gemini's Interactions API: an [`AnswerStream`].
pub type InteractionsStream<R = BodyReader<'static>> = AnswerStream<Interactions, R>;

/// A streamed answer of Ollama's native API: an [`AnswerStream`].
pub type OllamaStream<R = BodyReader<'static>> = AnswerStream<Ollama, R>;

/// A streamed answer of any API: an [`AnswerStream`] whose outcome says which it was.
pub type AnyStream<R = BodyReader<'static>> = AnswerStream<Any, R>;

/// A response that is read and folded, event by event.
///
/// | method | gives |
/// |---|---|
/// | [`next`](Self::next) | each [`Update`], which borrows from the stream |
/// | [`run`](Self::run) | each update to a closure, and the [`Outcome`], whatever happens |
/// | [`events`](Self::events) | the events themselves, as an iterator |
/// | [`finish`](Self::finish) | the outcome, at any time |
///
/// Reads what the reader has ready, at most [`Reader::READ_SIZE`](crate::Reader::READ_SIZE) bytes at a time, and blocks only
/// when every event of that was returned. After `[DONE]` it reads no more, so a server that leaves
/// the connection open holds nobody up; the connection is not reused then.
pub struct AnswerStream<D, R = BodyReader<'static>> {
    pub(crate) session: Session<D>,
    pub(crate) body: ReadAhead<R>,
    pub(crate) clock: Clock,
    /// The timeout that was waited past before the first byte arrived.
    pub(crate) waited_past: Option<How>,
    #[cfg(feature = "timing")]
    pub(crate) recorder: Option<Box<Recorder>>,
    pub(crate) head: Option<Box<Parts>>,
    /// The way in which the stream is resumed, if it is.
    pub(crate) resuming: Option<Box<Resuming<R>>>,
}

/// The time since the request. If nobody wants it, the clock is never read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    pub(crate) is_wanted: bool,
    pub(crate) since: Option<Instant>,
}

impl Clock {
    /// Returns the time since the request, or since the first call.
    pub(crate) fn now(&mut self) -> Duration {
        if !self.is_wanted {
            return Duration::ZERO;
        }
        let now = Instant::now();
        now.saturating_duration_since(*self.since.get_or_insert(now))
    }
}

impl<D: Dialect, R: Read> AnswerStream<D, R> {
    /// Returns what the next event changed. Blocks until one arrived.
    ///
    /// `None` when the stream has ended, in whatever way: [`finish`](Self::finish) says which.
    ///
    /// # Errors
    /// The reason why the stream ended early: a connection that failed, timed out or stalled, an
    /// error in the stream, a body that is not an event stream, a limit. Every later call returns
    /// the same error, and `finish` hands over what was folded before.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend; `events` is one")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance()? { Some(self.update()) } else { None })
    }

    /// Reads until an event was folded, and reports whether one was.
    ///
    /// [`update`](Self::update) then returns what the event changed. It serves loops in which the
    /// borrow checker does not let an update of [`next`](Self::next) be returned. `false` at the
    /// end, and ever after.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn advance(&mut self) -> Result<bool, Error> {
        let advance =
            |session: &mut Session<D>, input: &mut &[u8]| Ok(session.advance(input)?.then_some(()));
        Ok(self.step(advance, Some(()))?.is_some())
    }

    /// Reads to the end, shows each update to a closure, and returns the outcome.
    ///
    /// It returns one however the stream ends, with what was folded and, in
    /// [`Outcome::error`], the reason of an early end. To stop earlier, use [`next`](Self::next) in
    /// a loop.
    ///
    /// ```
    /// use deltawire::End;
    /// use deltawire_ureq::ChatStream;
    ///
    /// let cut = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    /// let stream = ChatStream::from_reader(cut.as_bytes());
    /// let outcome = stream.run(|update| print!("{}", update.text()));
    /// assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, "Hel"));
    /// ```
    pub fn run(mut self, mut on_update: impl FnMut(Update<'_>)) -> Outcome<D::Answer> {
        // The error is in the outcome.
        while let Ok(Some(update)) = self.next() {
            on_update(update);
        }
        self.finish()
    }

    /// Returns the events themselves, one after the other.
    ///
    /// They are folded all the same, so [`finish`](Self::finish) has the outcome after the loop.
    /// [`chat::Chunk::parse`](deltawire::chat::Chunk::parse) reads the data of one.
    pub fn events(&mut self) -> FoldedEvents<'_, D, R> {
        FoldedEvents { stream: self, has_failed: false }
    }

    /// Feeds the session until it gives something, and reads when it has nothing left.
    ///
    /// Gives `last` if the end of the body brings an update.
    fn step<T>(
        &mut self,
        mut take: impl FnMut(&mut Session<D>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
        mut last: Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut is_last = false;
        loop {
            let taken = match is_last {
                true => last.take(),
                false => self.body.with_unread(|input| take(&mut self.session, input))?,
            };
            if taken.is_some() {
                #[cfg(feature = "timing")]
                if let Some(recorder) = &mut self.recorder {
                    recorder.record(&self.session.update(), self.session.times().latest);
                }
                return Ok(taken);
            }
            if self.session.is_ended() {
                return Ok(None);
            }
            is_last = self.read()?;
        }
    }

    /// Reads until something arrives, or the body ends. Reports whether the end brought an update.
    fn read(&mut self) -> Result<bool, deltawire::Error> {
        loop {
            let before = self.clock.now();
            self.session.wait(before);
            // A stream may be stalled by what the reads before did not bring.
            let has_begun = self.session.times().first_byte.is_some();
            if let Some(stall) = self.session.stalled(before).filter(|_| has_begun) {
                self.session.tick(before);
                return self.end(How::Stalled(stall));
            }
            let read = self.body.read();
            let now = self.clock.now();
            match read {
                Ok(0) => {
                    self.session.tick(now);
                    // A reader that begins by reading (ureq's for gzip does) keeps the first
                    // timeout, reports it once, and then knows of nothing but its end. That body is
                    // not empty.
                    let how = self.waited_past.take().unwrap_or(How::Clean);
                    return self.end(how);
                }
                Ok(_) => {
                    self.waited_past = None;
                    self.session.arrived(now);
                    return Ok(false);
                }
                Err(error) => {
                    self.session.tick(now);
                    let Some(how) = self.wait_on(error, before, now) else { continue };
                    return self.end(how);
                }
            }
        }
    }

    /// Ends the session, unless the stream goes on over another connection.
    fn end(&mut self, how: How) -> Result<bool, deltawire::Error> {
        match &mut self.resuming {
            None => self.session.end(how),
            Some(resuming) => {
                let clock = &mut self.clock;
                resuming.go_on(&mut self.session, &mut self.body, || clock.now(), how)
            }
        }
    }

    /// Returns the end that a failed read is, or `None` to read again under stall limits.
    fn wait_on(&mut self, error: io::Error, before: Duration, now: Duration) -> Option<How> {
        /// The shortest wait. A reader that times out sooner is left alone for as long.
        const SHORTEST: Duration = Duration::from_millis(1);
        let is_socket_timeout = is_socket_timeout(&error);
        let how = How::from(transport(error));
        if !matches!(&how, How::Broken(error) if error.timed_out()) {
            return Some(how);
        }
        if let Some(stall) = self.session.stalled(now) {
            return Some(How::Stalled(stall));
        }
        if !is_socket_timeout || self.session.deadline().is_none() {
            return Some(how);
        }
        if self.session.times().first_byte.is_none() {
            self.waited_past = Some(how);
        }
        if now - before < SHORTEST {
            std::thread::sleep(SHORTEST);
        }
        None
    }
}

impl<D: Dialect, R> AnswerStream<D, R> {
    /// Ends the stream, and returns its outcome. Reads nothing more.
    ///
    /// Before the stream's end that is [`End::Stopped`](deltawire::End::Stopped).
    #[must_use]
    pub fn finish(self) -> Outcome<D::Answer> {
        self.session.close(How::Stopped)
    }

    /// Returns what the last event changed; empty before the first. Free.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.session.update()
    }

    /// Returns the head of the response, with all its headers.
    ///
    /// They are `x-request-id`, `x-ratelimit-remaining-tokens`, `openai-processing-ms`, …
    /// `None` if the stream was made of a reader alone.
    #[must_use]
    pub fn head(&self) -> Option<&Parts> {
        self.head.as_deref()
    }

    /// Returns the session, which can be [saved](Session::save) and has the
    /// [cursor](Session::cursor).
    ///
    /// Bytes that were read and not folded yet are not in it. A stream that goes on after the
    /// cursor has their events again.
    #[must_use]
    pub fn session(&self) -> &Session<D> {
        &self.session
    }

    /// Returns the accumulator, which has the text and the answer so far.
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<D> {
        self.session.accumulator()
    }

    /// Returns the timing of what arrived so far.
    ///
    /// `None` unless the reader is [`timed`](crate::Reader::timed).
    /// A stream that has not ended ends now for it.
    #[cfg(feature = "timing")]
    pub fn timing(&mut self) -> Option<Timing> {
        let now = self.clock.now();
        let recorder = self.recorder.as_deref()?;
        Some(recorder.finish(self.session.times_at(now), None))
    }

    /// Returns the recorder, if any.
    ///
    /// Callers that count tokens as they go tell it: [`Recorder::tokens`].
    #[cfg(feature = "timing")]
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_deref_mut()
    }
}

/// Leaves out the reader, which shows nothing of itself, and the bytes read ahead.
impl<D: fmt::Debug, R> fmt::Debug for AnswerStream<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream")
            .field("session", &self.session)
            .field("unread", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The events of an [`AnswerStream`], which are folded as they pass.
///
/// They end after the first error.
pub struct FoldedEvents<'s, D, R> {
    stream: &'s mut AnswerStream<D, R>,
    has_failed: bool,
}

impl<D: fmt::Debug, R> fmt::Debug for FoldedEvents<'_, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldedEvents").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<D: Dialect, R: Read> Iterator for FoldedEvents<'_, D, R> {
    type Item = Result<OwnedEvent, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed {
            return None;
        }
        let event = self.stream.step(Session::next_event, None).transpose();
        self.has_failed = matches!(event, Some(Err(_)));
        event
    }
}

impl<D: Dialect, R: Read> std::iter::FusedIterator for FoldedEvents<'_, D, R> {}
