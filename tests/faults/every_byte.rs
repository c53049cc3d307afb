//! A recorded stream that breaks, or ends, at every byte offset: how it ends and all that is kept
//! is what the naive fold of the same prefix gives.
//!
//! Over sockets and both adapters: a chat, a tool call and a legacy completion, at every byte. From
//! memory, which has no head and no transfer coding, but is fast: every recording of at most
//! [`IN_MEMORY`] bytes, at every byte too.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use deltawire_faults::{Adapter, Naive, Request, Seen, read_async, read_blocking};
use deltawire_replay::{Endpoint, Recording, Server, Speed, recordings};

const IN_MEMORY: usize = 5 << 10;

/// Recordings with an error in them, or with characters cut in half.
const NOT_NAIVE: [&str; 2] = ["litellm-dead-backend", "mock-llm-surrogates"];

fn recording(name: &str) -> Recording {
    recordings::find(name).unwrap_or_else(|| panic!("no recording {name}")).clone()
}

/// The first events of a recording and its last ones, as it was recorded.
fn shortened(name: &str, first: usize, last: usize) -> Recording {
    let mut recording = recording(name);
    let keep = |at: usize, count: usize| at < first || at + last >= count;
    let count = recording.reads.len();
    let mut at = 0..;
    recording.reads.retain(|_| keep(at.next().expect("endless"), count));
    recording.name = format!("{name}-shortened");
    recording
}

/// A body that broke off, or ended cleanly, after these bytes shows what the naive
/// fold makes of them.
fn agrees(seen: &Seen, naive: &Naive, broken: bool, what: &str) {
    assert_eq!(seen.end, naive.end(broken), "{what}: {}", seen.said);
    assert_eq!(seen.updates, naive.chunks(), "{what}");
    assert_eq!(Naive::kept_by(&seen.outcome["answer"]), naive.kept(), "{what}");
    // After a whole [DONE] nothing is read any more, and nothing can fail.
    assert_eq!(
        seen.kind,
        if broken && !naive.is_done() { "transport" } else { "" },
        "{what}: {}",
        seen.said
    );
}

#[test]
fn a_stream_that_breaks_at_any_byte_keeps_over_both_adapters_what_the_naive_fold_gives() {
    let recordings = [
        recording("one-plus-one"),
        recording("aimock-tools"),
        shortened("smollm2-completion", 4, 4),
    ];
    let mut server = Server::builder().speed(Speed::AT_ONCE);
    for recording in &recordings {
        server = server.recording(recording.clone());
    }
    let server = server.start().expect("a server");
    let mut asked = 0;
    for recording in &recordings {
        let body = recording.body();
        assert!((800..4000).contains(&body.len()), "{}: {} bytes", recording.name, body.len());
        let next = AtomicUsize::new(0);
        let run = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at > body.len() {
                    return;
                }
                let naive = Naive::of(&body[..at]);
                for (fault, broken) in
                    [("cut", at < body.len() || !naive.is_done()), ("end", false)]
                {
                    let mut request = Request::to(server.base_url());
                    request.legacy = recording.endpoint == Endpoint::Completion;
                    request.url +=
                        if request.legacy { "/completions" } else { "/chat/completions" };
                    let faults = format!("{fault}={at}");
                    let what = format!("{} {faults}", recording.name);
                    request.headers = vec![
                        ("x-replay-recording", recording.name.clone()),
                        ("x-replay-fault", faults),
                    ];
                    for adapter in Adapter::ALL {
                        agrees(
                            &request.send(adapter),
                            &naive,
                            broken,
                            &format!("{adapter:?} {what}"),
                        );
                    }
                }
            }
        };
        thread::scope(|scope| {
            scope.spawn(run);
            scope.spawn(run);
        });
        asked += 4 * (body.len() + 1);
    }
    println!("{asked} connections");
}

/// A reader that fails after these bytes.
struct Breaks<'b>(&'b [u8]);

impl Read for Breaks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(reset()),
            count => Ok(count),
        }
    }
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "reset by peer")
}

fn from_memory(endpoint: Endpoint, prefix: &[u8], broken: bool) -> [Seen; 2] {
    let frames = [Ok(Bytes::copy_from_slice(prefix)), Err(reset())]
        .into_iter()
        .take(1 + usize::from(broken));
    let frames = smol::stream::iter(frames);
    let reader: Box<dyn Read> = if broken { Box::new(Breaks(prefix)) } else { Box::new(prefix) };
    match endpoint {
        Endpoint::Chat => [
            read_blocking(deltawire_ureq::ChatStream::from_reader(reader), false),
            smol::block_on(read_async(deltawire_async::ChatStream::from_stream(frames), false)),
        ],
        _ => [
            read_blocking(deltawire_ureq::CompletionStream::from_reader(reader), false),
            smol::block_on(read_async(
                deltawire_async::CompletionStream::from_stream(frames),
                false,
            )),
        ],
    }
}

#[test]
fn a_body_that_breaks_or_ends_at_any_byte_keeps_what_the_naive_fold_gives() {
    let mut bodies = 0;
    let mut bytes = 0;
    for recording in recordings::all() {
        let whole = recording.body();
        // A stream of another API, or that holds an error, or carriage returns, or a character cut
        // in half, is not the naive fold's business.
        let is_completion = matches!(recording.endpoint, Endpoint::Chat | Endpoint::Completion);
        if !is_completion
            || whole.is_empty()
            || whole.len() > IN_MEMORY
            || NOT_NAIVE.contains(&&*recording.name)
        {
            continue;
        }
        let (mut naive, mut events) = (Naive::of(b""), 0);
        for at in 0..=whole.len() {
            if whole[..at].ends_with(b"\n\n") {
                (naive, events) = (Naive::of(&whole[..at]), at);
            }
            let naive = naive.clone().cut(&whole[events..at]);
            for broken in [false, true] {
                for (seen, adapter) in
                    from_memory(recording.endpoint, &whole[..at], broken).iter().zip(Adapter::ALL)
                {
                    let what =
                        format!("{adapter:?} {} to byte {at}, broken {broken}", recording.name);
                    agrees(seen, &naive, broken, &what);
                }
            }
        }
        bodies += 1;
        bytes += whole.len();
    }
    assert!(bodies >= 5, "{bodies}");
    println!("{bodies} recordings of {bytes} bytes");
}
