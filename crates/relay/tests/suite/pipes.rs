//! Responses that go into a stream, and what readers make of it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deltawire::{Dialect, How, Options, Outcome, Session, any, chat, ollama, sse};
use deltawire_async::{AsEvent as _, EventBody, StreamBody};
use deltawire_relay::{EndKind, EntryKind, Pipe, Piped, Producer, Reader};
use deltawire_replay::recordings;
use http::Response;
use tokio::sync::mpsc;

use crate::{World, id, next};

/// A body of these reads.
struct Reads(VecDeque<Bytes>);

impl futures_core::Stream for Reads {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// A body of what is sent to it.
struct Sent(mpsc::UnboundedReceiver<Bytes>);

impl futures_core::Stream for Sent {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|read| read.map(Ok))
    }
}

/// Cuts a body into reads of up to so many bytes, the same ones each time.
fn cut(body: &[u8], most: usize) -> Response<StreamBody<Reads>> {
    let mut reads = VecDeque::new();
    let (mut rest, mut random) = (body, 12345_u64);
    while !rest.is_empty() {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let len = (1 + (random >> 33) as usize % most).min(rest.len());
        let (read, after) = rest.split_at(len);
        reads.push_back(Bytes::copy_from_slice(read));
        rest = after;
    }
    Response::new(StreamBody::new(Reads(reads)))
}

async fn pipe<D: Dialect>(
    world: &World,
    name: &str,
    response: Response<StreamBody<Reads>>,
) -> Piped<D::Answer> {
    let producer = Producer::start(&world.relay(), &id(name)).await.unwrap();
    Pipe::new(Session::<D>::new()).run(producer, response).await
}

/// Returns the entries of a stream without its end.
async fn entries(world: &World, name: &str) -> Vec<(EntryKind, Bytes)> {
    let relay = world.relay();
    let status = relay.status(&id(name)).await.unwrap();
    let (generation, all) = (status.fence.generation, usize::MAX >> 2);
    let mut entries = relay.log().read(&id(name), generation, 0, all).await.unwrap();
    assert_eq!(entries.pop().unwrap().kind, EntryKind::End);
    entries.into_iter().map(|entry| (entry.kind, entry.bytes)).collect()
}

/// Folds a body as its reads are cut, without a relay.
fn folded<D: Dialect>(body: &[u8]) -> Outcome<D::Answer> {
    let mut session = Session::<D>::new();
    // An error is in the outcome.
    let _ = session.feed(body);
    session.close(How::Clean)
}

/// Folds what a reader gets.
async fn read<D: Dialect>(reader: &mut Reader) -> Outcome<D::Answer> {
    let mut accumulator = deltawire::Accumulator::<D>::new();
    while let Some(event) = next(reader).await {
        let event = event.unwrap();
        if event.end().is_none() && accumulator.error().is_none() {
            // An error is in the outcome.
            let _ = accumulator.push(&event.as_event());
        }
    }
    accumulator.close(How::Clean)
}

const ODD: &[(&str, &[u8])] = &[
    (
        "marks-and-line-ends",
        b"\xef\xbb\xbfdata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
          : keep-alive\r\r\rid: 7\revent: \rdata: {\"choices\":[{\"index\":0,\rdata: \
          \"delta\":{\"content\":\"b\"}}]}\r\r\
          data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\xff\"},\"finish_reason\":\
          \"stop\"}]}\n\ndata: [DONE]\n\n",
    ),
    (
        "no-blank-line",
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\
          \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]",
    ),
    ("cut", b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"cho"),
    (
        "comments-last",
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n: a\n: b",
    ),
    ("an-error", b"data: {\"error\":{\"message\":\"overloaded\"}}\n\n"),
    ("not-a-stream", b"{\"error\":{\"message\":\"no\"}}"),
    ("empty", b""),
];

pub(crate) async fn the_bytes_are_kept_as_they_came(world: World) {
    let recorded = recordings::all().iter().filter(|recording| recording.has_stream());
    let recorded = recorded.map(|recording| (recording.name.clone(), recording.body()));
    let odd = ODD.iter().map(|(name, body)| ((*name).to_owned(), body.to_vec()));
    let mut count = 0;
    for (name, body) in recorded.chain(odd) {
        for most in [1, 40, 100_000] {
            if most == 1 && body.len() > 20_000 {
                continue;
            }
            let name = format!("{name}-{most}");
            let piped = pipe::<any::Any>(&world, &name, cut(&body, most)).await;
            assert!(piped.stored.is_ok(), "{name}: {piped:?}");
            let unbroken = folded::<any::Any>(&body);
            assert_eq!(piped.outcome, unbroken, "{name}");
            let mut kept = Vec::new();
            for (_, bytes) in entries(&world, &name).await {
                kept.extend_from_slice(&bytes);
            }
            // After the end that the API has, nothing need be read.
            assert!(body.starts_with(&kept), "{name}");
            let after = body[kept.len()..].trim_ascii();
            assert!(after.is_empty(), "{name} lacks {:?}", String::from_utf8_lossy(after));
            count += 1;
        }
    }
    assert!(count > 60, "{count} bodies");

    let lines = b"\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\
        \"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"b\"},\
        \"done\":true,\"done_reason\":\"stop\"}";
    for (name, most) in [("lines-1", 1), ("lines-9", 9), ("lines-all", 1000)] {
        let piped = pipe::<ollama::Ollama>(&world, name, cut(lines, most)).await;
        assert_eq!(piped.outcome, folded::<ollama::Ollama>(lines), "{name}");
        assert_eq!(piped.end.kind, EndKind::Done);
        let kept: Vec<_> = entries(&world, name).await;
        assert!(kept.iter().all(|(kind, _)| *kind == EntryKind::Line), "{kept:?}");
        assert_eq!(kept.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect::<Vec<_>>(), lines);
        let mut reader = Reader::from(&world.relay(), &id(name), None).await.unwrap();
        let read = read::<ollama::Ollama>(&mut reader).await;
        assert_eq!(read.answer, piped.outcome.answer);
    }
}

pub(crate) async fn a_reader_folds_the_same_answer_from_any_cursor(world: World) {
    let recorded = recordings::all().iter().filter(|recording| recording.has_stream());
    let recorded = recorded.map(|recording| (recording.name.clone(), recording.body()));
    let odd = ODD.iter().map(|(name, body)| ((*name).to_owned(), body.to_vec()));
    for (name, body) in recorded.chain(odd).filter(|(_, body)| body.len() < 40_000) {
        let piped = pipe::<any::Any>(&world, &name, cut(&body, 500)).await;
        let mut reader = Reader::from(&world.relay(), &id(&name), None).await.unwrap();
        let read = read::<any::Any>(&mut reader).await;
        if piped.outcome.is_complete() {
            assert_eq!(read.answer, piped.outcome.answer, "{name}");
        }
        assert_eq!(reader.end(), Some(&piped.end), "{name}");
    }

    // From one reader to the next after every event.
    let name = "one-plus-one";
    let relay = world.relay();
    let status = relay.status(&id(name)).await.unwrap();
    let whole =
        folded::<chat::Chat>(&recordings::all().iter().find(|it| it.name == name).unwrap().body());
    let mut accumulator = chat::Accumulator::new();
    let mut cursor = None;
    for _ in 1..status.last {
        let from = cursor.as_ref().map(|cursor: &String| cursor.as_bytes());
        let mut reader = Reader::from(&relay, &id(name), from).await.unwrap();
        let event = next(&mut reader).await.unwrap().unwrap();
        accumulator.push(&event.as_event()).unwrap();
        cursor = Some(event.cursor().to_string());
    }
    assert_eq!(accumulator.close(How::Clean), whole);
}

pub(crate) async fn a_snapshot_and_the_rest_fold_to_the_same_answer(world: World) {
    for (name, every) in [("smollm2-sky", 1), ("smollm2-sky", 7), ("tiny-tools", 5), ("odd", 2)] {
        let body = match recordings::all().iter().find(|it| it.name == name) {
            Some(recording) => recording.body(),
            None => ODD[0].1.to_vec(),
        };
        for trims in [false, true] {
            let name = id(&format!("{name}-{every}-{trims}"));
            let producer = Producer::start(&world.relay(), &name).await.unwrap();
            let pipe = Pipe::new(chat::Session::new()).with_snapshots(every, trims);
            let piped = pipe.run(producer, cut(&body, 200)).await;
            assert!(piped.outcome.is_complete(), "{name}");
            let (snapshot, mut reader) =
                Reader::from_snapshot(&world.relay(), &name).await.unwrap();
            let snapshot = snapshot.unwrap();
            assert!(snapshot.number > 0 && snapshot.number % every == 0);
            assert_eq!(Reader::from(&world.relay(), &name, None).await.is_err(), trims);
            let mut session = chat::Session::restore(&snapshot.bytes, Options::new()).unwrap();
            let mut number = snapshot.number;
            while let Some(event) = next(&mut reader).await {
                let event = event.unwrap();
                number += 1;
                assert_eq!(event.cursor().number, number);
                if event.end().is_none() {
                    session.feed(event.bytes()).unwrap();
                }
            }
            assert_eq!(session.close(How::Clean), piped.outcome, "{name}");
        }
    }
}

pub(crate) async fn a_refused_request_is_an_end_with_an_error(world: World) {
    let mut response = cut(br#"{"error":{"message":"slow down"}}"#, 10);
    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
    let piped = pipe::<chat::Chat>(&world, "refused", response).await;
    assert_eq!(piped.end.kind, EndKind::Error);
    assert!(piped.end.message.as_deref().unwrap().contains("slow down"), "{:?}", piped.end);
    let mut reader = Reader::from(&world.relay(), &id("refused"), None).await.unwrap();
    let end = next(&mut reader).await.unwrap().unwrap();
    assert_eq!(end.end(), Some(&piped.end));
}

pub(crate) async fn a_stopped_pipe_keeps_what_was_folded(world: World) {
    let name = id("stopped");
    let (send, body) = mpsc::unbounded_channel();
    let producer = Producer::start(&world.relay(), &name).await.unwrap();
    let response = Response::new(StreamBody::new(Sent(body)));
    let pipe = Pipe::new(chat::Session::new()).with_snapshots(1, false);
    let running = tokio::spawn(pipe.run(producer, response));
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"so far\"}}]}\n\n";
    send.send(event.into()).unwrap();
    let mut reader = Reader::from(&world.relay(), &name, None).await.unwrap();
    assert_eq!(next(&mut reader).await.unwrap().unwrap().bytes(), event);
    assert!(!running.is_finished());
    world.relay().stop(&name, "user").await.unwrap();
    let piped = tokio::time::timeout(Duration::from_secs(30), running).await.unwrap().unwrap();
    assert!(send.is_closed(), "the body is still held");
    assert_eq!(piped.outcome.answer.text(), "so far");
    assert_eq!(piped.end.kind, EndKind::Cancelled);
    assert_eq!(piped.end.by.as_deref(), Some("user"));
    assert_eq!(next(&mut reader).await.unwrap().unwrap().end(), Some(&piped.end));
    let (snapshot, _) = Reader::from_snapshot(&world.relay(), &name).await.unwrap();
    assert_eq!(snapshot.unwrap().number, 1);
}

pub(crate) async fn a_stream_goes_through_an_event_body(world: World) {
    use http_body_util::BodyExt as _;
    let recording = recordings::all().iter().find(|it| it.name == "smollm2-sky").unwrap();
    let piped = pipe::<chat::Chat>(&world, "sky", cut(&recording.body(), 300)).await;
    let reader = Reader::from(&world.relay(), &id("sky"), None).await.unwrap();
    let response = EventBody::new(reader).into_response();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let (mut input, mut decoder) = (&body[..], sse::Decoder::new());
    let (mut count, mut last) = (0, String::new());
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        count += 1;
        assert!(event.id.ends_with(&format!(".{count}")), "{event:?}");
        last = event.event.to_owned();
    }
    assert_eq!(last, deltawire_relay::Event::END_TYPE);
    assert_eq!(count, piped.stored.as_ref().unwrap().number);

    let reader = Reader::from(&world.relay(), &id("sky"), None).await.unwrap().without_end_event();
    let response = EventBody::new(reader).into_response();
    let stream = deltawire_async::chat(response).await.unwrap();
    assert_eq!(stream.run(|_| ()).await, piped.outcome);
}
