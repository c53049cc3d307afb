//! From the body of a response into a stream.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};

use bytes::{Buf, Bytes};
use deltawire::{Dialect, Framing, How, Outcome, Session, TransportError, lines, sse};
use deltawire_async::BoxError;
use http::Response;
use http_body::Body;

use crate::end::{End, EndKind};
use crate::error::ProduceError;
use crate::id::Cursor;
use crate::log::EntryKind;
use crate::producer::{Producer, stopped};

/// Takes the response of a model's server into a stream, and folds it on the way.
///
/// The bytes are kept exactly as they came, an event an entry: the entries, one after the other,
/// are the body. Comments go with the event after them.
///
/// It reads up to the end that the API has, or that of the body, or until somebody
/// [stops](crate::Relay::stop) the stream. Dropping the future ends the stream as truncated. While
/// the log is slow, the body is not read.
pub struct Pipe<D: Dialect> {
    session: Session<D>,
    snapshots: Option<Snapshots>,
}

#[derive(Debug, Clone, Copy)]
struct Snapshots {
    every: u64,
    trims: bool,
}

/// The result of a [`Pipe`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Piped<A> {
    /// Everything that was folded.
    pub outcome: Outcome<A>,
    /// The end that the log has, or would have.
    pub end: End,
    /// The place of the end in the log, or the reason why the log does not have it.
    pub stored: Result<Cursor, ProduceError>,
}

/// The most bytes between two events: the largest event that a session takes, and comments.
const MAX_PENDING: usize = 64 << 20;

/// The most bytes that are kept of a body that is no stream.
const MAX_REFUSED: usize = 64 << 10;

impl<D: Dialect> Pipe<D> {
    /// Returns a pipe that folds with this session.
    #[must_use]
    pub fn new(session: Session<D>) -> Self {
        Self { session, snapshots: None }
    }

    /// Keeps a snapshot after every so many events, and trims what it covers if asked to.
    ///
    /// It is the saved session. A late reader [restores](Session::restore) it and feeds it the bytes
    /// of the events after it; see [`Reader::from_snapshot`](crate::Reader::from_snapshot). Saving
    /// costs as much as the answer is long, so do it seldom.
    #[must_use]
    pub fn with_snapshots(mut self, every: u64, trims: bool) -> Self {
        self.snapshots = Some(Snapshots { every: every.max(1), trims });
        self
    }

    /// Takes a response into the stream of a producer, up to its end.
    ///
    /// A refused request is an end with an error, as [`Session::head`] has it.
    pub async fn run<B>(self, producer: Producer, response: Response<B>) -> Piped<D::Answer>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let (head, body) = response.into_parts();
        let Self { mut session, snapshots } = self;
        session.head(head.status.as_u16(), |name| {
            head.headers.get(name).and_then(|value| value.to_str().ok())
        });
        let splitter = Splitter::new(D::FRAMING);
        Running { producer, session, splitter, snapshots, count: 0 }.run(body).await
    }
}

struct Running<D: Dialect> {
    producer: Producer,
    session: Session<D>,
    splitter: Splitter,
    snapshots: Option<Snapshots>,
    count: u64,
}

impl<D: Dialect> Running<D> {
    async fn run<B>(mut self, body: B) -> Piped<D::Answer>
    where
        B: Body<Error: Into<BoxError>>,
    {
        let mut body = pin!(body);
        let mut stop = self.producer.stop_request();
        let mut stopped_by = None;
        let how = loop {
            let data = tokio::select! {
                biased;
                by = stopped(&mut stop) => {
                    stopped_by = Some(by);
                    break How::Stopped;
                }
                data = next_data(body.as_mut()) => data,
            };
            match data {
                None => break How::Clean,
                Some(Err(error)) => break How::Broken(TransportError::from_source(error)),
                Some(Ok(data)) => match self.take(data).await {
                    Ok(true) => {}
                    Ok(false) => break How::Clean,
                    Err(error) => return self.failed(error),
                },
            }
        };
        let was_ended = self.session.is_ended();
        let rest = self.splitter.rest();
        let before = self.session.accumulator().stats().events;
        // An error is in the outcome.
        let _ = self.session.end(how.clone());
        let is_folded = self.session.accumulator().stats().events > before;
        let outcome = self.session.close(how);
        if !rest.is_empty() {
            use deltawire::End as Folded;
            let has_sentinel =
                matches!(outcome.end, Folded::Done | Folded::DoneWithoutFinishReason);
            let is_event = !was_ended && (is_folded || has_sentinel);
            let kind = if is_event { self.splitter.kind() } else { EntryKind::Rest };
            // If it fails, so does the end.
            let _ = self.producer.append_entry(kind, rest).await;
        }
        let mut end = End::of(&outcome);
        if end.kind == EndKind::Cancelled {
            end.by = stopped_by;
        }
        let stored = self.producer.finish(end.clone()).await;
        Piped { outcome, end, stored }
    }

    /// Takes bytes of the body, and returns false if the API says that it is over.
    async fn take(&mut self, mut data: Bytes) -> Result<bool, ProduceError> {
        while !data.is_empty() {
            let (piece, block) = self.splitter.next(&mut data);
            // An error is in the outcome, and ends the session.
            let is_failed = self.session.feed(&piece).is_err();
            if let Some(block) = block {
                self.producer.append_entry(self.splitter.kind(), block).await?;
                self.count += 1;
                self.snapshot().await?;
            }
            let most = if self.session.is_refused() { MAX_REFUSED } else { MAX_PENDING };
            if is_failed && data.is_empty() || self.splitter.pending.len() > most {
                return Ok(false);
            }
        }
        Ok(!self.session.is_ended())
    }

    async fn snapshot(&mut self) -> Result<(), ProduceError> {
        match self.snapshots {
            Some(Snapshots { every, trims }) if self.count.is_multiple_of(every) => {
                self.producer.snapshot(self.session.save(), trims).await
            }
            _ => Ok(()),
        }
    }

    /// Returns what was folded until the log failed.
    fn failed(self, error: ProduceError) -> Piped<D::Answer> {
        let outcome = self.session.close(How::Stopped);
        let end = End::new(EndKind::EntriesLost).with_message(error.to_string());
        Piped { outcome, end, stored: Err(error) }
    }
}

async fn next_data<B>(mut body: Pin<&mut B>) -> Option<Result<Bytes, BoxError>>
where
    B: Body<Error: Into<BoxError>>,
{
    loop {
        match poll_fn(|cx| body.as_mut().poll_frame(cx)).await? {
            Err(error) => return Some(Err(error.into())),
            Ok(frame) => {
                // Trailers say nothing about the answer.
                if let Ok(mut data) = frame.into_data() {
                    return Some(Ok(data.copy_to_bytes(data.remaining())));
                }
            }
        }
    }
}

/// Cuts a body after each event.
struct Splitter {
    decoder: Decoder,
    /// The bytes since the last event.
    pending: Vec<u8>,
}

enum Decoder {
    /// The first byte tells.
    Either,
    Events(Box<sse::Decoder>),
    Lines(Box<lines::Decoder>),
}

impl Splitter {
    fn new(framing: Framing) -> Self {
        let decoder = match framing {
            Framing::Events => Decoder::Events(Box::default()),
            Framing::Lines => Decoder::Lines(Box::new(lines::Decoder::new())),
            _ => Decoder::Either,
        };
        Self { decoder, pending: Vec::new() }
    }

    fn kind(&self) -> EntryKind {
        match self.decoder {
            Decoder::Lines(_) => EntryKind::Line,
            _ => EntryKind::Event,
        }
    }

    /// Takes bytes up to the end of an event, and returns them, and the bytes of the event if it is
    /// whole.
    fn next(&mut self, data: &mut Bytes) -> (Bytes, Option<Bytes>) {
        if let Decoder::Either = self.decoder {
            let first = data.iter().find(|byte| !byte.is_ascii_whitespace());
            match first {
                None => {
                    self.pending.extend_from_slice(data);
                    return (std::mem::take(data), None);
                }
                Some(b'{') => self.decoder = Decoder::Lines(Box::new(lines::Decoder::new())),
                Some(_) => self.decoder = Decoder::Events(Box::default()),
            }
        }
        let mut left = &data[..];
        let decoded = match &mut self.decoder {
            Decoder::Lines(lines) => lines.decode(&mut left),
            Decoder::Events(events) => events.decode(&mut left),
            Decoder::Either => Ok(None),
        };
        // What exceeds a limit fails in the session too, and is kept as it is.
        let is_whole = matches!(decoded, Ok(Some(_)));
        let taken = data.len() - left.len();
        let piece = data.split_to(taken);
        if !is_whole {
            self.pending.extend_from_slice(&piece);
            return (piece, None);
        }
        // A copy: a slice would keep the whole read alive, for as long as the log is kept.
        let block = if self.pending.is_empty() {
            Bytes::copy_from_slice(&piece)
        } else {
            self.pending.extend_from_slice(&piece);
            std::mem::take(&mut self.pending).into()
        };
        (piece, Some(block))
    }

    /// Returns the bytes after the last event.
    fn rest(&mut self) -> Bytes {
        std::mem::take(&mut self.pending).into()
    }
}

impl<D: Dialect> fmt::Debug for Pipe<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use deltawire_async::AsEvent as _;

    use super::*;
    use crate::decode::EntryDecoder;
    use crate::id::Generation;
    use crate::log::Entry;

    const PARTS: &[&[u8]] = &[
        b"data: a",
        b"data:",
        b"data",
        b"data: \xff",
        b"event: x",
        b"event",
        b"id: 7",
        b"id",
        b"id: \0",
        b"retry: 5",
        b": comment",
        b"stray",
        b"\xef\xbb\xbf",
        b"\xef\xbb",
        b"\n",
        b"\n",
        b"\n",
        b"\r",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\0",
        b" ",
    ];

    /// Returns random numbers, the same ones each time.
    fn below(random: &mut u64, most: usize) -> usize {
        *random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*random >> 33) as usize % most
    }

    #[test]
    fn any_body_in_any_cuts_is_kept_and_each_entry_decodes_alone() {
        let generation = Generation::random().unwrap();
        let (mut random, mut count) = (1, 0);
        for _ in 0..20_000 {
            let mut body = Vec::new();
            for _ in 0..below(&mut random, 60) {
                body.extend_from_slice(PARTS[below(&mut random, PARTS.len())]);
            }
            let mut splitter = Splitter::new(Framing::Events);
            let (mut kept, mut events) = (Vec::new(), Vec::new());
            let mut rest = &body[..];
            while !rest.is_empty() {
                let (read, after) = rest.split_at(1 + below(&mut random, rest.len()));
                rest = after;
                let mut data = Bytes::copy_from_slice(read);
                let mut fed = Vec::new();
                while !data.is_empty() {
                    let (piece, block) = splitter.next(&mut data);
                    fed.extend_from_slice(&piece);
                    let Some(bytes) = block else { continue };
                    let number = events.len() as u64 + 1;
                    kept.extend_from_slice(&bytes);
                    let entry = Entry { number, kind: splitter.kind(), bytes };
                    // As a reader that begins with it does.
                    let event = EntryDecoder::after(number - 1).decode(generation, &entry);
                    let event = event.unwrap_or_else(|| panic!("no event in {entry:?}"));
                    let event = event.as_event();
                    events.push((event.event.to_owned(), event.data.to_owned()));
                }
                assert_eq!(fed, read);
            }
            kept.extend_from_slice(&splitter.rest());
            assert_eq!(kept, body);
            let (mut decoder, mut input) = (sse::Decoder::new(), &body[..]);
            let mut expected = Vec::new();
            while let Some(event) = decoder.decode(&mut input).unwrap() {
                expected.push((event.event.to_owned(), event.data.to_owned()));
            }
            assert_eq!(events, expected, "{:?}", String::from_utf8_lossy(&body));
            count += events.len();
        }
        assert!(count > 10_000, "{count} events");
    }
}
