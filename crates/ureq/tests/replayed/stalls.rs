//! Stall limits over reads that block: what a timeout of a read means, and when the limits are
//! looked at.
//!
//! Which clock runs out when is the core's (`stall.rs`), and the fault matrix has a row for a
//! silence in each phase. Every wait that is not limited here would be one of several seconds.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use deltawire::{End, StallLimits};
use deltawire_replay::{Recording, Server, Speed};
use deltawire_ureq::{ChatStream, Reader};

use crate::client::{Seen, agent, ask, ask_with, read, recording, server, stream, timed};

/// The time between two looks at the limits.
const TICK: Duration = Duration::from_millis(100);
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

const COMMENT: &str = ": keep-alive\n\n";
const EMPTY: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

fn short() -> &'static Recording {
    recording("one-plus-one")
}

fn limits() -> StallLimits {
    StallLimits::new()
}

fn ticking() -> ureq::Agent {
    agent(|config| config.timeout_per_read(Some(TICK)))
}

fn seen(agent: &ureq::Agent, server: &Server, faults: &str, limits: StallLimits) -> Seen {
    let response = ask_with(agent, server, short(), faults, true).unwrap();
    read(Reader::new().stalls(limits).chat(response).unwrap())
}

#[test]
fn timeouts_of_a_read_are_waited_past_while_no_limit_passes() {
    let server = &server();
    let prompt = &stream(server, short(), "").unwrap();
    thread::scope(|scope| {
        for faults in [
            "stall=0:0.5",
            "stall=3:0.3; stall=500:0.3",
            "stall=500:0.5; framing=close",
            "stall=825:0.5; write=1",
        ] {
            scope.spawn(move || {
                let seen = seen(
                    &ticking(),
                    server,
                    faults,
                    limits().with_bytes(LONG).with_first_bytes(LONG),
                );
                assert_eq!(
                    (&seen.json, &seen.text, seen.updates),
                    (&prompt.json, &prompt.text, prompt.updates),
                    "{faults}"
                );
            });
        }
    });
    // Without a limit that counts they are what they were.
    for limits in [limits(), limits().with_first_content(SHORT)] {
        let seen = seen(&ticking(), server, "stall=500:6", limits);
        assert_eq!((seen.kind(), seen.end), ("timeout", End::Truncated));
        assert_eq!(format!("{:#}", seen.error.unwrap()), "waited too long: timeout: per read");
    }
}

#[test]
fn comments_that_keep_a_stream_alive_need_no_timeout_to_be_found_out() {
    // A tenth of the recorded pace: an event a second, and comments meanwhile.
    let slow = Server::builder().speed(Speed::times(0.1).unwrap()).start().unwrap();
    let limits = limits().with_bytes(LONG).with_events(SHORT);
    let (seen, elapsed) = timed(|| seen(&deltawire_ureq::agent(), &slow, "comments=0.1s", limits));
    assert_eq!((seen.kind(), seen.end), ("stalled", End::Stalled));
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn a_timeout_of_the_whole_stays_one_unless_a_limit_has_passed() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_body(Some(SHORT)));
    for (limit, kind, end) in
        [(LONG, "timeout", End::Truncated), (SHORT / 4, "stalled", End::Stalled)]
    {
        let seen = seen(&agent, &server, "stall=500:6", limits().with_content(limit));
        assert_eq!((seen.kind(), seen.end), (kind, end));
    }
}

#[test]
fn limits_count_from_the_request_where_it_is_known() {
    let sent = Instant::now().checked_sub(LONG).unwrap();
    let server = server();
    let response = ask_with(&ticking(), &server, short(), "stall=0:6", true).unwrap();
    let reader = Reader::new().since(sent).stalls(limits().with_first_content(LONG));
    let stream = reader.chat(response).unwrap();
    let (seen, elapsed) = timed(|| read(stream));
    assert_eq!(seen.kind(), "stalled");
    // One read of a tick.
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn the_callers_own_time_is_not_held_against_the_server() {
    let server = server();
    let response = ask(&server, short(), "").unwrap();
    let mut stream = Reader::new()
        .read_size(50)
        .stalls(limits().with_bytes(TICK).with_content(TICK))
        .chat(response)
        .unwrap();
    thread::sleep(TICK * 2);
    while stream.next().unwrap().is_some() {
        thread::sleep(TICK * 2);
    }
    assert_eq!(stream.finish().end, End::Done);
}

type Fails = fn() -> io::Error;

/// A reader that plays what a script says, then times out for ever, and counts its reads.
struct Scripted<'r> {
    reads: &'r mut usize,
    parts: Vec<Result<&'static str, Fails>>,
    then: Fails,
}

impl Read for Scripted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        *self.reads += 1;
        if self.parts.is_empty() {
            return Err((self.then)());
        }
        self.parts.remove(0).map_err(|error| error()).and_then(|part| part.as_bytes().read(buffer))
    }
}

#[test]
fn what_a_reader_that_times_out_means_depends_on_its_error() {
    let would_block: Fails = || io::ErrorKind::WouldBlock.into();
    let timed_out: Fails = || io::ErrorKind::TimedOut.into();
    // As Linux says it.
    let system: Fails = || io::Error::from_raw_os_error(11);
    let own: Fails = || io::Error::new(io::ErrorKind::TimedOut, "the whole took too long");
    let gone: Fails = || io::ErrorKind::ConnectionReset.into();
    for (name, then, kind) in [
        ("would block", would_block, "stalled"),
        ("timed out", timed_out, "stalled"),
        (
            "would block, by its number",
            if cfg!(target_os = "linux") { system } else { would_block },
            "stalled",
        ),
        ("a timeout that is an error of its own", own, "timeout"),
        ("no timeout", gone, "transport"),
    ] {
        let mut reads = 0;
        let parts =
            vec![Ok(TEXT), Err(timed_out), Ok(COMMENT), Err(would_block), Ok(EMPTY), Ok(TEXT)];
        let reader = Scripted { reads: &mut reads, parts, then };
        let stream: ChatStream<_> = Reader::new().stalls(limits().with_content(TICK)).read(reader);
        let (seen, elapsed) = timed(|| read(stream));
        assert_eq!((seen.kind(), seen.text.as_str(), seen.updates), (kind, "aa", 3), "{name}");
        // A reader that does not wait is not asked all the time.
        assert!(reads < 150, "{name}: {reads} reads");
        assert!(elapsed < LONG, "{name}: {elapsed:?}");
    }
}

/// A gzip file of one stored block.
fn gzip(text: &str) -> Vec<u8> {
    let crc = text.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    });
    let length = u16::try_from(text.len()).unwrap();
    let mut file = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 1];
    file.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
    file.extend_from_slice(text.as_bytes());
    file.extend([(!crc).to_le_bytes(), u32::from(length).to_le_bytes()].concat());
    file
}

#[test]
fn a_compressed_body_that_begins_late_is_not_taken_for_an_empty_one() {
    let file = gzip(&format!("{TEXT}data: [DONE]\n\n"));
    // Where the body pauses for three ticks; what its stream ends as.
    for (place, end) in [
        (0, End::Truncated),
        (11, End::DoneWithoutFinishReason),
        (40, End::DoneWithoutFinishReason),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let parts = (file[..place].to_vec(), file[place..].to_vec());
        let server = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]).unwrap();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
            socket.write_all(&[head.as_bytes(), &parts.0].concat()).unwrap();
            thread::sleep(TICK * 3);
            // Who asked may have gone.
            let _ = socket.write_all(&parts.1);
        });
        let response = ticking().get(format!("http://{address}/")).call().unwrap();
        let seen = read(Reader::new().stalls(limits().with_bytes(LONG)).chat(response).unwrap());
        assert_eq!(
            (seen.end, seen.kind()),
            (end, if place == 0 { "timeout" } else { "" }),
            "after byte {place}"
        );
        server.join().unwrap();
    }
}
