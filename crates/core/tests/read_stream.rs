//! A stream over a reader: whatever the reader does, nothing that came is lost.

use std::io::{self, ErrorKind, Read};

use deltawire::{End, Error, Options, TransportError, chat, completions};

const CHUNK: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ab\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// One thing that a reader does.
#[derive(Clone, Copy)]
enum Step {
    Give(&'static str),
    Fail(ErrorKind),
}

/// Does one step after the other, in reads of at most this many bytes, and counts the reads.
struct Script {
    steps: Vec<Step>,
    at_most: usize,
    reads: usize,
}

impl Script {
    fn new(steps: &[Step], at_most: usize) -> Self {
        Self { steps: steps.iter().rev().copied().collect(), at_most, reads: 0 }
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        match self.steps.pop() {
            None => Ok(0),
            Some(Step::Fail(kind)) => Err(kind.into()),
            Some(Step::Give(text)) => {
                let count = text.len().min(self.at_most).min(buffer.len());
                buffer[..count].copy_from_slice(&text.as_bytes()[..count]);
                if count < text.len() {
                    self.steps.push(Step::Give(&text[count..]));
                }
                Ok(count)
            }
        }
    }
}

#[test]
fn a_reader_of_any_size_gives_every_update_and_the_outcome() {
    use Step::Give;
    for at_most in [1, 7, 1 << 20] {
        let script = Script::new(&[Give(CHUNK), Give(CHUNK), Give(STOP), Give(DONE)], at_most);
        let (mut text, mut updates) = (String::new(), 0);
        let outcome = chat::ReadStream::new(script).run(|update| {
            text.push_str(update.text());
            updates += 1;
        });
        assert_eq!((text.as_str(), updates, outcome.end), ("abab", 3, End::Done), "{at_most}");
        assert_eq!(outcome.answer.text(), "abab");
    }
    let body = "data: {\"choices\":[{\"index\":0,\"text\":\"ab\",\"finish_reason\":\"stop\"}]}\n\n";
    let outcome = completions::ReadStream::new(body.as_bytes()).run(|_| ());
    assert_eq!((outcome.end, outcome.answer.text()), (End::DoneWithoutSentinel, "ab"));
}

#[test]
fn a_body_larger_than_the_buffer_is_folded_whole() {
    let body = CHUNK.repeat(1000) + STOP + DONE;
    assert!(body.len() > 3 * chat::ReadStream::<&[u8]>::READ_SIZE);
    let outcome = chat::ReadStream::new(body.as_bytes()).run(|_| ());
    assert_eq!((outcome.end, outcome.answer.text()), (End::Done, &*"ab".repeat(1000)));
}

#[test]
fn an_interrupted_read_is_tried_again() {
    use Step::{Fail, Give};
    let interrupted = Fail(ErrorKind::Interrupted);
    let steps = [interrupted, Give(CHUNK), interrupted, interrupted, Give(STOP), interrupted];
    let outcome = chat::ReadStream::new(Script::new(&steps, 10)).run(|_| ());
    assert_eq!((outcome.end, outcome.answer.text()), (End::DoneWithoutSentinel, "ab"));
}

#[test]
fn a_reader_that_fails_is_an_error_that_stays_and_loses_nothing() {
    for (kind, timed_out) in [
        (ErrorKind::ConnectionReset, false),
        (ErrorKind::UnexpectedEof, false),
        (ErrorKind::TimedOut, true),
        (ErrorKind::WouldBlock, true),
    ] {
        let steps = [Step::Give(CHUNK), Step::Give("data: {"), Step::Fail(kind), Step::Give(DONE)];
        let mut stream = chat::ReadStream::new(Script::new(&steps, 5));
        assert_eq!(stream.next().unwrap().unwrap().text(), "ab");
        let error = stream.next().unwrap_err();
        let message = io::Error::from(kind).to_string();
        assert_eq!(error, Error::Transport(TransportError::new(message, timed_out)));
        assert_eq!(stream.next().unwrap_err(), error, "an error stays");
        let outcome = stream.finish();
        assert_eq!((outcome.end, outcome.answer.text()), (End::Truncated, "ab"));
        assert_eq!(outcome.error, Some(error));
    }
}

#[test]
fn nothing_is_read_after_the_sentinel_nor_before_the_updates_are_taken() {
    use Step::Give;
    let both: &'static str = Box::leak((CHUNK.to_owned() + CHUNK).into_boxed_str());
    let steps = [Give(both), Give(STOP), Give(DONE), Give(CHUNK)];
    let mut stream = chat::ReadStream::new(Script::new(&steps, 1 << 20));
    for _ in 0..2 {
        assert!(stream.advance().unwrap());
        assert_eq!(stream.update().text(), "ab");
    }
    assert!(stream.advance().unwrap() && !stream.advance().unwrap());
    assert!(!stream.advance().unwrap(), "the end stays");
    assert_eq!(stream.accumulator().text(), "abab");
    assert_eq!(stream.into_reader().reads, 3);
}

#[test]
fn the_end_of_a_reader_hands_out_its_update() {
    let call =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":\"a\"}]}}]}\n\n";
    let mut done = 0;
    let outcome = chat::ReadStream::new((STOP.to_owned() + call).as_bytes()).run(|update| {
        done += usize::from(update.at_end() && !update.is_empty());
    });
    assert_eq!((done, outcome.end), (1, End::DoneWithoutSentinel));
}

#[test]
fn options_and_the_head_of_the_response_are_taken() {
    let options = Options::new().with_unknown(true);
    let body = CHUNK.replace("\"choices\"", "\"provider\":\"x\",\"choices\"");
    let outcome = chat::ReadStream::with_options(body.as_bytes(), options).run(|_| ());
    assert_eq!(serde_json::to_value(outcome.answer).unwrap()["provider"], "x");

    let body = "{\"error\":{\"message\":\"slow down\"}}";
    let mut stream = chat::ReadStream::new(body.as_bytes())
        .head(429, |name| (name == "retry-after").then_some("2"));
    let Error::Refused(refused) = stream.next().unwrap_err() else { panic!("{stream:?}") };
    assert_eq!((refused.status, &refused.body[..]), (429, body));
    assert_eq!(stream.finish().end, End::NotAnEventStream);
}

#[test]
fn the_debug_text_of_a_stream_does_not_show_what_it_holds() {
    let mut stream = chat::ReadStream::new(CHUNK.as_bytes());
    stream.next().unwrap();
    let shown = format!("{stream:?}");
    assert!(shown.contains("events: 1") && !shown.contains("ab"), "{shown}");
    assert!(shown.len() < 400, "{shown}");
    // Of an update it shows the changes.
    assert_eq!(
        format!("{:?}", stream.update()),
        "[Text { at: Place { choice: 0, item: 0 }, kind: Content, text: \"ab\" }]"
    );
}
