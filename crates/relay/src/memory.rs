//! The log of one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::end::{End, EndKind};
use crate::error::LogError;
use crate::id::{Generation, StreamId};
use crate::log::{
    Answer, Append, Appended, Entry, EntryKind, Fence, Log, New, Snapshot, Status, Tail, Times,
};

/// A log in the memory of this process. It needs no service.
///
/// A stream is dropped once its expiry or its retention is over, at the next creation of a stream.
#[derive(Debug, Default)]
pub struct MemoryLog {
    streams: Mutex<HashMap<StreamId, Stream>>,
}

/// The most batches by which a reader may be behind. Beyond, it reads the log instead.
const TAIL: usize = 64;

#[derive(Debug)]
struct Stream {
    status: Status,
    times: Times,
    entries: VecDeque<Entry>,
    snapshot: Option<Snapshot>,
    lease_ends: Option<Instant>,
    expires: Instant,
    tail: broadcast::Sender<Arc<[Entry]>>,
}

impl MemoryLog {
    /// Returns an empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of streams that are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams().len()
    }

    /// Reports whether no stream is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No step can panic half-way, so a poisoned lock guards whole streams.
    fn streams(&self) -> MutexGuard<'_, HashMap<StreamId, Stream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a step on a stream that is there.
    fn on<T>(
        &self,
        id: &StreamId,
        step: impl FnOnce(&mut Stream, Instant) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let now = Instant::now();
        let mut streams = self.streams();
        let stream = streams.get_mut(id).filter(|stream| stream.expires > now);
        step(stream.ok_or(LogError::NotFound)?, now)
    }
}

impl Stream {
    fn lease_lives(&self, now: Instant) -> bool {
        self.lease_ends.is_some_and(|ends| ends > now)
    }

    fn status(&self, now: Instant) -> Status {
        let lease = self.lease_ends.map(|ends| ends.saturating_duration_since(now));
        Status { lease: lease.filter(|left| !left.is_zero()), ..self.status.clone() }
    }

    fn check(&self, fence: Fence) -> Result<(), LogError> {
        if fence == self.status.fence { Ok(()) } else { Err(LogError::Fenced) }
    }

    fn append(&mut self, append: &Append, now: Instant) -> Result<Appended, LogError> {
        self.check(append.fence)?;
        let last = self.status.last;
        let new: Arc<[Entry]> =
            append.entries.iter().filter(|entry| entry.number > last).cloned().collect();
        if self.status.end.is_some() && (!new.is_empty() || append.entries.is_empty()) {
            return Err(LogError::Ended);
        }
        if new.first().is_some_and(|first| first.number != last + 1) && !append.over_gap {
            return Err(LogError::Lost { last });
        }
        if self.status.end.is_none() {
            self.lease_ends = Some(now + self.times.lease);
            self.expires = now + self.times.expiry;
            self.push(new, now)?;
        }
        Ok(Appended { last: self.status.last, stop: self.status.stop.clone() })
    }

    fn push(&mut self, new: Arc<[Entry]>, now: Instant) -> Result<(), LogError> {
        let Some(last) = new.last() else { return Ok(()) };
        if last.kind == EntryKind::End {
            let end = serde_json::from_slice(&last.bytes);
            self.status.end = Some(end.map_err(|error| LogError::Corrupt(error.to_string()))?);
            self.lease_ends = None;
            self.expires = now + self.times.retention;
        }
        self.status.last = last.number;
        self.entries.extend(new.iter().cloned());
        // Without a reader nobody needs it.
        let _ = self.tail.send(new);
        Ok(())
    }

    fn declare_lost(&mut self, fence: Fence, now: Instant) -> Result<bool, LogError> {
        if fence != self.status.fence || self.status.end.is_some() || self.lease_lives(now) {
            return Ok(false);
        }
        self.status.fence.epoch += 1;
        let bytes = End::new(EndKind::ProducerLost).to_json().into();
        let number = self.status.last + 1;
        self.push([Entry { number, kind: EntryKind::End, bytes }].into(), now)?;
        Ok(true)
    }
}

fn answer<'a, T: Send + 'a>(result: Result<T, LogError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(result))
}

impl Log for MemoryLog {
    fn create<'a>(&'a self, id: &'a StreamId, new: New) -> Answer<'a, u64> {
        let now = Instant::now();
        let mut streams = self.streams();
        streams.retain(|_, stream| stream.expires > now);
        let mut epoch = 1;
        if let Some(old) = streams.get(id) {
            if old.status.fence.generation == new.generation {
                return answer(Ok(old.status.fence.epoch));
            }
            let is_over = old.status.end.is_some() || !old.lease_lives(now);
            let is_same = old.status.owner.as_deref() == new.owner.as_deref();
            if !(new.replaces && is_over && is_same) {
                return answer(Err(LogError::Exists));
            }
            epoch = old.status.fence.epoch + 1;
        }
        let fence = Fence { generation: new.generation, epoch };
        let owner = new.owner.map(|owner| owner.to_string());
        let stream = Stream {
            status: Status { owner, ..Status::new(fence) },
            times: new.times,
            entries: VecDeque::new(),
            snapshot: None,
            lease_ends: Some(now + new.times.lease),
            expires: now + new.times.expiry,
            tail: broadcast::channel(TAIL).0,
        };
        streams.insert(id.clone(), stream);
        answer(Ok(epoch))
    }

    fn append<'a>(&'a self, id: &'a StreamId, append: Append) -> Answer<'a, Appended> {
        answer(self.on(id, |stream, now| stream.append(&append, now)))
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
        after: u64,
        most: usize,
    ) -> Answer<'a, Vec<Entry>> {
        answer(self.on(id, |stream, _| {
            if stream.status.fence.generation != generation {
                return Err(LogError::NotFound);
            }
            let begin = stream.entries.partition_point(|entry| entry.number <= after);
            Ok(stream.entries.range(begin..).take(most).cloned().collect())
        }))
    }

    fn tail(&self, id: &StreamId, generation: Generation, _after: u64) -> Tail {
        let receiver = self.on(id, |stream, _| {
            let is_same = stream.status.fence.generation == generation;
            is_same.then(|| stream.tail.subscribe()).ok_or(LogError::NotFound)
        });
        Tail::new(receiver.unwrap_or_else(|_| broadcast::channel(1).1))
    }

    fn status<'a>(&'a self, id: &'a StreamId) -> Answer<'a, Option<Status>> {
        answer(Ok(self.on(id, |stream, now| Ok(stream.status(now))).ok()))
    }

    fn stop<'a>(&'a self, id: &'a StreamId, by: &'a str) -> Answer<'a, Option<Status>> {
        let stopped = self.on(id, |stream, now| {
            if stream.status.end.is_none() {
                stream.status.stop.get_or_insert_with(|| by.to_owned());
            }
            Ok(stream.status(now))
        });
        answer(Ok(stopped.ok()))
    }

    fn declare_lost<'a>(&'a self, id: &'a StreamId, fence: Fence) -> Answer<'a, bool> {
        answer(self.on(id, |stream, now| stream.declare_lost(fence, now)))
    }

    fn keep_snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        fence: Fence,
        snapshot: Snapshot,
        trims: bool,
    ) -> Answer<'a, ()> {
        answer(self.on(id, |stream, _| {
            stream.check(fence)?;
            if snapshot.number > stream.status.last {
                return Err(LogError::Lost { last: stream.status.last });
            }
            if trims {
                let covered =
                    stream.entries.partition_point(|entry| entry.number <= snapshot.number);
                stream.entries.drain(..covered);
                stream.status.first = snapshot.number + 1;
            }
            stream.status.snapshot = Some(snapshot.number);
            stream.snapshot = Some(snapshot);
            Ok(())
        }))
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
    ) -> Answer<'a, Option<Snapshot>> {
        answer(self.on(id, |stream, _| {
            if stream.status.fence.generation != generation {
                return Err(LogError::NotFound);
            }
            Ok(stream.snapshot.clone())
        }))
    }
}
