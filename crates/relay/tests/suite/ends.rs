//! Producers: who is it, and how its stream ends.

use std::time::{Duration, Instant};

use deltawire_relay::{
    Append, End, EndKind, Entry, EntryKind, LogError, ProduceError, Producer, ReadError, Reader,
    Settings,
};

use crate::{World, id, next, numbers, read_all, settings, short, write};

pub(crate) async fn one_of_many_becomes_the_producer(world: World) {
    let name = id("elected");
    let mut starts = Vec::new();
    for _ in 0..8 {
        let (relay, name) = (world.relay(), name.clone());
        starts.push(tokio::spawn(async move { Producer::start(&relay, &name).await }));
    }
    let mut elected = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(producer) => elected.push(producer),
            Err(error) => {
                assert!(matches!(error, ProduceError::Log(LogError::Exists)), "{error:?}");
            }
        }
    }
    assert_eq!(elected.len(), 1);
}

fn replacing(settings: Settings) -> Settings {
    Settings { replaces: true, ..settings }
}

pub(crate) async fn a_name_that_is_used_again_has_another_generation(world: World) {
    let name = id("again");
    let relay = world.relay().with_settings(replacing(settings()));
    let mut first = Producer::start(&relay, &name).await.unwrap();
    write(&mut first, 1..4).await;
    first.flush().await.unwrap();
    // Not while it runs.
    assert!(Producer::start(&relay, &name).await.is_err());
    let mut reading = Reader::from(&relay, &name, None).await.unwrap();
    assert_eq!(next(&mut reading).await.unwrap().unwrap().cursor().number, 1);
    let old = first.finish(End::done()).await.unwrap();
    // Without being asked to, an ended stream does not make way.
    let taken = Producer::start(&world.relay(), &name).await.unwrap_err();
    assert!(matches!(taken, ProduceError::Log(LogError::Exists)));

    let mut second = Producer::start(&relay, &name).await.unwrap();
    assert_eq!(second.fence().epoch, 2);
    write(&mut second, 100..103).await;
    second.flush().await.unwrap();
    let refused = Reader::from(&relay, &name, Some(old.to_string().as_bytes())).await.unwrap_err();
    assert!(matches!(refused, ReadError::OtherGeneration));
    // A reader of the first gets its own rest, or is told; never an event of the second.
    let mut seen = Vec::new();
    while let Some(event) = next(&mut reading).await {
        match event {
            Ok(event) => seen.push(event.cursor()),
            Err(error) => assert!(matches!(error, ReadError::OtherGeneration), "{error:?}"),
        }
    }
    assert!(seen.iter().all(|cursor| cursor.generation == old.generation), "{seen:?}");
    second.finish(End::done()).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(100..103));
}

pub(crate) async fn an_old_producer_is_refused(world: World) {
    let name = id("fenced");
    // It can be partitioned for longer than its lease: its heartbeat never comes.
    let mut silent = replacing(short());
    silent.times.heartbeat = Duration::from_secs(60);
    silent.times.expiry = Duration::from_secs(60);
    silent.times.retention = Duration::from_secs(60);
    let relay = world.relay().with_settings(silent);
    let mut old = Producer::start(&relay, &name).await.unwrap();
    write(&mut old, 1..4).await;
    old.flush().await.unwrap();
    tokio::time::sleep(silent.times.lease + Duration::from_millis(50)).await;
    let mut new = Producer::start(&relay, &name).await.unwrap();
    assert_eq!(new.fence().epoch, old.fence().epoch + 1);
    write(&mut new, 10..12).await;
    // Its late append is refused, by the queue and by the log.
    old.append("late").await.unwrap();
    let refused = old.flush().await.unwrap_err();
    assert!(matches!(refused, ProduceError::Log(LogError::Fenced)), "{refused:?}");
    assert!(!old.is_resumable());
    let fence = old.fence();
    let entry = Entry { number: 3, kind: EntryKind::Event, bytes: "data: 3\n\n".into() };
    let append = Append { fence, entries: [entry].into(), over_gap: true };
    assert!(matches!(relay.log().append(&name, append).await, Err(LogError::Fenced)));
    assert!(old.finish(End::done()).await.is_err());
    new.finish(End::done()).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(10..12));
}

pub(crate) async fn every_end_is_an_entry(world: World) {
    let relay = world.relay();
    let ends = [
        End::done(),
        End::new(EndKind::Error).with_message("the model's server is \"gone\"\r\n"),
        End::cancelled("user"),
        End::new(EndKind::Truncated),
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let name = id(&format!("end-{number}"));
        let mut producer = Producer::start(&relay, &name).await.unwrap();
        let mut early = Reader::from(&world.relay(), &name, None).await.unwrap();
        write(&mut producer, 1..3).await;
        let cursor = producer.finish(end.clone()).await.unwrap();
        assert_eq!(cursor.number, 3);
        let mut late = Reader::from(&relay, &name, None).await.unwrap();
        for reader in [&mut early, &mut late] {
            assert_eq!(read_all(reader).await.unwrap(), (numbers(1..3), end.clone()));
        }
        let mut hidden = Reader::from(&relay, &name, None).await.unwrap().without_end_event();
        for number in 1..3 {
            assert_eq!(next(&mut hidden).await.unwrap().unwrap().cursor().number, number);
        }
        assert!(next(&mut hidden).await.is_none());
        assert_eq!(hidden.end(), Some(&end));
        let status = relay.status(&name).await.unwrap();
        assert_eq!((status.last, status.end.as_ref()), (3, Some(&end)));
        assert!(!status.is_running());
        assert_eq!(relay.stop(&name, "too late").await.unwrap().stop, None);
    }
}

pub(crate) async fn a_dropped_producer_ends_its_stream(world: World) {
    let (relay, name) = (world.relay(), id("dropped"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    write(&mut producer, 1..6).await;
    drop(producer);
    let (seen, end) = read_all(&mut reader).await.unwrap();
    assert_eq!((seen, end.kind), (numbers(1..6), EndKind::Truncated));
}

pub(crate) async fn a_lost_producer_is_declared_lost_once(world: World) {
    let name = id("lost");
    let relay = world.relay().with_settings(short());
    // A runtime of its own, which dies with all its tasks, as a process does.
    let (log, started) = (world.relay().with_settings(short()), name.clone());
    let dies = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let fence = runtime.block_on(async {
            let mut producer = Producer::start(&log, &started).await.unwrap();
            write(&mut producer, 1..4).await;
            producer.flush().await.unwrap();
            let fence = producer.fence();
            // Dropping it would end the stream.
            tokio::spawn(async move {
                let _producer = producer;
                std::future::pending::<()>().await;
            });
            fence
        });
        runtime.shutdown_background();
        fence
    });
    let fence = dies.join().unwrap();
    let began = Instant::now();
    let mut readers = Vec::new();
    for _ in 0..6 {
        let mut reader =
            Reader::from(&world.relay().with_settings(short()), &name, None).await.unwrap();
        readers.push(tokio::spawn(async move { read_all(&mut reader).await }));
    }
    for reader in readers {
        let (seen, end) = reader.await.unwrap().unwrap();
        assert_eq!((seen, end.kind), (numbers(1..4), EndKind::ProducerLost));
    }
    let took = began.elapsed();
    assert!(took < short().times.lease + Duration::from_secs(5), "{took:?}");
    let status = relay.status(&name).await.unwrap();
    assert_eq!((status.last, status.fence.epoch), (4, fence.epoch + 1));
    // Should it come back, it is refused.
    let entry = Entry { number: 4, kind: EntryKind::Event, bytes: "data: 4\n\n".into() };
    for entries in [vec![entry], vec![]] {
        let append = Append { fence, entries: entries.into(), over_gap: false };
        assert!(matches!(relay.log().append(&name, append).await, Err(LogError::Fenced)));
    }
    assert!(!relay.log().declare_lost(&name, status.fence).await.unwrap());
}

pub(crate) async fn a_stop_is_not_a_disconnect(world: World) {
    let (relay, name) = (world.relay(), id("stop"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    for _ in 0..3 {
        let mut reader = Reader::from(&relay, &name, None).await.unwrap();
        write(&mut producer, 1..2).await;
        next(&mut reader).await.unwrap().unwrap();
        // Every reader goes away.
        drop(reader);
    }
    let waited = tokio::time::timeout(Duration::from_millis(400), producer.stopped()).await;
    assert!(waited.is_err(), "a disconnect stopped the producer");
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();

    let stopped = world.relay().stop(&name, "user-7").await.unwrap();
    assert_eq!(stopped.stop.as_deref(), Some("user-7"));
    // The first one counts.
    world.relay().stop(&name, "user-8").await.unwrap();
    let by = tokio::time::timeout(Duration::from_secs(10), producer.stopped()).await.unwrap();
    assert_eq!(by, "user-7");
    producer.finish(End::cancelled(by)).await.unwrap();
    let (seen, end) = read_all(&mut reader).await.unwrap();
    assert_eq!((seen.len(), end), (3, End::cancelled("user-7")));
}
