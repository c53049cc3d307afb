//! The visible side of a stream from its beginning to its outcome; and what it ought to show, by
//! the core alone.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use deltawire::{Dialect, How, Session, Update};
use deltawire_async::{AnswerStream, BoxError, Error};
use http_body::Body;
use serde::Serialize;
use serde_json::Value;

use crate::wakes::Wakes;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) updates: Vec<String>,
    pub(crate) error: Option<deltawire::Error>,
    pub(crate) outcome: Value,
}

fn shown(update: Update<'_>) -> String {
    format!("{:?}", update.changes().collect::<Vec<_>>())
}

/// The core over the whole body, which ends there, or breaks there with this message.
pub(crate) fn expected<E: Dialect>(body: &[u8], broken: Option<&str>) -> Seen
where
    E::Answer: Serialize,
{
    let mut fold = Session::<E>::new();
    let mut updates = Vec::new();
    let mut input = body;
    let mut error = loop {
        match fold.advance(&mut input) {
            Ok(true) => updates.push(shown(fold.update())),
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
    };
    let how = broken.map_or(How::Clean, |message| How::broken(message, false));
    if error.is_none() && !fold.is_ended() {
        error = fold.end(how).err();
    }
    let outcome = fold.close(How::Stopped);
    Seen { updates, error, outcome: serde_json::to_value(outcome).unwrap() }
}

/// One `next`, noted once it is ready; whether there may be more.
pub(crate) async fn next_seen<E: Dialect, B: Body + Unpin>(
    stream: &mut AnswerStream<E, B>,
    seen: &mut Seen,
) -> bool
where
    B::Error: Into<BoxError>,
{
    match stream.next().await {
        Ok(Some(update)) => {
            seen.updates.push(shown(update));
            true
        }
        Ok(None) => false,
        Err(error) => {
            seen.error = Some(of_stream(error));
            false
        }
    }
}

impl Seen {
    /// All that was noted, with the outcome.
    pub(crate) fn finish<E: Dialect<Answer: Serialize>, B>(
        self,
        stream: AnswerStream<E, B>,
    ) -> Self {
        Self { outcome: serde_json::to_value(stream.finish()).unwrap(), ..self }
    }
}

/// Reads to the end with `next`, and asks twice more there.
pub(crate) async fn read<E: Dialect, B: Body + Unpin>(mut stream: AnswerStream<E, B>) -> Seen
where
    E::Answer: Serialize,
    B::Error: Into<BoxError>,
{
    let mut updates = Vec::new();
    let error = loop {
        match stream.next().await {
            Ok(Some(update)) => updates.push(shown(update)),
            Ok(None) => break None,
            Err(error) => break Some(of_stream(error)),
        }
    };
    for _ in 0..2 {
        match (stream.next().await, &error) {
            (Ok(None), None) => {}
            (Err(again), Some(error)) => assert_eq!(of_stream(again), *error),
            (again, error) => panic!("{error:?} and then {again:?}"),
        }
    }
    Seen { updates, error, outcome: serde_json::to_value(stream.finish()).unwrap() }
}

/// Reads to the end with futures of `next` that are polled once and dropped. How many of them were
/// dropped unfinished comes along; each of them had been woken.
pub(crate) fn read_cancelled<E: Dialect, B: Body + Unpin>(
    mut stream: AnswerStream<E, B>,
) -> (Seen, usize)
where
    E::Answer: Serialize,
    B::Error: Into<BoxError>,
{
    let (wakes, waker) = Wakes::new();
    let mut cx = Context::from_waker(&waker);
    let (mut updates, mut dropped) = (Vec::new(), 0);
    let error = loop {
        let polled = pin!(stream.next()).poll(&mut cx);
        match polled {
            Poll::Pending => {
                dropped += 1;
                assert_eq!(wakes.count(), dropped, "pending without a wake");
            }
            Poll::Ready(Ok(Some(update))) => updates.push(shown(update)),
            Poll::Ready(Ok(None)) => break None,
            Poll::Ready(Err(error)) => break Some(of_stream(error)),
        }
    };
    (Seen { updates, error, outcome: serde_json::to_value(stream.finish()).unwrap() }, dropped)
}

/// Reads to the end with `poll_advance` on a pinned stream.
pub(crate) async fn read_pinned<E: Dialect, B: Body>(
    mut stream: Pin<&mut AnswerStream<E, B>>,
) -> Vec<String>
where
    B::Error: Into<BoxError>,
{
    let mut updates = Vec::new();
    while let Ok(true) = std::future::poll_fn(|cx| stream.as_mut().poll_advance(cx)).await {
        updates.push(shown(stream.update()));
    }
    updates
}

pub(crate) fn of_stream(error: Error) -> deltawire::Error {
    match error {
        Error::Stream(error) => error,
        other => panic!("no error of the stream: {other:?}"),
    }
}

/// Bodies that end in each of the ways.
pub(crate) fn bodies() -> Vec<Vec<u8>> {
    let chunk = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let finish =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n";
    let error = "{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}";
    let choices_and_error =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}],\"error\":\"late\"}\n\n";
    [
        format!("{}{}{finish}data: [DONE]\n\n", chunk("a"), chunk("é€😀")),
        format!("\u{FEFF}: comment\r\rid: 7\r{}{finish}", chunk("a")),
        format!("{}data: [DONE]", chunk("a")),
        format!("{}data: [DONE]\n\n{}", chunk("a"), chunk("never read")),
        format!("{}data: {{\"choices\":[{{\"ind", chunk("a")),
        format!("{}data: {error}\n\n{}", chunk("a"), chunk("never read")),
        format!("{}{choices_and_error}{}", chunk("a"), chunk("never read")),
        format!("{}error: {error}\n\n", chunk("a")),
        format!("{}data: {{\"choices\":[\n\n", chunk("a")),
        format!("{}data: 7\n\n", chunk("a")),
        error.to_owned(),
        "<html><body>502 Bad Gateway</body></html>".to_owned(),
        ": nothing\n\n".to_owned(),
        String::new(),
    ]
    .map(String::into_bytes)
    .into()
}
