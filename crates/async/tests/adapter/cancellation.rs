//! A future that is dropped before it is ready has taken nothing away.

use std::time::Duration;

use bytes::Bytes;
use deltawire::End;
use deltawire::chat::Chat;
use deltawire_async::{ChatStream, Events};
use smol::stream::StreamExt as _;

use crate::body::{Scripted, on_tokio};
use crate::seen::{bodies, expected, read_cancelled};

#[test]
fn dropping_next_at_every_await_point_changes_nothing() {
    for body in bodies() {
        let wanted = expected::<Chat>(&body, None);
        for size in [1, 2, 7, 64] {
            let (seen, dropped) =
                read_cancelled(ChatStream::from_body(Scripted::pending_of(body.chunks(size))));
            assert_eq!(seen, wanted, "{:?} in frames of {size}", String::from_utf8_lossy(&body));
            assert!(dropped > 0 || body.is_empty());
        }
    }
}

#[test]
fn dropping_chunks_and_events_between_two_polls_changes_nothing() {
    let body = bodies().remove(0);
    smol::block_on(async {
        let mut stream = ChatStream::from_body(Scripted::pending_of(body.chunks(3)));
        let mut count = 0;
        // Each `chunks` is dropped after one poll.
        while !stream.accumulator().is_ended() {
            match smol::future::poll_once(stream.events().next()).await {
                Some(Some(chunk)) => count += usize::from(chunk.is_ok()),
                Some(None) => break,
                None => {}
            }
        }
        let wanted = expected::<Chat>(&body, None);
        assert_eq!(count, wanted.updates.len());
        assert_eq!(serde_json::to_value(stream.finish()).unwrap(), wanted.outcome);

        let mut events = Events::from_body(Scripted::pending_of(body.chunks(3)));
        let mut count = 0;
        loop {
            match smol::future::poll_once(events.next()).await {
                Some(Some(event)) => count += usize::from(event.is_ok()),
                Some(None) => break,
                None => {}
            }
        }
        assert_eq!(count, 4);
    });
}

#[test]
fn a_timeout_around_next_loses_nothing_of_a_slow_body_on_tokio() {
    let body = bodies().remove(0);
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let parts: Vec<Bytes> = body.chunks(40).map(Bytes::copy_from_slice).collect();
    let (text, timeouts, end) = on_tokio(async {
        tokio::spawn(async move {
            for part in parts {
                tokio::time::sleep(Duration::from_millis(12)).await;
                sender.send(Ok::<_, std::io::Error>(part)).await.unwrap();
            }
        });
        let mut stream =
            ChatStream::from_stream(smol::stream::poll_fn(move |cx| receiver.poll_recv(cx)));
        let (mut text, mut timeouts) = (String::new(), 0);
        loop {
            match tokio::time::timeout(Duration::from_millis(5), stream.next()).await {
                Err(_) => timeouts += 1,
                Ok(Ok(Some(update))) => text.push_str(update.text()),
                Ok(Ok(None)) => break,
                Ok(Err(error)) => panic!("{error}"),
            }
        }
        (text, timeouts, stream.finish().end)
    });
    assert_eq!((&text[..], end), ("aé€😀", End::Done));
    assert!(timeouts > 0);
}

#[test]
fn a_slow_body_is_read_as_it_comes_on_smol() {
    let body = bodies().remove(0);
    let parts = smol::stream::iter(body.chunks(40).map(Bytes::copy_from_slice).collect::<Vec<_>>());
    let slow = parts.then(|part| async {
        smol::Timer::after(Duration::from_millis(3)).await;
        Ok::<_, std::io::Error>(part)
    });
    let mut stream = ChatStream::from_stream(Box::pin(slow));
    smol::block_on(async {
        let mut text = String::new();
        while let Some(update) = stream.next().await.unwrap() {
            text.push_str(update.text());
        }
        assert_eq!(text, "aé€😀");
    });
    assert_eq!(stream.finish().end, End::Done);
}

#[test]
fn a_stream_that_is_left_early_is_stopped_and_keeps_what_came() {
    let body = bodies().remove(0);
    let mut stream = ChatStream::from_body(Scripted::pending_of(body.chunks(50)));
    smol::block_on(async { assert_eq!(stream.next().await.unwrap().unwrap().text(), "a") });
    let outcome = stream.finish();
    assert_eq!((outcome.end, outcome.answer.text()), (End::Stopped, "a"));
}
