//! Whatever comes and for however long, a fold holds no more memory than its limits say. That it
//! counts what it holds the accumulator asserts itself, in every target.
//!
//! A corpus file is nine bytes, one each for the options (from the lowest bit: keep unknown
//! members, cumulative deltas, the legacy endpoint, no learning), `max_line`, `max_event`,
//! `max_choices`, `max_tool_calls` and `max_items`, `max_folded`, `max_unknown_members`, the length
//! of the reads, how often the rest comes; and the rest, in which each `#` is the number of the
//! repetition, so that a short input has as many indices, IDs and names as there are repetitions.
//!
//! The check is here and not in the crate, because whoever links the counting allocator runs with
//! it.

#![no_main]

use allocation_counter::measure;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::sse::Decoder;
use deltawire::{Dialect, Error, How, Limits, Options, Session};
use libfuzzer_sys::fuzz_target;

/// No more than this comes in one run, in bytes: many times what the limits of any run let be held.
const MOST: usize = 256 << 10;

fuzz_target!(|bytes: &[u8]| {
    let Some((head, rest)) = bytes.split_first_chunk::<9>() else { return };
    let [
        pick,
        max_line,
        max_event,
        max_choices,
        max_tool_calls,
        max_folded,
        max_unknown_members,
        length,
        times,
    ] = *head;
    let mut limits = Limits::default();
    limits.max_line = (1 + usize::from(max_line)) * 16;
    limits.max_event = (1 + usize::from(max_event)) * 16;
    limits.max_choices = 1 + usize::from(max_choices % 64);
    limits.max_tool_calls = 1 + usize::from(max_tool_calls % 4);
    limits.max_items = 1 + usize::from(max_tool_calls / 4);
    limits.max_folded = (1 + usize::from(max_folded)) * 8;
    limits.max_unknown_members = usize::from(max_unknown_members % 4);
    let options = Options::new()
        .with_limits(limits)
        .with_unknown(pick & 1 != 0)
        .with_cumulative(pick & 2 != 0)
        .with_learning(pick & 8 == 0);
    let stream = repeated(rest, usize::from(times).clamp(1, MOST / rest.len().max(1)));
    let held = if pick & 4 == 0 {
        held::<Chat>(&stream, options, length)
    } else {
        held::<Completions>(&stream, options, length)
    };
    let bound = bound(&limits);
    assert!(
        held <= bound,
        "{held} bytes held, where {limits:?} should let no more than {bound} be"
    );
});

/// The most that may be held under these limits, in bytes, with room for buffers that double: while
/// one is moved, one and a half times what is let in it is there.
fn bound(limits: &Limits) -> usize {
    // Of a body that is no event stream the beginning, in a buffer that doubles, and as text in the
    // error that is kept and in the one that is handed out; the list of anomalies. A stray line in
    // a buffer that doubles, and what is quoted of them and of what is passed over.
    let stray = 3 * Decoder::MAX_STRAY_LINE + 16 * Error::EXCERPT;
    let fixed = (2 + 1 + 1) * Error::EVIDENCE + (4 << 10) + stray;
    // A line that is collected; an event and the learned ones like it, the stream's ID. An error's
    // message and body, kept and handed out, which are no longer than an event here, and before it
    // the stray lines that spell it. An event whose control characters are escaped, which makes six
    // bytes of one.
    let decoding = 3 * limits.max_line + (20 + 8 + 3 + 6) * limits.max_event;
    // What a choice, a call or a member is read into, in a list that doubles, and is kept in.
    let items = 3072 * limits.max_items + 128 * limits.max_unknown_members;
    // What is kept, while it moves to a larger buffer or members that grow are merged.
    fixed + decoding + items + 5 * limits.max_folded
}

/// The most that was held at any time, in bytes.
fn held<E: Dialect>(stream: &[u8], options: Options, length: u8) -> usize {
    let length = if length == 0 { stream.len().max(1) } else { length.into() };
    let made = measure(|| {
        let mut fold = Session::<E>::with_options(options);
        for read in stream.chunks(length) {
            if fold.feed(read).is_err() {
                break;
            }
        }
        drop(fold.close(How::Clean));
    });
    usize::try_from(made.bytes_max).expect("a process has less")
}

fn repeated(body: &[u8], times: usize) -> Vec<u8> {
    let mut stream = Vec::with_capacity(times * (body.len() + 8));
    for number in 0..times {
        for (place, piece) in body.split(|&byte| byte == b'#').enumerate() {
            if place > 0 {
                stream.extend_from_slice(number.to_string().as_bytes());
            }
            stream.extend_from_slice(piece);
        }
    }
    stream
}
