//! Bodies and readers that bring their bytes as a hostile server may, without a network.

use std::io::{self, ErrorKind, Read};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};

/// The way in which bytes arrive: frames of these lengths, over and over.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// The lengths. Zero is an empty frame, or a read that is interrupted.
    pub lengths: &'static [usize],
    /// The body is pending before each frame, or the read times out.
    pub pending: bool,
    /// Trailers follow each frame.
    pub trailers: bool,
}

impl Cut {
    /// Everything in frames of 4 KiB.
    pub const PAGES: Self = Self::frames(&[4096]);

    /// Returns frames of these lengths, and nothing else.
    #[must_use]
    pub const fn frames(lengths: &'static [usize]) -> Self {
        Self { lengths, pending: false, trailers: false }
    }
}

/// A body, a stream of bytes, and a reader of the same bytes.
#[derive(Debug)]
pub struct Cuts {
    rest: Bytes,
    cut: Cut,
    /// The number of frames so far.
    frames: usize,
    was_pending: bool,
    had_trailers: bool,
}

impl Cuts {
    /// Cuts bytes up.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, cut: Cut) -> Self {
        Self { rest: bytes.into(), cut, frames: 0, was_pending: false, had_trailers: true }
    }

    /// Copies the text, because a body owns its bytes.
    #[must_use]
    pub fn of(text: &str, cut: Cut) -> Self {
        Self::new(Bytes::copy_from_slice(text.as_bytes()), cut)
    }

    fn next_length(&mut self, most: usize) -> usize {
        let length = self.cut.lengths[self.frames % self.cut.lengths.len()];
        self.frames += 1;
        length.min(most).min(self.rest.len())
    }
}

impl Body for Cuts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.cut.pending && !std::mem::replace(&mut self.was_pending, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.was_pending = false;
        if self.cut.trailers && !std::mem::replace(&mut self.had_trailers, true) {
            return Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new()))));
        }
        self.had_trailers = false;
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.next_length(usize::MAX);
        // A stack reads each frame into memory of its own.
        let frame = Bytes::copy_from_slice(&self.rest.split_to(length));
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }
}

impl Read for Cuts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cut.pending && !std::mem::replace(&mut self.was_pending, true) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.was_pending = false;
        if self.rest.is_empty() {
            return Ok(0);
        }
        let length = self.next_length(buffer.len());
        if length == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}

/// The end of a head, which [`connections`] look for.
const END_OF_HEAD: &str = "\r\n\r\n";

/// Returns the head of a response with an event stream, as it stands on the wire.
pub const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// Returns the head of a busy server's response, which asks for another try.
pub const BUSY: &str = "HTTP/1.1 503 \r\nretry-after: 1\r\n\r\n";

/// Returns the responses that a text is made up of: the status and the body of each.
///
/// Between two responses the connection is made again.
pub fn connections(text: &str) -> impl Iterator<Item = (u16, Bytes)> + use<> {
    let (all, bytes) = (text.to_owned(), Bytes::copy_from_slice(text.as_bytes()));
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &all[at..];
        let status = rest.get(9..12)?.parse().ok()?;
        let head = rest.find(END_OF_HEAD)? + END_OF_HEAD.len();
        let end = rest[head..].find("HTTP/1.1 ").map_or(rest.len(), |length| head + length);
        let body = bytes.slice(at + head..at + end);
        at += end;
        Some((status, body))
    })
}

/// Returns the response with this status and body, without a body's type.
pub fn response<B>(status: u16, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().expect("three digits");
    let headers = response.headers_mut();
    if status == 200 {
        headers.insert("content-type", http::HeaderValue::from_static("text/event-stream"));
    } else {
        headers.insert("retry-after", http::HeaderValue::from_static("1"));
    }
    response
}

/// Polls a future until it is ready.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}
