//! The keys of Redis, and what only Redis can do to them.

use std::time::{Duration, Instant};

use deltawire_relay::{End, Producer, ReadError, Reader, RedisLog, Relay, Settings, StreamId};
use redis::Client;
use redis::aio::MultiplexedConnection;

use crate::server::Redis;
use crate::{id, next, numbers, read_all, settings, short, write};

/// A server of the test's own, a relay on it, and a connection that looks on.
async fn start(settings: Settings) -> Option<(Redis, Relay, MultiplexedConnection)> {
    let server = Redis::start(&[])?;
    let client = Client::open(server.url()).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let relay = Relay::new(RedisLog::open(&server.url()).unwrap()).with_settings(settings);
    Some((server, relay, connection))
}

async fn keys(connection: &mut MultiplexedConnection) -> Vec<String> {
    redis::cmd("KEYS").arg("*").query_async(connection).await.unwrap()
}

async fn left(connection: &mut MultiplexedConnection, key: &str) -> i64 {
    redis::cmd("PTTL").arg(key).query_async(connection).await.unwrap()
}

#[tokio::test]
async fn all_keys_of_a_stream_share_a_hash_tag_and_expire_together() {
    let Some((_server, relay, mut connection)) = start(short()).await else { return };
    let name = StreamId::random().unwrap();
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    write(&mut producer, 1..4).await;
    producer.snapshot(vec![1, 2, 3], false).await.unwrap();
    producer.flush().await.unwrap();
    let all = keys(&mut connection).await;
    assert_eq!(all.len(), 3, "{all:?}");
    for key in &all {
        assert!(key.starts_with(&format!("deltawire:{{{name}}}:")), "{key}");
        let left = left(&mut connection, key).await;
        let most = if key.ends_with(":lease") { short().times.lease } else { short().times.expiry };
        assert!(0 < left && left as u128 <= most.as_millis(), "{key}: {left} ms");
    }
    producer.finish(End::done()).await.unwrap();
    let all = keys(&mut connection).await;
    assert_eq!(all.len(), 2, "{all:?}");
    let (one, other) = (left(&mut connection, &all[0]).await, left(&mut connection, &all[1]).await);
    assert!((one - other).abs() < 1000, "{one} and {other} ms");
    assert!(one as u128 <= short().times.retention.as_millis());
    let began = Instant::now();
    while !keys(&mut connection).await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "a key is kept for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn either_version_of_the_protocol_will_do() {
    let Some(server) = Redis::start(&[]) else { return };
    let relay = Relay::new(RedisLog::open(&format!("{}?protocol=resp3", server.url())).unwrap());
    let name = id("resp3");
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    for number in 1..20 {
        write(&mut producer, number..number + 1).await;
        assert_eq!(next(&mut reader).await.unwrap().unwrap().cursor().number, number);
    }
    producer.finish(End::done()).await.unwrap();
    assert_eq!(next(&mut reader).await.unwrap().unwrap().end(), Some(&End::done()));
    assert_eq!(relay.status(&name).await.unwrap().owner, None);
}

#[tokio::test]
async fn a_reader_that_is_ahead_of_the_log_is_told() {
    let Some((_server, relay, mut connection)) = start(settings()).await else { return };
    let name = id("ahead");
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    write(&mut producer, 1..6).await;
    producer.flush().await.unwrap();
    for _ in 0..5 {
        next(&mut reader).await.unwrap().unwrap();
    }
    // As if Redis had come back without the last two.
    let state = format!("deltawire:{{{name}}}:state");
    let entries = format!("deltawire:{{{name}}}:entries:{}", producer.fence().generation);
    let lost: i64 = redis::cmd("XDEL")
        .arg(entries)
        .arg("4-0")
        .arg("5-0")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(lost, 2);
    let _: i64 = redis::cmd("HSET")
        .arg(state)
        .arg("last")
        .arg(3)
        .query_async(&mut connection)
        .await
        .unwrap();
    let told = next(&mut reader).await.unwrap().unwrap_err();
    assert!(matches!(told, ReadError::Lost { after: 5, found: 3 }), "{told:?}");
    // The producer cannot go on as if nothing had happened.
    write(&mut producer, 6..7).await;
    assert!(producer.flush().await.is_err());
}

#[tokio::test]
async fn nothing_is_left_of_a_redis_without_a_file_and_it_is_said() {
    let Some((mut server, relay, _)) = start(settings()).await else { return };
    let name = id("wiped");
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    write(&mut producer, 1..3).await;
    producer.flush().await.unwrap();
    for _ in 0..2 {
        next(&mut reader).await.unwrap().unwrap();
    }
    server.kill();
    server.run();
    let told = next(&mut reader).await.unwrap().unwrap_err();
    assert!(matches!(told, ReadError::NotFound), "{told:?}");
    let failed = loop {
        match producer.append("x").await {
            Ok(()) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => break error,
        }
    };
    assert!(failed.to_string().contains("does not take"), "{failed:?}");
}

#[tokio::test]
async fn readers_of_a_redis_that_was_down_for_longer_than_a_lease_forgive() {
    let Some(mut server) = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let mut settings = short();
    settings.times.expiry = Duration::from_secs(60);
    let relay = Relay::new(RedisLog::open(&server.url()).unwrap()).with_settings(settings);
    let name = id("forgiven");
    let mut producer = Producer::start(&relay, &name).await.unwrap();
    let mut reader = Reader::from(&relay, &name, None).await.unwrap();
    let reading = tokio::spawn(async move { read_all(&mut reader).await });
    write(&mut producer, 0..3).await;
    producer.flush().await.unwrap();
    server.kill();
    tokio::time::sleep(settings.times.lease + Duration::from_millis(300)).await;
    server.run();
    write(&mut producer, 3..6).await;
    producer.finish(End::done()).await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (numbers(0..6), End::done()));
}

#[tokio::test]
async fn followers_share_two_connections_and_new_ones_need_not_wait() {
    // A reader that looks by itself would hide that nobody wakes it.
    let mut patient = settings();
    patient.times.heartbeat = Duration::from_secs(20);
    patient.times.lease = Duration::from_secs(60);
    let Some((_server, relay, mut connection)) = start(patient).await else { return };
    let mut producers = Vec::new();
    let mut readers = Vec::new();
    for number in 0..40 {
        let name = id(&format!("shared-{number}"));
        producers.push(Producer::start(&relay, &name).await.unwrap());
        for _ in 0..3 {
            let mut reader = Reader::from(&relay, &name, None).await.unwrap();
            readers.push(tokio::spawn(async move { read_all(&mut reader).await }));
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let clients: String =
        redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await.unwrap();
    // The third is that of this test.
    assert_eq!(clients.lines().count(), 3, "{clients}");
    // A read that waits does not hold up those of streams that it does not know.
    let began = Instant::now();
    for producer in &mut producers {
        write(producer, 0..5).await;
    }
    for producer in producers {
        producer.finish(End::done()).await.unwrap();
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap().unwrap().0, numbers(0..5));
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // A key that is added in the middle of a wait is seen long before that ends.
    let _silent = Producer::start(&relay, &id("silent")).await.unwrap();
    let mut waits = Reader::from(&relay, &id("silent"), None).await.unwrap();
    let waits = tokio::spawn(async move { waits.next().await });
    let mut delays = Vec::new();
    for number in 0..10 {
        let name = id(&format!("late-{number}"));
        let mut producer = Producer::start(&relay, &name).await.unwrap();
        let mut reader = Reader::from(&relay, &name, None).await.unwrap();
        let reading = tokio::spawn(async move {
            let event = next(&mut reader).await.unwrap().unwrap();
            (event, Instant::now())
        });
        tokio::time::sleep(Duration::from_millis(30)).await;
        let sent = Instant::now();
        write(&mut producer, 0..1).await;
        delays.push(reading.await.unwrap().1 - sent);
    }
    waits.abort();
    delays.sort();
    assert!(delays[5] < Duration::from_millis(300), "{delays:?}");
}
