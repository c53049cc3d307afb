//! The whole way from bytes to the outcome, without I/O.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Error;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::payload::Payload;
use crate::sse::Decoder;

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

/// What the body's first bytes make of it.
#[derive(Debug, Clone)]
enum Body {
    /// So far a byte order mark, or part of one, and white space; this many bytes of the mark.
    Unknown(usize),
    EventStream,
    /// JSON or HTML: its beginning.
    Other(Vec<u8>),
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

    /// Takes bytes off the front of `input` until a chunk was folded (`Some`: what it changed) or the input is used up (`None`: feed more,
    /// or say that the body ended). After `[DONE]` everything is taken and nothing counts.
    ///
    /// # Errors
    /// What ended the stream: see [`Accumulator::push`]; a body that is no event stream, once [`Error::EVIDENCE`] bytes of it came; a passed limit.
    /// Every later call says the same, and what was folded stays.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Update<'_>>, Error> {
        Ok(if self.advance(input)? { Some(self.update()) } else { None })
    }

    /// Like [`push`](Self::push), but says only whether a chunk was folded; [`update`](Self::update) then tells what it changed.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn advance(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
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
    /// A body that is no event stream, and any error the stream had ended with.
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

    /// The caller has enough: the outcome, stopped, unless the stream had ended before, or was none.
    #[must_use]
    pub fn stop(mut self) -> Outcome<E::Completion> {
        self.settle_body();
        self.accumulator.stop()
    }

    /// No more comes: what there is of a body that is no event stream is the evidence.
    fn settle_body(&mut self) {
        if let Body::Other(beginning) = &self.body {
            if self.accumulator.error().is_none() {
                self.accumulator.fail(Error::not_an_event_stream(None, beginning));
            }
        }
    }

    /// Looks at the first bytes: `{`, `[` and `<` begin a body that is no event stream, which two official clients take for an empty one.
    /// No field of an event stream begins so.
    fn is_event_stream(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        const MARK: &[u8] = "\u{FEFF}".as_bytes();
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
            match first {
                None => {}
                Some(b'{' | b'[' | b'<') => {
                    *input = &input[seen..];
                    self.body = Body::Other(Vec::new());
                }
                Some(_) => self.body = Body::EventStream,
            }
        }
        let Body::Other(beginning) = &mut self.body else { return Ok(true) };
        let room = Error::EVIDENCE - beginning.len();
        beginning.extend_from_slice(&input[..input.len().min(room)]);
        *input = &[];
        if beginning.len() < Error::EVIDENCE {
            return Ok(false);
        }
        let error = Error::not_an_event_stream(None, beginning);
        self.accumulator.fail(error.clone());
        Err(error)
    }
}
