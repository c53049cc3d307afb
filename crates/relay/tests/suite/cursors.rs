//! Readers, and the places from which they go on.

use std::time::Duration;

use deltawire_relay::{End, Producer, ReadError, Reader, Relay, Settings, StreamId};

use crate::flaky::{Flaky, Mode};
use crate::{World, id, next, numbers, read_all, settings, write};

pub(crate) async fn every_event_comes_once_and_in_order_to_each_reader(world: World) {
    let id = id("once");
    let mut producer = Producer::start(&world.relay(), &id).await.unwrap();
    let mut readers = Vec::new();
    for late in 0..8 {
        // Some share the connections of a process, and some have their own.
        let relay = world.relay();
        for _ in 0..2 {
            let mut reader = Reader::from(&relay, &id, None).await.unwrap();
            readers.push(tokio::spawn(async move { read_all(&mut reader).await }));
        }
        write(&mut producer, late * 100..(late + 1) * 100).await;
    }
    producer.finish(End::done()).await.unwrap();
    for reader in readers {
        let (seen, end) = reader.await.unwrap().unwrap();
        assert_eq!(seen, numbers(0..800));
        assert_eq!(end, End::done());
    }
}

pub(crate) async fn a_reader_needs_no_notice_of_what_comes(world: World) {
    for (name, mode) in [("mute", Mode::Mute), ("stutters", Mode::Stutters)] {
        let id = id(name);
        let log = Flaky::new(world.log());
        log.set(mode);
        let reading = Relay::shared(log).with_settings(settings());
        let mut producer = Producer::start(&world.relay(), &id).await.unwrap();
        let mut reader = Reader::from(&reading, &id, None).await.unwrap();
        let reading = tokio::spawn(async move { read_all(&mut reader).await });
        for number in 0..60 {
            write(&mut producer, number * 2..number * 2 + 2).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        producer.finish(End::done()).await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), (numbers(0..120), End::done()));
    }
}

pub(crate) async fn a_reader_goes_on_after_any_cursor(world: World) {
    let (relay, id) = (world.relay(), id("any"));
    let mut producer = Producer::start(&relay, &id).await.unwrap();
    write(&mut producer, 1..11).await;
    producer.flush().await.unwrap();
    let generation = producer.fence().generation;
    let mut readers = Vec::new();
    for after in 0..=10 {
        let cursor = format!("{generation}.{after}");
        let reader = Reader::from(&world.relay(), &id, Some(cursor.as_bytes())).await;
        readers.push((after, reader.unwrap()));
    }
    write(&mut producer, 11..21).await;
    let end = producer.finish(End::done()).await.unwrap();
    for (after, mut reader) in readers {
        assert!(!reader.is_over());
        assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(after + 1..21));
        assert!(reader.is_over());
    }
    // After the end there is nothing, and it is said at once.
    let mut reader = Reader::from(&relay, &id, Some(end.to_string().as_bytes())).await.unwrap();
    assert!(reader.is_over());
    assert_eq!(reader.end(), Some(&End::done()));
    assert!(next(&mut reader).await.is_none());
}

pub(crate) async fn a_cursor_that_does_not_fit_is_a_typed_answer(world: World) {
    let (relay, name) = (world.relay(), id("typed"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    write(&mut producer, 1..4).await;
    producer.flush().await.unwrap();
    let generation = producer.fence().generation;
    let malformed = [
        String::new(),
        "3".into(),
        "0".into(),
        format!("{generation}"),
        format!("{generation}."),
        format!("{generation}.-1"),
        format!("{generation}.+1"),
        format!("{generation}.01"),
        format!("{generation}.1 "),
        format!("{generation}.1.1"),
        format!("{generation}.99999999999999999999999"),
        format!("{}.1", generation.to_string().to_uppercase().replace(char::is_numeric, "F")),
        format!("{}.1", &generation.to_string()[1..]),
    ];
    for cursor in malformed {
        let refused = Reader::from(&relay, &name, Some(cursor.as_bytes())).await.unwrap_err();
        assert!(matches!(refused, ReadError::Malformed), "{cursor:?}: {refused:?}");
        assert_eq!(refused.status(), 400);
    }
    let refused = Reader::from(&relay, &name, Some(b"\xff.1")).await.unwrap_err();
    assert!(matches!(refused, ReadError::Malformed));

    let other = format!("{:016x}.1", 0x1234);
    let refused = Reader::from(&relay, &name, Some(other.as_bytes())).await.unwrap_err();
    assert!(matches!(refused, ReadError::OtherGeneration));
    assert_eq!(refused.status(), 409);

    // A number that the log never had, or has no longer.
    let ahead = format!("{generation}.4");
    let refused = Reader::from(&relay, &name, Some(ahead.as_bytes())).await.unwrap_err();
    assert!(matches!(refused, ReadError::Lost { after: 4, found: 3 }), "{refused:?}");
    assert_eq!(refused.status(), 410);

    let refused = Reader::from(&relay, &id("none"), None).await.unwrap_err();
    assert!(matches!(refused, ReadError::NotFound));
    assert_eq!(refused.status(), 404);
}

pub(crate) async fn a_late_reader_takes_the_snapshot_and_the_rest(world: World) {
    let (relay, id) = (world.relay(), id("late"));
    let mut producer = Producer::start(&relay, &id).await.unwrap();
    let (none, _) = Reader::from_snapshot(&relay, &id).await.unwrap();
    assert_eq!(none, None);
    for trims in [false, true] {
        let next = producer.cursor().number + 1;
        write(&mut producer, next..next + 50).await;
        let bytes = vec![0, 255, u8::from(trims)];
        producer.snapshot(bytes.clone(), trims).await.unwrap();
        write(&mut producer, next + 50..next + 60).await;
        producer.flush().await.unwrap();
        let (snapshot, mut reader) = Reader::from_snapshot(&relay, &id).await.unwrap();
        let snapshot = snapshot.unwrap();
        assert_eq!((snapshot.number, snapshot.bytes), (next + 49, bytes));
        let status = relay.status(&id).await.unwrap();
        assert_eq!(status.snapshot, Some(next + 49));
        assert_eq!(status.first, if trims { next + 50 } else { 1 });
        for _ in 0..10 {
            next_is_after(&mut reader, next + 49).await;
        }
    }
    producer.finish(End::done()).await.unwrap();
    let (snapshot, mut reader) = Reader::from_snapshot(&world.relay(), &id).await.unwrap();
    assert_eq!(snapshot.unwrap().number, 110);
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(111..121));
}

async fn next_is_after(reader: &mut Reader, number: u64) {
    let event = next(reader).await.unwrap().unwrap();
    assert!(event.cursor().number > number);
}

pub(crate) async fn a_trimmed_stream_is_never_replayed_as_if_it_were_whole(world: World) {
    let (relay, id) = (world.relay(), id("trimmed"));
    let mut producer = Producer::start(&relay, &id).await.unwrap();
    write(&mut producer, 1..3).await;
    producer.flush().await.unwrap();
    let mut slow = Reader::from(&relay, &id, None).await.unwrap();
    assert_eq!(next(&mut slow).await.unwrap().unwrap().cursor().number, 1);
    write(&mut producer, 3..701).await;
    producer.snapshot(vec![1], true).await.unwrap();
    write(&mut producer, 701..703).await;
    producer.flush().await.unwrap();
    let generation = producer.fence().generation;
    for cursor in [None, Some(0), Some(1), Some(699)] {
        let cursor = cursor.map(|number: u64| format!("{generation}.{number}"));
        let refused =
            Reader::from(&relay, &id, cursor.as_ref().map(String::as_bytes)).await.unwrap_err();
        assert!(matches!(refused, ReadError::TooOld { first: 701 }), "{cursor:?}: {refused:?}");
        assert_eq!(refused.status(), 410);
    }
    let cursor = format!("{generation}.700");
    let mut reader = Reader::from(&relay, &id, Some(cursor.as_bytes())).await.unwrap();
    // One that was reading meanwhile is told so as well, and gets no gap.
    let mut expected = 2;
    let refused = loop {
        match next(&mut slow).await.unwrap() {
            Ok(event) => {
                assert_eq!(event.cursor().number, expected);
                expected += 1;
            }
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, ReadError::TooOld { first: 701 }), "{refused:?}");
    assert!(next(&mut slow).await.is_none());
    producer.finish(End::done()).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(701..703));
}

pub(crate) async fn a_stream_of_an_owner_is_not_found_by_others(world: World) {
    let nobodys = world.relay();
    let (ones, others) = (nobodys.of_owner("one"), nobodys.of_owner("other"));
    let owned = StreamId::random().unwrap();
    assert_ne!(owned, StreamId::random().unwrap());
    assert_eq!(owned.as_str().len(), 32);
    let mut producer = Producer::start(&ones, &owned).await.unwrap();
    write(&mut producer, 1..2).await;
    for relay in [&nobodys, &others] {
        let refused = Reader::from(relay, &owned, None).await.unwrap_err();
        assert!(matches!(refused, ReadError::NotFound));
        assert!(matches!(relay.stop(&owned, "x").await, Err(ReadError::NotFound)));
        assert!(matches!(relay.status(&owned).await, Err(ReadError::NotFound)));
    }
    assert_eq!(ones.status(&owned).await.unwrap().stop, None);
    producer.finish(End::done()).await.unwrap();
    // Nor does its name make way for another's.
    let replacing = others.clone().with_settings(Settings { replaces: true, ..settings() });
    assert!(Producer::start(&replacing, &owned).await.is_err());
    let mut reader = Reader::from(&ones, &owned, None).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(1..2));
}
