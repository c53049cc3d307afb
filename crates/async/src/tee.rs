//! Events that are passed on as they come, and folded on the way.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use deltawire::{Accumulator, Dialect, How, Outcome};
use futures_core::stream::FusedStream;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::error::{BoxError, Error};
use crate::event::Event;
use crate::events::Events;

/// A function that takes the outcome, once.
type OnEnd<A> = Box<dyn FnOnce(Outcome<A>) + Send>;

/// A fold beside the events, and the function that waits for its outcome.
struct Folding<D: Dialect> {
    accumulator: Accumulator<D>,
    on_end: OnEnd<D::Answer>,
}

pin_project! {
    /// The events of an answer, passed on as they come and folded on the way.
    ///
    /// [`Events::folded`] makes it. It is a [`futures_core::Stream`] of the same items, for an
    /// [`EventBody`](crate::EventBody) mostly. It is `Unpin` if the body is.
    pub struct Tee<D: Dialect, B> {
        #[pin]
        events: Events<B>,
        folding: Option<Folding<D>>,
        is_over: bool,
    }

    impl<D: Dialect, B> PinnedDrop for Tee<D, B> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(folding) = this.project().folding.take() {
                folding.end(How::Stopped);
            }
        }
    }
}

impl<B> Events<B> {
    /// Folds the events as they pass, and calls `on_end` once with the outcome.
    ///
    /// This is the tee of a proxy. The events pass unchanged, and nothing that the fold finds keeps
    /// one back: an error in band is an event for the client, and the outcome has it too. After
    /// `[DONE]` the stream ends, even if upstream leaves its connection open.
    ///
    /// `on_end` is called however it ends:
    ///
    /// | what happened | [`Outcome::end`] |
    /// |---|---|
    /// | upstream ended in order | `done` and its like |
    /// | upstream sent an error in band, or an event that is no chunk | `error` |
    /// | upstream's connection broke | `truncated` |
    /// | an event exceeded a limit | `limit` |
    /// | the client went away, so that this was dropped | `stopped` |
    ///
    /// The legacy `error:` lines of llama.cpp become events of the type `error`, since a client
    /// that follows the standard would see such a stream simply end.
    ///
    /// ```
    /// use deltawire::chat::Chat;
    /// use deltawire_async::{EventBody, Events};
    ///
    /// # smol::block_on(async {
    /// # let upstream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"2\"}}]}\n\ndata: [DONE]\n\n";
    /// # let upstream = http_body_util::Full::new(bytes::Bytes::from(upstream));
    /// # let (tell, told) = std::sync::mpsc::channel();
    /// let events = Events::from_body(upstream).folded::<Chat>(move |outcome| {
    ///     println!("{}: {}", outcome.end.name(), outcome.answer.text());
    /// #   tell.send(outcome.answer.text().to_owned()).unwrap();
    /// });
    /// let response = EventBody::new(events).into_response(); // axum takes it as it is
    /// # use smol::stream::StreamExt as _;
    /// # assert_eq!(Box::pin(response.into_body()).count().await, 1);
    /// # assert_eq!(told.recv().unwrap(), "2");
    /// # });
    /// ```
    pub fn folded<D: Dialect>(
        self,
        on_end: impl FnOnce(Outcome<D::Answer>) + Send + 'static,
    ) -> Tee<D, B> {
        self.folded_by(Accumulator::new(), on_end)
    }

    /// Folds as [`folded`](Self::folded) does, with an accumulator of other options.
    pub fn folded_by<D: Dialect>(
        self,
        accumulator: Accumulator<D>,
        on_end: impl FnOnce(Outcome<D::Answer>) + Send + 'static,
    ) -> Tee<D, B> {
        let folding = Folding { accumulator, on_end: Box::new(on_end) };
        Tee { events: self.with_error_lines(), folding: Some(folding), is_over: false }
    }
}

impl<D: Dialect> Folding<D> {
    fn fold(&mut self, event: &Event) {
        // An error is in the outcome, and its event is the client's to read.
        let _ = self.accumulator.advance(&event.as_event());
    }

    /// Reports whether the answer said `[DONE]`. After an error upstream may say more.
    fn is_done(&self) -> bool {
        self.accumulator.is_ended() && self.accumulator.error().is_none()
    }

    fn fail(self, error: &Error) {
        match error {
            Error::Stream(error) => self.end(How::from(error.clone())),
            error => self.end(How::broken(error, false)),
        }
    }

    fn end(self, how: How) {
        (self.on_end)(self.accumulator.close(how));
    }
}

impl<D, B> futures_core::Stream for Tee<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if *this.is_over {
            return Poll::Ready(None);
        }
        let is_done = this.folding.as_ref().is_some_and(Folding::is_done);
        let event = if is_done { None } else { ready!(this.events.poll_next(cx)) };
        match (&event, this.folding.as_mut()) {
            (Some(Ok(event)), Some(folding)) => folding.fold(event),
            (end, _) => {
                *this.is_over = true;
                match (end, this.folding.take()) {
                    (Some(Err(error)), Some(folding)) => folding.fail(error),
                    (_, Some(folding)) => folding.end(How::Clean),
                    (_, None) => {}
                }
            }
        }
        Poll::Ready(event)
    }
}

impl<D, B> FusedStream for Tee<D, B>
where
    D: Dialect,
    B: Body,
    B::Error: Into<BoxError>,
{
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

/// Leaves out the function, and the body, which shows nothing of use.
impl<D: Dialect + fmt::Debug, B> fmt::Debug for Tee<D, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accumulator = self.folding.as_ref().map(|folding| &folding.accumulator);
        f.debug_struct("Tee")
            .field("events", &self.events)
            .field("accumulator", &accumulator)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}
