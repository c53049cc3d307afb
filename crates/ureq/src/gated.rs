//! A stream behind a gate, which shows a text only after a judge has seen it.

use std::convert::Infallible;
use std::fmt;
use std::io::Read;
use std::time::{Duration, Instant};

use deltawire::{Dialect, Outcome};
use deltawire_gate::{self as gate, Gate, Released, Span, SpanId, Verdict};

use crate::error::Error;
use crate::stream::AnswerStream;

/// Puts a stream behind a gate, with a judge that always has a verdict.
///
/// See [`Gated`].
///
/// ```
/// use deltawire_gate::{Policy, Verdict};
/// use deltawire_ureq::ChatStream;
///
/// let body = concat!(
///     r#"data: {"choices":[{"index":0,"#,
///     r#""delta":{"content":"Fine. The password is xyzzy. Bye."}}]}"#,
///     "\n\ndata: [DONE]\n\n",
/// );
/// let stream = ChatStream::from_reader(body.as_bytes());
/// let mut gated = deltawire_ureq::gated(stream, Policy::sentences(), |span| {
///     if span.text.contains("xyzzy") { Verdict::redact("[withheld] ") } else { Verdict::Release }
/// });
/// let mut shown = String::new();
/// while let Some(piece) = gated.next()? {
///     shown.push_str(piece.text);
/// }
/// assert_eq!(shown, "Fine. [withheld] Bye.");
/// let (outcome, moderation) = gated.finish();
/// assert_eq!(outcome.answer.text(), "Fine. The password is xyzzy. Bye."); // what the model wrote
/// assert_eq!(moderation.text(), shown);
/// # Ok::<(), deltawire_ureq::GatedError<std::convert::Infallible>>(())
/// ```
pub fn gated<E, R, J>(
    stream: AnswerStream<E, R>,
    options: impl Into<gate::Options>,
    mut judge: J,
) -> Gated<E, R, impl FnMut(&Span<'_>) -> Result<Verdict, Infallible>>
where
    E: Dialect,
    R: Read,
    J: FnMut(&Span<'_>) -> Verdict,
{
    try_gated(stream, options, move |span: &Span<'_>| Ok(judge(span)))
}

/// Puts a stream behind a gate, with a judge that can fail, such as a server.
///
/// See [`Gated`].
pub fn try_gated<E, R, J, F>(
    stream: AnswerStream<E, R>,
    options: impl Into<gate::Options>,
    judge: J,
) -> Gated<E, R, J>
where
    E: Dialect,
    R: Read,
    J: FnMut(&Span<'_>) -> Result<Verdict, F>,
{
    let start = Instant::now();
    Gated {
        stream,
        gate: Gate::new(options),
        judge,
        clock: Box::new(move || start.elapsed()),
        state: State::Open,
    }
}

/// An [`AnswerStream`] behind a [`Gate`].
///
/// It returns the pieces of text that a judge released.
///
/// One thread does all. While the judge has a span, nothing is read, and the system's buffers take
/// what arrives. So judging delays the text after the span too. A span is judged as soon as the
/// gate hands it out, and released text is returned before more is read.
///
/// Once every choice that has begun is stopped, nothing more is read. A choice that has not begun
/// by then is not waited for.
///
/// For annotations of Azure's asynchronous filter
/// ([`Policy::azure_async_filter`](gate::Policy::azure_async_filter)) the stream must not
/// drop unknown members: [`deltawire::Options::with_unknown`].
pub struct Gated<E, R, J> {
    stream: AnswerStream<E, R>,
    gate: Gate,
    judge: J,
    clock: Box<dyn FnMut() -> Duration + Send>,
    state: State,
}

/// The state of the stream.
#[derive(Debug)]
enum State {
    Open,
    Ended,
    /// It failed, and returns its error at every call.
    Broken,
    /// The gate refused a text of the stream.
    Refused(gate::Error),
}

impl<E, R, J, F> Gated<E, R, J>
where
    E: Dialect,
    R: Read,
    J: FnMut(&Span<'_>) -> Result<Verdict, F>,
{
    /// Replaces the clock, which returns the time since the request.
    ///
    /// The default starts when the gate is put up. The clock serves
    /// [`Policy::with_max_age`](gate::Policy::with_max_age) and the delays in the outcome. It is
    /// read whenever something was read or judged, and at no other time, so a limit on age takes
    /// effect only when the next chunk arrives.
    #[must_use]
    pub fn with_clock(mut self, clock: impl FnMut() -> Duration + Send + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Returns the next piece that may be shown. Blocks until there is one.
    ///
    /// `None` if every choice is stopped, or if the stream has ended and all of it was judged.
    ///
    /// # Errors
    /// - The error that ended the stream early, after everything before it was judged and released.
    /// - The error of a judge. Nothing of its span is released, and the next call asks it again. A
    ///   verdict that the gate refuses ([`gate::Error`]) counts as such an error. A judge that
    ///   panics is asked again too, should the caller catch the panic.
    /// - [`gate::Error::Full`], if more text waits than the gate's options allow. The stream then
    ///   counts as ended early.
    #[allow(clippy::should_implement_trait, reason = "an Iterator cannot lend")]
    pub fn next(&mut self) -> Result<Option<Released<'_>>, GatedError<F>> {
        while !self.gate.has_released() {
            if let Some(span) = self.gate.next_span().map(|span| span.id) {
                self.judge(span)?;
                continue;
            }
            match &self.state {
                State::Open if self.gate.is_stopped() => return Ok(None),
                State::Open => self.read(),
                State::Ended => return Ok(None),
                State::Broken => {
                    return self.stream.next().map(|_| None).map_err(GatedError::Stream);
                }
                State::Refused(error) => return Err(GatedError::Gate(error.clone())),
            }
        }
        Ok(self.gate.next_released())
    }

    fn judge(&mut self, id: SpanId) -> Result<(), GatedError<F>> {
        // First, so that a judge that fails or panics is asked again. A verdict ends the waiting.
        self.gate.requeue(id);
        let Some(span) = self.gate.span(id) else { return Ok(()) };
        let judged = (self.judge)(&span).map_err(GatedError::Judge);
        let now = (self.clock)();
        judged.and_then(|verdict| self.gate.judge(id, verdict, now).map_err(GatedError::Gate))
    }

    fn read(&mut self) {
        let read = self.stream.next();
        let now = (self.clock)();
        self.state = match read {
            Ok(Some(update)) => match self.gate.push(&update, now) {
                Ok(()) => return,
                Err(error) => State::Refused(error),
            },
            Ok(None) => State::Ended,
            Err(_) => State::Broken,
        };
        // The part that arrived is judged, whatever the end was.
        match self.state {
            State::Ended => self.gate.end(now),
            _ => self.gate.break_off(now),
        }
    }

    /// Returns the outcomes of the stream and of the gate. Nothing more is read.
    ///
    /// The stream's includes text that was never shown. Before the stream's end it is
    /// [`End::Stopped`](deltawire::End::Stopped).
    pub fn finish(self) -> (Outcome<E::Answer>, gate::Outcome) {
        (self.stream.finish(), self.gate.finish())
    }
}

impl<E, R, J> Gated<E, R, J> {
    /// Returns the gate.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns the stream. Its fold holds the model's text, judged or not.
    pub fn stream(&self) -> &AnswerStream<E, R> {
        &self.stream
    }
}

/// Leaves out the judge and the clock.
impl<E: fmt::Debug, R, J> fmt::Debug for Gated<E, R, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gated = f.debug_struct("Gated");
        gated
            .field("stream", &self.stream)
            .field("gate", &self.gate)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The reason why the gate returns nothing.
pub type GatedError<F> = gate::GatedError<Error, F>;
