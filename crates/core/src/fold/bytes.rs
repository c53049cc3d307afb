//! The whole way from bytes to the outcome, without I/O.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::escaped::beginning;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::payload::Payload;
use crate::refused::Refused;
use crate::sse::{Decoder, is_event_stream};
use crate::stall::Stall;

use super::accumulator::{Accumulator, Endpoint};
use super::update::Update;

/// Folds the bytes of one response body: a [`Decoder`] and an [`Accumulator`], and before them a look at whether the body is an event stream at all.
///
/// What every adapter does: feed it what was read, take the updates, say how the body ended.
///
/// ```
/// let mut fold = deltawire::chat::Fold::new();
/// for read in [&b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel"[..], b"lo\"}}]}\n\ndata: [DO", b"NE]\n\n"] {
///     let mut input = read;
///     while let Some(update) = fold.push(&mut input)? {
///         assert_eq!(update.text(), "Hello");
///     }
/// }
/// let outcome = fold.finish();
/// assert_eq!(outcome.completion.text(), "Hello");
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Fold<E> {
    decoder: Decoder,
    accumulator: Accumulator<E>,
    body: Body,
}

/// What the head and the body's first bytes make of it.
#[derive(Debug, Clone)]
enum Body {
    /// So far a byte order mark, or part of one, and white space; this many bytes of the mark.
    Unknown(usize),
    EventStream,
    /// No event stream: why, and its beginning.
    Other(Why, Vec<u8>),
}

/// Why a body is no event stream.
#[derive(Debug, Clone)]
enum Why {
    /// By its first bytes: JSON, HTML or gzip.
    FirstBytes,
    /// By this content type.
    ContentType(String),
    /// By the status: what the head says.
    Refused(Box<Refused>),
}

impl Why {
    /// How much of the body is evidence, in bytes.
    fn evidence(&self) -> usize {
        match self {
            Self::FirstBytes | Self::ContentType(_) => Error::EVIDENCE,
            Self::Refused(_) => Refused::MAX_BODY,
        }
    }

    fn error(&self, beginning: &[u8]) -> Error {
        match self {
            Self::FirstBytes => Error::not_an_event_stream(None, beginning),
            Self::ContentType(content_type) => Error::not_an_event_stream(Some(content_type), beginning),
            Self::Refused(refused) => Error::Refused(Box::new(Refused::clone(refused).with_body(beginning))),
        }
    }
}

impl<E: Endpoint> Default for Fold<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Endpoint> Fold<E> {
    /// A fold with the default [`Options`].
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(Options::default())
    }

    /// The same with other options.
    #[must_use]
    pub fn with_options(options: Options) -> Self {
        Self {
            decoder: Decoder::with_limits(options.limits.decoder()).with_error_lines(true),
            accumulator: Accumulator::with_options(options),
            body: Body::Unknown(0),
        }
    }

    /// What the response's head says, told before its body: the status, and what gives a header's text by its lower-case name. With it a request that was refused, or a body of
    /// another content type, is an error with that body: the body is pushed as any other, nothing of it is folded, and its beginning becomes the evidence of
    /// [`Error::Refused`] (a status other than 2xx, at most [`Refused::MAX_BODY`] bytes) or [`Error::NotAnEventStream`] (at most [`Error::EVIDENCE`]). A content type that is not
    /// said is judged by the body's first bytes, as it is without a head. Told again, as after a status 100, the last head counts.
    ///
    /// ```
    /// use deltawire::{Error, chat};
    ///
    /// // Of any HTTP stack: a status, and the headers.
    /// let (status, headers) = (429, [("content-type", "application/json"), ("retry-after", "2")]);
    /// let header = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    ///
    /// let mut fold = chat::Fold::new().head(status, header);
    /// let mut input = &br#"{"error":{"message":"slow down"}}"#[..];
    /// assert!(fold.push(&mut input)?.is_none());
    /// let error = fold.finish().error.unwrap();
    /// assert_eq!(error.to_string(), "the server refused the request with status 429: slow down; retry after \"2\"");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn head<'h>(mut self, status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Self {
        let content_type = header("content-type").filter(|content_type| !content_type.trim().is_empty());
        self.body = match content_type {
            _ if !(200..300).contains(&status) => {
                Body::Other(Why::Refused(Box::new(Refused::by_head(status, header))), Vec::new())
            }
            Some(other) if !is_event_stream(other) => {
                Body::Other(Why::ContentType(beginning(other, Refused::MAX_HEADER).into()), Vec::new())
            }
            _ => Body::Unknown(0),
        };
        self
    }

    /// Takes bytes off the front of `input` until a chunk was folded (`Some`: what it changed) or the input is used up (`None`: feed more,
    /// or say that the body ended). After `[DONE]` everything is taken and nothing counts.
    ///
    /// # Errors
    /// What ended the stream: see [`Accumulator::push`]; a body that is no event stream, once [`Error::EVIDENCE`] bytes of it came (of a refused request's: see
    /// [`head`](Self::head)); a passed limit.
    /// Every later call says the same, and what was folded stays.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(input)? { Some(self.update()) } else { None })
    }

    /// Like [`push`](Self::push), but says only whether a chunk was folded; [`update`](Self::update) then tells what it changed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        if self.decoder.is_at_block_start(input) {
            // No more than an event of one `data` line may be within the limits.
            let limits = self.decoder.limits();
            let most = limits.max_event.min(limits.max_line.saturating_sub(b"data: ".len()));
            let most = most.saturating_add(b"data: \n\n".len()).min(input.len());
            if let Some(len) = self.accumulator.advance_learned(&input[..most]) {
                self.decoder.skip(input, len);
                return Ok(true);
            }
        }
        self.advance_with(input, |_| ())
    }

    /// [`advance`](Self::advance), showing the data of the chunk that was folded.
    fn advance_with(&mut self, input: &mut &[u8], show: impl FnOnce(&str)) -> Result<bool, Error> {
        if let Some(error) = self.accumulator.error() {
            return Err(error.clone());
        }
        if !self.is_event_stream(input)? {
            return Ok(false);
        }
        while !self.accumulator.is_ended() {
            match self.decoder.decode(input) {
                Ok(None) => return Ok(false),
                Ok(Some(event)) => {
                    if self.accumulator.advance(&event)? {
                        show(event.data);
                        return Ok(true);
                    }
                }
                Err(error) => {
                    let error = Error::from(error);
                    self.accumulator.fail(error.clone());
                    return Err(error);
                }
            }
        }
        *input = &[];
        Ok(false)
    }

    /// Like [`push`](Self::push), but hands out the chunk itself, typed and owned; it is folded all the same. Reads each chunk twice, and allocates for its texts.
    ///
    /// # Errors
    /// As [`push`](Self::push); and, with what the chunk held folded, for one with more unknown members than the default limits let be kept.
    pub fn next_chunk(&mut self, input: &mut &[u8]) -> Result<Option<E::Chunk<'static>>, Error> {
        let mut chunk = None;
        self.advance_with(input, |data| chunk = Some(E::parse(data).map(E::into_owned)))?;
        chunk.transpose()
    }

    /// What the last chunk changed.
    #[must_use]
    pub fn update(&self) -> Update<'_> {
        self.accumulator.update()
    }

    /// The accumulator: the text and the completion so far.
    #[must_use]
    pub fn accumulator(&self) -> &Accumulator<E> {
        &self.accumulator
    }

    /// The decoder: last event ID, reconnection time, how many bytes came.
    #[must_use]
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Whether the stream has ended of itself: with `[DONE]` or an error. There is nothing left to read for.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.accumulator.is_ended()
    }

    /// Says that the body has ended cleanly, and checks what that reveals. [`finish`](Self::finish) includes it; it is here for adapters that report errors before they are
    /// asked for the outcome.
    ///
    /// # Errors
    /// A refused request, a body that is no event stream, and any error the stream had ended with.
    pub fn end(&mut self) -> Result<(), Error> {
        self.settle_body();
        match self.accumulator.error() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    /// The body has ended cleanly: the outcome. A block that no blank line completed is discarded, but for a `[DONE]`.
    #[must_use]
    pub fn finish(mut self) -> Outcome<E::Completion> {
        // An error is in the outcome.
        let _ = self.end();
        match self.decoder.finish() {
            Some(cut) if !self.accumulator.is_ended() => self.accumulator.finish_within(cut.data),
            _ => self.accumulator.finish(),
        }
    }

    /// The connection broke, with what the transport says of it: the outcome, truncated, unless the stream had ended before, or was none.
    #[must_use]
    pub fn break_off(mut self, message: impl Into<String>, timed_out: bool) -> Outcome<E::Completion> {
        self.settle_body();
        match self.decoder.finish() {
            Some(cut) if cut.data.trim() == Payload::DONE => self.accumulator.finish_within(cut.data),
            _ => self.accumulator.break_off(message, timed_out),
        }
    }

    /// The stream is stalled, as a [`StallWatch`](crate::StallWatch) found: the outcome, stalled, unless the stream had ended before, or was none.
    /// A `[DONE]` that no blank line completed counts here too.
    #[must_use]
    pub fn stall(mut self, stall: Stall) -> Outcome<E::Completion> {
        self.settle_body();
        match self.decoder.finish() {
            Some(cut) if cut.data.trim() == Payload::DONE => self.accumulator.finish_within(cut.data),
            _ => self.accumulator.stall(stall),
        }
    }

    /// The caller has enough: the outcome, stopped, unless the stream had ended before, or was none.
    #[must_use]
    pub fn stop(mut self) -> Outcome<E::Completion> {
        self.settle_body();
        self.accumulator.stop()
    }

    /// No more comes: what there is of a body that is no event stream is the evidence.
    fn settle_body(&mut self) {
        if let Body::Other(why, beginning) = &self.body {
            if self.accumulator.error().is_none() {
                self.accumulator.fail(why.error(beginning));
            }
        }
    }

    /// Looks at the first bytes, where the head left that open: `{`, `[` and `<` begin a body that is no event stream, which two official clients take for an empty one. So does the
    /// first byte of gzip's magic number (RFC 1952, section 2.3.1), where a proxy compressed and nobody undid it: the header `content-encoding` does not tell, because
    /// some stacks (libcurl) leave it in place when they decompress. No field of an event stream begins so.
    fn is_event_stream(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        const MARK: &[u8] = "\u{FEFF}".as_bytes();
        const GZIP: u8 = 0x1f;
        if let Body::Unknown(marked) = &mut self.body {
            let mut seen = 0;
            let first = input.iter().find(|&&byte| {
                let skipped = if *marked < MARK.len() && byte == MARK[*marked] {
                    *marked += 1;
                    true
                } else {
                    byte.is_ascii_whitespace()
                };
                seen += usize::from(skipped);
                !skipped
            });
            match first.copied() {
                None => {}
                Some(b'{' | b'[' | b'<' | GZIP) => {
                    *input = &input[seen..];
                    self.body = Body::Other(Why::FirstBytes, Vec::new());
                }
                Some(_) => self.body = Body::EventStream,
            }
        }
        let Body::Other(why, beginning) = &mut self.body else { return Ok(true) };
        let room = why.evidence() - beginning.len();
        beginning.extend_from_slice(&input[..input.len().min(room)]);
        *input = &[];
        if beginning.len() < why.evidence() {
            return Ok(false);
        }
        let error = why.error(beginning);
        self.accumulator.fail(error.clone());
        Err(error)
    }
}
