//! The recorder: updates and their times in, a timing out.
//!
//! The definitions of the tools differ in which events they count. The update decides what an event
//! counts as, and nothing here looks at texts: [`Update::has_choices`], [`Update::has_output`],
//! [`Update::has_content`]. A [`Track`] follows the events of one such kind.

use core::time::Duration;

use deltawire::{Change, Times, Update};

use crate::distribution::Samples;
use crate::report::{LongGaps, Timing};

/// A recorder of the times at which the events of one answer arrive.
///
/// Call [`record`](Self::record) for each update, and [`finish`](Self::finish) at the end.
///
/// Every time is the time since the request was sent, by the caller's clock. A time that is earlier
/// than the one before it is taken for the same.
///
/// A call takes some nanoseconds. It allocates only for the gaps that are kept, at most 15 KiB for
/// each of four distributions, however long the stream is.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// All events.
    chunks: Track,
    /// The events with a choice.
    choices: Track,
    /// The events with output.
    output: Track,
    first_content: Option<Duration>,
    last_gap: Option<Duration>,
    /// The output tokens that the server sent last.
    sent: Option<u64>,
    /// The output tokens that the caller counted, and the arrival of the last of them.
    counted: u64,
    counted_at: Option<Duration>,
    per_token: Samples,
    long_gaps: Option<LongGaps>,
}

/// The arrivals of events of one kind.
#[derive(Debug, Clone, Default)]
struct Track {
    first: Option<Duration>,
    second: Option<Duration>,
    last: Option<Duration>,
    count: u64,
    gaps: Samples,
}

impl Recorder {
    /// Returns a recorder of one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts the gaps that are longer than this, as [`Timing::long_gaps`].
    ///
    /// A gap is the time between two events, or between the last and the end. The wait for the
    /// first event is not a gap, and a keep-alive comment, which is not an event, does not end one.
    #[must_use]
    pub fn with_long_gaps(mut self, threshold: Duration) -> Self {
        self.long_gaps = Some(LongGaps::new(threshold));
        self
    }

    /// Records an event of the answer that arrived at `now`.
    ///
    /// The best time is that of the read that completed the event, [`Times::latest`]. The work on
    /// the events before it then does not count.
    pub fn record(&mut self, update: &Update<'_>, now: Duration) {
        if update.at_end() {
            // The end of the stream brings no chunk.
            return;
        }
        let now = self.chunks.last.map_or(now, |last| last.max(now));
        self.last_gap = self.chunks.note(now);
        if let (Some(gap), Some(long_gaps)) = (self.last_gap, &mut self.long_gaps) {
            long_gaps.note(gap);
        }
        if update.has_choices() {
            self.choices.note(now);
        }
        if update.has_output() {
            self.output.note(now);
        }
        if update.has_content() {
            self.first_content.get_or_insert(now);
        }
        for change in update.changes() {
            if let Change::Usage(counts) = change {
                self.sent = counts.output.or(self.sent);
            }
        }
    }

    /// Records that the last event brought this many tokens, for [`Timing::per_token`].
    ///
    /// Callers that count tokens as they arrive call it. Tokens before the first event do not
    /// count.
    pub fn tokens(&mut self, count: u64) {
        let Some(now) = self.chunks.last.filter(|_| count > 0) else { return };
        if let Some(before) = self.counted_at.replace(now) {
            let each = now.saturating_sub(before).as_nanos() / u128::from(count);
            self.per_token
                .add_times(Duration::from_nanos(u64::try_from(each).unwrap_or(u64::MAX)), count);
        }
        self.counted = self.counted.saturating_add(count);
    }

    /// Returns the gap that the last event ended, or `None` for the first event.
    ///
    /// It is a value of OpenTelemetry's histogram
    /// [`CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK`][name].
    ///
    /// [name]: crate::open_telemetry::CLIENT_INFERENCE_TIME_PER_OUTPUT_CHUNK
    #[must_use]
    pub fn last_gap(&self) -> Option<Duration> {
        self.last_gap
    }

    /// Returns the timing of what was recorded.
    ///
    /// `times` are those of the session, for the first byte and the end.
    ///
    /// `output_tokens` is the number of the answer's tokens, of all choices. It replaces every
    /// other count. With `None` the number is the last one that the server sent, or else the sum of
    /// what [`tokens`](Self::tokens) recorded.
    ///
    /// If `times` has no end, the answer is still arriving, and the latest time counts as the end.
    /// Callers without a session's times pass `Times::default()`. The first and the last event then
    /// stand for the first byte and the end.
    #[must_use]
    pub fn finish(&self, times: Times, output_tokens: Option<u64>) -> Timing {
        let end = times.end.unwrap_or(times.latest).max(self.chunks.last.unwrap_or_default());
        let mut long_gaps = self.long_gaps;
        if let (Some(last), Some(long_gaps)) = (self.chunks.last, &mut long_gaps) {
            long_gaps.note(end.saturating_sub(last));
        }
        let counted = (self.counted > 0).then_some(self.counted);
        Timing {
            first_byte: times.first_byte.or(self.chunks.first),
            first_chunk: self.chunks.first,
            first_choice: self.choices.first,
            first_output: self.output.first,
            second_output: self.output.second,
            first_content: self.first_content,
            last_choice: self.choices.last,
            last_output: self.output.last,
            end,
            chunks: self.chunks.count,
            between_chunks: self.chunks.gaps.distribution(),
            between_choices: self.choices.gaps.distribution(),
            between_outputs: self.output.gaps.distribution(),
            per_token: self.per_token.distribution(),
            output_tokens: output_tokens.or(self.sent).or(counted),
            long_gaps,
        }
    }
}

impl Track {
    /// Notes the arrival of an event, and returns the gap that it ended.
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
