//! The lease, the expiry and the retention.

use std::time::{Duration, Instant};

use deltawire_relay::{End, Producer, ReadError, Reader};

use crate::{World, id, numbers, read_all, short, write};

pub(crate) async fn a_model_that_thinks_keeps_its_lease(world: World) {
    let (relay, name) = (world.relay().with_settings(short()), id("thinks"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    let reading = tokio::spawn(async move { read_all(&mut reader).await });
    // No event for several leases.
    tokio::time::sleep(short().times.lease * 3).await;
    assert!(relay.status(&name).await.unwrap().is_running());
    assert!(!reading.is_finished());
    write(&mut producer, 1..4).await;
    producer.finish(End::done()).await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (numbers(1..4), End::done()));
}

pub(crate) async fn a_running_stream_does_not_expire(world: World) {
    let (relay, name) = (world.relay().with_settings(short()), id("runs"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    write(&mut producer, 1..4).await;
    // Nobody appends and nobody reads: time alone slides the expiry.
    tokio::time::sleep(short().times.expiry * 2).await;
    // A creation drops what has expired.
    drop(Producer::start(&relay, &id("other")).await.unwrap());
    write(&mut producer, 4..6).await;
    producer.flush().await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    producer.finish(End::done()).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(1..6));
}

pub(crate) async fn an_ended_stream_is_kept_for_its_retention(world: World) {
    let mut settings = short();
    settings.times.expiry = Duration::from_secs(60);
    let (relay, name) = (world.relay().with_settings(settings), id("kept"));
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    write(&mut producer, 1..4).await;
    let ended = Instant::now();
    producer.finish(End::done()).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    assert_eq!(read_all(&mut reader).await.unwrap().0, numbers(1..4));
    while relay.status(&name).await.is_ok() {
        assert!(ended.elapsed() < Duration::from_secs(20), "it is kept for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Slow machines see it end later, and none sooner. Redis counts whole milliseconds.
    let least = settings.times.retention - Duration::from_millis(5);
    assert!(ended.elapsed() >= least, "{:?}", ended.elapsed());
    let refused = Reader::from(&relay, &name, None).await.unwrap_err();
    assert!(matches!(refused, ReadError::NotFound));
}
