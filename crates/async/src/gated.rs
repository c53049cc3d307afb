//! A stream behind a gate: what is shown only after a judge has seen it, and the stream goes on meanwhile.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use deltawire::{Dialect, Outcome};
use deltawire_gate::{self as gate, Gate, OwnedSpan, Released, SpanId, Verdict};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::{BoxError, Error};
use crate::stream::Stream;

pin_project! {
    /// A [`Stream`] behind a [`Gate`]: pieces of text come out of it that a judge has let go.
    ///
    /// The judge is a closure that makes a future of each span. Its futures run while the stream is read on: at most [`with_max_in_flight`](Self::with_max_in_flight) at a time, and the stream is read no further ahead of their verdicts than
    /// [`gate::Options::with_max_ahead`] characters. Nothing is spawned: they are polled when this is, all of them, each in a box of its own (the one allocation for a span besides its texts).
    ///
    /// Once every choice that has begun is stopped, nothing more is read; a choice that has not begun by then is not waited for. For annotations of Azure's asynchronous filter
    /// ([`gate::Policy::azure_async_filter`]) the stream has to keep unknown members: [`deltawire::Options::with_unknown`].
    ///
    /// ```
    /// # smol::block_on(async {
    /// use deltawire_gate::{OwnedSpan, Policy, Verdict};
    /// use deltawire_async::{ChatStream, Gated};
    ///
    /// let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Fine. The password is xyzzy. Bye.\"}}]}\n\ndata: [DONE]\n\n";
    /// let stream = ChatStream::from_stream(smol::stream::once(Ok::<_, std::io::Error>(body)));
    /// let mut gated = Gated::new(stream, Policy::sentences(), async |span: OwnedSpan| {
    ///     // Ask a server here.
    ///     Ok::<_, std::io::Error>(if span.text.contains("xyzzy") { Verdict::redact("[withheld] ") } else { Verdict::Release })
    /// });
    /// let mut shown = String::new();
    /// while let Some(piece) = gated.next().await? {
    ///     shown.push_str(piece.text);
    /// }
    /// assert_eq!(shown, "Fine. [withheld] Bye.");
    /// let (outcome, moderation) = gated.finish();
    /// assert_eq!(outcome.answer.text(), "Fine. The password is xyzzy. Bye."); // what the model wrote
    /// assert_eq!(moderation.text(), shown);
    /// # Ok::<(), deltawire_async::GatedError<std::io::Error>>(())
    /// # }).unwrap();
    /// ```
    pub struct Gated<E, B, J, V> {
        #[pin]
        stream: Stream<E, B>,
        gate: Gate,
        judge: J,
        in_flight: Vec<(SpanId, Pin<Box<V>>)>,
        max_in_flight: usize,
        state: State,
        clock: Box<dyn FnMut() -> Duration + Send>,
    }
}

/// How far the stream is.
#[derive(Debug)]
enum State {
    Open,
    Ended,
    Broken(Error),
    /// The gate did not take a text of it.
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
    /// How many judges run at a time unless said otherwise.
    pub const MAX_IN_FLIGHT: usize = 4;

    /// Puts a stream behind a gate. Polls nothing yet.
    #[must_use]
    pub fn new(stream: Stream<E, B>, options: impl Into<gate::Options>, judge: J) -> Self {
        let start = Instant::now();
        Self {
            stream,
            gate: Gate::new(options),
            judge,
            in_flight: Vec::new(),
            max_in_flight: Self::MAX_IN_FLIGHT,
            state: State::Open,
            clock: Box::new(move || start.elapsed()),
        }
    }

    /// With so many judges at a time; at least 1.
    #[must_use]
    pub fn with_max_in_flight(mut self, count: usize) -> Self {
        self.max_in_flight = count.max(1);
        self
    }

    /// Tells the time since the request with another clock than the default, which starts when the gate is put up ([`Instant`], which some targets do not have). For
    /// [`Policy::with_max_age`](gate::Policy::with_max_age) and the delays in the outcome. It sets no timer: a limit on age shows when this is polled next, and [`Gate::deadline`] says when to.
    #[must_use]
    pub fn with_clock(mut self, clock: impl FnMut() -> Duration + Send + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// The next piece that may be shown, borrowed from this. `None` when the stream has ended and everything of it was judged, or every choice is stopped.
    ///
    /// Cancel-safe: a future that is dropped before it is ready has taken nothing away, and judges go on where they were.
    ///
    /// # Errors
    /// What ended the stream early, after all that came before it was judged and released; every later call says the same. A judge that failed: nothing it was asked about is released; the next call asks it again.
    /// A verdict that the gate refuses ([`gate::Error`]) is a judge that failed too. And [`gate::Error::Full`], if more text waits than the gate's options allow; as if the stream had ended early there.
    pub async fn next(&mut self) -> Result<Option<Released<'_>>, GatedError<F>>
    where
        Self: Unpin,
    {
        let more = poll_fn(|cx| Pin::new(&mut *self).poll_advance(cx)).await?;
        Ok(if more { self.gate.next_released() } else { None })
    }

    /// What [`next`](Self::next) is made of, for pinned values and poll functions: whether there is another piece. [`released`](Self::released) then has it. Ready with `false` at the end, and ever after.
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

    /// Asks judges about spans that wait, and polls all that are asked. Whether one has a verdict.
    fn poll_judges(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Result<bool, GatedError<F>> {
        let this = self.project();
        // What a stop has left out needs no verdict.
        this.in_flight.retain(|(id, _)| this.gate.span(*id).is_some());
        while this.in_flight.len() < *this.max_in_flight {
            let Some(span) = this.gate.next_span().map(|span| span.to_owned()) else { break };
            this.in_flight.push((span.id, Box::pin((this.judge)(span))));
        }
        let mut judged = false;
        let mut place = 0;
        while let Some((id, judge)) = this.in_flight.get_mut(place) {
            let id = *id;
            let Poll::Ready(verdict) = judge.as_mut().poll(cx) else {
                place += 1;
                continue;
            };
            drop(this.in_flight.remove(place));
            let verdict = verdict.map_err(GatedError::Judge);
            let now = (this.clock)();
            if let Err(error) = verdict
                .and_then(|verdict| this.gate.judge(id, verdict, now).map_err(GatedError::Gate))
            {
                this.gate.requeue(id);
                return Err(error);
            }
            judged = true;
        }
        Ok(judged)
    }

    /// Reads a chunk, if the gate has room and a judge has nothing to do that waits. Whether anything came.
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
        // What came is judged, however it ended.
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
    /// The piece that [`poll_advance`](Self::poll_advance) said there is; taken with this.
    pub fn released(self: Pin<&mut Self>) -> Option<Released<'_>> {
        self.project().gate.next_released()
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The stream. What it folded is what the model wrote, judged or not.
    #[must_use]
    pub fn stream(&self) -> &Stream<E, B> {
        &self.stream
    }

    /// What the stream came to, text that was never shown included, and what became of it at the gate. Before its end: [`End::Stopped`](deltawire::End::Stopped); body and judges are dropped.
    #[must_use]
    pub fn finish(self) -> (Outcome<E::Answer>, gate::Outcome) {
        (self.stream.finish(), self.gate.finish())
    }
}

/// Without the judge, its futures and the clock.
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

/// The reason why nothing comes through the gate.
pub type GatedError<F> = gate::GatedError<Error, F>;
