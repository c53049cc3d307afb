//! The reader: anyone who follows a stream.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_core::stream::FusedStream;
use tokio::time::{Instant, sleep};

use crate::decode::EntryDecoder;
use crate::end::End;
use crate::error::{LogError, ReadError};
use crate::event::Event;
use crate::id::{Cursor, StreamId};
use crate::log::{Entry, EntryKind, Fence, Snapshot, Status, Tail};
use crate::relay::Relay;

/// The most entries of one read of the log.
const MOST: usize = 256;

/// Added to the time left of a lease, so that the look after it finds it expired.
const AFTER_LEASE: Duration = Duration::from_millis(5);

/// The first and the longest wait before a log that failed is asked again.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A reader of a stream: a [`Stream`] of its events, each once and in order, up to its end.
///
/// It goes into an [`EventBody`](deltawire_async::EventBody) as it is. The end is the last event
/// ([`Event::end`]), of the type [`Event::END_TYPE`]; [`without_end_event`](Self::without_end_event)
/// leaves it out. A reader never ends without either the end or an error.
///
/// It reads ahead by one read of the log. Dropping it disturbs nobody.
pub struct Reader {
    fetching: Fetching,
    ready: VecDeque<Event>,
    end: Option<End>,
    hides_end: bool,
    is_over: bool,
    cursor: Cursor,
}

type Fetched = (Box<Follow>, Result<Vec<Entry>, ReadError>);

enum Fetching {
    Idle(Box<Follow>),
    Busy(Pin<Box<dyn Future<Output = Fetched> + Send>>),
    Over,
}

impl Reader {
    /// Returns a reader of a stream from a cursor on, or from its beginning.
    ///
    /// The cursor is the value of a `Last-Event-ID` header. Reading goes on after it.
    ///
    /// # Errors
    /// Each has its HTTP [`status`](ReadError::status): a cursor that is malformed, of another
    /// generation, too old, or that names what the log has lost. Without a cursor, a stream whose
    /// beginning was trimmed is [`ReadError::TooOld`].
    pub async fn from(
        relay: &Relay,
        id: &StreamId,
        cursor: Option<&[u8]>,
    ) -> Result<Self, ReadError> {
        let cursor = cursor.map(Cursor::parse).transpose().map_err(|_| ReadError::Malformed)?;
        let status = relay.status(id).await?;
        let after = match cursor {
            None => 0,
            Some(cursor) if cursor.generation == status.fence.generation => cursor.number,
            Some(_) => return Err(ReadError::OtherGeneration),
        };
        Self::after(relay, id, status, after)
    }

    /// Returns the latest snapshot, if any, and a reader of what comes after it.
    ///
    /// # Errors
    /// Returns the same errors as [`from`](Self::from).
    pub async fn from_snapshot(
        relay: &Relay,
        id: &StreamId,
    ) -> Result<(Option<Snapshot>, Self), ReadError> {
        let status = relay.status(id).await?;
        let snapshot = relay.log.snapshot(id, status.fence.generation).await?;
        // Another snapshot may have come and trimmed in between: the state after it counts.
        let status = relay.status(id).await?;
        let after = snapshot.as_ref().map_or(0, |snapshot| snapshot.number);
        Ok((snapshot, Self::after(relay, id, status, after)?))
    }

    fn after(relay: &Relay, id: &StreamId, status: Status, after: u64) -> Result<Self, ReadError> {
        check(&status, after)?;
        let is_over = status.end.is_some() && after == status.last;
        let generation = status.fence.generation;
        let tail = relay.log.tail(id, generation, after.max(status.last));
        let follow = Follow {
            relay: relay.clone(),
            id: id.clone(),
            fence: status.fence,
            after,
            tail,
            is_behind: true,
            lease: status.lease,
            failed_at: None,
        };
        Ok(Self {
            fetching: if is_over { Fetching::Over } else { Fetching::Idle(Box::new(follow)) },
            ready: VecDeque::new(),
            end: status.end.filter(|_| is_over),
            hides_end: false,
            is_over,
            cursor: Cursor { generation, number: after },
        })
    }

    /// Leaves the event of the end out, for clients that know the API's own events only.
    ///
    /// [`end`](Self::end) still returns it.
    #[must_use]
    pub fn without_end_event(mut self) -> Self {
        self.hides_end = true;
        self
    }

    /// Returns the end, once it was read.
    #[must_use]
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Reports whether there is nothing more to read.
    ///
    /// A new reader is over if its cursor is that of the end. A server answers with status 204
    /// then, at which a browser's `EventSource` stops to ask.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over && self.ready.is_empty()
    }

    /// Returns the place after the last event that was returned.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the next event, or None after the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Event, ReadError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn take(&mut self, entries: Vec<Entry>, decoder: &mut EntryDecoder) {
        for entry in entries {
            let is_end = entry.kind == EntryKind::End;
            if let Some(event) = decoder.decode(self.cursor.generation, &entry) {
                if is_end {
                    self.end = event.end().cloned();
                    self.is_over = true;
                }
                if !(is_end && self.hides_end) {
                    self.ready.push_back(event);
                }
            }
        }
    }
}

/// Refuses a place that the log cannot go on from.
fn check(status: &Status, after: u64) -> Result<(), ReadError> {
    if after > status.last {
        return Err(ReadError::Lost { after, found: status.last });
    }
    if after + 1 < status.first {
        return Err(ReadError::TooOld { first: status.first });
    }
    Ok(())
}

impl Stream for Reader {
    type Item = Result<Event, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(event) = this.ready.pop_front() {
                this.cursor = event.cursor();
                return Poll::Ready(Some(Ok(event)));
            }
            match &mut this.fetching {
                _ if this.is_over => {
                    this.fetching = Fetching::Over;
                    return Poll::Ready(None);
                }
                Fetching::Over => return Poll::Ready(None),
                Fetching::Idle(_) => {
                    let Fetching::Idle(follow) =
                        std::mem::replace(&mut this.fetching, Fetching::Over)
                    else {
                        continue;
                    };
                    this.fetching = Fetching::Busy(Box::pin(follow.fetch()));
                }
                Fetching::Busy(fetch) => {
                    let (follow, fetched) = ready!(fetch.as_mut().poll(cx));
                    match fetched {
                        Ok(entries) => {
                            let first = entries.first().map_or(1, |entry| entry.number);
                            this.take(entries, &mut EntryDecoder::after(first - 1));
                            this.fetching = Fetching::Idle(follow);
                        }
                        Err(error) => {
                            this.fetching = Fetching::Over;
                            this.is_over = true;
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
            }
        }
    }
}

impl FusedStream for Reader {
    fn is_terminated(&self) -> bool {
        self.is_over()
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("cursor", &self.cursor)
            .field("ready", &self.ready.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// The part of a reader that asks the log.
struct Follow {
    relay: Relay,
    id: StreamId,
    fence: Fence,
    /// The number of the last entry that was fetched.
    after: u64,
    tail: Tail,
    /// The log may have entries that the tail did not bring.
    is_behind: bool,
    /// The time left of the lease when it was last looked at.
    lease: Option<Duration>,
    /// The time at which the log last failed to answer.
    failed_at: Option<Instant>,
}

impl Follow {
    async fn fetch(mut self: Box<Self>) -> Fetched {
        let mut wait = FIRST_WAIT;
        let mut failing_since = None;
        loop {
            match self.step().await {
                Ok(entries) if entries.is_empty() => failing_since = None,
                Ok(entries) => {
                    self.after = entries[entries.len() - 1].number;
                    return (self, Ok(entries));
                }
                Err(ReadError::Log(LogError::Unavailable(error))) => {
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    self.failed_at = Some(Instant::now());
                    if since.elapsed() >= self.relay.settings.patience {
                        return (self, Err(LogError::Unavailable(error).into()));
                    }
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    self.is_behind = true;
                }
                Err(error) => return (self, Err(error)),
            }
        }
    }

    /// Returns the entries of one read or of the tail, or none if only the state is newer.
    async fn step(&mut self) -> Result<Vec<Entry>, ReadError> {
        if self.is_behind {
            let (id, generation) = (&self.id, self.fence.generation);
            let read = self.relay.log.read(id, generation, self.after, MOST).await;
            let mut entries = match read {
                Ok(entries) => entries,
                // Dropped, replaced or lost: the state tells which.
                Err(LogError::NotFound) => return self.look().await.map(|()| Vec::new()),
                Err(other) => return Err(other.into()),
            };
            self.is_behind = !entries.is_empty();
            if let (0, Some(found)) = (self.consecutive(&entries), entries.first()) {
                return Err(self.gap(found.number).await);
            }
            entries.truncate(self.consecutive(&entries));
            return Ok(entries);
        }
        let times = self.relay.settings.times;
        let least = if self.is_forgiving() { times.heartbeat / 2 } else { AFTER_LEASE };
        let look_in = self.lease.map_or(least, |left| (left + AFTER_LEASE).min(times.heartbeat));
        tokio::select! {
            biased;
            new = self.tail.next() => {
                let Some(new) = new else {
                    self.is_behind = true;
                    return Ok(Vec::new());
                };
                // What it repeats, a read of the log has brought before.
                let new = new.iter().filter(|entry| entry.number > self.after);
                let mut new: Vec<_> = new.cloned().collect();
                let count = self.consecutive(&new);
                self.is_behind = count < new.len();
                new.truncate(count);
                Ok(new)
            }
            () = sleep(look_in) => self.look().await.map(|()| Vec::new()),
        }
    }

    /// Reports whether the log has just come back, so that the producer may not have found it yet.
    fn is_forgiving(&self) -> bool {
        // A producer asks again as seldom as a reader does.
        let time = self.relay.settings.times.heartbeat * 2 + LONGEST_WAIT * 2;
        self.failed_at.is_some_and(|failed| failed.elapsed() < time)
    }

    /// Returns how many of these entries follow what was read without a gap.
    fn consecutive(&self, entries: &[Entry]) -> usize {
        let numbers = self.after + 1..;
        numbers.zip(entries).take_while(|(number, entry)| entry.number == *number).count()
    }

    /// Returns the reason for a gap before the entry with this number.
    async fn gap(&self, found: u64) -> ReadError {
        let after = self.after;
        match self.relay.status(&self.id).await {
            Ok(status) if status.fence.generation != self.fence.generation => {
                ReadError::OtherGeneration
            }
            Ok(status) if after + 1 < status.first => ReadError::TooOld { first: status.first },
            Ok(_) => ReadError::Lost { after, found },
            Err(error) => error,
        }
    }

    /// Looks at the state: it may show more entries, a loss, or a lost producer.
    async fn look(&mut self) -> Result<(), ReadError> {
        let status = self.relay.status(&self.id).await?;
        if status.fence.generation != self.fence.generation {
            return Err(ReadError::OtherGeneration);
        }
        check(&status, self.after)?;
        self.fence = status.fence;
        self.lease = status.lease;
        if status.end.is_none() && status.lease.is_none() && !self.is_forgiving() {
            self.relay.log.declare_lost(&self.id, self.fence).await?;
            self.is_behind = true;
        }
        self.is_behind |= status.last > self.after;
        if status.end.is_some() && status.last == self.after {
            // What was read under this number was lost, and an end is there in its place.
            let (after, found) = (self.after, status.last);
            return Err(ReadError::Lost { after, found });
        }
        Ok(())
    }
}
