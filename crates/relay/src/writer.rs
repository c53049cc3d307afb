//! The task that writes what a producer was given.
//!
//! Two rules hold. An append is repeated with the same numbers until the log answers, so that it
//! is written once whether an answer was lost or not. And nothing is written after a number that
//! was given up, except an end, so that a gap is one that readers see.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::end::{End, EndKind};
use crate::error::{LogError, ProduceError};
use crate::id::StreamId;
use crate::log::{Append, Entry, EntryKind, Fence, Log, Snapshot};
use crate::relay::{OnOutage, Relay, Settings};

/// The most entries, and about the most bytes, of one step.
const MOST: usize = 128;
const MOST_BYTES: usize = 256 << 10;

/// The first and the longest wait before a log is asked again.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Something to be written, in order.
#[derive(Debug)]
pub(crate) enum Command {
    Append(Entry),
    /// A snapshot that covers what came before, and whether that is trimmed.
    Snapshot(Vec<u8>, bool),
    Flush(oneshot::Sender<()>),
}

/// The state of the writing.
#[derive(Debug, Clone)]
pub(crate) enum State {
    Writing,
    /// The log did not answer for longer than the patience, or lost entries.
    Outage(ProduceError),
    /// The stream is not this producer's any more.
    Over(ProduceError),
}

#[derive(Debug)]
pub(crate) struct Writer {
    log: Arc<dyn Log>,
    id: StreamId,
    fence: Fence,
    settings: Settings,
    queue: mpsc::Receiver<Command>,
    state: watch::Sender<State>,
    stop: watch::Sender<Option<String>>,
    /// The number of the next entry that the producer gives.
    next: u64,
    /// The end was written.
    is_ended: bool,
}

impl Writer {
    pub(crate) fn new(
        relay: &Relay,
        id: StreamId,
        fence: Fence,
        queue: mpsc::Receiver<Command>,
        state: watch::Sender<State>,
        stop: watch::Sender<Option<String>>,
    ) -> Self {
        let (log, settings) = (relay.log.clone(), relay.settings);
        Self { log, id, fence, settings, queue, state, stop, next: 1, is_ended: false }
    }

    pub(crate) async fn run(mut self) -> Result<(), ProduceError> {
        let beat = self.settings.times.heartbeat.max(Duration::from_millis(1));
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::with_capacity(MOST);
        while !self.is_ended {
            let written = tokio::select! {
                count = self.queue.recv_many(&mut waiting, MOST) => match count {
                    0 => self.dropped().await,
                    _ => self.write(&mut waiting).await,
                },
                _ = heartbeat.tick() => self.append(Vec::new(), false).await,
            };
            if let Err(error) = written {
                return self.given_up(error, waiting).await;
            }
        }
        Ok(())
    }

    /// Writes commands in order, entries that follow each other in one step.
    async fn write(&mut self, waiting: &mut Vec<Command>) -> Result<(), LogError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for command in waiting.drain(..) {
            match command {
                Command::Append(entry) => {
                    self.next = entry.number + 1;
                    bytes += entry.bytes.len();
                    entries.push(entry);
                    if bytes >= MOST_BYTES {
                        bytes = 0;
                        self.append(std::mem::take(&mut entries), false).await?;
                    }
                }
                Command::Snapshot(snapshot, trims) => {
                    self.append(std::mem::take(&mut entries), false).await?;
                    let snapshot = Snapshot { number: self.next - 1, bytes: snapshot };
                    self.keep(snapshot, trims).await?;
                }
                Command::Flush(done) => {
                    self.append(std::mem::take(&mut entries), false).await?;
                    // The producer that asked may be gone.
                    let _ = done.send(());
                }
            }
        }
        if entries.is_empty() { Ok(()) } else { self.append(entries, false).await }
    }

    /// Appends entries, or asks again until the patience is over.
    async fn append(&mut self, entries: Vec<Entry>, over_gap: bool) -> Result<(), LogError> {
        let is_end = entries.last().is_some_and(|entry| entry.kind == EntryKind::End);
        let append = Append { fence: self.fence, entries: entries.into(), over_gap };
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            match self.log.append(&self.id, append.clone()).await {
                Ok(appended) => {
                    self.is_ended |= is_end;
                    if appended.stop.is_some() && *self.stop.borrow() != appended.stop {
                        // The producer that would see it may be gone.
                        let _ = self.stop.send(appended.stop);
                    }
                    return Ok(());
                }
                Err(LogError::Unavailable(error)) => {
                    if began.elapsed() >= self.settings.patience {
                        return Err(LogError::Unavailable(error));
                    }
                }
                Err(other) => return Err(other),
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Keeps a snapshot. One that the log does not take is left out, because it only saves time.
    async fn keep(&mut self, snapshot: Snapshot, trims: bool) -> Result<(), LogError> {
        match self.log.keep_snapshot(&self.id, self.fence, snapshot, trims).await {
            Err(LogError::Unavailable(_)) | Ok(()) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Ends the stream of a producer that was dropped.
    async fn dropped(&mut self) -> Result<(), LogError> {
        let end = End::new(EndKind::Truncated).with_message("its producer was dropped");
        self.append(vec![self.end_entry(&end)], false).await
    }

    fn end_entry(&self, end: &End) -> Entry {
        let bytes = Bytes::from(end.to_json());
        Entry { number: self.next, kind: EntryKind::End, bytes }
    }

    /// Says that the log cannot be written, and follows the policy.
    ///
    /// The entries that were given up keep their numbers. So a client that has one of them asks for
    /// what the log does not have, and is told so.
    async fn given_up(
        mut self,
        error: LogError,
        waiting: Vec<Command>,
    ) -> Result<(), ProduceError> {
        for command in waiting {
            self.count(&command);
        }
        let is_over = matches!(error, LogError::Fenced | LogError::Ended);
        let error = ProduceError::from(error);
        let state = if is_over { State::Over } else { State::Outage };
        self.state.send_replace(state(error.clone()));
        if !is_over {
            self.end_over_gap().await;
        }
        Err(error)
    }

    /// Ends the stream as one with lost entries as soon as the log answers.
    ///
    /// Until then it takes what is appended, and drops it. Once the producer is gone it goes on for
    /// a lease, after which the readers end the stream.
    async fn end_over_gap(&mut self) {
        if self.settings.on_outage == OnOutage::Stop {
            self.queue.close();
        }
        let mut again = interval_at(Instant::now(), LONGEST_WAIT);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_open, mut is_marked, mut until) = (true, false, Instant::now());
        while is_open || !(is_marked || Instant::now() >= until) {
            tokio::select! {
                command = self.queue.recv(), if is_open => match command {
                    Some(command) => self.count(&command),
                    None => {
                        is_open = false;
                        until = Instant::now() + self.settings.times.lease;
                    }
                },
                _ = again.tick(), if !is_marked => is_marked = self.mark().await,
            }
        }
    }

    /// Appends the end that tells of lost entries, and returns false if the log does not answer.
    async fn mark(&mut self) -> bool {
        let message = "the log did not take the whole stream";
        let mark = self.end_entry(&End::new(EndKind::EntriesLost).with_message(message));
        let append = Append { fence: self.fence, entries: [mark].into(), over_gap: true };
        let answer = timeout(LONGEST_WAIT, self.log.append(&self.id, append)).await;
        !matches!(answer, Err(_) | Ok(Err(LogError::Unavailable(_))))
    }

    fn count(&mut self, command: &Command) {
        if let Command::Append(entry) = command {
            self.next = entry.number + 1;
        }
    }
}
