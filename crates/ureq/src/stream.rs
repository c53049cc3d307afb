//! The blocking stream: a reader, and the fold it feeds.

use std::fmt;
use std::io::{ErrorKind, Read};

use deltawire::chat::Chat;
use deltawire::text::Text;
use deltawire::{Accumulator, Endpoint, Fold, Options, Outcome, Update};
use ureq::BodyReader;

use crate::error::{Error, transport};

/// A streamed chat completion.
pub type ChatStream<R = BodyReader<'static>> = Stream<Chat, R>;

/// A streamed legacy completion.
pub type TextStream<R = BodyReader<'static>> = Stream<Text, R>;

/// A response that is read and folded, chunk by chunk.
///
/// Reads ahead what the reader has ready, at most [`Stream::READ_SIZE`] bytes at a time, and blocks only when every chunk of that was
/// handed out. Once `[DONE]` came it reads no more, so a server that leaves the connection open holds nobody up; the connection is not reused then.
pub struct Stream<E, R = BodyReader<'static>> {
    fold: Fold<E>,
    reader: R,
    buffer: Box<[u8]>,
    /// What of `buffer` was read and not decoded yet.
    unread: std::ops::Range<usize>,
    body: Body,
}

/// How far the body is.
#[derive(Debug)]
enum Body {
    Open,
    Ended,
    Broken(deltawire::Error),
}

impl<E: Endpoint, R: Read> Stream<E, R> {
    /// The size of a read, in bytes. A read returns what has come, so this delays nothing.
    pub const READ_SIZE: usize = 16 << 10;

    /// Reads a stream from any reader, with the default [`Options`]. There is no status and no content type to check; a body that begins as JSON or
    /// HTML does is still told from an event stream.
    pub fn from_reader(reader: R) -> Self {
        Self::with_options(reader, Options::new())
    }

    /// The same with other options.
    pub fn with_options(reader: R, options: Options) -> Self {
        Self::with_read_size(reader, options, Self::READ_SIZE)
    }

    /// The same with reads of at most this many bytes; at least 1.
    pub fn with_read_size(reader: R, options: Options, size: usize) -> Self {
        Self {
            fold: Fold::with_options(options),
            reader,
            buffer: vec![0; size.max(1)].into(),
            unread: 0..0,
            body: Body::Open,
        }
    }

    /// Folds another way than the default, before anything was read.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.fold = Fold::with_options(options);
        self
    }

    /// The next chunk, folded: what it changed. Blocks until one came. `None` when the stream has ended, be it cut: [`finish`](Self::finish) tells how.
    ///
    /// # Errors
    /// What ended the stream early: a connection that failed or timed out, an error in band, a body that is no event stream, a limit. Every later
    /// call says the same, and `finish` hands over what was folded before.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend; `chunks` is one")]
    pub fn next(&mut self) -> Result<Option<Update<'_>>, Error> {
        let came = self.step(|fold, input| Ok(fold.advance(input)?.then_some(())))?;
        Ok(came.map(|()| self.fold.update()))
    }

    /// The chunks themselves, typed and owned, one an event. They are folded all the same, so `finish` has the outcome after the loop.
    pub fn chunks(&mut self) -> Chunks<'_, E, R> {
        Chunks { stream: self, failed: false }
    }

    /// The completion as far as it came: [`Accumulator::text`], [`Accumulator::completion`].
    pub fn accumulator(&self) -> &Accumulator<E> {
        self.fold.accumulator()
    }

    /// What the stream came to. Before its end: [`End::Stopped`](deltawire::End::Stopped); nothing more is read.
    pub fn finish(self) -> Outcome<E::Completion> {
        match self.body {
            Body::Open => self.fold.stop(),
            Body::Ended => self.fold.finish(),
            Body::Broken(deltawire::Error::Transport { message, timed_out }) => self.fold.break_off(message, timed_out),
            Body::Broken(other) => self.fold.break_off(other.to_string(), false),
        }
    }

    /// Feeds the fold until it gives something, reading when it has nothing left.
    fn step<T>(
        &mut self,
        mut take: impl FnMut(&mut Fold<E>, &mut &[u8]) -> Result<Option<T>, deltawire::Error>,
    ) -> Result<Option<T>, Error> {
        loop {
            let mut input = &self.buffer[self.unread.clone()];
            let taken = take(&mut self.fold, &mut input);
            self.unread.start = self.unread.end - input.len();
            if let Some(taken) = taken? {
                return Ok(Some(taken));
            }
            if self.fold.is_ended() {
                return Ok(None);
            }
            match &self.body {
                Body::Open => self.read(),
                Body::Ended => {
                    self.fold.end()?;
                    return Ok(None);
                }
                Body::Broken(error) => return Err(error.clone().into()),
            }
        }
    }

    /// One read. `unread` is empty.
    fn read(&mut self) {
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(0) => self.body = Body::Ended,
                Ok(count) => self.unread = 0..count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.body = Body::Broken(transport(&error)),
            }
            return;
        }
    }
}

/// Without the reader (ureq's shows nothing of itself) and without what is read ahead.
impl<E: fmt::Debug, R> fmt::Debug for Stream<E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unread = self.unread.len();
        f.debug_struct("Stream")
            .field("fold", &self.fold)
            .field("body", &self.body)
            .field("unread", &unread)
            .finish_non_exhaustive()
    }
}

/// The chunks of a [`Stream`], as an iterator. Ends after the first error.
pub struct Chunks<'s, E, R> {
    stream: &'s mut Stream<E, R>,
    failed: bool,
}

impl<E: fmt::Debug, R> fmt::Debug for Chunks<'_, E, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("stream", &self.stream).field("failed", &self.failed).finish()
    }
}

impl<E: Endpoint, R: Read> Iterator for Chunks<'_, E, R> {
    type Item = Result<E::Chunk<'static>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let chunk = self.stream.step(Fold::next_chunk).transpose();
        self.failed = matches!(chunk, Some(Err(_)));
        chunk
    }
}

impl<E: Endpoint, R: Read> std::iter::FusedIterator for Chunks<'_, E, R> {}
