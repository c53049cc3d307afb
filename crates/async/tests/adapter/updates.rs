//! Owned updates with the combinators of a futures stream, `advance`, `run`, and streams in boxes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use deltawire::chat::{Chat, ChatCompletion};
use deltawire::{Change, End, Outcome, OwnedChange};
use deltawire_async::{BoxChatStream, ChatStream, StreamBody, StreamItem};
use smol::stream::StreamExt as _;

use crate::body::{Scripted, Step, data, on_both, on_tokio};
use crate::seen::{bodies, expected, read};

/// An item as text: the changes of each update, and the outcome.
fn shown(item: &StreamItem<ChatCompletion>) -> String {
    match item {
        StreamItem::Update(update) => format!("{:?}", update.changes),
        StreamItem::Outcome(outcome) => serde_json::to_string(outcome).unwrap(),
    }
}

#[test]
fn the_items_are_the_updates_and_then_the_outcome_however_it_ends() {
    for body in bodies() {
        let stream = || ChatStream::from_body(Scripted::pending_of(body.chunks(9)));
        let items: Vec<String> =
            on_both(|| stream().into_updates().map(|item| shown(&item)).collect());
        let (mut lent, outcome) = on_both(|| async {
            let (mut stream, mut lent) = (stream(), Vec::new());
            while let Ok(true) = stream.advance().await {
                lent.push(format!("{:?}", stream.update().into_owned().changes));
            }
            (lent, serde_json::to_string(&stream.finish()).unwrap())
        });
        lent.push(outcome);
        assert_eq!(items, lent, "{}", String::from_utf8_lossy(&body));
    }
}

#[test]
fn run_shows_what_next_returns_and_gives_the_outcome_of_any_end() {
    for body in bodies() {
        for fail in [None, Some("reset by peer")] {
            let steps: Vec<_> = body.chunks(9).map(data).chain(fail.map(Step::Fail)).collect();
            let (updates, outcome) = on_both(|| async {
                let mut updates = Vec::new();
                let stream = ChatStream::from_body(Scripted::new(steps.clone()));
                let outcome = stream
                    .run(|update| {
                        updates.push(format!("{:?}", update.changes().collect::<Vec<_>>()));
                    })
                    .await;
                (updates, serde_json::to_value(&outcome).unwrap())
            });
            let wanted = expected::<Chat>(&body, fail);
            assert_eq!((updates, outcome), (wanted.updates, wanted.outcome));
        }
    }
}

#[test]
fn the_combinators_work_and_an_item_outlives_its_stream() {
    let body = bodies().remove(0);
    let make = || ChatStream::from_body(Scripted::of([&body[..]])).into_updates();
    let text: Vec<String> = on_both(|| {
        make()
            .filter_map(|item| Some(item.update()?.text().into_owned()))
            .filter(|text| !text.is_empty())
            .collect()
    });
    assert_eq!(text.concat(), "aé€😀");

    // Boxed, in another task, through a channel.
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut items: Pin<Box<dyn smol::stream::Stream<Item = _> + Send>> = make().boxed();
    on_tokio(async move {
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                sender.send(item).unwrap();
            }
        });
        task.await.unwrap();
    });
    let mut items: Vec<StreamItem<ChatCompletion>> = receiver.iter().collect();
    let outcome = items.pop().unwrap().into_outcome().unwrap();
    assert_eq!((outcome.end, outcome.answer.text()), (End::Done, "aé€😀"));
    assert!(items.iter().all(|item| item.update().is_some()));
}

#[test]
fn the_update_of_the_end_is_handed_out_before_the_outcome() {
    // No blank line completes the sentinel, so only the end says that the call is whole.
    let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\
                \"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]}}]}\n\ndata: [DONE]";
    let mut done = 0;
    let stream = ChatStream::from_body(Scripted::of([body.as_bytes()]));
    let outcome = smol::block_on(stream.run(|update| {
        let is_done = |change: &Change<'_>| matches!(change, Change::ToolCallDone { .. });
        done += update.changes().filter(is_done).count();
    }));
    assert_eq!((outcome.end, done), (End::DoneWithoutFinishReason, 1));
    let stream = ChatStream::from_body(Scripted::of([body.as_bytes()]));
    let items: Vec<_> = smol::block_on(stream.into_updates().collect());
    let called = items.iter().filter_map(StreamItem::update).flat_map(|update| &update.changes);
    assert_eq!(
        called.filter(|change| matches!(change, OwnedChange::ToolCallDone { .. })).count(),
        1
    );
}

#[test]
fn dropping_the_updates_drops_the_body_and_taking_them_back_loses_nothing() {
    let body = bodies().remove(0);
    let scripted = Scripted::of(body.chunks(60));
    let polls = Arc::clone(&scripted.polls);
    let mut updates = ChatStream::from_body(scripted).into_updates();
    assert!(smol::block_on(updates.next()).unwrap().update().is_some());
    let stream = updates.into_inner().unwrap();
    assert!(polls.load(Relaxed) > 0);
    let outcome: Outcome<ChatCompletion> = smol::block_on(stream.run(|_| {}));
    assert_eq!(outcome.answer.text(), "aé€😀");
}

#[test]
fn streams_of_different_bodies_are_of_one_type_in_a_box() {
    let body = bodies().remove(0);
    let wanted = expected::<Chat>(&body, None);
    let boxes = || -> [BoxChatStream; 3] {
        [
            ChatStream::from_body(Scripted::pending_of(body.chunks(7))).boxed(),
            ChatStream::from_body(StreamBody::new(Scripted::of(body.chunks(7)))).boxed(),
            ChatStream::from_body(http_body_util::Full::new(bytes::Bytes::from(body.clone())))
                .boxed(),
        ]
    };
    for stream in boxes() {
        assert_eq!(smol::block_on(read(stream)), wanted);
    }
    // One that was begun goes on where it was.
    let mut begun = ChatStream::from_body(Scripted::pending_of(body.chunks(7)));
    assert!(smol::block_on(begun.advance()).unwrap());
    let outcome = smol::block_on(begun.boxed().run(|_| {}));
    assert_eq!(serde_json::to_value(outcome).unwrap(), wanted.outcome);
    let failing = ChatStream::from_body(Scripted::new([Step::Fail("gone")])).boxed();
    let error = smol::block_on(failing.run(|_| {})).error.unwrap();
    assert_eq!(format!("{error:#}"), "the connection failed: gone");
}
