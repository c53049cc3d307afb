//! A stream over any blocking reader: the loop around a session, for files, pipes and sockets.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::ops::Range;
use std::io::{ErrorKind, Read};

use super::accumulator::Accumulator;
use super::dialect::Dialect;
use super::options::Options;
use super::outcome::{How, Outcome};
use super::session::Session;
use super::update::Update;
use crate::error::{Error, TransportError};

/// Reads a response from any [`std::io::Read`], and folds it event by event.
///
/// It is for files, pipes, sockets and the bodies of blocking HTTP clients. `deltawire-ureq` does
/// the same over ureq, with limits on stalls and with timing. A read is at most
/// [`READ_SIZE`](Self::READ_SIZE) bytes, and happens only when every update of the last one was
/// returned. After `[DONE]` nothing more is read, so a server that leaves the connection open holds
/// nobody up.
///
/// ```
/// use deltawire::chat;
///
/// let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\
///             \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
/// let outcome = chat::ReadStream::new(body.as_bytes()).run(|update| print!("{}", update.text()));
/// assert_eq!(outcome.into_complete()?.text(), "Hi");
/// # Ok::<(), deltawire::Incomplete<chat::ChatCompletion>>(())
/// ```
///
/// A loop can stop early, and still has the outcome:
///
/// ```
/// use deltawire::{End, chat};
///
/// # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n".repeat(2);
/// # let reader = body.as_bytes();
/// let mut stream = chat::ReadStream::new(reader);
/// while let Some(update) = stream.next()? {
///     if update.text().contains("Hi") {
///         break;
///     }
/// }
/// let outcome = stream.finish();
/// assert_eq!((outcome.end, outcome.answer.text()), (End::Stopped, "Hi"));
/// # Ok::<(), deltawire::Error>(())
/// ```
pub struct ReadStream<D, R> {
    session: Session<D>,
    reader: R,
    buffer: Box<[u8]>,
    /// The bytes of the buffer that are not folded yet.
    unread: Range<usize>,
}

impl<D: Dialect, R: Read> ReadStream<D, R> {
    /// The largest size of a read, in bytes.
    ///
    /// A read returns what has arrived, so a large one delays nothing.
    pub const READ_SIZE: usize = 16 * 1024;

    /// Returns a stream with the default [`Options`]. Reads nothing yet.
    ///
    /// There is no status and no content type to check; see [`head`](Self::head). A body that
    /// begins as JSON, HTML or gzip does is still told from an event stream.
    pub fn new(reader: R) -> Self {
        Self::with_options(reader, Options::default())
    }

    /// Returns a stream with other options.
    pub fn with_options(reader: R, options: Options) -> Self {
        Self {
            session: Session::with_options(options),
            reader,
            buffer: vec![0; Self::READ_SIZE].into_boxed_slice(),
            unread: 0..0,
        }
    }

    /// Records the response head: its status, and a look-up of its headers.
    ///
    /// `header` returns the value of a header, given its name in lower case. The head has to be
    /// told before anything is read. A refused request, or another content type, is then an error
    /// of [`next`](Self::next) with the body; see [`Session::head`].
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        self.session.head(status, header);
        self
    }

    /// Returns what the next event changed. Blocks until one arrived.
    ///
    /// Returns `None` once the stream has ended, in whatever way: [`finish`](Self::finish) says
    /// which.
    ///
    /// # Errors
    /// The reason why the stream ended early: a reader that failed, an error in the stream, a body
    /// that is not an event stream, a limit. A reader that would block, or whose wait timed out,
    /// has failed: [`TransportError::timed_out`]. Every later call returns the same error,
    /// and `finish` hands over what was folded before.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance()? { Some(self.session.update()) } else { None })
    }

    /// Folds the next event, and returns true unless the stream has ended.
    ///
    /// [`update`](Self::update) then returns what it changed. It is for loops in which the borrow
    /// checker does not let an update be returned.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn advance(&mut self) -> Result<bool, Error> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let advanced = self.session.advance(&mut input);
            self.unread.start = self.unread.end - input.len();
            if advanced? {
                return Ok(true);
            }
            if self.session.is_ended() {
                return Ok(false);
            }
            match self.reader.read(&mut self.buffer) {
                Ok(0) => return self.session.end(How::Clean),
                Ok(count) => self.unread = 0..count.min(self.buffer.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return self.session.end(How::Broken(TransportError::from_source(error)));
                }
            }
        }
    }

    /// Reads to the end, calls `see` with each update, and returns the outcome.
    ///
    /// An error that ended the stream is in the outcome, with everything that was folded before.
    pub fn run(mut self, mut see: impl FnMut(Update<'_>)) -> Outcome<D::Answer> {
        while let Ok(Some(update)) = self.next() {
            see(update);
        }
        self.finish()
    }
}

impl<D: Dialect, R> ReadStream<D, R> {
    /// Returns what the last event changed; empty before the first.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.session.update()
    }

    /// Returns the accumulator: the text and the answer so far.
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<D> {
        self.session.accumulator()
    }

    /// Ends the stream, and returns its outcome. Reads nothing more.
    ///
    /// Before the stream's end that is [`End::Stopped`](crate::End::Stopped).
    #[must_use]
    pub fn finish(self) -> Outcome<D::Answer> {
        self.session.close(How::Stopped)
    }

    /// Returns the reader, and drops what was read and not folded.
    #[must_use]
    pub fn into_reader(self) -> R {
        self.reader
    }
}

impl<D, R> fmt::Debug for ReadStream<D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadStream")
            .field("session", &self.session)
            .field("unread", &self.unread.len())
            .finish_non_exhaustive()
    }
}
