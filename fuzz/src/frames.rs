//! The async adapter over a body whose frames are cut anywhere.
//!
//! A corpus file is the bytes of one [`Frames`] in the order of its fields: one byte for what is
//! read, one of options, one for `max_folded` or `max_event` (255 for the default), eight steps of
//! the body, a byte whose bits say which futures are dropped while they are pending, and then the
//! stream.
//!
//! The highest two bits of a step: 0 and 1 are a frame of as many bytes as the other bits say, 2 is
//! the same after a wait, 3 is a frame of trailers. For an event source the stream is several
//! bodies, with a NUL between two.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arbitrary::Arbitrary;
use bytes::Bytes;
use deltawire::any::Any;
use deltawire::chat::Chat;
use deltawire::messages::Messages;
use deltawire::responses::Responses;
use deltawire::sse::{self, Action, Decoder, Reconnect};
use deltawire::{Dialect, End, How, Limits, Options, Outcome, Session, StallLimits, Update};
use deltawire_async::{AnswerStream, Event, EventSource, Events, Reader};

use crate::body::{BROKEN, Last, Planned, World};
use crate::wakes::Wakes;

/// A body, the frames it comes in, and how it is read.
#[derive(Debug, Arbitrary)]
pub struct Frames<'a> {
    /// The reader: a stream of one of four APIs, the bare events, or an event source.
    reads: u8,
    /// From the lowest bit: the body breaks, it is silent at its end, limits on silence, each poll
    /// has another waker, the body is in a box, unknown members are kept.
    options: u8,
    /// The limit; 255 leaves it at its default.
    limit: u8,
    /// The steps of the body, over and over.
    plan: [u8; 8],
    /// A set bit: the future that is pending then is dropped.
    drops: u8,
    /// The body.
    stream: &'a [u8],
}

/// The executor: it polls until something is ready, and drops futures on the way.
struct Executor {
    world: Arc<World>,
    drops: u8,
    polls: u32,
    new_wakers: bool,
    waker: (Arc<Wakes>, std::task::Waker),
}

impl Executor {
    /// Polls the futures that `make` makes until one is ready.
    ///
    /// Returns `None` in an endless silence.
    fn ready<T, V>(
        &mut self,
        value: &mut V,
        make: impl for<'v> Fn(&'v mut V) -> Pin<Box<dyn Future<Output = T> + 'v>>,
    ) -> Option<T> {
        loop {
            let mut future = make(value);
            loop {
                if self.new_wakers {
                    self.waker = Wakes::new();
                }
                let before = self.waker.0.count();
                let mut cx = Context::from_waker(&self.waker.1);
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return Some(output);
                }
                if !self.world.settle(&self.waker.0, before) {
                    return None;
                }
                self.polls += 1;
                if self.drops >> (self.polls % 8) & 1 == 1 {
                    break;
                }
            }
        }
    }
}

/// Everything that is seen of a stream.
#[derive(Debug, PartialEq)]
struct Seen<A> {
    updates: Vec<String>,
    error: Option<deltawire::Error>,
    outcome: Outcome<A>,
}

fn shown(update: &Update<'_>) -> String {
    format!("{:?}", update.changes().collect::<Vec<_>>())
}

impl Frames<'_> {
    /// The same bytes give the same in any frames, whichever futures are dropped; and a pending
    /// future has left its waker.
    ///
    /// # Panics
    /// If one of these does not hold.
    pub fn check(&self) {
        match self.reads % 7 {
            0 | 1 => self.check_stream::<Chat>(),
            2 => self.check_stream::<Any>(),
            3 => self.check_stream::<Responses>(),
            4 => self.check_stream::<Messages>(),
            5 => self.check_events(),
            _ => self.check_source(),
        }
    }

    fn last(&self) -> Last {
        match self.options & 3 {
            0 => Last::Clean,
            1 => Last::Broken,
            _ => Last::Silent,
        }
    }

    fn executor(&self) -> Executor {
        Executor {
            world: Arc::default(),
            drops: self.drops,
            polls: 0,
            new_wakers: self.options & 8 != 0,
            waker: Wakes::new(),
        }
    }

    fn body(&self, world: &Arc<World>) -> Planned {
        Planned::new(Bytes::copy_from_slice(self.stream), self.plan, self.last(), world)
    }

    fn check_stream<D: Dialect<Answer: Debug + PartialEq>>(&self) {
        let mut limits = Limits::default();
        if self.limit != u8::MAX {
            limits.max_folded = usize::from(self.limit) * 8;
        }
        let options = Options::new().with_limits(limits).with_unknown(self.options & 32 != 0);
        let mut executor = self.executor();
        let mut reader = Reader::new().options(options);
        let stalls = self.options & 4 != 0;
        if stalls {
            // Its sleeps are never over, and the real clock does not come so far.
            let limits = StallLimits::new().with_content(Duration::from_secs(3600));
            reader = reader.stalls(limits, |_| std::future::pending::<()>());
        }
        let body = self.body(&executor.world);
        let seen = if self.options & 16 == 0 {
            read::<D, _>(reader.read_body(body), &mut executor)
        } else {
            read::<D, _>(reader.read_body(body).boxed(), &mut executor)
        };
        let expected = self.expected::<D>(options);
        assert_eq!(seen, expected, "{:?}", self.plan);
    }

    /// Returns what the core makes of the whole body.
    fn expected<D: Dialect>(&self, options: Options) -> Seen<D::Answer> {
        let mut session = Session::<D>::with_options(options);
        let (mut updates, mut input) = (Vec::new(), self.stream);
        let mut error = loop {
            match session.advance(&mut input) {
                Ok(true) => updates.push(shown(&session.update())),
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        let how = match self.last() {
            Last::Clean => How::Clean,
            Last::Broken => How::broken(BROKEN, false),
            Last::Silent => How::Stopped,
        };
        if error.is_none() && !session.is_ended() && how != How::Stopped {
            let ended = match session.end(how) {
                Ok(true) => {
                    updates.push(shown(&session.update()));
                    // The end may bring an update and an error.
                    session.advance(&mut &[][..]).map(drop)
                }
                ended => ended.map(drop),
            };
            error = ended.err();
        }
        Seen { updates, error, outcome: session.close(How::Stopped) }
    }

    fn check_events(&self) {
        let mut limits = sse::Limits::default();
        if self.limit != u8::MAX {
            limits.max_event = self.limit.into();
        }
        let mut executor = self.executor();
        let mut events = Events::with_limits(self.body(&executor.world), limits);
        let mut seen = Vec::new();
        while let Some(item) = executor.ready(&mut events, |events| Box::pin(events.next())) {
            let Some(item) = item else { break };
            seen.push(item_of(item));
        }
        let mut decoder = Decoder::with_limits(limits);
        let mut input = self.stream;
        let mut expected = decoded(&mut input, |input| {
            let event = decoder.decode(input).transpose()?;
            Some(event.map(own).map_err(|error| text(&deltawire::Error::from(error))))
        });
        if self.last() == Last::Broken {
            let how = How::broken(BROKEN, false);
            let error = Session::<Chat>::new().end(how).expect_err("it broke");
            expected.push(Err(text(&error)));
        }
        assert_eq!(seen, expected, "{:?}", self.plan);
        if self.last() != Last::Silent {
            let after = executor.ready(&mut events, |events| Box::pin(events.next()));
            assert!(matches!(after, Some(None)), "the events are fused");
        }
    }

    fn check_source(&self) {
        let mut policy = Reconnect::default();
        policy.max_reconnects = Some(2);
        policy.busy_statuses = self.options & 16 != 0;
        // The bits of the limit decide over the responses.
        let bodies: Vec<&[u8]> = self.stream.split(|&byte| byte == 0).collect();
        let status = |number: usize| match (self.limit ^ 255).rotate_left(number as u32 % 8) & 3 {
            3 => 503,
            _ => 200,
        };
        let last = if self.last() == Last::Broken { Last::Broken } else { Last::Clean };

        let mut executor = self.executor();
        let (world, plan) = (Arc::clone(&executor.world), self.plan);
        let sent = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&sent);
        let responses: Vec<_> = bodies.iter().map(|body| Bytes::copy_from_slice(body)).collect();
        let connect = move |request: http::Request<()>| {
            let id = request.headers().get("last-event-id").cloned();
            let mut requests = requests.lock().unwrap_or_else(PoisonError::into_inner);
            let number = requests.len();
            requests.push(id.map(|id| id.as_bytes().to_vec()).unwrap_or_default());
            let response = responses.get(number).map(|bytes| {
                let body = Planned::new(bytes.clone(), plan, last, &world);
                http::Response::builder()
                    .status(status(number))
                    .header("content-type", "text/event-stream")
                    .body(body)
                    .expect("a response")
            });
            let (world, mut response) = (Arc::clone(&world), Some(response));
            poll_fn(move |cx| {
                std::task::ready!(world.poll_once(cx));
                let response = response.take().expect("ready once");
                Poll::Ready(response.ok_or_else(|| std::io::Error::other("refused")))
            })
        };
        let sleeper = Arc::clone(&executor.world);
        let sleep = move |_| {
            let world = Arc::clone(&sleeper);
            poll_fn(move |cx| world.poll_once(cx))
        };
        let request = http::Request::get("http://127.0.0.1/").body(()).expect("a request");
        let mut source =
            EventSource::new(request, connect, sleep).with_reconnect(policy).with_seed(7);
        let mut seen = Vec::new();
        while let Some(Some(item)) = executor.ready(&mut source, |source| Box::pin(source.next())) {
            if matches!(item, Err(deltawire_async::Error::Closed { .. })) {
                break;
            }
            seen.push(item_of(item));
        }
        let after = executor.ready(&mut source, |source| Box::pin(source.next()));
        assert!(matches!(after, Some(None)), "the source is fused");
        let sent = std::mem::take(&mut *sent.lock().unwrap_or_else(PoisonError::into_inner));

        let mut core = sse::EventSource::new().with_reconnect(policy).with_seed(7);
        let (mut expected, mut expected_sent, mut body) = (Vec::new(), Vec::new(), &[][..]);
        loop {
            match core.action() {
                Action::Connect => {
                    let number = expected_sent.len();
                    let id = core.headers().find(|(name, _)| *name == "last-event-id");
                    expected_sent.push(id.map_or(Vec::new(), |(_, id)| id.as_bytes().to_vec()));
                    match bodies.get(number) {
                        Some(bytes) => {
                            body = bytes;
                            core.answered(status(number), |name| {
                                (name == "content-type").then_some("text/event-stream")
                            });
                        }
                        None => core.failed(),
                    }
                }
                Action::Read => {
                    expected.extend(decoded(&mut body, |input| {
                        let event = core.decode(input).transpose()?;
                        let error = |error| text(&deltawire::Error::from(error));
                        Some(event.map(own).map_err(error))
                    }));
                    match last {
                        Last::Broken => core.failed(),
                        _ => core.ended(),
                    }
                }
                Action::Wait(_) => core.waited(),
                Action::Stop(_) => break,
            }
        }
        assert_eq!((seen, sent), (expected, expected_sent), "{:?}", self.plan);
        assert_eq!(source.closed(), core.closed());
    }
}

/// Reads a stream to its end, and asks twice more there.
fn read<D, B>(mut stream: AnswerStream<D, B>, executor: &mut Executor) -> Seen<D::Answer>
where
    D: Dialect,
    B: http_body::Body + Unpin,
    B::Error: Into<deltawire_async::BoxError>,
{
    let advance = |stream: &mut AnswerStream<D, B>, executor: &mut Executor| {
        executor.ready(stream, |stream| Box::pin(stream.advance()))
    };
    let mut updates = Vec::new();
    let error = loop {
        match advance(&mut stream, executor) {
            Some(Ok(true)) => updates.push(shown(&stream.update())),
            Some(Ok(false)) | None => break None,
            Some(Err(error)) => break Some(of_stream(error)),
        }
    };
    let is_silent = !stream.session().is_ended();
    for _ in 0..2 {
        match (advance(&mut stream, executor), &error) {
            (Some(Ok(false)), None) => {}
            (Some(Err(again)), Some(error)) => assert_eq!(of_stream(again), *error),
            (None, None) if is_silent => {}
            (again, error) => panic!("{error:?} and then {again:?}"),
        }
    }
    let outcome = stream.finish();
    assert!(is_silent || outcome.end != End::Stopped, "the stream had ended");
    Seen { updates, error, outcome }
}

fn of_stream(error: deltawire_async::Error) -> deltawire::Error {
    match error {
        deltawire_async::Error::Stream(error) => error,
        other => panic!("no error of the stream: {other:?}"),
    }
}

/// An event's type, data and ID, or the text of an error.
type Item = Result<(String, String, String), String>;

fn own(event: sse::Event<'_>) -> (String, String, String) {
    (event.event.to_owned(), event.data.to_owned(), event.id.to_owned())
}

fn item_of(item: Result<Event, deltawire_async::Error>) -> Item {
    item.map(|event| own(event.as_event())).map_err(|error| text(&of_stream(error)))
}

/// Returns the text of an error with its sources, which the adapter keeps apart.
fn text(error: &deltawire::Error) -> String {
    format!("{error:#}")
}

/// Decodes everything.
fn decoded(input: &mut &[u8], mut decode: impl FnMut(&mut &[u8]) -> Option<Item>) -> Vec<Item> {
    std::iter::from_fn(|| decode(input)).collect()
}
