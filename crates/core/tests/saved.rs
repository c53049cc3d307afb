//! Sessions that are saved and restored: the rest of the stream gives what it would have given.

#[path = "steps/run.rs"]
mod run;
#[path = "saved/sum.rs"]
mod sum;

use std::fs;
use std::path::{Path, PathBuf};

use deltawire::any::{Answer, Any};
use deltawire::chat::{self, Chat};
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::{
    Accumulator, Dialect, Error, How, Limit, Limits, Options, RestoreError, Session, sse,
};
use run::{Seen, Watch, in_reads};
use serde_json::Value;
use sum::sum;

/// A recorded body, and the file that it is from.
struct Body {
    name: String,
    bytes: Vec<u8>,
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Returns the bodies of the fixtures, of the replay server's recordings and of the fuzz seeds.
fn bodies() -> Vec<Body> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files(&here.join("tests/fixtures"), &mut paths);
    files(&here.join("../replay/recordings"), &mut paths);
    files(&here.join("../../fuzz/corpus/dialect_cuts"), &mut paths);
    paths.sort();
    let mut bodies = Vec::new();
    for path in paths {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let bytes = fs::read(&path).expect("a file");
        let bytes = if name.ends_with(".jsonl") {
            let text = String::from_utf8(bytes).expect("a recording is text");
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
            lines
                .filter_map(|line| Some(line["text"].as_str()?.to_owned()))
                .collect::<String>()
                .into()
        } else if path.parent().is_some_and(|folder| folder.ends_with("dialect_cuts")) {
            // The stream follows the options and the lengths of the reads.
            bytes.get(11..).unwrap_or_default().to_vec()
        } else if name.ends_with(".sse") || name.ends_with(".ndjson") || name.ends_with(".txt") {
            bytes
        } else {
            continue;
        };
        bodies.push(Body { name, bytes });
    }
    assert!(bodies.len() > 60, "only {} bodies", bodies.len());
    bodies
}

/// Returns the session after it was saved and restored, which changes nothing that can be saved.
fn moved<D: Dialect>(session: &Session<D>, options: Options) -> Session<D> {
    let saved = session.save();
    let restored = Session::restore(&saved, options).expect("what was saved is restored");
    assert_eq!(restored.save(), saved, "what is restored is saved as it was");
    restored
}

/// Folds these reads, and saves and restores the session after each of them.
fn in_saved_reads<'r, D: Dialect>(
    options: Options,
    reads: impl IntoIterator<Item = &'r [u8]>,
    how: &How,
) -> Seen {
    let mut watch = Watch::default();
    let mut session = Session::<D>::with_options(options);
    for read in reads {
        let mut updates = session.read(read);
        while let Ok(Some(update)) = updates.next() {
            watch.see(update);
        }
        drop(updates);
        session = moved(&session, options);
    }
    if let Ok(true) = session.end(how.clone()) {
        watch.see(session.update());
    }
    // A session that has ended keeps its end.
    watch.seen(moved(&session, options).close(How::Stopped))
}

/// Calls a function for the dialects that a body may be folded with.
macro_rules! each_dialect {
    ($body:expr, $check:ident($($argument:expr),*)) => {{
        $check::<Any>($($argument),*);
        match deltawire::any::fold($body).answer {
            Answer::Chat(_) => $check::<Chat>($($argument),*),
            Answer::Completions(_) => $check::<Completions>($($argument),*),
            Answer::Responses(_) => $check::<Responses>($($argument),*),
            Answer::Messages(_) => $check::<Messages>($($argument),*),
            Answer::Gemini(_) => $check::<Gemini>($($argument),*),
            Answer::Interactions(_) => $check::<Interactions>($($argument),*),
            Answer::Ollama(_) => $check::<Ollama>($($argument),*),
            _ => {}
        }
    }};
}

/// Returns the reads of a body, one for each event, which ends with a blank line or a line.
fn in_events(body: &[u8]) -> Vec<&[u8]> {
    let is_lines = body.first() == Some(&b'{');
    let mut reads = Vec::new();
    let mut start = 0;
    for at in 1..=body.len() {
        let before = &body[..at];
        let is_end = before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        if is_end || (is_lines && before.ends_with(b"\n")) || at == body.len() {
            reads.push(&body[start..at]);
            start = at;
        }
    }
    reads
}

fn check_body<D: Dialect>(name: &str, body: &[u8]) {
    let check = |options: Options, how: How| {
        let whole = in_reads::<D>(options, [body], how.clone());
        let events = in_saved_reads::<D>(options, in_events(body), &how);
        assert_eq!(events, whole, "{name}: saved after every event");
        // 61 has no divisor but itself, so the cuts are everywhere.
        let pieces = in_saved_reads::<D>(options, body.chunks(61), &how);
        assert_eq!(pieces, whole, "{name}: saved in the middle of events");
    };
    check(Options::new(), How::Clean);
    let other = Options::new().with_unknown(false).with_cumulative(true).with_learning(false);
    check(other, How::broken("gone", false));
    #[cfg(feature = "partial")]
    {
        let parse = deltawire::partial::Options::default();
        check(Options::new().with_parsed_content(parse).with_parsed_arguments(parse), How::Clean);
    }
    if body.len() < SMALL {
        let whole = in_reads::<D>(Options::new(), [body], How::Clean);
        let bytes = in_saved_reads::<D>(Options::new(), body.chunks(1), &How::Clean);
        assert_eq!(bytes, whole, "{name}: saved after every byte");
    }
}

/// The bodies that are saved after every byte are shorter than this.
const SMALL: usize = 2048;

/// The length that a body is cut to, because saving after each event is quadratic.
///
/// With `DELTAWIRE_SAVE_ALL` set, bodies are whole.
fn longest() -> usize {
    if std::env::var_os("DELTAWIRE_SAVE_ALL").is_some() { usize::MAX } else { 8 << 10 }
}

#[test]
fn a_recording_that_is_saved_after_every_event_gives_the_same() {
    let mut small = 0;
    for Body { name, bytes } in bodies() {
        small += usize::from(bytes.len() < SMALL);
        let bytes = &bytes[..bytes.len().min(longest())];
        each_dialect!(bytes, check_body(&name, bytes));
    }
    assert!(small > 20, "only {small} small bodies");
}

/// Returns a session that has a little of everything.
fn full() -> chat::Session {
    let mut session = chat::Session::new();
    let body = concat!(
        "retry: 10\nid: e1\n",
        r#"data: {"id":"c1","x":[1],"choices":[{"index":0,"delta":{"content":"Hel","y":"a","tool_calls":"#,
        r#"[{"index":0,"id":"t1","function":{"name":"f","arguments":"{\"a"}}]}}]}"#,
        "\n\nstray\n",
        r#"data: {"usage":{"prompt_tokens":1},"choices":[{"index":1,"delta":{"content":"\ud83d","y":"b"},"#,
        r#""logprobs":{"content":[{"token":"a"}]}}]}"#,
        "\n\nid: e2\ndata: {\"choi",
    );
    session.feed(body.as_bytes()).expect("nothing fails");
    session
}

#[test]
fn bytes_that_are_cut_or_changed_are_refused() {
    let saved = full().save();
    let restore = |bytes: &[u8]| chat::Session::restore(bytes, Options::new()).err();
    assert_eq!(restore(&saved), None);
    for len in 0..saved.len() {
        let error = restore(&saved[..len]).expect("it is cut");
        let expected = if len < 4 { RestoreError::NotASession } else { RestoreError::Checksum };
        assert_eq!(error, expected, "{len} bytes");
    }
    for place in 0..saved.len() {
        let mut changed = saved.clone();
        changed[place] ^= 0x10;
        let error = restore(&changed).expect("it was changed");
        let is_expected = match place {
            0..4 => error == RestoreError::NotASession,
            4 => error == RestoreError::Version { found: saved[4] ^ 0x10 },
            _ => error == RestoreError::Checksum,
        };
        assert!(is_expected, "byte {place}: {error}");
    }
    let longer = [&saved[..], b"x"].concat();
    assert_eq!(restore(&longer), Some(RestoreError::Checksum));
}

/// Changes each byte of a saved session, and folds on with what is restored.
///
/// Counts the changes that were refused, and those that were not.
fn check_changes<D: Dialect>(body: &[u8], counts: &mut [usize; 2]) {
    let (first, rest) = body.split_at(body.len() / 2);
    let mut session = Session::<D>::new();
    let _ = session.feed(first);
    let saved = session.save();
    for place in 5..saved.len() - 4 {
        let mut changed = saved.clone();
        changed[place] ^= 1 << (place % 8);
        sum(&mut changed);
        let restored = Session::<D>::restore(&changed, Options::new());
        counts[usize::from(restored.is_ok())] += 1;
        let Ok(mut session) = restored else { continue };
        let again = session.save();
        assert!(Session::<D>::restore(&again, Options::new()).is_ok(), "byte {place}");
        let _ = session.feed(rest);
        let _ = session.save();
        let outcome = session.close(How::Clean);
        serde_json::to_string(&outcome).expect("an outcome is JSON");
    }
}

#[test]
fn a_change_with_the_right_checksum_is_refused_or_folds_on() {
    let mut counts = [0, 0];
    for Body { bytes, .. } in bodies().iter().filter(|body| body.bytes.len() < SMALL) {
        each_dialect!(bytes, check_changes(bytes, &mut counts));
    }
    let [refused, restored] = counts;
    assert!(refused > 1000 && restored > 1000, "{refused} refused, {restored} restored");
}

#[test]
fn a_session_of_another_api_is_refused() {
    let saved = full().save();
    let error = Session::<Responses>::restore(&saved, Options::new()).err();
    assert_eq!(error, Some(RestoreError::Dialect));
    let error = Session::<Any>::restore(&saved, Options::new()).err();
    assert_eq!(error, Some(RestoreError::Dialect));
    // An accumulator has no decoder, so it is no session.
    let saved = full().accumulator().save();
    assert_eq!(
        chat::Session::restore(&saved, Options::new()).err(),
        Some(RestoreError::NotASession)
    );
    assert!(chat::Accumulator::restore(&saved, Options::new()).is_ok());
}

/// A limit, and a function that sets it.
type Set = (Limit, fn(&mut Limits, usize));

#[test]
fn the_limits_that_are_given_hold() {
    let cases: [Set; 6] = [
        (Limit::Line, |limits, max| limits.max_line = max),
        (Limit::Event, |limits, max| limits.max_event = max),
        (Limit::Choices, |limits, max| limits.max_choices = max),
        (Limit::ToolCalls, |limits, max| limits.max_tool_calls = max),
        (Limit::Folded, |limits, max| limits.max_folded = max),
        (Limit::Items, |limits, max| limits.max_items = max),
    ];
    for (limit, set) in cases {
        let mut session = full();
        if limit == Limit::Line {
            session.feed(b"\nevent: a name").expect("nothing fails");
        }
        let saved = session.save();
        let error = |max| {
            let mut limits = Limits::default();
            set(&mut limits, max);
            chat::Session::restore(&saved, Options::new().with_limits(limits)).err()
        };
        let least = (0..1000).find(|&max| error(max).is_none()).expect("a limit that is enough");
        assert!(least > 0, "{limit:?}");
        for max in 0..least {
            assert_eq!(error(max), Some(RestoreError::Limit { limit, max }));
        }
    }
}

#[test]
fn an_unfinished_line_that_is_no_field_is_restored_under_any_limit() {
    let mut limits = Limits::default();
    (limits.max_line, limits.max_event) = (5, 5);
    let options = Options::new().with_limits(limits);
    let mut session = chat::Session::with_options(options);
    session.feed(b"\0no field\nnor is this").unwrap();
    let restored = moved(&session, options);
    assert_eq!(restored.close(How::Clean), session.close(How::Clean));
}

#[test]
fn an_accumulator_is_restored_between_events() {
    let events = [
        r#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ];
    let mut accumulator = chat::Accumulator::new();
    for data in events {
        accumulator.push(&sse::Event::new(data)).expect("an event");
        let saved = accumulator.save();
        accumulator = Accumulator::restore(&saved, Options::new()).expect("it was saved");
        assert!(accumulator.update().is_empty(), "the changes of the last event are not saved");
    }
    let outcome = accumulator.close(How::Stopped);
    assert_eq!(outcome.answer.text(), "Hello");
    assert!(outcome.end.is_complete());
}

#[test]
fn an_error_is_restored_with_its_session() {
    let mut session = chat::Session::new();
    session.head(429, |name| (name == "retry-after").then_some("2"));
    session.feed(br#"{"error":{"message":"slow"#).expect("not yet");
    let mut session = moved(&session, Options::new());
    session.feed(br#" down"}}"#).expect("not yet");
    let session = moved(&session, Options::new());
    let error = session.close(How::Clean).error.expect("it was refused");
    assert!(error.to_string().contains("slow down; retry after"), "{error}");

    let mut session = chat::Session::new();
    let source = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let broken = deltawire::TransportError::from_source(source);
    let _ = session.end(How::Broken(broken.clone()));
    let mut session = moved(&session, Options::new());
    assert_eq!(session.end(How::Clean), Err(Error::Transport(broken)));
}

#[test]
fn a_saved_session_is_little_more_than_its_answer() {
    let mut session = chat::Session::new();
    for _ in 0..1000 {
        session
            .feed(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ten bytes.\"}}]}\n\n")
            .expect("an event");
    }
    let saved = session.save();
    assert!(saved.len() < 10_000 + 96, "{} bytes for an answer of 10000", saved.len());
}

/// Prints the bytes of each recording, of its answer and of the session that is saved at its end.
#[test]
#[ignore = "it prints figures, and checks nothing that another test does not"]
fn sizes_of_saved_recordings() {
    println!("{:40} {:>8} {:>8} {:>8}", "recording", "stream", "answer", "saved");
    for Body { name, bytes } in bodies().into_iter().filter(|body| body.name.contains('.')) {
        let mut session = Session::<Any>::new();
        let _ = session.feed(&bytes);
        let saved = session.save().len();
        let outcome = session.close(How::Clean);
        let answer = serde_json::to_string(&outcome.answer).expect("an answer is JSON").len();
        println!("{name:40} {:8} {answer:8} {saved:8}", bytes.len());
    }
}
