//! A stream behind a gate, which shows a text only after a judge has seen it.
//!
//! The stream is read on meanwhile.

use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use deltawire::{Dialect, Outcome};
use deltawire_gate::{self as gate, Gate, OwnedSpan, Released, SpanId, Verdict};
use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::{BoxError, Error};
use crate::stream::AnswerStream;

pin_project! {
    /// An [`AnswerStream`] behind a [`Gate`].
    ///
    /// It returns the pieces of text that a judge released.
    ///
    /// The judge is a closure that makes a future of each span. Its futures run while the stream is
    /// read on, at most [`with_max_in_flight`](Self::with_max_in_flight) at a time. The stream is
    /// read no further ahead of their verdicts than [`gate::Options::with_max_ahead`] characters.
    /// Nothing is spawned: futures are polled when this is, each once it is woken. So a poll costs
    /// what has happened since the last one, however many are in flight. A span takes two
    /// allocations besides its texts, and only while a judge has it.
    ///
    /// Once every choice that has begun is stopped, nothing more is read. A choice that has not
    /// begun by then is not waited for.
    ///
    /// For annotations of Azure's asynchronous filter ([`gate::Policy::azure_async_filter`]) the
    /// stream must not drop unknown members: [`deltawire::Options::with_unknown`].
    ///
    /// ```
    /// # smol::block_on(async {
    /// use deltawire_gate::{OwnedSpan, Policy, Verdict};
    /// use deltawire_async::{ChatStream, Gated};
    ///
    /// let body = concat!(
    ///     r#"data: {"choices":[{"index":0,"#,
    ///     r#""delta":{"content":"Fine. The password is xyzzy. Bye."}}]}"#,
    ///     "\n\ndata: [DONE]\n\n",
    /// );
    /// let stream = ChatStream::from_stream(smol::stream::once(Ok::<_, std::io::Error>(body)));
    /// let mut gated = Gated::new(stream, Policy::sentences(), async |span: OwnedSpan| {
    ///     // Ask a server here.
    ///     let secret = span.text.contains("xyzzy");
    ///     let verdict = if secret { Verdict::redact("[withheld] ") } else { Verdict::Release };
    ///     Ok::<_, std::io::Error>(verdict)
    /// });
    /// let mut shown = String::new();
    /// while let Some(piece) = gated.next().await? {
    ///     shown.push_str(piece.text);
    /// }
    /// assert_eq!(shown, "Fine. [withheld] Bye.");
    /// let (outcome, moderation) = gated.finish();
    /// // The answer is what the model wrote.
    /// assert_eq!(outcome.answer.text(), "Fine. The password is xyzzy. Bye.");
    /// assert_eq!(moderation.text(), shown);
    /// # Ok::<(), deltawire_async::GatedError<std::io::Error>>(())
    /// # }).unwrap();
    /// ```
    pub struct Gated<E, B, J, V> {
        #[pin]
        stream: AnswerStream<E, B>,
        gate: Gate,
        judge: J,
        in_flight: FuturesUnordered<Asked<V>>,
        max_in_flight: usize,
        state: State,
        clock: Box<dyn FnMut() -> Duration + Send>,
    }
}

/// The state of the stream.
#[derive(Debug)]
enum State {
    Open,
    Ended,
    Broken(Error),
    /// The gate refused a text of the stream.
    Refused(gate::Error),
}

impl<E, B, J, V, F> Gated<E, B, J, V>
where
    E: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
    J: FnMut(OwnedSpan) -> V,
    V: Future<Output = Result<Verdict, F>>,
{
    /// The default for the number of judges that run at a time.
    pub const MAX_IN_FLIGHT: usize = 4;

    /// Puts a stream behind a gate. Polls nothing yet.
    #[must_use]
    pub fn new(stream: AnswerStream<E, B>, options: impl Into<gate::Options>, judge: J) -> Self {
        let start = Instant::now();
        Self {
            stream,
            gate: Gate::new(options),
            judge,
            in_flight: FuturesUnordered::new(),
            max_in_flight: Self::MAX_IN_FLIGHT,
            state: State::Open,
            clock: Box::new(move || start.elapsed()),
        }
    }

    /// Sets the number of judges that run at a time, at least 1.
    #[must_use]
    pub fn with_max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count.max(1);
        self
    }

    /// Replaces the clock, which returns the time since the request.
    ///
    /// The default is [`Instant`], counted from the call of [`new`](Self::new). Some targets do not
    /// have it. The clock serves [`Policy::with_max_age`](gate::Policy::with_max_age) and the
    /// delays in the outcome. It sets no timer: a limit on age takes effect at the next poll.
    /// [`Gate::deadline`] says when that has to be.
    #[must_use]
    pub fn with_clock(mut self, clock: impl FnMut() -> Duration + Send + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Returns the next piece that may be shown, borrowed from this.
    ///
    /// `None` if every choice is stopped, or if the stream has ended and all of it was judged.
    ///
    /// Cancel-safe: a future that is dropped before it is ready has taken nothing away, and judges
    /// go on from where they were.
    ///
    /// # Errors
    /// - The error that ended the stream early, after everything before it was judged and released.
    ///   Every later call returns the same error.
    /// - The error of a judge. Nothing of its span is released, and the next call asks it again. A
    ///   verdict that the gate refuses ([`gate::Error`]) counts as such an error. A judge that
    ///   panics is asked again too, should the caller catch the panic.
    /// - [`gate::Error::Full`], if more text waits than the gate's options allow. The stream then
    ///   counts as ended early.
    pub async fn next(&mut self) -> Result<Option<Released<'_>>, GatedError<F>>
    where
        Self: Unpin,
    {
        let more = poll_fn(|cx| Pin::new(&mut *self).poll_advance(cx)).await?;
        Ok(if more { self.gate.next_released() } else { None })
    }

    /// Polls for another piece, which [`released`](Self::released) then returns.
    ///
    /// This is [`next`](Self::next) for pinned values and poll functions. Ready with `false` at the
    /// end, and ever after.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn poll_advance(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, GatedError<F>>> {
        loop {
            let now = self.as_mut().now();
            self.as_mut().project().gate.tick(now);
            if self.gate.has_released() {
                return Poll::Ready(Ok(true));
            }
            let judged = self.as_mut().poll_judges(cx)?;
            let read = self.as_mut().poll_read(cx);
            if judged || read {
                continue;
            }
            if !self.in_flight.is_empty() {
                return Poll::Pending;
            }
            return match &self.state {
                State::Open if self.gate.is_stopped() => Poll::Ready(Ok(false)),
                State::Open => Poll::Pending,
                State::Ended => Poll::Ready(Ok(false)),
                State::Broken(error) => Poll::Ready(Err(GatedError::Stream(error.clone()))),
                State::Refused(error) => Poll::Ready(Err(GatedError::Gate(error.clone()))),
            };
        }
    }

    /// Starts judges for waiting spans, and polls those that were woken.
    ///
    /// Returns true if one is done.
    fn poll_judges(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, GatedError<F>> {
        let this = self.project();
        let in_flight = this.in_flight;
        if this.gate.handed_out() != in_flight.len() {
            // Spans that a stop has left out need no verdict.
            let running = mem::take(in_flight).into_iter();
            in_flight.extend(running.filter(|asked| this.gate.span(asked.span).is_some()));
        }
        while in_flight.len() < *this.max_in_flight {
            let Some(span) = this.gate.next_span().map(|span| span.to_owned()) else { break };
            let id = span.id;
            let judge = catch_unwind(AssertUnwindSafe(|| (this.judge)(span)));
            let judge = Box::pin(judge.unwrap_or_else(|panic| ask_again(this.gate, id, panic)));
            in_flight.push(Asked { span: id, judge });
        }
        let mut judged = false;
        while let Poll::Ready(Some((id, answer))) = Pin::new(&mut *in_flight).poll_next(cx) {
            let verdict = answer.unwrap_or_else(|panic| ask_again(this.gate, id, panic));
            let now = (this.clock)();
            if let Err(error) = verdict
                .map_err(GatedError::Judge)
                .and_then(|verdict| this.gate.judge(id, verdict, now).map_err(GatedError::Gate))
            {
                this.gate.requeue(id);
                return Err(error);
            }
            judged = true;
        }
        Ok(judged)
    }

    /// Reads a chunk, if the gate has room. Reports whether anything arrived.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        let mut this = self.project();
        if !matches!(this.state, State::Open) || this.gate.is_full() || this.gate.is_stopped() {
            return false;
        }
        let Poll::Ready(read) = this.stream.as_mut().poll_advance(cx) else { return false };
        let now = (this.clock)();
        *this.state = match read {
            Ok(true) => match this.gate.push(&this.stream.update(), now) {
                Ok(()) => return true,
                Err(error) => State::Refused(error),
            },
            Ok(false) => State::Ended,
            Err(error) => State::Broken(error),
        };
        // The part that arrived is judged, whatever the end was.
        match this.state {
            State::Ended => this.gate.end(now),
            _ => this.gate.break_off(now),
        }
        true
    }

    fn now(self: Pin<&mut Self>) -> Duration {
        (self.project().clock)()
    }
}

impl<E: Dialect, B, J, V> Gated<E, B, J, V> {
    /// Takes the piece that [`poll_advance`](Self::poll_advance) announced.
    pub fn released(self: Pin<&mut Self>) -> Option<Released<'_>> {
        self.project().gate.next_released()
    }

    /// Returns the gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Returns the stream. Its fold holds the model's text, judged or not.
    #[must_use]
    pub fn stream(&self) -> &AnswerStream<E, B> {
        &self.stream
    }

    /// Returns the outcomes of the stream and of the gate.
    ///
    /// The stream's includes text that was never shown. Before the stream's end it is
    /// [`End::Stopped`](deltawire::End::Stopped). Drops the body and the judges.
    #[must_use]
    pub fn finish(self) -> (Outcome<E::Answer>, gate::Outcome) {
        (self.stream.finish(), self.gate.finish())
    }
}

/// A span that is with a judge.
struct Asked<V> {
    span: SpanId,
    judge: Pin<Box<V>>,
}

/// Catches the judge's panic, so that it is known whose it is.
impl<V: Future> Future for Asked<V> {
    type Output = (SpanId, thread::Result<V::Output>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // After a panic the judge is not polled again, but dropped.
        let answer = match catch_unwind(AssertUnwindSafe(|| self.judge.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(verdict)) => Ok(verdict),
            Err(panic) => Err(panic),
        };
        Poll::Ready((self.span, answer))
    }
}

/// Goes on with a judge's panic, and gives the gate its span back.
///
/// Otherwise a caller that catches the panic would wait for a verdict that nobody makes.
fn ask_again<T>(gate: &mut Gate, span: SpanId, panic: Box<dyn Any + Send>) -> T {
    gate.requeue(span);
    resume_unwind(panic)
}

/// Leaves out the judge, its futures and the clock.
impl<E: fmt::Debug, B, J, V> fmt::Debug for Gated<E, B, J, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated")
            .field("stream", &self.stream)
            .field("gate", &self.gate)
            .field("in_flight", &self.in_flight.len())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The reason why the gate returns nothing.
pub type GatedError<F> = gate::GatedError<Error, F>;
