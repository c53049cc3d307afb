//! The accumulator: events in, updates out, the outcome at the end.

use alloc::boxed::Box;

use super::anomaly::Anomaly;
use super::counts::TokenCounts;
use super::dialect::{Dialect, Read};
use super::learned::{Framed, Learned, Match, Target};
use super::options::Options;
use super::outcome::{End, How, Outcome};
use super::place::{Place, TextKind};
use super::transcript::{Effect, Transcript};
use super::update::Update;
use crate::error::{ApiError, Error};
use crate::json::RawStr;
use crate::sse::Event;

/// Folds the events of one stream into the answer.
///
/// Every event is atomic: one that is refused (not JSON, not an object, beyond a limit) changes
/// nothing, and ends the stream. Every way of ending hands over what was folded so far. An event
/// costs one pass over its JSON and, but for the growth of the answer, no allocation.
///
/// [`Session`](crate::Session) takes bytes instead of events, and does four things that are left to
/// whoever decodes: it judges the head and the first bytes, asks the decoder for `error:` lines
/// ([`with_error_lines`](crate::sse::Decoder::with_error_lines)), takes a `[DONE]` that no blank
/// line completed from [`Decoder::finish`](crate::sse::Decoder::finish), and makes an exceeded limit
/// of the decoder the end of the stream.
///
/// ```
/// use deltawire::{End, How, chat, sse::Event};
///
/// let mut accumulator = chat::Accumulator::new();
/// for data in [
///     r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}"#,
///     r#"{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}"#,
///     "[DONE]",
/// ] {
///     if let Some(update) = accumulator.push(&Event::new(data))? {
///         print!("{}", update.text());
///     }
/// }
/// let outcome = accumulator.close(How::Clean);
/// assert_eq!(outcome.end, End::Done);
/// assert_eq!(outcome.answer.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Accumulator<D> {
    dialect: D,
    transcript: Transcript,
    learned: Learned,
    /// The stream ended in order, with its sentinel.
    done: bool,
    /// The number of events that were folded.
    folded: u64,
    /// The number of them that took the fast path.
    fast: u64,
    error: Option<Box<Error>>,
    /// The end, once the body has ended.
    end: Option<End>,
}

/// Counts of what an accumulator did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The events that arrived, including those that mean nothing. Comments are not events.
    pub events: u64,
    /// The events that were folded.
    pub folded: u64,
    /// The events among them that matched a learned frame, and were not parsed.
    pub learned: u64,
}

impl<D: Dialect> Accumulator<D> {
    /// Returns an accumulator with the default [`Options`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an accumulator with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self { transcript: Transcript::new(options), ..Self::default() }
    }

    /// Folds one event, and returns what it changed.
    ///
    /// Returns `None` for an event that means nothing (blank, `null`), for the sentinel `[DONE]`,
    /// and for everything after it.
    ///
    /// # Errors
    /// An error that the server sent, data that is not a chunk, a limit that was exceeded. The
    /// stream has ended with it, and every later call returns the same error. Where an event
    /// carries an error *and* choices, the choices are folded and returned first; the next call
    /// returns the error.
    pub fn push(&mut self, event: &Event<'_>) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(event)? { Some(self.update()) } else { None })
    }

    /// Folds one event, and reports whether it was one that changes something.
    ///
    /// [`update`](Self::update) then returns what it changed. For loops in which the borrow checker
    /// does not let an update be returned.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn advance(&mut self, event: &Event<'_>) -> Result<bool, Error> {
        self.advance_with(event, None)
    }

    /// As [`advance`](Self::advance). `frame` is where the event stood in the input, if it is known
    /// that no template matches there.
    pub(crate) fn advance_with(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
    ) -> Result<bool, Error> {
        self.check()?;
        let is_ended = self.is_ended();
        if !is_ended && frame.is_none() {
            if let Some(found) = self.learned.find_data(event) {
                if self.append_learned(&found) {
                    return Ok(true);
                }
            }
        }
        self.transcript.begin_event(event.data.len());
        if is_ended {
            return Ok(false);
        }
        let number = self.transcript.events();
        match self.fold_event(event, frame) {
            Ok(None) => Ok(false),
            Ok(Some(None)) => Ok(true),
            Ok(Some(Some(error))) => {
                self.fail(Error::Api(error));
                if self.transcript.records().is_empty() {
                    self.check().map(|()| true)
                } else {
                    Ok(true)
                }
            }
            Err(error) => {
                self.fail(error.at_event(number));
                self.check().map(|()| false)
            }
        }
    }

    /// Reads an event in full and folds it. Returns `None` if there is nothing to fold, else the
    /// error that the event carries beside what it adds.
    fn fold_event(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
    ) -> Result<Option<Option<Box<ApiError>>>, Error> {
        let mut parsed = D::Event::default();
        match D::read(event, &self.transcript.options, &mut parsed)? {
            Read::Nothing => return Ok(None),
            Read::Done => {
                self.done = true;
                return self.dialect.failure().map_or(Ok(None), Err);
            }
            Read::Error(error) => return Err(Error::Api(error)),
            Read::Event => {}
        }
        let effect = self.fold(&parsed)?;
        self.learn(event, frame, &parsed, effect);
        Ok(Some(D::api_error(&parsed, event.data)))
    }

    fn fold(&mut self, event: &D::Event<'_>) -> Result<Effect, Error> {
        let effect = self.dialect.fold(event, &mut self.transcript)?;
        self.transcript.parse();
        self.folded += 1;
        if self.folded % 64 == 0 {
            self.check_count();
        }
        Ok(effect)
    }

    /// Panics if what is held is not what was counted, in debug builds. Walks through the state.
    fn check_count(&self) {
        #[cfg(debug_assertions)]
        {
            let mut held = self.dialect.held();
            held.bytes += self.transcript.texts_weight();
            debug_assert_eq!(held, self.transcript.held(), "what is held, and what was counted");
        }
    }

    /// Learns from an event if all that folding it did was to append, else forgets: templates may
    /// not hold any more.
    fn learn(
        &mut self,
        event: &Event<'_>,
        frame: Option<Framed<'_>>,
        parsed: &D::Event<'_>,
        effect: Effect,
    ) {
        let Options { learn, cumulative, .. } = self.transcript.options;
        let Effect::Appended(text) = effect else { return self.learned.forget() };
        let holes = if learn && !cumulative { D::holes(parsed) } else { None };
        let Some(holes) = holes else { return self.learned.forget() };
        if self.learned.wants(event.data.len()) {
            let anomalies = self.transcript.anomalies().noted().to_vec();
            self.learned.learn(event, frame, holes, Target { text, anomalies });
        }
    }

    /// Folds the event that `input` begins with, undecoded, if it matches a learned frame. Returns
    /// the number of bytes that it takes.
    #[inline]
    pub(crate) fn advance_framed(&mut self, input: &[u8]) -> Option<usize> {
        let found = self.learned.find_frame(input).filter(|_| !self.is_ended())?;
        self.append_learned(&found).then_some(found.len)
    }

    /// Begins an event that matches a template, and does what folding it does. Does nothing, and
    /// returns false, if the limits do not allow it; a full parse then says which one.
    #[inline]
    fn append_learned(&mut self, found: &Match<'_>) -> bool {
        if !self.dialect.accepts(&found.values) {
            return false;
        }
        let target = self.learned.target(found.template);
        if !self.transcript.has_room_for(found.text.len()) {
            return false;
        }
        self.transcript.begin_learned();
        self.transcript.note_choices();
        for &anomaly in &target.anomalies {
            self.transcript.anomalies().again(anomaly);
        }
        let _ = self.transcript.append(target.text, &RawStr::from_inner(found.text));
        self.dialect.refill(&found.values, &mut self.transcript);
        self.transcript.parse();
        self.folded += 1;
        self.fast += 1;
        true
    }

    /// Folds an event that was read elsewhere. An error that it carries is not looked at.
    ///
    /// # Errors
    /// A limit that was exceeded; nothing of the event was folded then. And any error that the
    /// stream had ended with.
    pub fn push_parsed(&mut self, event: &D::Event<'_>) -> Result<Update<'_>, Error> {
        self.check()?;
        // A chunk that was read elsewhere is weighed: nobody knows how long its data was.
        self.transcript.begin_event(usize::MAX);
        if !self.is_ended() {
            // Templates are not learned from it, and may not hold after it.
            self.learned.forget();
            if let Err(error) = self.fold(event) {
                self.fail(error.clone());
                return Err(error);
            }
        }
        Ok(self.update())
    }

    /// Returns what the last event changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        Update::new(&self.transcript, &self.dialect)
    }

    /// Reports whether the stream has ended: of itself, with `[DONE]` or an error, or because its
    /// body has. Nothing that arrives now counts.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.done || self.error.is_some() || self.end.is_some()
    }

    /// Returns the error that ended the stream.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// Returns the content of choice 0 so far. Empty if there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.update().so_far(TextKind::Content, Place::choice(0)).unwrap_or_default()
    }

    /// Returns the token counts that the server sent so far. Reads them from the server's object.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.dialect.token_counts()
    }

    /// Returns what was odd so far.
    #[must_use]
    pub fn anomalies(&self) -> &[Anomaly] {
        self.transcript.anomaly_list()
    }

    /// Returns counts of what was done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { events: self.transcript.events(), folded: self.folded, learned: self.fast }
    }

    /// Returns the answer so far. Copies everything that was folded.
    #[must_use]
    pub fn answer(&self) -> D::Answer {
        let Self { dialect, mut transcript, .. } = self.clone();
        dialect.answer(&mut transcript)
    }

    /// Ends the stream, and returns its outcome.
    ///
    /// A stream that has ended of itself has that end, whatever `how` says.
    #[must_use]
    pub fn close(mut self, how: How) -> Outcome<D::Answer> {
        self.end(how, false);
        self.check_count();
        self.transcript.settle();
        self.check_count();
        let anomalies = core::mem::take(self.transcript.anomalies()).into_vec();
        let end = self.end.unwrap_or(End::Stopped);
        let answer = self.dialect.answer(&mut self.transcript);
        Outcome { answer, end, anomalies, error: self.error.map(|error| *error) }
    }

    /// Ends the stream, `cut` within an event. Only the first end counts.
    pub(crate) fn end(&mut self, how: How, cut: bool) {
        if self.end.is_some() {
            return;
        }
        self.dialect.settle(&mut self.transcript);
        if self.error.is_none() && (self.done || how == How::Clean) {
            self.error = self.dialect.failure().map(Box::new);
        }
        if self.done || self.error.is_some() {
            self.end = Some(self.natural_end(false));
            return;
        }
        self.end = Some(match how {
            How::Clean => self.natural_end(cut),
            How::Broken { .. } => End::Truncated,
            How::Stalled(_) => End::Stalled,
            How::Stopped => End::Stopped,
        });
        self.error = how.into_error().map(Box::new);
    }

    /// Returns the end of a stream that is over of itself, or whose body ended in order.
    fn natural_end(&self, cut: bool) -> End {
        match self.error.as_deref() {
            Some(Error::Limit { .. }) => return End::Limit,
            Some(Error::NotAnEventStream { .. } | Error::Refused(_)) => {
                return End::NotAnEventStream;
            }
            Some(_) => return End::Error,
            None => {}
        }
        match (self.done, self.dialect.is_finished()) {
            _ if self.folded == 0 && !cut => End::Empty,
            (true, true) => End::Done,
            (true, false) => End::DoneWithoutFinishReason,
            (false, true) => End::DoneWithoutSentinel,
            (false, false) => End::Truncated,
        }
    }

    /// Reads an event that the end of the body cut, and ends the stream if it is the sentinel.
    pub(crate) fn push_cut(&mut self, event: &Event<'_>) {
        let mut parsed = D::Event::default();
        let read = D::read(event, &self.transcript.options, &mut parsed);
        self.done |= read == Ok(Read::Done) && !self.is_ended();
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.error = Some(Box::new(error));
    }

    /// Returns the error that ended the stream, as one.
    fn check(&self) -> Result<(), Error> {
        self.error.as_deref().map_or(Ok(()), |error| Err(error.clone()))
    }
}
