//! The bodies of an exchange, which are passed on and recorded as they come.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::client::ClientState;
use super::{How, Sink};

/// The most that is kept of a request's body. All of it is passed on.
pub(super) const MAX_REQUEST: usize = 64 << 20;

/// A request's body on its way to the server.
pub(super) struct RequestBody {
    inner: Incoming,
    sent: Arc<Mutex<Sent>>,
}

/// The part of a request's body that went by, and the time of its end.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) body: Vec<u8>,
    pub(super) is_too_long: bool,
    pub(super) ended: Option<Instant>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming) -> (Self, Arc<Mutex<Sent>>) {
        let sent = Arc::new(Mutex::new(Sent::default()));
        let body = Self { inner, sent: Arc::clone(&sent) };
        if body.inner.is_end_stream() {
            body.ended();
        }
        (body, sent)
    }

    fn ended(&self) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.ended.get_or_insert_with(Instant::now);
    }

    fn keep(&self, data: &[u8]) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.is_too_long |= sent.body.len() + data.len() > MAX_REQUEST;
        if !sent.is_too_long {
            sent.body.extend_from_slice(data);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => frame.data_ref().into_iter().for_each(|data| self.keep(data)),
            Some(Err(_)) => {}
            None => self.ended(),
        }
        // The last frame of a known length is the end; nobody asks for another.
        if self.inner.is_end_stream() {
            self.ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An exchange as the sinks know it.
pub(super) struct Exchange {
    pub(super) id: u64,
    /// The end of the request, from which times count.
    pub(super) since: Instant,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    has_ended: bool,
}

impl Exchange {
    pub(super) fn new(id: u64, since: Instant, sinks: Arc<[Arc<dyn Sink>]>) -> Self {
        Self { id, since, sinks, has_ended: false }
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        let at = self.since.elapsed();
        self.sinks.iter().for_each(|sink| sink.read(self.id, at, bytes));
    }

    /// Tells the end once.
    pub(super) fn end(&mut self, how: &How) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let at = self.since.elapsed();
            self.sinks.iter().for_each(|sink| sink.end(self.id, at, how));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // A body that is dropped early has nobody left to read it.
        self.end(&How::ClientLeft);
    }
}

/// An answer's body on its way to the client.
pub(super) struct AnswerBody {
    inner: Incoming,
    exchange: Exchange,
    client: Arc<ClientState>,
    /// The error at which the body ended, and the flushes that had been by then.
    broken: Option<(hyper::Error, u64)>,
}

impl AnswerBody {
    pub(super) fn new(inner: Incoming, exchange: Exchange, client: Arc<ClientState>) -> Self {
        let mut body = Self { inner, exchange, client, broken: None };
        body.end_if_complete();
        body
    }

    fn end_if_complete(&mut self) {
        if self.inner.is_end_stream() {
            self.exchange.end(&How::Clean);
        }
    }

    fn fail(&mut self, error: hyper::Error) {
        let how = broken(&error);
        if matches!(how, How::Reset(_)) {
            self.client.reset();
        }
        self.exchange.end(&how);
        self.broken = Some((error, self.client.flushes()));
    }
}

/// Returns the end that an error of the connection to the server is.
pub(super) fn broken(error: &hyper::Error) -> How {
    let text = with_causes(error);
    if is_reset(error) { How::Reset(text) } else { How::Cut(text) }
}

fn is_reset(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Returns the message of an error with those of its causes.
pub(super) fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.broken.is_none() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.exchange.read(data);
                    }
                    self.end_if_complete();
                    return Poll::Ready(Some(Ok(frame)));
                }
                None => {
                    self.exchange.end(&How::Clean);
                    return Poll::Ready(None);
                }
                Some(Err(error)) => self.fail(error),
            }
        }
        if let Some((_, flushes)) = &self.broken {
            ready!(self.client.poll_flushed_since(*flushes, context));
        }
        Poll::Ready(self.broken.take().map(|(error, _)| Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
