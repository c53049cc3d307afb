//! A reader of event streams that knows only what the recordings hold: blocks that end with `\n\n`, each one `data: ` line.

use deltawire::End;
use deltawire_replay::Recording;
use serde_json::Value;

/// What a body, or the beginning of one, holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Naive {
    pub(crate) chunks: usize,
    /// The content of choice 0.
    pub(crate) text: String,
    /// Every choice that came has its finish reason.
    pub(crate) finished: bool,
    /// `[DONE]` came, with its blank line.
    pub(crate) done: bool,
    /// `[DONE]` came, or all of it but line ends.
    pub(crate) done_cut: bool,
    /// What comes after the last blank line has begun as a data line.
    pub(crate) within_data: bool,
}

impl Naive {
    pub(crate) fn of(body: &[u8]) -> Self {
        assert!(!body.contains(&b'\r'), "blocks end with line feeds");
        let whole = body.windows(2).rposition(|end| end == b"\n\n").map_or(0, |at| at + 2);
        let (mut chunks, mut text, mut done) = (0, String::new(), false);
        let mut reasons: Vec<(Value, bool)> = Vec::new();
        for block in std::str::from_utf8(&body[..whole]).unwrap().split_terminator("\n\n") {
            let data = block.strip_prefix("data: ").unwrap();
            assert!(!data.contains('\n') && !done, "{block}");
            if data == "[DONE]" {
                done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data).unwrap();
            chunks += 1;
            for choice in chunk["choices"].as_array().unwrap() {
                let index = choice["index"].clone();
                if index == 0 {
                    text += choice["text"].as_str().or(choice["delta"]["content"].as_str()).unwrap_or_default();
                }
                let has_reason = choice["finish_reason"].is_string();
                match reasons.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, finished)) => *finished |= has_reason,
                    None => reasons.push((index, has_reason)),
                }
            }
        }
        let tail = &body[whole..];
        Self {
            chunks,
            text,
            finished: !reasons.is_empty() && reasons.iter().all(|(_, finished)| *finished),
            done,
            done_cut: done || tail.trim_ascii_end() == b"data: [DONE]",
            within_data: tail.starts_with(b"data:"),
        }
    }

    /// How a stream ends of which this is all: broken, or cleanly.
    pub(crate) fn end(&self, broken: bool) -> End {
        match (self.done_cut, self.finished) {
            (true, true) => End::Done,
            (true, false) => End::DoneWithoutFinishReason,
            (false, _) if broken => End::Truncated,
            (false, true) => End::DoneWithoutSentinel,
            // A clean end in the middle of the first event cuts an answer; before it there is none.
            (false, false) if self.chunks == 0 && !self.within_data => End::Empty,
            (false, false) => End::Truncated,
        }
    }
}

/// Some thirty places over a body: near its end, near the ends of events, and evenly between.
pub(crate) fn spread(recording: &Recording) -> Vec<usize> {
    let body = recording.body();
    let ends = body.windows(2).enumerate().filter(|(_, end)| *end == b"\n\n").map(|(at, _)| at);
    let near = |at: usize| [at, at + 1, at + 2, at + 3];
    let mut places: Vec<usize> = ends.step_by(1 + body.len() / 2000).take(2).flat_map(near).collect();
    places.extend((0..=8).map(|part| body.len() * part / 8));
    places.extend((1..17).map(|back| body.len().saturating_sub(back)));
    places.retain(|&at| at <= body.len());
    places.sort_unstable();
    places.dedup();
    places
}
