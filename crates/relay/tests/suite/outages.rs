//! A log that is slow, gone, or has lost something.

use std::time::{Duration, Instant};

use deltawire_relay::{
    Append, End, EndKind, Entry, EntryKind, LogError, OnOutage, ProduceError, Producer, ReadError,
    Reader, Relay, Settings,
};

use crate::flaky::{Flaky, Mode};
use crate::{World, id, next, numbers, read_all, settings, write};

pub(crate) async fn an_append_without_an_answer_is_written_once(world: World) {
    let name = id("ambiguous");
    let log = Flaky::new(world.log());
    let relay = Relay::shared(log.clone()).with_settings(settings());
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&world.relay(), &name, None).await.unwrap();
    log.set(Mode::LosesSome);
    for number in 0..60 {
        write(&mut producer, number * 3..number * 3 + 3).await;
        if number % 4 == 0 {
            producer.flush().await.unwrap();
        }
    }
    producer.finish(End::done()).await.unwrap();
    assert!(log.appends() > 40, "nothing was lost: {}", log.appends());
    assert_eq!(read_all(&mut reader).await.unwrap(), (numbers(0..180), End::done()));
}

pub(crate) async fn a_slow_log_holds_the_producer_up(world: World) {
    let name = id("slow");
    let log = Flaky::new(world.log());
    let relay = Relay::shared(log.clone()).with_settings(settings());
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    log.set(Mode::Slow(Duration::from_millis(20)));
    let most = 2 * settings().queue as u64 + 2;
    for number in 1..=400 {
        write(&mut producer, number..number + 1).await;
        if number % 10 == 0 {
            let last = relay.status(&name).await.unwrap().last;
            assert!(number - last <= most, "{number} were taken, and {last} are in the log");
        }
    }
    producer.finish(End::done()).await.unwrap();
    // What waits goes together.
    assert!(log.appends() < 200, "{} appends", log.appends());
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(1..401));
}

fn impatient(on_outage: OnOutage) -> Settings {
    Settings { patience: Duration::from_millis(300), on_outage, ..settings() }
}

pub(crate) async fn a_producer_that_stops_in_an_outage_says_so(world: World) {
    let name = id("stops");
    let log = Flaky::new(world.log());
    let relay = Relay::shared(log.clone()).with_settings(impatient(OnOutage::Stop));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&world.relay(), &name, None).await.unwrap();
    write(&mut producer, 1..6).await;
    producer.flush().await.unwrap();
    log.set(Mode::Down);
    let began = Instant::now();
    let error = loop {
        match producer.append("lost").await {
            Ok(()) => assert!(began.elapsed() < Duration::from_secs(20), "it takes for ever"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ProduceError::Log(LogError::Unavailable(_))), "{error:?}");
    assert!(!producer.is_resumable());
    assert!(producer.flush().await.is_err());
    assert!(producer.finish(End::done()).await.is_err());
    log.set(Mode::Fine);
    let lost = the_loss(&mut reader, 5).await;
    assert!(matches!(lost, ReadError::Lost { after: 5, found: 7.. }), "{lost:?}");
    let status = ended(&world.relay(), &name).await;
    assert_eq!(status.kind, EndKind::EntriesLost);
}

/// Reads so many events, and returns the error after them.
async fn the_loss(reader: &mut Reader, count: u64) -> ReadError {
    for number in 1..=count {
        assert_eq!(next(reader).await.unwrap().unwrap().cursor().number, number);
    }
    let lost = next(reader).await.unwrap().unwrap_err();
    assert!(next(reader).await.is_none());
    lost
}

/// Waits for the end of a stream.
async fn ended(relay: &Relay, name: &deltawire_relay::StreamId) -> End {
    let began = Instant::now();
    loop {
        if let Some(end) = relay.status(name).await.unwrap().end {
            return end;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it never ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn a_producer_that_goes_on_in_an_outage_is_live_and_not_resumable(world: World) {
    let name = id("live");
    let log = Flaky::new(world.log());
    let relay = Relay::shared(log.clone()).with_settings(impatient(OnOutage::PassLive));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut live = producer.live(200);
    let mut reader = Reader::from(&world.relay(), &name, None).await.unwrap();
    write(&mut producer, 1..6).await;
    producer.flush().await.unwrap();
    assert!(producer.is_resumable());
    log.set(Mode::Down);
    // More than the queue holds.
    write(&mut producer, 6..101).await;
    assert!(!producer.is_resumable());
    log.set(Mode::Fine);
    assert_eq!(ended(&world.relay(), &name).await.kind, EndKind::EntriesLost);
    write(&mut producer, 101..111).await;
    let not_stored = producer.finish(End::done()).await;
    assert!(not_stored.is_err(), "{not_stored:?}");
    let mut seen = Vec::new();
    while let Some(event) = live.next().await {
        seen.push(event);
    }
    let end = seen.pop().unwrap();
    assert_eq!(end.end(), Some(&End::done()));
    let places: Vec<_> = seen.iter().map(|event| event.cursor().number).collect();
    assert_eq!(places, (1..111).collect::<Vec<_>>());
    let lost = the_loss(&mut reader, 5).await;
    assert!(matches!(lost, ReadError::Lost { after: 5, .. }), "{lost:?}");
    // A live client that asks the log for the rest is told that it is not there.
    let cursor = seen[50].cursor().to_string();
    match Reader::from(&world.relay(), &name, Some(cursor.as_bytes())).await {
        Err(error) => assert!(matches!(error, ReadError::Lost { .. }), "{error:?}"),
        Ok(mut reader) => {
            let lost = next(&mut reader).await.unwrap().unwrap_err();
            assert!(matches!(lost, ReadError::Lost { .. }), "{lost:?}");
        }
    }
}

pub(crate) async fn a_slow_live_client_is_cut_off_and_goes_on_with_the_log(world: World) {
    let (relay, name) = (world.relay(), id("cut-off"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut live = producer.live(4);
    write(&mut producer, 1..101).await;
    producer.finish(End::done()).await.unwrap();
    let mut last = None;
    while let Some(event) = live.next().await {
        assert_eq!(event.end(), None);
        last = Some(event.cursor());
    }
    let last = last.unwrap();
    assert_eq!(last.number, 4);
    let cursor = last.to_string();
    let mut reader = Reader::from(&relay, &name, Some(cursor.as_bytes())).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(5..101));
}

pub(crate) async fn entries_that_the_log_lost_are_an_error_of_the_reader(world: World) {
    let (relay, name) = (world.relay(), id("gap"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    write(&mut producer, 1..4).await;
    producer.flush().await.unwrap();
    let mut early = Reader::from(&world.relay(), &name, None).await.unwrap();
    let entry = |number, kind, bytes: &'static str| Entry { number, kind, bytes: bytes.into() };
    let fence = producer.fence();
    // An append beyond the next number is refused: the log lost what was before it.
    let late = [entry(6, EntryKind::Event, "data: 6\n\n")];
    let append = Append { fence, entries: late.into(), over_gap: false };
    let refused = relay.log().append(&name, append).await.unwrap_err();
    assert!(matches!(refused, LogError::Lost { last: 3 }), "{refused:?}");
    // Only an end may follow a gap.
    let end = [entry(7, EntryKind::End, r#"{"end":"entries_lost"}"#)];
    let append = Append { fence, entries: end.into(), over_gap: true };
    relay.log().append(&name, append).await.unwrap();
    let mut late = Reader::from(&relay, &name, None).await.unwrap();
    for reader in [&mut early, &mut late] {
        let lost = the_loss(reader, 3).await;
        assert!(matches!(lost, ReadError::Lost { after: 3, found: 7 }), "{lost:?}");
    }
}
