//! The loop around a resumption: wait, send the request, read its body.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deltawire::{Cursor, Dialect, How, Resume, Resumption, Session};
use http::Response;
use http_body::Body;

use crate::body::BoxBody;
use crate::error::{BoxError, header, transport};
use crate::frames::Frames;

/// A request that resumes a stream, under way.
pub(crate) type Connecting<B> = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;
/// Sends a request that resumes a stream after a cursor.
pub(crate) type Connect<B> = Box<dyn FnMut(&Cursor<'_>) -> Connecting<B> + Send>;
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The way in which a stream goes on over another connection.
pub(crate) struct Resuming<B> {
    pub(crate) resumption: Resumption,
    pub(crate) connect: Connect<B>,
    pub(crate) sleep: Box<dyn FnMut(Duration) -> Sleep + Send>,
    doing: Doing<B>,
}

/// The future to poll.
enum Doing<B> {
    Nothing,
    Waiting(Sleep),
    Connecting(Connecting<B>),
}

impl<B> Resuming<B> {
    pub(crate) fn new(
        resumption: Resumption,
        connect: Connect<B>,
        sleep: Box<dyn FnMut(Duration) -> Sleep + Send>,
    ) -> Self {
        Self { resumption, connect, sleep, doing: Doing::Nothing }
    }

    /// Reports whether another connection is to be made.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.resumption.action(), Resume::Wait(_) | Resume::Connect)
    }

    /// Polls for another body of the session, or for its end.
    ///
    /// Reports whether the end changed something. Nothing is lost if it is dropped while pending.
    ///
    /// # Errors
    /// Returns the error that ended the session.
    pub(crate) fn poll_connect<D: Dialect>(
        &mut self,
        session: &mut Session<D>,
        mut frames: Pin<&mut Frames<B>>,
        mut now: impl FnMut() -> Duration,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, deltawire::Error>> {
        let mut has_changed = false;
        loop {
            match (&mut self.doing, self.resumption.action()) {
                (_, Resume::Read | Resume::Stop) => return Poll::Ready(Ok(has_changed)),
                (Doing::Waiting(sleep), _) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.doing = Doing::Nothing;
                    self.resumption.waited();
                    // A client and a timer that are ready at once hold up nobody.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                (Doing::Connecting(response), _) => {
                    let response = ready!(response.as_mut().poll(cx));
                    self.doing = Doing::Nothing;
                    match response {
                        Ok(response) => {
                            let (head, body) = response.into_parts();
                            // The time of the waits is not the new connection's.
                            session.tick(now());
                            let lookup = |name: &str| header(&head.headers, name);
                            self.resumption.answered(session, head.status.as_u16(), lookup);
                            if self.resumption.action() == Resume::Read {
                                frames.set(Frames::new(body));
                            }
                        }
                        Err(error) => {
                            let how = How::from(transport(error));
                            has_changed = self.resumption.ended(session, how)?;
                        }
                    }
                }
                (Doing::Nothing, Resume::Wait(wait)) => {
                    // The connection is given back first.
                    frames.set(Frames::closed());
                    self.doing = Doing::Waiting((self.sleep)(wait.time));
                }
                (Doing::Nothing, Resume::Connect) => match session.cursor() {
                    Some(cursor) => self.doing = Doing::Connecting((self.connect)(&cursor)),
                    // A session without a cursor does not come here, and has nothing to ask for.
                    None => has_changed = session.end(How::Stopped)?,
                },
            }
            if session.is_ended() {
                return Poll::Ready(Ok(has_changed));
            }
        }
    }
}

impl<B> Resuming<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Puts the bodies into boxes.
    pub(crate) fn boxed(self) -> Resuming<BoxBody> {
        let Self { resumption, mut connect, sleep, doing } = self;
        let boxed = |connecting: Connecting<B>| -> Connecting<BoxBody> {
            Box::pin(async move { Ok(connecting.await?.map(crate::body::boxed)) })
        };
        let doing = match doing {
            Doing::Nothing => Doing::Nothing,
            Doing::Waiting(sleep) => Doing::Waiting(sleep),
            Doing::Connecting(connecting) => Doing::Connecting(boxed(connecting)),
        };
        let connect: Connect<BoxBody> = Box::new(move |cursor: &Cursor<'_>| boxed(connect(cursor)));
        Resuming { resumption, connect, sleep, doing }
    }
}

/// Leaves out the functions and the futures.
impl<B> fmt::Debug for Resuming<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resuming").field("resumption", &self.resumption).finish_non_exhaustive()
    }
}
