//! The types are `Send` and `Unpin` where the body is, futures included.

use std::marker::PhantomPinned;
use std::mem::size_of;
use std::pin::{Pin, pin};
use std::rc::Rc;

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire_async::{AnswerStream, ChatStream, Events, FoldedEvents, StreamBody};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use smol::stream::StreamExt as _;

use crate::body::{Scripted, on_both};
use crate::seen::{bodies, expected, read, read_pinned};

fn send<T: Send>(_: &T) {}
fn unpin<T: Unpin>(_: &T) {}

#[test]
fn everything_is_send_where_the_body_is() {
    fn types<T: Send>() {}
    types::<AnswerStream<Chat, Scripted>>();
    types::<AnswerStream<Completions, StreamBody<Scripted>>>();
    types::<FoldedEvents<&mut AnswerStream<Chat, Scripted>>>();
    types::<FoldedEvents<AnswerStream<Chat, Scripted>>>();
    types::<Events<Scripted>>();
    types::<deltawire_async::Event>();
    types::<deltawire_async::Error>();
    types::<deltawire::Update<'_>>();
    let mut stream = ChatStream::from_body(Scripted::new([]));
    send(&stream.next());
    send(&async {
        while let Some(update) = stream.next().await.unwrap() {
            // An update is held over an await.
            std::future::ready(()).await;
            let _ = update.text();
        }
    });
    let response = || http::Response::new(Scripted::new([]));
    send(&deltawire_async::chat(response()));
    send(&deltawire_async::events(response()));
    send(&deltawire_async::chat_completion(response()));
}

#[test]
fn a_body_that_is_not_send_is_read_all_the_same() {
    let body = Rc::new(bodies().remove(0));
    let seen = on_both(|| {
        let body = Rc::clone(&body);
        let whole = smol::stream::iter(Some(body))
            .map(|body| Ok::<_, std::io::Error>(Bytes::from(body.to_vec())));
        read(ChatStream::from_stream(whole))
    });
    assert_eq!(seen, expected::<Chat>(&body, None));
}

pin_project! {
    /// A body that may not move.
    struct Pinned {
        #[pin]
        body: Scripted,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl Body for Pinned {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[test]
fn a_body_that_is_not_unpin_goes_in_a_box_or_is_polled_pinned() {
    let whole = bodies().remove(0);
    let body = || Pinned { body: Scripted::pending_of(whole.chunks(5)), pinned: PhantomPinned };
    unpin(&ChatStream::from_body(Box::pin(body())));
    let wanted = expected::<Chat>(&whole, None);
    assert_eq!(on_both(|| read(ChatStream::from_body(Box::pin(body())))), wanted);
    let updates = on_both(|| async { read_pinned(pin!(ChatStream::from_body(body()))).await });
    assert_eq!(updates, wanted.updates);
    let chunks = on_both(|| async {
        let mut chunks = pin!(ChatStream::from_body(body()).into_events());
        let mut count = 0;
        while let Some(chunk) = chunks.next().await {
            chunk.unwrap();
            count += 1;
        }
        count
    });
    assert_eq!(chunks, wanted.updates.len());
}

#[test]
fn an_idle_stream_is_small() {
    assert!(size_of::<ChatStream<()>>() < 1 << 10, "{} bytes", size_of::<ChatStream<()>>());
    assert!(size_of::<Events<()>>() < 1 << 9, "{} bytes", size_of::<Events<()>>());
}
