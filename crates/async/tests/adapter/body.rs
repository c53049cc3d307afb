//! A body that does what a script says, and executors.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Data(Bytes),
    /// Pending once, the waker woken.
    Pending,
    /// Pending for ever, the waker dropped.
    Silence,
    Trailers,
    Fail(&'static str),
}

/// Plays its steps, as a body and as a stream of bytes, and panics when polled after its end.
#[derive(Debug)]
pub(crate) struct Scripted {
    steps: VecDeque<Step>,
    over: bool,
    /// The number of polls, and beside it the number of frames.
    pub(crate) polls: Arc<AtomicUsize>,
    pub(crate) frames: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            over: false,
            polls: Arc::default(),
            frames: Arc::default(),
        }
    }

    /// A frame for each part.
    pub(crate) fn of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        Self::new(parts.into_iter().map(data))
    }

    /// The same, pending once before each.
    pub(crate) fn pending_of<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Self {
        Self::new(parts.into_iter().flat_map(|part| [Step::Pending, data(part)]))
    }

    fn step(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        assert!(!self.over, "polled after its end");
        self.polls.fetch_add(1, Relaxed);
        let step = self.steps.pop_front();
        self.over = matches!(step, None | Some(Step::Fail(_)));
        Poll::Ready(match step {
            None => None,
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Silence) => {
                self.steps.push_front(Step::Silence);
                return Poll::Pending;
            }
            Some(Step::Fail(message)) => {
                Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, message)))
            }
            Some(Step::Data(data)) => {
                self.frames.fetch_add(1, Relaxed);
                Some(Ok(Frame::data(data)))
            }
            Some(Step::Trailers) => Some(Ok(Frame::trailers(http::HeaderMap::from_iter([(
                http::header::ETAG,
                http::HeaderValue::from_static("data: 1"),
            )])))),
        })
    }
}

pub(crate) fn data(part: &[u8]) -> Step {
    Step::Data(Bytes::copy_from_slice(part))
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.step(cx)
    }
}

impl futures_core::Stream for Scripted {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.step(cx)
            .map(|step| step.map(|step| step.map(|frame| frame.into_data().unwrap_or_default())))
    }
}

/// An executor for each of the two runtimes: what a future gives must be the same on both.
pub(crate) fn on_both<T: PartialEq + std::fmt::Debug, F: Future<Output = T>>(
    make: impl Fn() -> F,
) -> T {
    let on_smol = smol::block_on(make());
    assert_eq!(on_tokio(make()), on_smol);
    on_smol
}

pub(crate) fn on_tokio<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
