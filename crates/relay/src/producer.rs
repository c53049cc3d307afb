//! The producer: the one who writes a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deltawire::sse::Encoder;
use deltawire_async::AsEvent;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::decode::EntryDecoder;
use crate::end::End;
use crate::error::{LogError, ProduceError};
use crate::event::Event;
use crate::id::{Cursor, Generation, StreamId};
use crate::log::{Entry, EntryKind, Fence, New};
use crate::relay::{OnOutage, Relay};
use crate::writer::{Command, State, Writer};

/// The wait before a stream is created again.
const CREATE_AGAIN: Duration = Duration::from_millis(100);

/// The producer of a stream.
///
/// What it is given waits in a bounded queue, and a task writes what is waiting in one step. The
/// task also keeps the lease, whether events come or not. It needs a runtime of tokio with time.
///
/// A producer that is dropped ends its stream as [truncated](crate::EndKind::Truncated). One whose
/// process dies is found out by its readers when the lease expires.
///
/// ```
/// use deltawire_relay::{End, MemoryLog, Producer, Reader, Relay, StreamId};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let relay = Relay::new(MemoryLog::new());
/// let id = StreamId::random()?;
/// let mut producer = Producer::start(&relay, &id).await?;
/// producer.append("{\"token\":\"Hel\"}").await?;
/// producer.append("{\"token\":\"lo\"}").await?;
/// producer.finish(End::done()).await?;
///
/// let mut reader = Reader::from(&relay, &id, None).await?;
/// let first = reader.next().await.unwrap()?;
/// let cursor = first.cursor().to_string(); // the event's ID on the wire
/// let mut reader = Reader::from(&relay, &id, Some(cursor.as_bytes())).await?;
/// assert_eq!(&reader.next().await.unwrap()?.bytes()[..], b"data: {\"token\":\"lo\"}\n\n");
/// assert!(reader.next().await.unwrap()?.end().is_some());
/// assert!(reader.next().await.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Producer {
    id: StreamId,
    fence: Fence,
    on_outage: OnOutage,
    /// The number of the next entry.
    next: u64,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
    stop: watch::Receiver<Option<String>>,
    live: Option<(mpsc::Sender<Event>, EntryDecoder)>,
    writer: JoinHandle<Result<(), ProduceError>>,
}

impl Producer {
    /// Creates a stream under a name that is free, and becomes its producer.
    ///
    /// With [`Settings::replaces`](crate::Settings::replaces), a stream of this name that has ended
    /// or was abandoned makes way.
    ///
    /// # Errors
    /// [`LogError::Exists`] if the name is taken.
    pub async fn start(relay: &Relay, id: &StreamId) -> Result<Self, ProduceError> {
        let generation =
            Generation::random().map_err(|error| ProduceError::Random(Arc::new(error)))?;
        let settings = relay.settings;
        let owner = relay.owner.clone();
        let new = New { generation, times: settings.times, owner, replaces: settings.replaces };
        let epoch = create(relay, id, &new).await?;
        let fence = Fence { generation, epoch };
        let (commands, queue) = mpsc::channel(settings.queue.max(1));
        let (state_sender, state) = watch::channel(State::Writing);
        let (stop_sender, stop) = watch::channel(None);
        let writer = Writer::new(relay, id.clone(), fence, queue, state_sender, stop_sender);
        let writer = tokio::spawn(writer.run());
        Ok(Self {
            id: id.clone(),
            fence,
            on_outage: settings.on_outage,
            next: 1,
            commands,
            state,
            stop,
            live: None,
            writer,
        })
    }

    /// Returns the name of the stream.
    #[must_use]
    pub fn id(&self) -> &StreamId {
        &self.id
    }

    /// Returns the generation and the epoch.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// Returns the place after what was appended so far.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { generation: self.fence.generation, number: self.next - 1 }
    }

    /// Reports whether the log has, or is about to have, everything that was appended.
    ///
    /// It is false after an outage; see [`OnOutage`].
    #[must_use]
    pub fn is_resumable(&self) -> bool {
        matches!(*self.state.borrow(), State::Writing)
    }

    /// Returns the events of this producer as they are appended, without the log.
    ///
    /// It is for the client that asked for the answer, and for what happens to it in an outage. Its
    /// events may come before the log has them. A client that is more than `capacity` events behind
    /// is cut off, because it must not hold up the model. It goes on from its cursor with a
    /// [`Reader`](crate::Reader). There is one at a time; the one before ends.
    pub fn live(&mut self, capacity: usize) -> Live {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        self.live = Some((sender, EntryDecoder::after(self.next - 1)));
        Live(receiver)
    }

    /// Appends an event. Waits while the queue is full.
    ///
    /// The event's own ID is kept in the bytes, but readers get the cursor as the ID. It returns
    /// once the event is queued; [`flush`](Self::flush) waits for the log. Cancel-safe: an event
    /// whose future was dropped is queued whole or not at all.
    ///
    /// # Errors
    /// Fails if the event cannot be written as one, and if the stream has ended, was taken away or
    /// cannot be written.
    pub async fn append(&mut self, event: impl AsEvent) -> Result<(), ProduceError> {
        let event = event.as_event();
        let mut encoder = Encoder::new();
        let named = (event.event != deltawire::sse::Event::DEFAULT_TYPE).then_some(event.event);
        encoder.event(named, (!event.id.is_empty()).then_some(event.id), event.data)?;
        self.append_entry(EntryKind::Event, encoder.take().into()).await
    }

    /// Appends an entry.
    pub(crate) async fn append_entry(
        &mut self,
        kind: EntryKind,
        bytes: Bytes,
    ) -> Result<(), ProduceError> {
        self.check()?;
        let room = match self.commands.reserve().await {
            Ok(room) => room,
            Err(_) => return Err(self.failure().await),
        };
        let entry = Entry { number: self.next, kind, bytes };
        self.next += 1;
        if let Some((live, decoder)) = &mut self.live {
            let event = decoder.decode(self.fence.generation, &entry);
            if event.is_some_and(|event| live.try_send(event).is_err()) {
                self.live = None;
            }
        }
        room.send(Command::Append(entry));
        Ok(())
    }

    /// Keeps a snapshot that covers everything appended so far.
    ///
    /// A late reader can begin with it. If `trims` is set, the entries that it covers are removed.
    ///
    /// # Errors
    /// Returns the same errors as [`append`](Self::append).
    pub async fn snapshot(&mut self, bytes: Vec<u8>, trims: bool) -> Result<(), ProduceError> {
        self.send(Command::Snapshot(bytes, trims)).await
    }

    /// Waits until the log has everything that was appended.
    ///
    /// # Errors
    /// Fails if the log cannot take it.
    pub async fn flush(&mut self) -> Result<(), ProduceError> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.send(Command::Flush(sender)).await?;
        match receiver.await {
            Ok(()) => self.check(),
            Err(_) => Err(self.failure().await),
        }
    }

    async fn send(&mut self, command: Command) -> Result<(), ProduceError> {
        self.check()?;
        match self.commands.send(command).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Waits until somebody asks to stop, and returns who. Cancel-safe.
    ///
    /// The caller then finishes with [`End::cancelled`].
    pub async fn stopped(&mut self) -> String {
        stopped(&mut self.stop).await
    }

    /// Returns what [`stopped`](Self::stopped) waits on.
    pub(crate) fn stop_request(&self) -> watch::Receiver<Option<String>> {
        self.stop.clone()
    }

    /// Ends the stream, and waits until the log has its end.
    ///
    /// # Errors
    /// Fails if the log does not have the whole stream with this end.
    pub async fn finish(mut self, end: End) -> Result<Cursor, ProduceError> {
        if let Err(error) = self.append_entry(EntryKind::End, end.to_json().into()).await {
            self.live = None;
            return Err(error);
        }
        let cursor = self.cursor();
        let Self { commands, live, writer, mut state, .. } = self;
        drop((commands, live));
        tokio::select! {
            biased;
            written = writer => match written {
                Ok(written) => written.map(|()| cursor),
                Err(gone) => Err(LogError::unavailable(gone).into()),
            },
            // The writer goes on for a while, to say in the log what is missing there.
            Ok(failed) = state.wait_for(|state| !matches!(state, State::Writing)) => {
                match &*failed {
                    State::Outage(error) | State::Over(error) => Err(error.clone()),
                    State::Writing => Err(ProduceError::Ended),
                }
            }
        }
    }

    /// Returns the error that keeps the log from taking more, unless the policy hides it.
    fn check(&self) -> Result<(), ProduceError> {
        match &*self.state.borrow() {
            State::Writing => Ok(()),
            State::Outage(_) if self.on_outage == OnOutage::PassLive => Ok(()),
            State::Outage(error) | State::Over(error) => Err(error.clone()),
        }
    }

    /// Returns the reason for which the writer takes no more.
    async fn failure(&self) -> ProduceError {
        let mut state = self.state.clone();
        // The writer closes the queue, or drops what it has, before it says why.
        match state.wait_for(|state| !matches!(state, State::Writing)).await {
            Ok(state) => match &*state {
                State::Outage(error) | State::Over(error) => error.clone(),
                State::Writing => ProduceError::Ended,
            },
            Err(_) => ProduceError::Ended,
        }
    }
}

/// Creates a stream, or asks again until the patience is over.
async fn create(relay: &Relay, id: &StreamId, new: &New) -> Result<u64, LogError> {
    let began = Instant::now();
    loop {
        match relay.log.create(id, new.clone()).await {
            Err(LogError::Unavailable(_)) if began.elapsed() < relay.settings.patience => {
                sleep(CREATE_AGAIN).await;
            }
            created => return created,
        }
    }
}

/// Waits until somebody asks to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<Option<String>>) -> String {
    loop {
        if let Some(by) = &*stop.borrow_and_update() {
            return by.clone();
        }
        if stop.changed().await.is_err() {
            // The writer is over, and nobody can ask any more.
            return std::future::pending().await;
        }
    }
}

/// The events of a [`Producer`] as they are appended; see [`Producer::live`].
#[derive(Debug)]
pub struct Live(mpsc::Receiver<Event>);

impl Live {
    /// Returns the next event, or None if the stream ended or this client was cut off.
    ///
    /// The last event before is the end only if it [says so](Event::end). Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}

impl futures_core::Stream for Live {
    type Item = Result<Event, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|event| event.map(Ok))
    }
}
