//! The settings of a stream that goes on over another connection.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use deltawire::responses::Responses;
use deltawire::{Cursor, Dialect, Resumption, Session};
use http::Response;
use http_body::Body;

use crate::error::{BoxError, Error};
use crate::reader::Reader;
use crate::resuming::{Connecting, Resuming, Sleep};
use crate::stream::AnswerStream;

/// A reader of streams that are resumed where their connection is lost.
///
/// [`Reader::resume`] makes it. `B` is the body of the responses.
#[must_use]
pub struct ResumingReader<B> {
    reader: Reader,
    resuming: Resuming<B>,
}

impl Reader {
    /// Resumes a stream whose connection is lost, by a request that `connect` sends.
    ///
    /// A connection is lost if it breaks, if it ends before the answer is complete, and if it
    /// [stalls](Self::stalls). The stream goes on after the [`Cursor`]: the sequence number of
    /// OpenAI's Responses, the `event_id` of Gemini's Interactions, or the last event ID. Events
    /// that come again are passed over ([`Session::resume`]). A stream without a cursor ends, and nothing is sent again, so a POST
    /// never is: `connect` is a GET, with the cursor's [`query`](Cursor::query) or
    /// [`header`](Cursor::header).
    ///
    /// The waits between the tries are those of an [`EventSource`](crate::EventSource), as
    /// `resumption` says; [`Resumption::with_strict_gaps`] makes missing events an error. Where it
    /// has no seed, the operating system's random numbers spread the waits. An error of `connect`
    /// is tried again, as often as the policy allows. A status other than 2xx is
    /// [`Error::Refused`]. `sleep` is the timer of the caller's runtime, as in
    /// [`stalls`](Self::stalls).
    ///
    /// ```
    /// use deltawire::{Cursor, Resumption};
    /// use deltawire_async::Reader;
    ///
    /// # let data = [
    /// #     r#"{"type":"response.created","sequence_number":0,"response":{"id":"r"}}"#,
    /// #     r#"{"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}"#,
    /// #     r#"{"type":"response.completed","sequence_number":2,"response":{"id":"r"}}"#,
    /// # ];
    /// # let body = move |events: &[&str]| {
    /// #     let text: String = events.iter().map(|data| format!("data: {data}\n\n")).collect();
    /// #     http::Response::new(http_body_util::Full::new(bytes::Bytes::from(text)))
    /// # };
    /// # let response = body(&data[..1]);
    /// # let get = move |url: String| {
    /// #     assert_eq!(url, "/v1/responses/r?stream=true&starting_after=0");
    /// #     std::future::ready(Ok::<_, std::io::Error>(body(&data[1..])))
    /// # };
    /// # smol::block_on(async {
    /// let connect = move |cursor: &Cursor<'_>| {
    ///     let (name, value) = cursor.query().expect("the API has one");
    ///     let id = cursor.id().unwrap_or_default();
    ///     // reqwest: `async move { client.get(url).send().await.map(http::Response::from) }`
    ///     get(format!("/v1/responses/{id}?stream=true&{name}={value}"))
    /// };
    /// let sleep = |_| async {}; // tokio: `tokio::time::sleep`
    /// let reader = Reader::new().resume(Resumption::new(), connect, sleep);
    /// let stream = reader.responses(response).await?;
    /// let outcome = stream.run(|update| print!("{}", update.text())).await;
    /// assert_eq!(outcome.into_complete()?.text(), "Hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn resume<B, C, F, E, S, Z>(
        self,
        resumption: Resumption,
        mut connect: C,
        mut sleep: S,
    ) -> ResumingReader<B>
    where
        C: FnMut(&Cursor<'_>) -> F + Send + 'static,
        F: Future<Output = Result<Response<B>, E>> + Send + 'static,
        E: Into<BoxError>,
        S: FnMut(Duration) -> Z + Send + 'static,
        Z: Future + Send + 'static,
    {
        let resumption = match resumption.is_seeded() {
            true => resumption,
            false => resumption.with_seed(RandomState::new().hash_one(())),
        };
        let connect = move |cursor: &Cursor<'_>| -> Connecting<B> {
            let response = connect(cursor);
            Box::pin(async move { response.await.map_err(Into::into) })
        };
        let sleep = move |time| -> Sleep {
            let sleep = sleep(time);
            Box::pin(async move { _ = sleep.await })
        };
        let resuming = Resuming::new(resumption, Box::new(connect), Box::new(sleep));
        ResumingReader { reader: self, resuming }
    }
}

impl<B> ResumingReader<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads the response to a streamed request of OpenAI's Responses API.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub async fn responses(
        self,
        response: Response<B>,
    ) -> Result<AnswerStream<Responses, B>, Error> {
        self.read_response(response).await
    }

    /// Reads the response to a streamed request of any dialect.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub async fn read_response<D: Dialect>(
        self,
        response: Response<B>,
    ) -> Result<AnswerStream<D, B>, Error> {
        let mut stream = self.reader.read_response(response).await?;
        stream.aside.set_resuming(self.resuming);
        Ok(stream)
    }

    /// Goes on with a session that has no response, such as a [restored](Session::restore) one.
    ///
    /// It connects when it is first polled. The session has its own options already, so those of
    /// the reader do not count; stall limits and timing do.
    pub fn go_on<D: Dialect>(self, session: Session<D>) -> AnswerStream<D, B> {
        let Self { reader, mut resuming } = self;
        if session.is_resumable() {
            resuming.resumption = resuming.resumption.without_response();
        }
        let mut stream = reader.without_response(session);
        stream.aside.set_resuming(resuming);
        stream
    }
}

impl<B> fmt::Debug for ResumingReader<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumingReader")
            .field("reader", &self.reader)
            .field("resuming", &self.resuming)
            .finish()
    }
}
