//! The async event source on scripted connections, and over hyper.
//!
//! The rules are tested in the core's `event_source.rs`. Here is what polling them adds: bodies in
//! pieces, wakers, cancellation, timers. The timer notes each wait and is ready at once.

use std::collections::{HashSet, VecDeque};
use std::future::{Future, pending, ready};
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deltawire::sse::{Closed, Limits, Reconnect};
use deltawire_async::{BoxError, Error, Event, EventSource};
use deltawire_replay::Script;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use smol::stream::StreamExt as _;

use crate::body::{Scripted, Step, data, on_both, on_tokio};
use crate::wakes::Wakes;

type Connected = Result<Response<Scripted>, io::Error>;

/// The connections to come, in order, and the requests and waits so far.
#[derive(Clone, Default)]
struct World {
    connections: Arc<Mutex<VecDeque<Connected>>>,
    requests: Arc<Mutex<Vec<Request<&'static str>>>>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl World {
    fn new(connections: impl IntoIterator<Item = Connected>) -> Self {
        Self {
            connections: Arc::new(Mutex::new(connections.into_iter().collect())),
            ..Self::default()
        }
    }

    fn connect(
        &self,
        request: Request<&'static str>,
    ) -> impl Future<Output = Connected> + Send + use<> {
        self.requests.lock().unwrap().push(request);
        let connected = self.connections.lock().unwrap().pop_front();
        // Pending once, as a network is.
        async move {
            smol::future::yield_now().await;
            connected.expect("one connection more than expected")
        }
    }

    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        self.waits.lock().unwrap().push(time);
        ready(())
    }

    /// Returns the `last-event-id` of each request.
    fn ids(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        let id = |request: &Request<_>| {
            request
                .headers()
                .get("last-event-id")
                .map(|id| String::from_utf8(id.as_bytes().to_vec()).unwrap())
        };
        requests.iter().map(id).collect()
    }

    fn waits(&self) -> Vec<u128> {
        self.waits.lock().unwrap().iter().map(Duration::as_millis).collect()
    }
}

/// Makes a source of this world, each wait as long as the reconnection time.
macro_rules! source {
    ($world:expr, $request:expr) => {{
        let connect = $world.clone();
        let sleep = connect.clone();
        EventSource::new(
            $request,
            move |request| connect.connect(request),
            move |time| sleep.sleep(time),
        )
        .with_reconnect(steady())
    }};
    ($world:expr) => {
        source!($world, Request::get("/").body("").unwrap())
    };
}

fn answer(status: u16, content_type: &str, steps: impl IntoIterator<Item = Step>) -> Connected {
    let mut response = Response::builder().status(status);
    if !content_type.is_empty() {
        response = response.header("content-type", content_type);
    }
    Ok(response.body(Scripted::new(steps)).unwrap())
}

fn stream_of(steps: impl IntoIterator<Item = Step>) -> Connected {
    answer(200, "text/event-stream", steps)
}

/// A stream of this body, in one frame, that ends cleanly.
fn whole(body: &str) -> Connected {
    stream_of([data(body.as_bytes())])
}

fn broken(body: &str) -> Connected {
    stream_of([data(body.as_bytes()), Step::Pending, Step::Fail("reset by peer")])
}

fn refused() -> Connected {
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens"))
}

fn done() -> Connected {
    answer(204, "", [])
}

/// No back-off, and so nothing for the seed to choose.
fn steady() -> Reconnect {
    let mut reconnect = Reconnect::default();
    reconnect.max_wait = Duration::ZERO;
    reconnect
}

fn reconnects(max: u32) -> Reconnect {
    let mut reconnect = steady();
    reconnect.max_reconnects = Some(max);
    reconnect
}

/// Reads to the end: events as `ID data`, errors as their message.
async fn all<S>(mut source: S) -> Vec<String>
where
    S: Stream<Item = Result<Event, Error>> + FusedStream + Unpin,
{
    let mut seen = Vec::new();
    while let Some(item) = source.next().await {
        assert!(seen.len() < 50, "no end");
        seen.push(item.map_or_else(
            |error| format!("{error:#}"),
            |event| format!("{} {}", event.id, event.data),
        ));
    }
    assert!(source.is_terminated());
    assert!(source.next().await.is_none());
    seen
}

/// Reads to the first error, the last item, and returns its reason and cause.
async fn reason<S: Stream<Item = Result<Event, Error>> + Unpin>(
    mut source: S,
) -> (Closed, Option<Error>) {
    let last = source.find_map(Result::err).await;
    assert!(source.next().await.is_none());
    match last {
        Some(Error::Closed { reason, cause }) => (reason, cause.map(|cause| *cause)),
        other => panic!("no end with a reason: {other:?}"),
    }
}

#[test]
fn a_stream_goes_on_over_connections_that_end_break_and_fail_until_a_204() {
    let seen = on_both(|| async {
        let world = World::new([
            whole("\u{FEFF}retry: 1000\nid: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: cut"),
            refused(),
            broken("\u{FEFF}id: é€😀\ndata: c\n\ndata: cut\r"),
            whole("\ndata: d\n\nid\ndata: e\r\r"),
            whole("\ndata: f\n\n"),
            done(),
        ]);
        let mut source = source!(world);
        let seen = all(&mut source).await;
        assert_eq!(source.closed(), Some(&Closed::NoContent));
        assert_eq!(source.reconnection_time(), Duration::from_secs(1));
        let id = |id: &str| Some(id.to_owned());
        assert_eq!(world.ids(), [None, id("2"), id("2"), id("é€😀"), None, None]);
        assert_eq!(world.waits(), [1000; 5]);
        for request in world.requests.lock().unwrap().iter() {
            let headers = request.headers();
            assert_eq!(headers["accept"], "text/event-stream");
            assert_eq!(headers["cache-control"], "no-cache");
        }
        seen
    });
    assert_eq!(seen, ["1 a", "2 b", "é€😀 c", "é€😀 d", " e", " f"]);
}

#[test]
fn a_server_that_cannot_be_reached_is_given_up_with_the_last_error() {
    let world = World::new([whole("data: a\n\n"), refused(), refused(), refused()]);
    let (closed, cause) = smol::block_on(reason(source!(world).with_reconnect(reconnects(3))));
    assert_eq!(closed, Closed::GaveUp { reconnects: 3 });
    assert_eq!(format!("{:#}", cause.unwrap()), "the connection failed: nobody listens");
    assert_eq!(world.waits(), [3000; 3]);
}

#[test]
fn a_refusal_says_what_its_body_does_in_whatever_pieces_it_comes() {
    let pieces = [data(br#"{"error":{"mess"#), Step::Pending, data(br#"age":"no such key"}}"#)];
    let world = World::new([answer(401, "application/json", pieces)]);
    let (closed, cause) = smol::block_on(reason(source!(world)));
    assert_eq!(closed, Closed::Status(401));
    assert_eq!(
        cause.unwrap().to_string(),
        "the server refused the request with status 401: no such key"
    );
}

#[test]
fn no_more_of_a_body_is_read_than_is_evidence() {
    let endless = (0..5).map(|_| data(&[b'<'; 1000])).chain([Step::Silence]);
    let (closed, cause) =
        smol::block_on(reason(source!(World::new([answer(200, "text/html", endless)]))));
    assert_eq!(closed, Closed::ContentType(Some("text/html".into())));
    let Some(Error::Stream(deltawire::Error::NotAnEventStream { beginning, .. })) = cause else {
        panic!("{cause:?}")
    };
    assert_eq!(beginning.len(), deltawire::Error::EVIDENCE);
}

#[test]
fn nobody_waits_for_the_body_of_a_busy_server_or_of_a_204() {
    let mut reconnect = steady();
    reconnect.busy_statuses = true;
    let silent = |status| answer(status, "text/event-stream", [Step::Silence]);
    let world = World::new([silent(503), whole("data: a\n\n"), silent(204)]);
    assert_eq!(smol::block_on(all(source!(world).with_reconnect(reconnect))), [" a"]);
    assert_eq!(world.waits(), [3000; 2]);
}

/// The end comes with its error, and not before.
#[test]
fn it_is_terminated_when_its_end_was_told() {
    let mut source = source!(World::new([answer(404, "", [Step::Pending])]));
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..2 {
        assert!(std::pin::Pin::new(&mut source).poll_next(&mut cx).is_pending());
        assert!(!source.is_terminated());
    }
    assert_eq!(source.closed(), Some(&Closed::Status(404)));
    assert!(matches!(
        std::pin::Pin::new(&mut source).poll_next(&mut cx),
        Poll::Ready(Some(Err(_)))
    ));
    assert!(source.is_terminated());
}

#[test]
fn a_long_burst_lets_other_tasks_run() {
    let mut source = source!(World::new([whole(&"data: a\n\n".repeat(1000)), done()]));
    let (wakes, waker) = Wakes::new();
    let (mut events, mut pending) = (0, 0);
    loop {
        match std::pin::Pin::new(&mut source).poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(event)) => events += usize::from(event.is_ok()),
            Poll::Ready(None) => break,
            Poll::Pending => pending += 1,
        }
    }
    // Two connects and a wait are pending once each.
    assert_eq!((events, pending), (1000, 3 + 1000 / deltawire_async::ITEMS_BEFORE_YIELD as usize));
    assert_eq!(wakes.count(), pending);
}

#[test]
fn a_post_is_sent_once() {
    for (connection, last) in [
        (whole("data: a\n\n"), None),
        (
            refused(),
            Some(
                "the connection failed and is not made again: the connection failed: nobody listens",
            ),
        ),
    ] {
        let world = World::new([connection]);
        let seen = smol::block_on(all(source!(world, Request::post("/").body("{}").unwrap())));
        assert_eq!(seen.iter().find(|item| *item != " a").map(String::as_str), last);
        assert!(world.waits().is_empty());
    }
}

#[test]
fn a_request_keeps_its_method_its_body_and_its_headers_but_not_its_id() {
    let mut reconnect = steady();
    reconnect.resend = true;
    let world = World::new([whole("data: a\n\nid: 42\n\n"), whole("id\ndata: b\n\n"), done()]);
    let request = Request::post("/")
        .header("accept", "a/b")
        .header("last-event-id", "41")
        .body("{}")
        .unwrap();
    assert_eq!(
        smol::block_on(all(source!(world, request).with_reconnect(reconnect))),
        ["41 a", " b"]
    );
    assert_eq!(world.ids(), [Some("41".into()), Some("42".into()), None]);
    for request in world.requests.lock().unwrap().iter() {
        assert_eq!((request.method().as_str(), *request.body()), ("POST", "{}"));
        assert_eq!(request.headers()["accept"], "a/b");
    }
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_the_events_go_on() {
    let mut limits = Limits::default();
    limits.max_line = 20;
    let world = World::new([
        whole("data: a\n\nid: 2\ndata: 123456789012345\n\nid: 3\ndata: b\n\n"),
        done(),
    ]);
    let error = "the stream passed the limit max_line of 20 with the line at byte 15";
    assert_eq!(smol::block_on(all(source!(world).with_limits(limits))), [" a", error, "3 b"]);
}

#[test]
fn each_error_is_seen_and_may_be_the_last() {
    let world = World::new([broken("data: a\n\n"), whole("data: b\n\n"), refused()]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let source = source!(world).retry_if(move |error| {
        log.lock().unwrap().push(format!("{error:#}"));
        !format!("{error:#}").contains("nobody")
    });
    assert_eq!(smol::block_on(reason(source)).0, Closed::Failed);
    // The end of the second stream is no error.
    assert_eq!(
        *seen.lock().unwrap(),
        ["the connection failed: reset by peer", "the connection failed: nobody listens"]
    );
}

#[test]
fn the_caller_closes_it_at_any_point_and_the_connection_goes() {
    for polls in 0..10 {
        let body = Scripted::new([Step::Pending, data(b"data: a\n\n"), Step::Silence]);
        let held = Arc::downgrade(&body.polls);
        let response =
            Response::builder().header("content-type", "text/event-stream").body(body).unwrap();
        let world = World::new([broken(""), Ok(response)]);
        let mut source = source!(world);
        let (_, waker) = Wakes::new();
        let mut cx = Context::from_waker(&waker);
        for _ in 0..polls {
            let _ = std::pin::Pin::new(&mut source).poll_next(&mut cx);
        }
        source.close();
        assert!(source.is_terminated());
        world.connections.lock().unwrap().clear();
        assert!(held.upgrade().is_none(), "after {polls} polls");
        assert!(
            matches!(std::pin::Pin::new(&mut source).poll_next(&mut cx), Poll::Ready(None)),
            "after {polls} polls"
        );
        assert_eq!(source.closed(), Some(&Closed::ByCaller));
    }
}

#[test]
fn the_caller_closes_it_while_a_refusal_is_read_and_hears_no_more() {
    let mut source = source!(World::new([answer(500, "", [data(b"half"), Step::Silence])]));
    let (_, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    for _ in 0..2 {
        assert!(std::pin::Pin::new(&mut source).poll_next(&mut cx).is_pending());
    }
    assert_eq!(source.closed(), Some(&Closed::Status(500)));
    source.close();
    assert!(source.is_terminated());
    assert!(matches!(std::pin::Pin::new(&mut source).poll_next(&mut cx), Poll::Ready(None)));
    assert_eq!(source.closed(), Some(&Closed::Status(500)), "which came first");
}

#[test]
fn dropping_next_at_every_await_point_changes_nothing() {
    let world = World::new([
        stream_of([
            Step::Pending,
            data(b"id: 1\ndata: a\n"),
            Step::Pending,
            data(b"\nda"),
            Step::Pending,
        ]),
        refused(),
        broken("data: b\n\n"),
        answer(404, "", [Step::Pending, data(b"go"), Step::Pending, data(b"ne")]),
    ]);
    let mut source = source!(world);
    let (mut seen, mut dropped) = (Vec::new(), 0);
    smol::block_on(async {
        while seen.len() < 4 {
            match smol::future::poll_once(source.next()).await {
                None => dropped += 1,
                Some(item) => seen.push(item.map(|item| item.map(|event| event.data.to_string()))),
            }
        }
    });
    assert_eq!((&seen[0], &seen[1]), (&Some(Ok("a".into())), &Some(Ok("b".into()))));
    let Some(Err(Error::Closed { reason: Closed::Status(404), cause: Some(cause) })) = &seen[2]
    else {
        panic!("{seen:?}")
    };
    let Error::Refused(refused) = &**cause else { panic!("{cause:?}") };
    assert_eq!((refused.body.as_str(), &seen[3]), ("gone", &None));
    assert!(dropped >= 10, "{dropped}");
    assert_eq!(world.waits().len(), 3, "no wait is begun twice");
}

/// Each poll ends, and was woken, though neither client nor timer is ever pending.
#[test]
fn a_poll_ends_whatever_the_client_does() {
    let request = Request::get("/").body(()).unwrap();
    let fails = |_| ready(Err::<Response<Empty<Bytes>>, BoxError>("no network".into()));
    let mut source = EventSource::new(request, fails, |_| ready(()));
    let (wakes, waker) = Wakes::new();
    for polls in 1..=1000 {
        assert!(
            std::pin::Pin::new(&mut source)
                .poll_next(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert_eq!(wakes.count(), polls);
    }
    // A source whose timer never fires is woken by nobody.
    let request = Request::get("/").body(()).unwrap();
    let mut source = EventSource::new(request, fails, |_| pending::<()>());
    let (wakes, waker) = Wakes::new();
    for _ in 0..10 {
        assert!(
            std::pin::Pin::new(&mut source)
                .poll_next(&mut Context::from_waker(&waker))
                .is_pending()
        );
    }
    assert_eq!(wakes.count(), 0);
}

/// Eight equal waits of three million possible ones are no accident.
#[test]
fn sources_are_seeded_each_in_its_own_way_or_by_the_caller() {
    let waits = |seed: Option<u64>| {
        let wait = || {
            let world = World::new([whole(""), done()]);
            let mut source = source!(world).with_reconnect(Reconnect::default());
            if let Some(seed) = seed {
                source = source.with_seed(seed);
            }
            assert_eq!(smol::block_on(all(source)), [""; 0]);
            let waits = world.waits.lock().unwrap().clone();
            assert!(waits.len() == 1 && (3000..=6000).contains(&waits[0].as_millis()), "{waits:?}");
            waits[0]
        };
        (0..8).map(|_| wait()).collect::<HashSet<_>>().len()
    };
    assert!(waits(None) > 1);
    assert_eq!(waits(Some(1)), 1);
}

#[test]
fn it_is_send_where_its_parts_are_and_unpin_always() {
    fn send<T: Send>(_: &T) {}
    fn unpin<T: Unpin>(_: &T) {}
    let world = World::new([]);
    let mut source = source!(world);
    send(&source);
    unpin(&source);
    send(&source.next());
    // A client that is not Send.
    let not_send = Rc::new(());
    let mut source = EventSource::new(
        Request::get("/").body(()).unwrap(),
        move |_| {
            let held = Rc::clone(&not_send);
            async move {
                smol::future::yield_now().await;
                drop(held);
                Response::builder().status(204).body(Empty::<Bytes>::new())
            }
        },
        smol::Timer::after,
    );
    assert!(smol::block_on(source.next()).is_none());
}

#[test]
fn no_key_shows() {
    let world = World::new([answer(401, "", [])]);
    let request =
        Request::get("/").header("authorization", "Bearer sk-secret").body("sk-secret").unwrap();
    let mut source = source!(world, request);
    let mut shown = format!("{source:?}");
    shown += &format!("{:?} {source:?}", smol::block_on(source.next()));
    assert!(!shown.contains("secret") && shown.contains("401"), "{shown}");
}

/// One request of hyper's on a connection of its own.
async fn send(
    addr: std::net::SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, BoxError> {
    let socket = tokio::net::TcpStream::connect(addr).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

#[test]
fn it_goes_over_hyper_and_tokios_clock() {
    let script = Script::start([
        Script::event_stream("retry: 2\nid: é\ndata: a\n\ndata: cut"),
        Script::broken_stream("id: 2\ndata: b\n\n"),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
    ])
    .unwrap();
    let addr = script.addr();
    let mut reconnect = Reconnect::default();
    reconnect.min_time = Duration::ZERO;
    let request = Request::get("/").header("host", "localhost").body(Full::default()).unwrap();
    let seen = on_tokio(async {
        let source = EventSource::new(request, |request| send(addr, request), tokio::time::sleep);
        all(source.with_reconnect(reconnect)).await
    });
    assert_eq!(seen, ["é a", "2 b"]);
    let ids: Vec<_> =
        script.requests().iter().map(|r| r.header("last-event-id").map(str::to_owned)).collect();
    assert_eq!(ids, [None, Some("é".into()), Some("2".into())]);
}
