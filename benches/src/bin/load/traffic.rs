//! The traffic: OpenAI's chunks, each a chunk of HTTP, their words known to both sides.

use std::fmt::Write;

/// So many words there are; a stream goes through them from a place of its own.
const WORDS: u64 = 1_024;

/// Each word stands in its chunk in so many bytes, so that who only counts bytes knows which tokens
/// came.
const WORD: usize = 8;

const ENVELOPE: [&str; 2] = [
    r#"{"id":"chatcmpl-BxQ8kLr2TzVn0aWcYdEf7GhJiKmOp","object":"chat.completion.chunk","created":1752000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_34a54ae93c","choices":["#,
    "]",
];

/// Everything that a server sends and a client expects.
pub(crate) struct Traffic {
    /// The chunk with each word, in HTTP's chunked coding.
    tokens: Vec<Vec<u8>>,
    /// The text of each word when it is read.
    words: Vec<String>,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        let written: Vec<String> = (0..WORDS).map(written).collect();
        Self {
            tokens: written.iter().map(|word| coded(&token(word))).collect(),
            words: written.iter().map(|word| word.replace(r"\n", "\n")).collect(),
        }
    }

    /// The bytes on the wire of a token.
    pub(crate) fn token(&self, stream: u64, number: u64) -> &[u8] {
        &self.tokens[place(stream, number)]
    }

    /// The text of a stream's first tokens.
    pub(crate) fn text(&self, stream: u64, tokens: u64) -> String {
        (0..tokens).map(|number| self.words[place(stream, number)].as_str()).collect()
    }
}

/// The head of each response, and the chunk that begins each stream.
pub(crate) fn beginning() -> Vec<u8> {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_vec();
    bytes.extend(coded(&role()));
    bytes
}

/// Returns the end of each stream, HTTP's last chunk included.
pub(crate) fn end() -> Vec<u8> {
    let mut bytes = coded(&last());
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// The lengths of the parts of a body, by which bytes tell tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    role: usize,
    token: usize,
    last: usize,
}

impl Lengths {
    pub(crate) fn new() -> Self {
        Self { role: role().len(), token: token(&written(0)).len(), last: last().len() }
    }

    /// Returns the number of whole tokens in this many bytes of a body.
    pub(crate) fn tokens_in(&self, bytes: usize) -> u64 {
        (bytes.saturating_sub(self.role) / self.token) as u64
    }

    /// Returns the length of a body of so many tokens.
    pub(crate) fn body(&self, tokens: u64) -> usize {
        self.role + self.token * usize::try_from(tokens).unwrap_or(usize::MAX) + self.last
    }
}

fn place(stream: u64, number: u64) -> usize {
    // An odd step: neighbours are never at the same word.
    usize::try_from((stream * 7 + number) % WORDS).unwrap_or_default()
}

/// A word as JSON writes it; every tenth begins with a line end, which is an escape.
fn written(number: u64) -> String {
    let letters = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 36;
    let mut word = String::from(if number % 10 == 9 { r"\n" } else { " " });
    let _ = write!(word, "{letters:07x}");
    word.truncate(WORD);
    word
}

fn role() -> String {
    event(
        r#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#,
        "null",
    )
}

fn token(word: &str) -> String {
    event(
        &format!(
            r#"{{"index":0,"delta":{{"content":"{word}"}},"logprobs":null,"finish_reason":null}}"#
        ),
        "null",
    )
}

fn last() -> String {
    let finish = event(r#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#, "null");
    let usage = event("", r#"{"prompt_tokens":19,"completion_tokens":500,"total_tokens":519}"#);
    format!("{finish}{usage}data: [DONE]\n\n")
}

fn event(choices: &str, usage: &str) -> String {
    let [before, after] = ENVELOPE;
    format!("data: {before}{choices}{after},\"usage\":{usage}}}\n\n")
}

fn coded(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{Lengths, Traffic, end, last, role, token, written};

    #[test]
    fn a_stream_folds_to_its_text_and_its_tokens_are_told_from_their_bytes() {
        let (traffic, lengths, tokens) = (Traffic::new(), Lengths::new(), 2_000_u64);
        let mut body = role();
        for number in 0..tokens {
            assert_eq!(lengths.tokens_in(body.len() - 1), number.saturating_sub(1));
            assert_eq!(lengths.tokens_in(body.len()), number);
            let event = token(&written((3 * 7 + number) % 1_024));
            assert!(
                traffic.token(3, number).windows(event.len()).any(|part| part == event.as_bytes())
            );
            body += &event;
        }
        body += &last();
        assert_eq!(body.len(), lengths.body(tokens));
        let mut fold = deltawire::chat::Session::new();
        fold.feed(body.as_bytes()).unwrap();
        let outcome = fold.close(deltawire::How::Clean);
        assert!(outcome.is_complete() && outcome.anomalies.is_empty());
        assert_eq!(outcome.answer.text(), traffic.text(3, tokens));
        assert!(traffic.text(3, tokens).contains('\n') && end().ends_with(b"0\r\n\r\n"));
        assert_ne!(traffic.text(3, tokens), traffic.text(4, tokens));
    }
}
