//! What came, and when, taken down as it comes.

use core::time::Duration;

use crate::engine::{Change, Update};

use super::distribution::Samples;
use super::report::{Stalls, Timing};

/// Takes down when what of one answer came. Every time is a `Duration` since the request was sent; one that is before the last counts as the last.
///
/// Tell it of each read what it brought: [`bytes`](Self::bytes), then [`folded`](Self::folded) for each chunk that is folded of them, or the [`end`](Self::end). One look at a clock for each read is all that
/// it takes.
///
/// A call costs some nanoseconds, and allocates only for the gaps that are kept: at most 15 KiB for each of four [`Samples`], however long the stream is.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    now: Duration,
    first_byte: Option<Duration>,
    first_event: Option<Duration>,
    /// Chunks of whatever; those with a choice; those with output; those with output that is no reasoning.
    chunks: Track,
    choices: Track,
    output: Track,
    first_content: Option<Duration>,
    end: Option<Duration>,
    last_gap: Option<Duration>,
    /// When the last tokens came, and how many came so far, where that is told.
    tokens_at: Option<Duration>,
    tokens: u64,
    per_token: Samples,
    stalls: Option<Stalls>,
}

/// When chunks of one kind came.
#[derive(Debug, Clone, Default)]
struct Track {
    first: Option<Duration>,
    second: Option<Duration>,
    last: Option<Duration>,
    count: u64,
    gaps: Samples,
}

/// What a chunk carries, as far as the definitions of a first token differ by it. Each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Carried {
    /// No choice: usage, a content filter's results.
    NoChoice,
    /// A choice without output: a role, an empty delta, a finish reason.
    Choice,
    /// Reasoning.
    Reasoning,
    /// Content, a refusal, a tool call, audio.
    Content,
}

impl From<&Update<'_>> for Carried {
    fn from(update: &Update<'_>) -> Self {
        let least = if update.has_choices() { Self::Choice } else { Self::NoChoice };
        let carried = update.changes().map(|change| match change {
            Change::Content { text, .. } | Change::Refusal { text, .. } | Change::Transcript { text, .. }
                if !text.is_empty() =>
            {
                Self::Content
            }
            Change::Arguments { fragment, .. } | Change::FunctionArguments { fragment, .. } if !fragment.is_empty() => {
                Self::Content
            }
            Change::Audio { data, .. } if !data.is_empty() => Self::Content,
            Change::ToolCall { .. } | Change::FunctionCall { .. } => Self::Content,
            Change::Reasoning { text, .. } if !text.is_empty() => Self::Reasoning,
            _ => least,
        });
        carried.max().unwrap_or(least)
    }
}

impl Recorder {
    /// A recorder of a request that is sent now.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts as a stall every gap between chunks, or between the last and the end, that is longer than this. The wait for the first chunk is none, and what is no chunk (a keep-alive
    /// comment) ends none.
    #[must_use]
    pub fn with_stalls(mut self, threshold: Duration) -> Self {
        self.stalls = Some(Stalls::new(threshold));
        self
    }

    /// Bytes of the answer's body came.
    pub fn bytes(&mut self, now: Duration) {
        if self.end.is_none() {
            let now = self.at(now);
            self.first_byte.get_or_insert(now);
        }
    }

    /// An event came, of whatever kind. A chunk is one; for those who see the others too.
    pub fn event(&mut self, now: Duration) {
        self.bytes(now);
        if self.end.is_none() {
            self.first_event.get_or_insert(self.now);
        }
    }

    /// A chunk of the bytes that were told last was folded: it came when they did, however long the work on the chunks before it took.
    pub fn folded(&mut self, update: &Update<'_>) {
        self.chunk(update, self.now);
    }

    /// A chunk came, and was folded. The time is best that of the read that completed it; [`folded`](Self::folded) sees to that.
    pub fn chunk(&mut self, update: &Update<'_>, now: Duration) {
        self.carried(Carried::from(update), now);
    }

    /// The same for those who do not fold.
    pub fn carried(&mut self, carried: Carried, now: Duration) {
        if self.end.is_some() {
            return;
        }
        self.event(now);
        self.last_gap = self.chunks.note(self.now);
        if let (Some(gap), Some(stalls)) = (self.last_gap, &mut self.stalls) {
            stalls.note(gap);
        }
        if carried >= Carried::Choice {
            self.choices.note(self.now);
        }
        if carried >= Carried::Reasoning {
            self.output.note(self.now);
        }
        if carried >= Carried::Content {
            self.first_content.get_or_insert(self.now);
        }
    }

    /// The last chunk brought this many tokens: for [`Timing::per_token`], by those who count as they go.
    pub fn tokens(&mut self, count: u64) {
        let Some(now) = self.chunks.last.filter(|_| count > 0) else { return };
        if let Some(before) = self.tokens_at.replace(now) {
            let each = now.saturating_sub(before).as_nanos() / u128::from(count);
            self.per_token.add_times(Duration::from_nanos(u64::try_from(each).unwrap_or(u64::MAX)), count);
        }
        self.tokens = self.tokens.saturating_add(count);
    }

    /// The gap that the last chunk ended; `None` for the first. For those who export a histogram of `gen_ai.client.operation.time_per_output_chunk`.
    #[must_use]
    pub fn last_gap(&self) -> Option<Duration> {
        self.last_gap
    }

    /// The last time that was told.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The answer has ended, be it cut. Only the first call counts, and nothing that is told to have come after it.
    pub fn end(&mut self, now: Duration) {
        if self.end.is_some() {
            return;
        }
        let now = self.at(now);
        self.end = Some(now);
        if let (Some(last), Some(stalls)) = (self.chunks.last, &mut self.stalls) {
            stalls.note(now.saturating_sub(last));
        }
    }

    /// What it came to. `completion_tokens` are the answer's, of all choices, as the server or a tokenizer counted them; without, what [`tokens`](Self::tokens) was told. An answer whose end
    /// was not told ended with what was told last.
    #[must_use]
    pub fn finish(mut self, completion_tokens: Option<u64>) -> Timing {
        self.end(self.now);
        Timing {
            first_byte: self.first_byte,
            first_event: self.first_event,
            first_chunk: self.chunks.first,
            first_choice: self.choices.first,
            first_output: self.output.first,
            second_output: self.output.second,
            first_content: self.first_content,
            last_choice: self.choices.last,
            last_output: self.output.last,
            end: self.now,
            chunks: self.chunks.count,
            between_chunks: self.chunks.gaps.distribution(),
            between_choices: self.choices.gaps.distribution(),
            between_outputs: self.output.gaps.distribution(),
            per_token: self.per_token.distribution(),
            completion_tokens: completion_tokens.or((self.tokens > 0).then_some(self.tokens)),
            stalls: self.stalls,
        }
    }

    /// Time does not go back.
    fn at(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }
}

impl Track {
    /// Another one came; the gap that it ended.
    fn note(&mut self, now: Duration) -> Option<Duration> {
        self.count += 1;
        let Some(before) = self.last.replace(now) else {
            self.first = Some(now);
            return None;
        };
        self.second.get_or_insert(now);
        let gap = now.saturating_sub(before);
        self.gaps.add(gap);
        Some(gap)
    }
}
