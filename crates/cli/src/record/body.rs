//! The bodies of an exchange, which are passed on and recorded as they come.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::client::ClientState;
use super::{ExchangeHead, How, Request, Sink};
use crate::Error;
use crate::screen::complain;

/// The most that is kept of a request's body. All of it is passed on.
pub(super) const MAX_REQUEST: usize = 64 << 20;

/// A request on its way to the server, of which the sinks are told.
pub(super) struct Passing {
    id: u64,
    sinks: Arc<[Arc<dyn Sink>]>,
    began: Instant,
    /// The request without its body.
    head: Request,
    sent: Mutex<Sent>,
}

/// The part of a request's body that went by, and the time of its end.
#[derive(Default)]
struct Sent {
    body: Vec<u8>,
    is_too_long: bool,
    ended: Option<Instant>,
    /// The body, once it has ended.
    whole: Option<Bytes>,
    /// True once the answer has begun, or the exchange is over.
    is_answered: bool,
}

impl Passing {
    /// Tells the sinks that the request arrived.
    pub(super) fn begin(
        id: u64,
        sinks: Arc<[Arc<dyn Sink>]>,
        began: Instant,
        head: Request,
    ) -> Arc<Self> {
        sinks.iter().for_each(|sink| sink.request(id, &head));
        Arc::new(Self { id, sinks, began, head, sent: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, data: &[u8]) {
        let mut sent = self.lock();
        sent.is_too_long |= sent.body.len() + data.len() > MAX_REQUEST;
        if !sent.is_too_long {
            sent.body.extend_from_slice(data);
        }
    }

    /// Tells the sinks once that the request has been sent on.
    fn ended(&self) {
        let mut sent = self.lock();
        if sent.ended.is_none() {
            sent.ended = Some(Instant::now());
            if !sent.is_answered {
                let request = self.request(&mut sent);
                // The lock is held, so that an answer cannot come first.
                self.sinks.iter().for_each(|sink| sink.request(self.id, &request));
            }
        }
    }

    /// Returns the request, with its body as far as it has been sent.
    fn request(&self, sent: &mut Sent) -> Request {
        let is_sent = sent.ended.is_some();
        if is_sent && sent.whole.is_none() && !sent.is_too_long {
            // No more comes, so the bytes can be shared.
            sent.whole = Some(std::mem::take(&mut sent.body).into());
        }
        let body = match &sent.whole {
            Some(whole) => whole.clone(),
            None if sent.is_too_long => Bytes::new(),
            None => Bytes::copy_from_slice(&sent.body),
        };
        Request { body, is_sent, ..self.head.clone() }
    }
}

/// A request's body on its way to the server.
pub(super) struct RequestBody {
    inner: Incoming,
    passing: Arc<Passing>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, passing: Arc<Passing>) -> Self {
        if inner.is_end_stream() {
            passing.ended();
        }
        Self { inner, passing }
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
            Some(Ok(frame)) => {
                frame.data_ref().into_iter().for_each(|data| self.passing.keep(data));
            }
            Some(Err(_)) => {}
            None => self.passing.ended(),
        }
        // The last frame of a known length is the end; nobody asks for another.
        if self.inner.is_end_stream() {
            self.passing.ended();
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
    passing: Arc<Passing>,
    /// The end of the request, from which times count, once an answer has begun.
    since: Option<Instant>,
    has_ended: bool,
}

impl Exchange {
    pub(super) fn new(passing: Arc<Passing>) -> Self {
        Self { passing, since: None, has_ended: false }
    }

    /// Tells the head of the answer, whose headers are redacted already.
    pub(super) fn begin(&mut self, status: StatusCode, headers: Vec<(String, String)>) {
        let mut sent = self.passing.lock();
        sent.is_answered = true;
        if sent.is_too_long {
            let problem =
                format!("a request of more than {MAX_REQUEST} bytes is recorded without its body");
            complain("record", &*Error::from(problem));
        }
        if sent.ended.is_none() && !sent.is_too_long {
            let problem = "an answer began before the end of its request, which is recorded as far as it was sent";
            complain("record", &*Error::from(problem));
        }
        let since = sent.ended.unwrap_or(self.passing.began);
        let request = self.passing.request(&mut sent);
        drop(sent);
        self.since = Some(since);
        let head = ExchangeHead { request, at: since.elapsed(), status: status.as_u16(), headers };
        self.passing.sinks.iter().for_each(|sink| sink.begin(self.passing.id, &head));
    }

    /// Returns the time since the end of the request.
    fn at(&self) -> Duration {
        let since = || self.passing.lock().ended.unwrap_or(self.passing.began);
        self.since.unwrap_or_else(since).elapsed()
    }

    pub(super) fn read(&self, bytes: &[u8]) {
        let at = self.at();
        self.passing.sinks.iter().for_each(|sink| sink.read(self.passing.id, at, bytes));
    }

    /// Tells the end once.
    pub(super) fn end(&mut self, how: &How) {
        if !std::mem::replace(&mut self.has_ended, true) {
            let at = self.at();
            self.passing.lock().is_answered = true;
            self.passing.sinks.iter().for_each(|sink| sink.end(self.passing.id, at, how));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // What is dropped early has nobody left to read it.
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
