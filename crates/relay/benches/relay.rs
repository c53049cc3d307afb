//! The cost of the relay: latency, throughput, readers a core, and the memory of Redis.
//!
//! `cargo bench -p deltawire-relay --features redis --bench relay`
//!
//! It starts a redis-server by itself, without a file unless `--fsync` is given, which syncs one at
//! every write. `--npm FOLDER` adds npm's `resumable-stream` on the same server, from the folder of
//! an `npm install resumable-stream redis`. Everything is on one machine, so the figures are
//! those of the software and not of a network.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on fails")]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deltawire_relay::deltawire_async::AsEvent as _;
use deltawire_relay::{End, Log, MemoryLog, Producer, Reader, RedisLog, Relay, Settings, StreamId};

#[path = "../tests/support/redis.rs"]
mod server;

/// The stream that is measured: as many events as a long answer, of a usual chunk's size, at the
/// pace of a fast model.
const EVENTS: u64 = 1000;
const PACE: Duration = Duration::from_millis(2);
const PADDING: usize = 200;

/// The load whose processor time is measured: streams at the pace of a usual model.
const STREAMS: usize = 100;
const RATE: u32 = 50;
const LASTS: Duration = Duration::from_secs(10);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let fsync = args.iter().any(|arg| arg == "--fsync");
    let npm = args.iter().position(|arg| arg == "--npm").and_then(|at| args.get(at + 1));
    let options: &[&str] =
        if fsync { &["--appendonly", "yes", "--appendfsync", "always"] } else { &[] };
    let Some(redis) = server::Redis::start(options) else { return };
    let url = redis.url();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{}", if fsync { "Redis syncs every write" } else { "Redis keeps no file" });
    let redis_log = || -> Arc<dyn Log> { Arc::new(RedisLog::open(&url).unwrap()) };
    let memory: Arc<dyn Log> = Arc::new(MemoryLog::new());
    let memory_log = || memory.clone();
    println!("\n{:<44}{:>10}{:>10}{:>10}", "latency of an event, in ms", "p50", "p99", "most");
    for (streams, readers) in [(1, 1), (1, 100), (50, 2)] {
        let name = if streams == 1 {
            format!("{readers} readers")
        } else {
            format!("{streams} streams of {readers} readers")
        };
        let load = Load::fast(streams, readers);
        row(&format!("memory, {name}"), runtime.block_on(latency(&memory_log, &load)));
        row(&format!("Redis, {name}"), runtime.block_on(latency(&redis_log, &load)));
    }
    if let Some(folder) = npm {
        for readers in [1, 100] {
            resumable_stream(folder, &url, readers);
        }
    }
    println!("\nevents a second");
    println!(
        "{:<44}{:>10.0}",
        "memory, 1 producer, 1 reader",
        runtime.block_on(throughput(&memory_log))
    );
    println!(
        "{:<44}{:>10.0}",
        "Redis, 1 producer, 1 reader",
        runtime.block_on(throughput(&redis_log))
    );
    let late = runtime.block_on(catching_up(&redis_log));
    println!("{:<44}{late:>10.0}", "Redis, a late reader catching up");
    println!("\n{:<44}{:>10}{:>10}", format!("at {RATE} events a second"), "a core", "Redis");
    let processes = [std::process::id(), redis.id()];
    for (name, log) in [("memory", &memory_log as &dyn Fn() -> _), ("Redis", &redis_log)] {
        let alone = runtime.block_on(cores(log, 0, processes));
        for readers in [1, 10] {
            let with = runtime.block_on(cores(log, readers, processes));
            let name = format!("{name}, {STREAMS} streams of {readers} readers");
            let (Some([alone, _]), Some([with, of_redis])) = (alone, with) else {
                println!("{name:<44}{:>10}{:>10}", "unknown", "unknown");
                continue;
            };
            let readers = f64::from(u32::try_from(STREAMS * readers).unwrap());
            let carried = readers / (with - alone).max(0.001);
            println!("{name:<44}{carried:>10.0}{:>9.0}%", 100.0 * of_redis);
        }
    }
    runtime.block_on(memory_of_redis(&url));
}

fn row(name: &str, mut delays: Vec<Duration>) {
    delays.sort();
    let at = |part: usize| delays[(delays.len() - 1) * part / 100].as_secs_f64() * 1000.0;
    println!("{name:<44}{:>10.3}{:>10.3}{:>10.3}", at(50), at(99), at(100));
}

fn data(began: Instant) -> String {
    format!("{{\"at\":{},\"padding\":\"{}\"}}", began.elapsed().as_nanos(), "x".repeat(PADDING))
}

/// Streams with their readers, and the events that each stream has.
struct Load {
    streams: usize,
    readers: usize,
    events: u64,
    pace: Duration,
}

impl Load {
    /// Events at the pace of a fast model; many streams are slower and shorter.
    fn fast(streams: usize, readers: usize) -> Self {
        let (slower, shorter) = (streams.min(10), streams.min(5));
        let pace = PACE * u32::try_from(slower).unwrap();
        Self { streams, readers, events: EVENTS / u64::try_from(shorter).unwrap(), pace }
    }
}

/// Returns the time from `append` to the reader, of each event at each reader.
///
/// The producers and the readers have connections of their own, as they have in several processes.
async fn latency(log: &dyn Fn() -> Arc<dyn Log>, load: &Load) -> Vec<Duration> {
    let began = Instant::now();
    let (producing, reading) = (Relay::shared(log()), Relay::shared(log()));
    let (mut producers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..load.streams {
        let id = StreamId::random().unwrap();
        let mut producer = Producer::start(&producing, &id).await.unwrap();
        for _ in 0..load.readers {
            let mut reader = Reader::from(&reading, &id, None).await.unwrap();
            readers.push(tokio::spawn(async move {
                let mut delays = Vec::new();
                while let Some(event) = reader.next().await {
                    let event = event.unwrap();
                    if event.end().is_none() {
                        let data = event.as_event().data;
                        let sent = data["{\"at\":".len()..].split(',').next().unwrap();
                        let sent = Duration::from_nanos(sent.parse().unwrap());
                        delays.push(began.elapsed() - sent);
                    }
                }
                delays
            }));
        }
        let (events, mut pace) = (load.events, tokio::time::interval(load.pace));
        producers.push(tokio::spawn(async move {
            for _ in 0..events {
                pace.tick().await;
                producer.append(data(began)).await.unwrap();
            }
            producer.finish(End::done()).await.unwrap();
        }));
    }
    for producer in producers {
        producer.await.unwrap();
    }
    let mut delays = Vec::new();
    for reader in readers {
        delays.extend(reader.await.unwrap());
    }
    delays
}

/// Returns the cores that each of these processes kept busy while streams had so many readers.
///
/// `None` where the system does not tell processor times as Linux does.
async fn cores(log: &dyn Fn() -> Arc<dyn Log>, readers: usize, of: [u32; 2]) -> Option<[f64; 2]> {
    let load = Load {
        streams: STREAMS,
        readers,
        events: u64::from(RATE) * LASTS.as_secs(),
        pace: Duration::from_secs(1) / RATE,
    };
    let times = || Some([cpu_of(of[0])?, cpu_of(of[1])?]);
    let (before, began) = (times()?, Instant::now());
    latency(log, &load).await;
    let (after, took) = (times()?, began.elapsed().as_secs_f64());
    Some([0, 1].map(|process| (after[process] - before[process]).as_secs_f64() / took))
}

/// Returns the processor time that a process has had, in steps of 10 ms.
fn cpu_of(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, is the only field that may have spaces.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    // The 14th and 15th field: user and system time, in hundredths of a second.
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// Returns the events a second of a producer that never waits, up to a reader.
async fn throughput(log: &dyn Fn() -> Arc<dyn Log>) -> f64 {
    let (producing, reading) = (Relay::shared(log()), Relay::shared(log()));
    let id = StreamId::random().unwrap();
    let mut producer = Producer::start(&producing, &id).await.unwrap();
    let mut reader = Reader::from(&reading, &id, None).await.unwrap();
    let count = 100_000_u32;
    let began = Instant::now();
    let reading = tokio::spawn(async move { while reader.next().await.is_some() {} });
    for _ in 0..count {
        producer.append(data(began)).await.unwrap();
    }
    producer.finish(End::done()).await.unwrap();
    reading.await.unwrap();
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Returns the events a second of a reader that begins after the end.
async fn catching_up(log: &dyn Fn() -> Arc<dyn Log>) -> f64 {
    let relay = Relay::shared(log());
    let id = StreamId::random().unwrap();
    let mut producer = Producer::start(&relay, &id).await.unwrap();
    let count = 100_000_u32;
    for _ in 0..count {
        producer.append(data(Instant::now())).await.unwrap();
    }
    producer.finish(End::done()).await.unwrap();
    let mut reader = Reader::from(&relay, &id, None).await.unwrap();
    let began = Instant::now();
    while let Some(event) = reader.next().await {
        event.unwrap();
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Prints what Redis needs for streams beyond the bytes of their events.
async fn memory_of_redis(url: &str) {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let relay = Relay::new(RedisLog::open(url).unwrap()).with_settings(Settings::default());
    let (streams, began) = (50, Instant::now());
    let before = used(&mut connection).await;
    let mut bytes = 0;
    for _ in 0..streams {
        let mut producer = Producer::start(&relay, &StreamId::random().unwrap()).await.unwrap();
        for _ in 0..EVENTS {
            let data = data(began);
            bytes += data.len() + "data: \n\n".len();
            producer.append(data).await.unwrap();
        }
        producer.finish(End::done()).await.unwrap();
    }
    let took = used(&mut connection).await - before;
    println!("\nmemory of Redis for a stream of {EVENTS} events");
    println!("{:<44}{:>10}", "bytes of the events", bytes / streams);
    println!("{:<44}{:>10}", "bytes of Redis", took / streams);
}

async fn used(connection: &mut redis::aio::MultiplexedConnection) -> usize {
    let info: String = redis::cmd("INFO").arg("memory").query_async(connection).await.unwrap();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    used.trim().parse().unwrap()
}

/// Runs npm's package with the same stream, and prints its row.
fn resumable_stream(folder: &str, url: &str, readers: usize) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/resumable_stream.mjs");
    let (events, pace) = (EVENTS.to_string(), PACE.as_millis().to_string());
    let output = Command::new("node")
        .args([script, folder, url, &events, &pace, &PADDING.to_string(), &readers.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let delays: Vec<_> = text
        .lines()
        .filter_map(|line| line.parse().ok())
        .map(|milliseconds: f64| Duration::from_secs_f64(milliseconds.max(0.0) / 1000.0))
        .collect();
    if delays.len() != usize::try_from(EVENTS).unwrap() * readers {
        println!(
            "resumable-stream has {} events: {}",
            delays.len(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    if !delays.is_empty() {
        row(&format!("resumable-stream, {readers} readers"), delays);
    }
}
