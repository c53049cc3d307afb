//! Bytes that a server sends for ever are not held for ever: 100 MB of comments, and a line of 1 GB
//! that does not end, with an eye on the resident memory of the process.
//!
//! The bytes are made while they are served, by a thread of this process, which is part of what is
//! measured. Sizes are in MB, small by default, so that a debug build takes a second:
//! `DELTAWIRE_FAULT_MB=1000 cargo test --release -p deltawire-faults --test memory` is the whole of
//! it, as `.ci/run` does it. One test, because memory is the process's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use deltawire_faults::{Adapter, Request, Seen};

const MB: usize = 1_000_000;

/// The line limit that holds by default, and room for what doubles while it grows, for both ends of
/// a socket and for the allocator.
const MOST_OF_A_LINE: usize = (32 << 20) * 3 + MOST;
/// The same where nothing of what comes has to be kept.
const MOST: usize = 8 << 20;

/// Serves this beginning, then as many bytes of the filling, then the end; to one client. The
/// thread says how many bytes were taken.
fn serve(
    beginning: &'static str,
    filling: &'static str,
    bytes: usize,
    end: &'static str,
) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let serve = move || {
        let (mut socket, _) = listener.accept().expect("a client");
        for timeout in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            timeout(&socket, Some(Duration::from_secs(20))).expect("a timeout");
        }
        let (mut request, mut byte) = (Vec::new(), [0]);
        while !request.ends_with(b"}}") && socket.read(&mut byte).is_ok_and(|count| count == 1) {
            request.push(byte[0]);
        }
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let piece = filling.repeat((64 << 10) / filling.len());
        let mut taken = 0;
        if socket.write_all([head, beginning].concat().as_bytes()).is_err() {
            return taken;
        }
        while taken < bytes {
            match socket.write(piece.as_bytes()) {
                // A piece that is taken in part would shift the filling.
                Ok(count) if socket.write_all(&piece.as_bytes()[count..]).is_ok() => {
                    taken += piece.len();
                }
                _ => return taken,
            }
        }
        // Who has had enough may have gone.
        let _ = socket.write_all(end.as_bytes());
        taken
    };
    (url, thread::spawn(serve))
}

/// The most resident memory since the last look, in bytes, and a new look begins. Only Linux says
/// so.
fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak = line.trim().strip_suffix(" kB")?.trim().parse::<usize>().ok()? * 1024;
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    Some(peak)
}

/// Runs a request against this server: what was seen, how many bytes went over the wire, and how
/// much more memory than before was resident at the most.
fn run(adapter: Adapter, served: (String, JoinHandle<usize>)) -> (Seen, usize, Option<usize>) {
    peak();
    let before = peak();
    let seen = Request::to(served.0).send(adapter);
    let more = peak().zip(before).map(|(after, before)| after.saturating_sub(before));
    (seen, served.1.join().expect("a server that does not panic"), more)
}

macro_rules! hi {
    ($line:literal) => {
        concat!("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}\n\n", $line)
    };
}

const HI: &str = hi!("");

/// Beginnings of a line that does not end, and whether it has to be kept: comments and fields that
/// nobody knows are passed over as they come, however long.
const LINES: [(&str, bool); 5] = [
    (hi!("data: "), true),
    (hi!("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\""), true),
    (hi!("event: "), true),
    (hi!(": "), false),
    (hi!("x"), false),
];
const DONE: &str = "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

#[test]
fn what_a_server_sends_for_ever_is_not_held() {
    let megabytes = std::env::var("DELTAWIRE_FAULT_MB")
        .map_or(100, |text| text.parse().expect("a number of MB"));
    let (comments, line) = (megabytes * MB / 10, megabytes * MB);
    for adapter in Adapter::ALL {
        let (seen, taken, more) =
            run(adapter, serve(HI, ": keep-alive, and nothing else\n\n", comments, DONE));
        println!(
            "{adapter:?}: {taken} bytes of comments, {more:?} bytes more resident, {:?}",
            seen.elapsed
        );
        assert_eq!((&*seen.end, &*seen.said, &*seen.kept), ("done", "", "hi"), "{adapter:?}");
        assert!(taken >= comments, "{adapter:?}: {taken}");
        assert!(more.is_none_or(|more| more <= MOST), "{adapter:?}: {more:?}");
        assert!(seen.peak < 1 << 20, "{adapter:?}: {}", seen.peak);

        for (beginning, is_kept) in LINES {
            let (seen, taken, more) = run(adapter, serve(beginning, "aaaaaaaa", line, DONE));
            println!(
                "{adapter:?}: {beginning:?}: {taken} bytes, {more:?} more resident, {} at once, {:?}",
                seen.peak, seen.elapsed
            );
            let said = "the stream passed the limit max_line of 33554432 with the line at byte 58";
            let (end, said, most) =
                if is_kept { ("limit", said, MOST_OF_A_LINE) } else { ("done", "", MOST) };
            assert_eq!(
                (&*seen.end, &*seen.said, &*seen.kept),
                (end, said, "hi"),
                "{adapter:?} {beginning}"
            );
            // Nobody reads the rest of a line that is refused.
            let is_read = if is_kept { taken < (32 << 20) + 16 * MB } else { taken >= line };
            assert!(is_read, "{adapter:?} {beginning}: {taken}");
            assert!(more.is_none_or(|more| more <= most), "{adapter:?} {beginning}: {more:?}");
        }
    }
}
