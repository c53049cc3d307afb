//! The log that a stream is written to: the trait, and its vocabulary.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::end::End;
use crate::error::LogError;
use crate::id::{Generation, StreamId};

/// The answer of a log, in a box so that `dyn Log` works.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, LogError>> + Send + 'a>>;

/// A store of streams.
///
/// [`MemoryLog`](crate::MemoryLog) serves one process, and `RedisLog` (feature `redis`) any number.
/// Each method is one atomic step.
pub trait Log: fmt::Debug + Send + Sync + 'static {
    /// Creates a stream under a name that is free, and returns its epoch.
    ///
    /// If `new.replaces` is set, a stream of the same owner under this name that has ended or whose
    /// lease has expired makes way, and the epoch is one more than its. The same creation can be
    /// repeated: the generation tells.
    ///
    /// # Errors
    /// [`LogError::Exists`] if the name is not free.
    fn create<'a>(&'a self, id: &'a StreamId, new: New) -> Answer<'a, u64>;

    /// Appends entries in order, renews the lease, and slides the expiry.
    ///
    /// Entries that the log has already are skipped by their numbers, so that the same append can
    /// be repeated. After an end the retention counts, and the lease is gone. Without entries it is
    /// the heartbeat.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if generation or epoch are not the stream's, [`LogError::Lost`] if the
    /// first number leaves a gap and `append.over_gap` is not set, [`LogError::Ended`].
    fn append<'a>(&'a self, id: &'a StreamId, append: Append) -> Answer<'a, Appended>;

    /// Returns up to `most` entries after this number, without waiting.
    ///
    /// # Errors
    /// [`LogError::NotFound`] if the log has no such stream, or no entries instead.
    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
        after: u64,
        most: usize,
    ) -> Answer<'a, Vec<Entry>>;

    /// Returns new entries as they come, from about this number on.
    ///
    /// It may lose or repeat entries: the reader looks at the numbers and reads what is missing.
    fn tail(&self, id: &StreamId, generation: Generation, after: u64) -> Tail;

    /// Returns the state of a stream, if there is one.
    fn status<'a>(&'a self, id: &'a StreamId) -> Answer<'a, Option<Status>>;

    /// Asks the producer to stop, and returns the state.
    ///
    /// The first request counts; there is none after the end.
    fn stop<'a>(&'a self, id: &'a StreamId, by: &'a str) -> Answer<'a, Option<Status>>;

    /// Appends [`ProducerLost`](crate::EndKind::ProducerLost) if the lease has expired.
    ///
    /// The epoch is raised with it, so that the producer's late appends are refused. Returns false
    /// if the lease lives, the stream has ended, or the fence is not the stream's.
    fn declare_lost<'a>(&'a self, id: &'a StreamId, fence: Fence) -> Answer<'a, bool>;

    /// Keeps a snapshot in place of the one before, and may trim what it covers.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    fn keep_snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        fence: Fence,
        snapshot: Snapshot,
        trims: bool,
    ) -> Answer<'a, ()>;

    /// Returns the latest snapshot of a generation, if it has one.
    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
    ) -> Answer<'a, Option<Snapshot>>;
}

/// The generation and the epoch of a producer, which each of its writes carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The generation.
    pub generation: Generation,
    /// The epoch, which rises whenever a producer is replaced or declared lost.
    pub epoch: u64,
}

/// A stream to be created.
#[derive(Debug, Clone)]
pub struct New {
    /// Its generation.
    pub generation: Generation,
    /// Its times.
    pub times: Times,
    /// The one whom it belongs to, if anyone.
    pub owner: Option<Arc<str>>,
    /// An ended or abandoned stream of the same name makes way.
    pub replaces: bool,
}

/// The times of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The time between two signs of life, whether events come or not.
    pub heartbeat: Duration,
    /// The time without a sign of life after which the producer is lost.
    pub lease: Duration,
    /// The time without a sign of life after which an unended stream is dropped.
    pub expiry: Duration,
    /// The time for which a stream is kept after its end.
    pub retention: Duration,
}

/// 5 s, 30 s, a day, an hour.
impl Default for Times {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(5),
            lease: Duration::from_secs(30),
            expiry: Duration::from_secs(24 * 60 * 60),
            retention: Duration::from_secs(60 * 60),
        }
    }
}

/// Entries to be appended.
#[derive(Debug, Clone)]
pub struct Append {
    /// The fence of the producer.
    pub fence: Fence,
    /// The entries, with consecutive numbers.
    pub entries: Arc<[Entry]>,
    /// The numbers before the first may be missing.
    pub over_gap: bool,
}

/// The answer to an [`Append`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Appended {
    /// The number of the last entry of the log.
    pub last: u64,
    /// The one who asked to stop, if anyone did.
    pub stop: Option<String>,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The number, counted from 1.
    pub number: u64,
    /// The kind.
    pub kind: EntryKind,
    /// The bytes as they came; of an end, its JSON text.
    pub bytes: Bytes,
}

/// The kind of an [`Entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An event of an event stream, with the comments before it.
    Event,
    /// A line of JSON.
    Line,
    /// Bytes that no event completes: comments at the end, a block that was cut.
    Rest,
    /// The end.
    End,
}

impl EntryKind {
    /// Returns the letter that stands for it in a store.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::Event => "e",
            Self::Line => "l",
            Self::Rest => "r",
            Self::End => "z",
        }
    }

    /// Returns the kind of a letter.
    #[must_use]
    pub fn of_letter(letter: &[u8]) -> Option<Self> {
        [Self::Event, Self::Line, Self::Rest, Self::End]
            .into_iter()
            .find(|kind| kind.letter().as_bytes() == letter)
    }
}

/// The saved state of a session that folded the entries up to a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The number of the last entry that it covers.
    pub number: u64,
    /// The saved state.
    pub bytes: Vec<u8>,
}

/// The state of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Its generation and epoch.
    pub fence: Fence,
    /// The number of the first entry that is kept, or would be.
    pub first: u64,
    /// The number of the last entry, or 0.
    pub last: u64,
    /// Its end, if it has ended.
    pub end: Option<End>,
    /// The time left of the producer's lease, if any is.
    pub lease: Option<Duration>,
    /// The one who asked to stop, if anyone did.
    pub stop: Option<String>,
    /// The one whom it belongs to, if anyone.
    pub owner: Option<String>,
    /// The number up to which there is a snapshot.
    pub snapshot: Option<u64>,
}

impl Status {
    /// Returns the state of a stream that has just begun, for implementations of [`Log`].
    #[must_use]
    pub fn new(fence: Fence) -> Self {
        Self {
            fence,
            first: 1,
            last: 0,
            end: None,
            lease: None,
            stop: None,
            owner: None,
            snapshot: None,
        }
    }

    /// Reports whether the producer is at work: no end, and a lease that lives.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.end.is_none() && self.lease.is_some()
    }
}

/// New entries of a stream as they come.
///
/// It is a hint: the numbers say what is missing.
#[derive(Debug)]
pub struct Tail(broadcast::Receiver<Arc<[Entry]>>);

impl Tail {
    /// Makes one of a channel's receiver, for implementations of [`Log`].
    #[must_use]
    pub fn new(receiver: broadcast::Receiver<Arc<[Entry]>>) -> Self {
        Self(receiver)
    }

    /// Returns the next entries, or None if some were missed.
    ///
    /// It waits for ever if there is no sender any more. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<[Entry]>> {
        match self.0.recv().await {
            Ok(entries) => Some(entries),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
