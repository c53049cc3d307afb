//! Streams that are resumed over another connection.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use deltawire::responses::{self, Response, Responses};
use deltawire::sse::Reconnect;
use deltawire::{Cursor, End, Options, Outcome, Resumption, StallLimits, chat};
use deltawire_async::{BoxBody, Error, Reader, ResumingReader, StreamBody};
use deltawire_replay::recordings;
use serde_json::Value;
use smol::stream::{self, StreamExt as _};

type Bytes = Result<Vec<u8>, io::Error>;
type ScriptedBody = StreamBody<stream::Boxed<Bytes>>;

/// Returns the events of a recorded response, numbered as OpenAI's are, with one ID.
fn numbered() -> Vec<String> {
    let recorded = recordings::all().iter().find(|recording| recording.name == "smollm2-responses");
    let body = String::from_utf8(recorded.unwrap().body()).unwrap();
    let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let numbered = events.enumerate().map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        if event["response"].is_object() {
            event["response"]["id"] = "resp_1".into();
        }
        format!("data: {event}\n\n")
    });
    numbered.collect()
}

/// Returns a response with these bytes, which then ends as it says.
fn response(status: u16, bytes: &[u8], end: Option<Bytes>) -> http::Response<ScriptedBody> {
    let bytes = stream::iter([Ok(bytes.to_vec())]).chain(stream::iter(end));
    let response = http::Response::builder().status(status);
    let response = response.header("content-type", "text/event-stream");
    response.body(StreamBody::new(bytes.boxed())).unwrap()
}

fn reset() -> Option<Bytes> {
    Some(Err(io::Error::from(io::ErrorKind::ConnectionReset)))
}

/// The requests that a server was sent, and the waits before them.
#[derive(Default, Clone)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn push(&self, entry: String) {
        self.0.lock().unwrap().push(entry);
    }

    fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Is pending once.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Returns a reader of a server that has these events, and serves them from the cursor.
fn resuming(
    events: Vec<String>,
    resumption: Resumption,
    log: &Log,
) -> ResumingReader<ScriptedBody> {
    resuming_with(Reader::new(), events, resumption, log)
}

fn resuming_with(
    reader: Reader,
    events: Vec<String>,
    resumption: Resumption,
    log: &Log,
) -> ResumingReader<ScriptedBody> {
    let (asked, waited) = (log.clone(), log.clone());
    let connect = move |cursor: &Cursor<'_>| {
        asked.push(cursor.to_string());
        let (_, after) = cursor.query().expect("the API has one");
        let after: usize = after.parse().unwrap();
        let rest = events[after + 1..].concat();
        async move {
            yield_once().await;
            Ok::<_, io::Error>(response(200, rest.as_bytes(), None))
        }
    };
    let sleep = move |time: Duration| {
        waited.push(format!("{} s", time.as_secs()));
        yield_once()
    };
    reader.resume(resumption, connect, sleep)
}

fn whole(events: &[String]) -> Outcome<Response> {
    let whole = responses::fold(events.concat().as_bytes());
    assert!(whole.is_complete());
    whole
}

#[test]
fn a_response_that_is_cut_at_any_event_comes_to_the_unbroken_outcome() {
    let events = numbered();
    let (expected, body) = (whole(&events), events.concat());
    assert!(events.len() > 40, "only {} events", events.len());
    let mut end = 0;
    for (number, event) in events[..events.len() - 1].iter().enumerate() {
        end += event.len();
        for (cut, how) in [(end, None), (end, reset()), (end + 9, reset())] {
            let log = Log::default();
            let reader = resuming(events.clone(), Resumption::new(), &log);
            let first = response(200, &body.as_bytes()[..cut], how);
            let outcome =
                smol::block_on(async { reader.responses(first).await.unwrap().run(|_| ()).await });
            assert_eq!(outcome, expected, "cut at {cut}");
            let entries = log.entries();
            assert_eq!(entries.len(), 2, "a wait and a request: {entries:?}");
            assert_eq!(entries[1], format!("response resp_1 after event {number}"));
        }
    }
}

/// The future of `next` is dropped whenever it is pending, at each wait, request and frame.
#[test]
fn a_future_that_is_dropped_loses_nothing() {
    let events = numbered();
    let expected = whole(&events);
    let log = Log::default();
    let reader = resuming(events.clone(), Resumption::new(), &log);
    let first = response(200, events[..7].concat().as_bytes(), reset());
    let outcome = smol::block_on(async {
        let mut stream = reader.responses(first).await.unwrap().boxed();
        loop {
            let next = poll_fn(|cx| match pin!(stream.advance()).poll(cx) {
                Poll::Ready(next) => Poll::Ready(Some(next)),
                Poll::Pending => Poll::Ready(None),
            });
            match next.await {
                Some(Ok(false)) => break stream.finish(),
                Some(next) => assert!(next.unwrap()),
                None => {}
            }
        }
    });
    assert_eq!(outcome, expected);
    assert_eq!(log.entries().len(), 2);
}

#[test]
fn it_gives_up_as_the_policy_says() {
    let events = numbered();
    let mut policy = Reconnect::default();
    policy.max_reconnects = Some(2);
    let log = Log::default();
    let (asked, waited) = (log.clone(), log.clone());
    let connect = move |cursor: &Cursor<'_>| {
        asked.push(cursor.to_string());
        async { Err::<http::Response<ScriptedBody>, _>("nobody is there") }
    };
    let sleep = move |_| {
        waited.push("wait".to_owned());
        async {}
    };
    let resumption = Resumption::new().with_reconnect(policy);
    let reader = Reader::new().resume(resumption, connect, sleep);
    let first = response(200, events[..4].concat().as_bytes(), reset());
    let outcome =
        smol::block_on(async { reader.responses(first).await.unwrap().run(|_| ()).await });
    assert_eq!(outcome.end, End::Truncated);
    assert!(format!("{:#}", outcome.error.unwrap()).contains("nobody is there"));
    let again = "response resp_1 after event 3";
    assert_eq!(log.entries(), ["wait", again, "wait", again]);
}

#[test]
fn a_refusal_is_the_error_of_the_stream() {
    let events = numbered();
    let connect = |_: &Cursor<'_>| async {
        let body = br#"{"error":{"message":"no such response"}}"#;
        Ok::<_, io::Error>(response(404, body, None))
    };
    let reader = Reader::new().resume(Resumption::new(), connect, |_| async {});
    let first = response(200, events[..4].concat().as_bytes(), None);
    smol::block_on(async {
        let mut stream = reader.responses(first).await.unwrap();
        let error = loop {
            match stream.advance().await {
                Ok(true) => {}
                Ok(false) => panic!("it is not complete"),
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, Error::Refused(refused) if refused.status == 404), "{error:?}");
        assert_eq!(stream.finish().end, End::Truncated);
    });
}

#[test]
fn a_stalled_stream_is_resumed() {
    let events = numbered();
    let expected = whole(&events);
    let log = Log::default();
    let limits = StallLimits::new().with_bytes(Duration::from_millis(20));
    let reader = Reader::new().stalls(limits, smol::Timer::after);
    let reader = resuming_with(reader, events.clone(), Resumption::new(), &log);
    let silent = stream::iter([Ok(events[..4].concat().into_bytes())]).chain(stream::pending());
    let first = http::Response::new(StreamBody::new(silent.boxed()));
    let outcome =
        smol::block_on(async { reader.responses(first).await.unwrap().run(|_| ()).await });
    assert_eq!(outcome, expected);
    assert_eq!(log.entries().len(), 2);
}

#[test]
fn a_stream_without_a_cursor_is_never_asked_for_again() {
    let chunk = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    fn never(_: &Cursor<'_>) -> std::future::Ready<io::Result<http::Response<ScriptedBody>>> {
        panic!("there is no cursor")
    }
    let reader = Reader::new().resume(Resumption::new(), never, |_| async {});
    let outcome = smol::block_on(async {
        let stream = reader.read_response::<chat::Chat>(response(200, chunk, reset())).await;
        stream.unwrap().run(|_| ()).await
    });
    assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, "a"));
}

#[test]
fn a_saved_session_goes_on_in_another_stream() {
    let events = numbered();
    let (expected, log) = (whole(&events), Log::default());
    let first = response(200, events[..20].concat().as_bytes(), None);
    let saved = smol::block_on(async {
        let reader = resuming(events.clone(), Resumption::new(), &log);
        let mut stream = reader.responses(first).await.unwrap();
        for _ in 0..15 {
            assert!(stream.advance().await.unwrap());
        }
        stream.session().save()
    });
    let session = responses::Session::restore(&saved, Options::new()).unwrap();
    let stream = resuming(events.clone(), Resumption::new(), &log).go_on(session);
    assert_eq!(smol::block_on(stream.run(|_| ())), expected);
    assert_eq!(log.entries().len(), 1, "it connects at once: {:?}", log.entries());

    // One without a cursor ends.
    let stream = resuming(events, Resumption::new(), &log).go_on::<Responses>(Default::default());
    assert_eq!(smol::block_on(stream.run(|_| ())).end, End::Empty);
}

#[test]
fn a_stream_that_is_resumed_can_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    let log = Log::default();
    let stream =
        resuming(numbered(), Resumption::new(), &log).go_on::<Responses>(responses::Session::new());
    is_send(&stream);
    let stream: deltawire_async::AnswerStream<Responses, BoxBody> = stream.boxed();
    is_send(&stream);
}
