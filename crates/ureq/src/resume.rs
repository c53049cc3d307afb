//! The settings of a stream that goes on over another connection.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use deltawire::responses::Responses;
use deltawire::{Cursor, Dialect, Resumption, Session};
use ureq::http::Response;
use ureq::{Body, BodyReader};

use crate::error::Error;
use crate::reader::Reader;
use crate::resuming::Resuming;
use crate::stream::AnswerStream;

/// A reader of streams that are resumed where their connection is lost.
///
/// [`Reader::resume`] makes it.
#[must_use]
pub struct ResumingReader {
    reader: Reader,
    resuming: Resuming<BodyReader<'static>>,
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
    /// is tried again, unless it is [futile](Error::is_futile). A status other than 2xx is
    /// [`Error::Refused`], if the agent returns such responses, as [`agent`] does.
    ///
    /// ```
    /// # use deltawire_replay::{Endpoint, Recording, Server, Speed};
    /// # use std::time::Duration;
    /// use deltawire::Resumption;
    /// use deltawire_ureq::{Reader, agent};
    ///
    /// # let recording = Recording::new("m", Endpoint::Responses)
    /// #     .event(Duration::ZERO, r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}"#)
    /// #     .event(Duration::ZERO, r#"{"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}"#)
    /// #     .event(Duration::ZERO, r#"{"type":"response.completed","sequence_number":2,"response":{"id":"resp_1"}}"#);
    /// # let server = Server::builder().recordings([recording]).speed(Speed::AT_ONCE);
    /// # let server = server.faults("first=1; cut=120".parse()?).start()?;
    /// # let base = server.base_url();
    /// let (agent, url) = (agent(), format!("{base}/responses"));
    /// let request = r#"{"model":"m","input":"hello","stream":true,"background":true}"#;
    /// let response = agent.post(&url).send(request)?;
    ///
    /// let reader = Reader::new().resume(Resumption::new(), move |cursor| {
    ///     let id = cursor.id().unwrap_or_default();
    ///     let request = agent.get(format!("{url}/{id}")).query("stream", "true");
    ///     request.query_pairs(cursor.query()).call()
    /// });
    /// # let reader = reader.with_sleep(|_| true);
    /// let outcome = reader.responses(response)?.run(|update| print!("{}", update.text()));
    /// assert_eq!(outcome.into_complete()?.text(), "Hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`agent`]: crate::agent
    pub fn resume<C>(self, resumption: Resumption, mut connect: C) -> ResumingReader
    where
        C: FnMut(&Cursor<'_>) -> Result<Response<Body>, ureq::Error> + Send + 'static,
    {
        let connect = move |cursor: &Cursor<'_>| {
            let (head, body) = connect(cursor)?.into_parts();
            Ok((head, body.into_reader()))
        };
        let resumption = match resumption.is_seeded() {
            true => resumption,
            false => resumption.with_seed(RandomState::new().hash_one(())),
        };
        let sleep = |time| {
            std::thread::sleep(time);
            true
        };
        let resuming = Resuming { resumption, connect: Box::new(connect), sleep: Box::new(sleep) };
        ResumingReader { reader: self, resuming }
    }
}

impl ResumingReader {
    /// Waits by this function instead of by [`std::thread::sleep`].
    ///
    /// If it returns `false` the stream is stopped.
    pub fn with_sleep(mut self, sleep: impl FnMut(Duration) -> bool + Send + 'static) -> Self {
        self.resuming.sleep = Box::new(sleep);
        self
    }

    /// Reads the response to a streamed request of OpenAI's Responses API.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub fn responses(self, response: Response<Body>) -> Result<AnswerStream<Responses>, Error> {
        self.read_response(response)
    }

    /// Reads the response to a streamed request of any dialect.
    ///
    /// # Errors
    /// As [`chat`](crate::chat).
    pub fn read_response<D: Dialect>(
        self,
        response: Response<Body>,
    ) -> Result<AnswerStream<D>, Error> {
        let mut stream = self.reader.read_response(response)?;
        stream.resuming = Some(Box::new(self.resuming));
        Ok(stream)
    }

    /// Goes on with a session that has no response, such as a [restored](Session::restore) one.
    ///
    /// It connects when the first update is asked for. The session has its own options already, so
    /// those of the reader do not count; stall limits and timing do.
    pub fn go_on<D: Dialect>(self, session: Session<D>) -> AnswerStream<D> {
        let Self { reader, mut resuming } = self;
        if session.is_resumable() {
            resuming.resumption = resuming.resumption.without_response();
        }
        let mut stream = reader.without_response(session);
        stream.resuming = Some(Box::new(resuming));
        stream
    }
}

/// Leaves out the functions.
impl fmt::Debug for ResumingReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumingReader")
            .field("reader", &self.reader)
            .field("resumption", &self.resuming.resumption)
            .finish_non_exhaustive()
    }
}
