//! A log that fails when it is told to.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::broadcast;

use deltawire_relay::{
    Answer, Append, Appended, Entry, Fence, Generation, Log, LogError, New, Snapshot, Status,
    StreamId, Tail,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Fine,
    /// The answer of every third append is lost, and the request of another.
    LosesSome,
    Down,
    Slow(Duration),
    /// Nobody is woken.
    Mute,
    /// Much of what wakes readers is lost, and some is repeated.
    Stutters,
}

/// A log whose appends or notices fail. Everything else goes through.
#[derive(Debug)]
pub(crate) struct Flaky {
    log: Arc<dyn Log>,
    mode: Mutex<Mode>,
    appends: AtomicU64,
}

impl Flaky {
    pub(crate) fn new(log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { log, mode: Mutex::new(Mode::Fine), appends: AtomicU64::new(0) })
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    pub(crate) fn appends(&self) -> u64 {
        self.appends.load(Ordering::Relaxed)
    }
}

fn down() -> LogError {
    LogError::unavailable("it is made to fail")
}

impl Log for Flaky {
    fn create<'a>(&'a self, id: &'a StreamId, new: New) -> Answer<'a, u64> {
        self.log.create(id, new)
    }

    fn append<'a>(&'a self, id: &'a StreamId, append: Append) -> Answer<'a, Appended> {
        let count = self.appends.fetch_add(1, Ordering::Relaxed);
        let mode = *self.mode.lock().unwrap();
        Box::pin(async move {
            match (mode, count % 3) {
                (Mode::Down, _) | (Mode::LosesSome, 0) => return Err(down()),
                (Mode::LosesSome, 1) => {
                    self.log.append(id, append).await?;
                    return Err(down());
                }
                (Mode::Slow(time), _) => tokio::time::sleep(time).await,
                _ => {}
            }
            self.log.append(id, append).await
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
        after: u64,
        most: usize,
    ) -> Answer<'a, Vec<Entry>> {
        self.log.read(id, generation, after, most)
    }

    fn tail(&self, id: &StreamId, generation: Generation, after: u64) -> Tail {
        let mut tail = self.log.tail(id, generation, after);
        let (sender, receiver) = broadcast::channel(2);
        match *self.mode.lock().unwrap() {
            Mode::Mute => {}
            Mode::Stutters => {
                tokio::spawn(async move {
                    let mut kept = None;
                    for count in 0_u64.. {
                        let Some(new) = tail.next().await else { continue };
                        match count % 5 {
                            0 => kept = Some(new),
                            1 => drop(sender.send(new)),
                            // What came before, once more.
                            2 => drop(kept.clone().map(|kept| sender.send(kept))),
                            _ => {}
                        }
                        if sender.receiver_count() == 0 {
                            break;
                        }
                    }
                });
            }
            _ => return tail,
        }
        Tail::new(receiver)
    }

    fn status<'a>(&'a self, id: &'a StreamId) -> Answer<'a, Option<Status>> {
        self.log.status(id)
    }

    fn stop<'a>(&'a self, id: &'a StreamId, by: &'a str) -> Answer<'a, Option<Status>> {
        self.log.stop(id, by)
    }

    fn declare_lost<'a>(&'a self, id: &'a StreamId, fence: Fence) -> Answer<'a, bool> {
        self.log.declare_lost(id, fence)
    }

    fn keep_snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        fence: Fence,
        snapshot: Snapshot,
        trims: bool,
    ) -> Answer<'a, ()> {
        self.log.keep_snapshot(id, fence, snapshot, trims)
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
    ) -> Answer<'a, Option<Snapshot>> {
        self.log.snapshot(id, generation)
    }
}
