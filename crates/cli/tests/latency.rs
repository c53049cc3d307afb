//! The delay that the recorder adds to each read, beside a direct connection in the same run.
//!
//! `cargo test --release -p deltawire-cli --test latency -- --ignored --nocapture`
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Proxy, Upstream, post, request};

/// The number of chunks of a stream, and the time between them.
const CHUNKS: usize = 500;
const GAP: Duration = Duration::from_millis(2);
/// The number of streams over each connection.
const STREAMS: usize = 6;

fn since_start() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Returns the time from the write of each chunk to its read, sorted.
fn delays(addr: SocketAddr) -> Vec<Duration> {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(&post("/v1/chat/completions", &[], "{}")).unwrap();
    let mut all = String::new();
    let mut delays = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = socket.read(&mut buffer).unwrap();
        let now = since_start();
        if count == 0 {
            break;
        }
        all.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        // Each event says when it was written.
        while let Some(end) = all.find("\n\n") {
            let event: String = all.drain(..end + 2).collect();
            let nanos = event.rsplit_once("data: ").unwrap().1.trim().parse().unwrap();
            delays.push(now - Duration::from_nanos(nanos));
        }
    }
    assert_eq!(delays.len(), CHUNKS);
    delays
}

fn quantile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

#[test]
#[ignore = "a measurement, to be made on a machine that does nothing else"]
fn reads_are_late_by_less_than_two_milliseconds_at_the_99th_percentile() {
    since_start();
    let upstream = Upstream::start(|mut socket| {
        socket.set_nodelay(true).unwrap();
        request(&mut socket).unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
        write!(socket, "{head}transfer-encoding: chunked\r\n\r\n").unwrap();
        for _ in 0..CHUNKS {
            thread::sleep(GAP);
            let event = format!("data: {:020}\n\n", since_start().as_nanos());
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            socket.write_all(chunk.as_bytes()).unwrap();
        }
        socket.write_all(b"0\r\n\r\n").unwrap();
    });
    let proxy = Proxy::start(upstream.addr);
    // Of three rounds one has to do: a machine that was busy for a moment says nothing.
    let mut late = Duration::MAX;
    for _ in 0..3 {
        late = late.min(round(upstream.addr, proxy.addr));
        if late < Duration::from_millis(2) {
            return;
        }
    }
    panic!("{late:?} later at p99");
}

/// Prints the quantiles of both, and returns by how much the recorder's 99th percentile is later.
fn round(server: SocketAddr, recorder: SocketAddr) -> Duration {
    let (mut direct, mut passed) = (Vec::new(), Vec::new());
    // In turns, so that both see the same machine.
    for _ in 0..STREAMS {
        direct.extend(delays(server));
        passed.extend(delays(recorder));
    }
    direct.sort_unstable();
    passed.sort_unstable();
    for share in [0.5, 0.9, 0.99, 0.999] {
        let (direct, passed) = (quantile(&direct, share), quantile(&passed, share));
        println!(
            "p{:<4} direct {direct:>10.1?}  through the recorder {passed:>10.1?}",
            share * 100.0
        );
    }
    quantile(&passed, 0.99).saturating_sub(quantile(&direct, 0.99))
}
