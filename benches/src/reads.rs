//! The bytes of a stream as they come: cut into reads.
//!
//! All reads are slices of bytes that live for ever, so that no peer pays for a reference count or
//! a copy on the way in.

use std::convert::Infallible;
use std::fmt;
use std::iter::Copied;
use std::pin::{Pin, pin};
use std::slice::{Chunks, Iter};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

/// The size of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadSize {
    /// This many bytes, wherever that cuts.
    Bytes(usize),
    /// One block, up to its blank line, or one line where lines are events: what a server that
    /// flushes each chunk sends.
    Event,
}

impl ReadSize {
    /// The sizes that every decode corpus is read in.
    pub const ALL: [Self; 4] =
        [Self::Bytes(16 << 10), Self::Event, Self::Bytes(100), Self::Bytes(1)];
}

impl fmt::Display for ReadSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) if bytes % 1024 == 0 => write!(f, "{} KiB", bytes / 1024),
            Self::Bytes(bytes) => write!(f, "{bytes} B"),
            Self::Event => f.write_str("event"),
        }
    }
}

/// The reads of one pass through a stream: an iterator for who is fed, a [`Stream`] that is always
/// ready for who polls.
#[derive(Debug, Clone)]
pub enum Reads {
    /// Reads of one size.
    Sized(Chunks<'static, u8>),
    /// Reads that were cut before.
    Cut(Copied<Iter<'static, &'static [u8]>>),
}

impl Iterator for Reads {
    type Item = &'static [u8];

    #[inline]
    fn next(&mut self) -> Option<&'static [u8]> {
        match self {
            Self::Sized(reads) => reads.next(),
            Self::Cut(reads) => reads.next(),
        }
    }
}

impl Stream for Reads {
    type Item = Result<&'static [u8], Infallible>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.next().map(Ok))
    }
}

/// Polls a stream over [`Reads`] to its end. No executor: memory is always ready, and a waker that
/// does nothing costs nothing.
///
/// # Panics
/// If the stream waits for anything.
#[inline]
pub fn drive<S: Stream>(stream: S, mut item: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(next)) => item(next),
            Poll::Ready(None) => return,
            Poll::Pending => panic!("a stream over memory waits"),
        }
    }
}
