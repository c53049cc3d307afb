//! Real processes that are killed: producers, readers, and Redis.
//!
//! This program starts itself as producers and as readers, and a redis-server, and kills each of
//! them with SIGKILL at random points. Redis also hangs for longer than anybody waits for an
//! answer. No reader may miss an event, get one twice, or wait for longer than the lease.
//! `DELTAWIRE_KILLS=N` sets the number of kills; 20 is what a change has to pass.
//! `DELTAWIRE_KILL_SEED=N` repeats the points.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use deltawire_relay::deltawire_async::AsEvent as _;
use deltawire_relay::{
    End, LogError, ProduceError, Producer, Reader, RedisLog, Relay, Settings, StreamId, Times,
};

#[path = "support/redis.rs"]
mod server;

use server::Redis;

/// The lease where producers die, and where they must not.
const SHORT: Duration = Duration::from_millis(600);
const LONG: Duration = Duration::from_secs(30);

/// The longest wait for an answer of Redis.
const ANSWER: Duration = Duration::from_millis(200);

/// Added to the lease for what a busy machine needs.
const SLACK: Duration = Duration::from_secs(8);

/// The exit code of a producer that was fenced, and of one whose log lost entries.
const FENCED: i32 = 3;
const LOST: i32 = 4;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["produce", url, id, lease, count] => child(produce(url, id, lease, count)),
        ["read", url, id, lease, cursor] => child(read(url, id, lease, cursor)),
        _ if args.contains(&"--list") => {}
        _ => kill_them(),
    }
}

fn number<T: std::str::FromStr>(variable: &str, default: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn kill_them() {
    let kills: u32 = number("DELTAWIRE_KILLS", 20);
    let began = Instant::now();
    let seed = began.elapsed().as_nanos() as u64 ^ (u64::from(std::process::id()) << 20);
    let seed: u64 = number("DELTAWIRE_KILL_SEED", seed);
    println!("kills: {kills}, seed {seed}");
    let of_redis = kills / 3;
    // On threads that are waited for, so that each stops what it has started, also where it fails.
    let redis = std::thread::spawn(move || kill_redis(of_redis, Random(seed ^ 0xabcdef)));
    let clients = std::thread::spawn(move || kill_clients(kills - of_redis, Random(seed)));
    let loss = std::thread::spawn(cut_the_file);
    let (redis, clients, loss) = (redis.join(), clients.join(), loss.join());
    let (Ok(()), Ok(clients), Ok(())) = (redis, clients, loss) else { std::process::exit(1) };
    let Some((producers, readers, pauses)) = clients else { return };
    println!(
        "killed: {producers} producers, {readers} readers, Redis {of_redis} times; \
         paused: {pauses} producers; {:.1} s; no event missing, none twice",
        began.elapsed().as_secs_f64()
    );
}

/// Kills producers and readers, and returns how many of each, and how many were paused.
fn kill_clients(kills: u32, mut random: Random) -> Option<(u32, u32, u32)> {
    let redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"])?;
    let (mut producers, mut readers, mut pauses) = (0, 0, 0);
    for round in 0.. {
        let left = kills - producers - readers - pauses;
        match round % 10 {
            _ if left == 0 => break,
            0 => {
                pause_a_producer(&redis);
                pauses += 1;
            }
            3 | 7 => readers += kill_readers(&redis, &mut random, left.min(5)),
            _ => {
                kill_a_producer(&redis, &mut random);
                producers += 1;
            }
        }
    }
    Some((producers, readers, pauses))
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % most.max(1)
    }

    fn sleep(&mut self, most: u64) {
        std::thread::sleep(Duration::from_micros(self.below(most * 1000)));
    }
}

/// A producer dies. Its readers get all that it wrote, and are told within the lease.
fn kill_a_producer(redis: &Redis, random: &mut Random) {
    let id = StreamId::random().unwrap();
    let mut producer = Process::producer(&redis.url(), &id, SHORT, 1_000_000);
    let readers = [0, 1].map(|_| Process::reader(&redis.url(), &id, SHORT, ""));
    random.sleep(400);
    producer.kill();
    let killed = Instant::now();
    let [one, other] = readers.map(|reader| reader.lines(SHORT + SLACK));
    assert!(killed.elapsed() < SHORT + SLACK, "the readers waited for {:?}", killed.elapsed());
    assert_eq!(one, other);
    let (_, end) = whole(&one);
    assert_eq!(end, r#"{"end":"producer_lost"}"#);
}

/// A producer is paused for longer than its lease. What it writes then is refused.
fn pause_a_producer(redis: &Redis) {
    let id = StreamId::random().unwrap();
    let producer = Process::producer(&redis.url(), &id, SHORT, 1_000_000);
    let reader = Process::reader(&redis.url(), &id, SHORT, "");
    std::thread::sleep(Duration::from_millis(100));
    producer.signal("-STOP");
    let lines = reader.lines(SHORT + SLACK);
    assert_eq!(whole(&lines).1, r#"{"end":"producer_lost"}"#);
    producer.signal("-CONT");
    assert_eq!(producer.code(SLACK), FENCED);
    let again = Process::reader(&redis.url(), &id, SHORT, "").lines(SLACK);
    assert_eq!(again, lines, "a fenced producer wrote");
}

/// Readers die, and others go on from where they were.
fn kill_readers(redis: &Redis, random: &mut Random, most: u32) -> u32 {
    let id = StreamId::random().unwrap();
    let count = 500;
    let producer = Process::producer(&redis.url(), &id, LONG, count);
    let mut lines = Vec::new();
    let mut killed = 0;
    while killed < most {
        let cursor = cursor(&lines);
        let mut reader = Process::reader(&redis.url(), &id, LONG, &cursor);
        random.sleep(250);
        reader.kill();
        killed += 1;
        lines.extend(reader.lines(SLACK));
        if lines.last().is_some_and(|line: &String| line.starts_with("end ")) {
            break;
        }
    }
    if !lines.last().is_some_and(|line| line.starts_with("end ")) {
        let cursor = cursor(&lines);
        lines.extend(Process::reader(&redis.url(), &id, LONG, &cursor).lines(LONG));
    }
    assert_eq!(whole(&lines), (count, r#"{"end":"done"}"#.to_owned()));
    assert_eq!(producer.code(SLACK), 0);
    killed
}

/// Redis hangs for longer than anybody waits, dies, and comes back. Nobody notices, because it
/// syncs its file at every write, and what is sent again is written once.
fn kill_redis(kills: u32, mut random: Random) {
    let always = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(mut redis) = Redis::start(&always) else { return };
    let mut killed = 0;
    while killed < kills {
        let id = StreamId::random().unwrap();
        let count = 300;
        let producer = Process::producer(&redis.url(), &id, LONG, count);
        let readers = [0, 1].map(|_| Process::reader(&redis.url(), &id, LONG, ""));
        // A request without an answer in time, which is carried out later all the same.
        random.sleep(200);
        redis.freeze(ANSWER * 2);
        for _ in 0..2.min(kills - killed) {
            random.sleep(300);
            redis.kill();
            random.sleep(200);
            redis.run();
            killed += 1;
        }
        let late = readers.map(|reader| reader.lines(LONG));
        assert_eq!(producer.code(SLACK), 0);
        for lines in late {
            assert_eq!(whole(&lines), (count, r#"{"end":"done"}"#.to_owned()));
        }
    }
}

/// Redis comes back with less than it had, as after a power failure with a file not yet synced.
///
/// A reader that saw more than is left is told so, and the producer does not go on as if nothing
/// had happened.
fn cut_the_file() {
    let seldom = ["--appendonly", "yes", "--appendfsync", "everysec"];
    let Some(mut redis) = Redis::start(&seldom) else { return };
    let id = StreamId::random().unwrap();
    let producer = Process::producer(&redis.url(), &id, LONG, 1_000_000);
    let reader = Process::reader(&redis.url(), &id, LONG, "");
    std::thread::sleep(Duration::from_millis(400));
    redis.kill();
    redis.cut_file();
    redis.run();
    assert_eq!(producer.code(SLACK * 2), LOST);
    let seen = reader.lines(SLACK * 2);
    let (told, seen) = seen.split_last().expect("the reader saw nothing");
    assert!(told.starts_with("error 410 "), "{told}");
    let cursor = cursor(seen);
    let told = Process::reader(&redis.url(), &id, LONG, &cursor).lines(SLACK);
    assert!(told.iter().any(|line| line.starts_with("error 410 ")), "{told:?}");
}

/// Checks that the lines of readers have each event once and in order, and an end.
fn whole(lines: &[String]) -> (u64, String) {
    let (end, events) = lines.split_last().expect("a reader that saw nothing");
    let end = end.strip_prefix("end ").unwrap_or_else(|| panic!("no end but {end}"));
    for (line, number) in events.iter().zip(1..) {
        let (cursor, text) = line.split_once(' ').unwrap();
        assert!(cursor.ends_with(&format!(".{number}")), "{line} in place of number {number}");
        assert_eq!(text, data(number));
    }
    (events.len() as u64, end.to_owned())
}

fn cursor(lines: &[String]) -> String {
    lines.last().and_then(|line| line.split_once(' ')).map_or("", |(cursor, _)| cursor).to_owned()
}

fn data(number: u64) -> String {
    format!("{{\"number\":{number},\"text\":\"{}\"}}", "x".repeat((number % 50) as usize))
}

/// A process of this program.
struct Process {
    child: Child,
    lines: Option<JoinHandle<Vec<String>>>,
}

impl Process {
    /// Starts a producer, and waits until its stream is there.
    fn producer(url: &str, id: &StreamId, lease: Duration, count: u64) -> Self {
        let lease = lease.as_millis().to_string();
        let mut child = start(&["produce", url, id.as_str(), &lease, &count.to_string()]);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "started\n", "the producer did not start");
        Self { child, lines: None }
    }

    fn reader(url: &str, id: &StreamId, lease: Duration, cursor: &str) -> Self {
        let lease = lease.as_millis().to_string();
        let mut child = start(&["read", url, id.as_str(), &lease, cursor]);
        let out = BufReader::new(child.stdout.take().unwrap());
        let lines = std::thread::spawn(|| {
            let mut lines = Vec::new();
            for line in out.split(b'\n').map_while(Result::ok) {
                lines.push(String::from_utf8(line).unwrap());
            }
            lines
        });
        Self { child, lines: Some(lines) }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Waits for its exit, and returns the code.
    fn code(mut self, most: Duration) -> i32 {
        self.wait(most).unwrap_or(-1)
    }

    /// Waits for its exit, and returns what it printed. It is printed a line at a time.
    fn lines(mut self, most: Duration) -> Vec<String> {
        self.wait(most);
        self.lines.take().unwrap().join().unwrap()
    }

    fn wait(&mut self, most: Duration) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < most, "a process hangs for {most:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(args: &[&str]) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).args(args).stdout(Stdio::piped()).spawn().unwrap()
}

/// Runs a child's part, and exits with its code.
fn child(part: impl Future<Output = i32>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::process::exit(runtime.block_on(part));
}

fn relay(url: &str, lease: &str) -> Relay {
    let lease = Duration::from_millis(lease.parse().unwrap());
    let heartbeat = Duration::from_millis(100);
    let times = Times { heartbeat, lease, ..Times::default() };
    let log = RedisLog::on(redis::Client::open(url).unwrap(), ANSWER);
    Relay::new(log).with_settings(Settings { times, ..Settings::default() })
}

async fn produce(url: &str, id: &str, lease: &str, count: &str) -> i32 {
    let count: u64 = count.parse().unwrap();
    let mut producer = Producer::start(&relay(url, lease), &id.parse().unwrap()).await.unwrap();
    println!("started");
    let mut written = Ok(());
    for number in 1..=count {
        written = producer.append(data(number)).await;
        if written.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_micros(500 + number % 7 * 300)).await;
    }
    if written.is_ok() {
        written = producer.finish(End::done()).await.map(|_| ());
    }
    match written {
        Ok(()) => 0,
        Err(ProduceError::Log(LogError::Fenced)) => FENCED,
        // It says in the log what is missing there, before its process ends.
        Err(ProduceError::Log(LogError::Lost { .. })) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            LOST
        }
        Err(error) => {
            eprintln!("a producer failed: {error:?}");
            1
        }
    }
}

async fn read(url: &str, id: &str, lease: &str, cursor: &str) -> i32 {
    let cursor = (!cursor.is_empty()).then_some(cursor.as_bytes());
    let mut reader = loop {
        match Reader::from(&relay(url, lease), &id.parse().unwrap(), cursor).await {
            Ok(reader) => break reader,
            // A browser asks again, too.
            Err(error) if error.status() == 503 => {}
            Err(error) => {
                println!("error {} {error}", error.status().as_u16());
                return 1;
            }
        }
    };
    while let Some(event) = reader.next().await {
        let line = match event {
            Ok(event) => {
                let at = event.end().map_or(event.cursor().to_string(), |_| "end".to_owned());
                format!("{at} {}\n", event.as_event().data)
            }
            Err(error) => format!("error {} {error}\n", error.status().as_u16()),
        };
        // In one write, so that a kill leaves whole lines.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
    0
}
