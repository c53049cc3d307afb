//! The server: one thread, one write a token, nothing made while it plays.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::Error;
use crate::histogram::Histogram;
use crate::process;
use crate::schedule::{Schedule, now, until};
use crate::traffic::{self, Traffic};

/// It sends in beats of this length: a sleep for each token would cost more than sending it.
const BEAT: Duration = Duration::from_micros(500);

/// So far behind its schedule it gives up: what was asked for cannot be had.
const TOO_LATE: u64 = 5_000_000;

/// Prints its address, takes a stream for each `GET /stream/NUMBER`, plays all of them at
/// `GET /go/START/INTERVAL/TOKENS/STREAMS`, prints what it measured and waits for the end of
/// standard input.
pub(crate) fn serve() -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    let beginning = traffic::beginning();
    let mut streams = BTreeMap::new();
    let schedule = loop {
        let (mut stream, _) = listener.accept()?;
        let path = path(&mut stream)?;
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["", "stream", number] => {
                stream.set_nodelay(true)?;
                stream.write_all(&beginning)?;
                stream.set_nonblocking(true)?;
                streams.insert(number.parse::<u64>()?, stream);
            }
            ["", "go", start, interval, tokens, count] => {
                stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                )?;
                let [start, interval, tokens, streams] =
                    [start, interval, tokens, count].map(str::parse);
                break Schedule {
                    start: start?,
                    interval: interval?,
                    tokens: tokens?,
                    streams: streams?,
                };
            }
            _ => return Err(format!("no such path: {path:?}").into()),
        }
    };
    let before = process::processor_time()?;
    let (late, failed) = play(&mut streams, &schedule);
    let used = process::processor_time()? - before;
    println!(
        "{}",
        json!({"p99": late.quantile(0.99), "failed": failed, "processor_ns": used.as_nanos() as u64})
    );
    // The last bytes may still be on their way: the client says when it has read them.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Sends every token when it is due. How late each write was, and how many streams broke.
fn play(streams: &mut BTreeMap<u64, TcpStream>, schedule: &Schedule) -> (Histogram, u64) {
    let (traffic, end) = (Traffic::new(), traffic::end());
    let (mut late, mut failed) = (Histogram::default(), 0);
    for token in 0..=schedule.tokens {
        streams.retain(|&number, stream| {
            let due = schedule.due(number, token);
            let wait = until(due);
            if !wait.is_zero() {
                thread::sleep(wait.max(BEAT));
            }
            let behind = now().saturating_sub(due);
            late.add(behind);
            let bytes = if token == schedule.tokens { &end } else { traffic.token(number, token) };
            // A socket that takes no more, or a part only, is that of a client that is seconds
            // behind.
            let sent =
                behind < TOO_LATE && stream.write(bytes).is_ok_and(|count| count == bytes.len());
            failed += u64::from(!sent);
            sent
        });
    }
    (late, failed)
}

/// The path of a request without a body.
fn path(stream: &mut TcpStream) -> Result<String, Error> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 || head.len() > 16 << 10 {
            return Err("a request broke off".into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    let head = String::from_utf8(head)?;
    Ok(head.split(' ').nth(1).ok_or("a request without a path")?.to_owned())
}
