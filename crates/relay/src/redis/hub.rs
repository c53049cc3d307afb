//! One blocking read for all readers of this process.
//!
//! `XREAD BLOCK` holds its connection up until there is something, so it has one of its own, and
//! one read asks for all streams that are followed here. Two things have to hold:
//!
//! - The connection has no response time-out. It is 500 ms by default, and would break every wait
//!   off. A time-out around the read takes its place, so that a dead peer is noticed.
//! - A stream that is followed from now on is not in the read that waits. `CLIENT UNBLOCK` ends
//!   that read. It is sent until the task has taken the new stream in, because it may come before
//!   the read that it is to end.
//!
//! Whatever is missed here is found by the readers, who look at the numbers, and at the state from
//! time to time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Value};
use tokio::sync::{Notify, broadcast};
use tokio::time::{sleep, timeout};

use crate::log::{Entry, Tail};

use super::connection::Connection;
use super::reply;

/// The longest wait of one read. What a lost wake-up costs at most.
const BLOCK: Duration = Duration::from_secs(1);

/// The time for which the task stays without a stream to follow.
const LINGER: Duration = Duration::from_secs(10);

/// The wait after an error, and between two calls to end a read.
const AFTER_ERROR: Duration = Duration::from_millis(50);
const BETWEEN_CALLS: Duration = Duration::from_millis(3);

/// The most entries of a stream in one read.
const MOST: usize = 256;

/// The most reads by which a reader may be behind. Beyond, it reads the log instead.
const TAIL: usize = 64;

#[derive(Debug)]
pub(super) struct Hub {
    client: Client,
    /// The connection of the other commands.
    commands: Arc<Connection>,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    followed: HashMap<String, Followed>,
    /// Counts the streams that were added.
    added: u64,
    /// The count that the read under way, or the next, has.
    included: u64,
    /// The number by which Redis knows the connection, while a read may be under way.
    connection: Option<i64>,
    is_running: bool,
}

#[derive(Debug)]
struct Followed {
    /// The number of the last entry that was read.
    after: u64,
    sender: broadcast::Sender<Arc<[Entry]>>,
}

impl Hub {
    pub(super) fn new(client: Client, commands: Arc<Connection>) -> Self {
        Self { client, commands, state: Mutex::default(), changed: Notify::new() }
    }

    /// No step can panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a stream from a number on. Needs a runtime of tokio.
    pub(super) fn tail(self: &Arc<Self>, key: String, after: u64) -> Tail {
        let mut state = self.state();
        let (receiver, is_new) = match state.followed.get(&key) {
            Some(followed) => (followed.sender.subscribe(), false),
            None => {
                let (sender, receiver) = broadcast::channel(TAIL);
                state.followed.insert(key, Followed { after, sender });
                state.added += 1;
                (receiver, true)
            }
        };
        let (added, was_running) = (state.added, std::mem::replace(&mut state.is_running, true));
        // A runtime that shuts down drops a task at once, which then takes the lock.
        drop(state);
        if !was_running {
            tokio::spawn(Running(self.clone()).run());
        } else if is_new {
            self.changed.notify_one();
            tokio::spawn(self.clone().interrupt(added));
        }
        Tail::new(receiver)
    }

    /// Ends the read under way until the task has this many streams.
    async fn interrupt(self: Arc<Self>, added: u64) {
        let calls = BLOCK.as_millis() / BETWEEN_CALLS.as_millis();
        for _ in 0..calls {
            let connection = {
                let state = self.state();
                if state.included >= added {
                    return;
                }
                state.connection
            };
            if let Some(connection) = connection {
                let mut unblock = redis::cmd("CLIENT");
                unblock.arg("UNBLOCK").arg(connection);
                // The read ends by itself soon.
                let _ = self.commands.query(&unblock).await;
            }
            sleep(BETWEEN_CALLS).await;
        }
    }

    /// Returns the next read, or None if nothing is followed.
    fn next_read(&self, connection: i64) -> Option<redis::Cmd> {
        let mut state = self.state();
        state.followed.retain(|_, followed| followed.sender.receiver_count() > 0);
        state.included = state.added;
        if state.followed.is_empty() {
            return None;
        }
        state.connection = Some(connection);
        let mut read = redis::cmd("XREAD");
        let block = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
        read.arg("COUNT").arg(MOST).arg("BLOCK").arg(block).arg("STREAMS");
        for key in state.followed.keys() {
            read.arg(key);
        }
        for followed in state.followed.values() {
            read.arg(format!("{}-0", followed.after));
        }
        Some(read)
    }

    fn hand_on(&self, read: Value) {
        // Of a reply that this crate cannot read, the readers' own reads report the error.
        let Ok(streams) = reply::streams(read) else { return };
        let mut state = self.state();
        for (key, entries) in streams {
            if let (Some(followed), Some(last)) = (state.followed.get_mut(&key), entries.last()) {
                followed.after = last.number;
                // The readers may be gone by now.
                let _ = followed.sender.send(entries);
            }
        }
    }

    async fn connect(&self) -> RedisResult<(MultiplexedConnection, i64)> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.commands.timeout()))
            .set_response_timeout(None);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let id = redis::cmd("CLIENT").arg("ID").query_async(&mut connection).await?;
        Ok((connection, id))
    }
}

/// The task. Dropped with its runtime, it leaves word that it is gone.
struct Running(Arc<Hub>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_running = false;
        state.connection = None;
    }
}

impl Running {
    async fn run(self) {
        let hub = &self.0;
        let mut connection = None;
        loop {
            let (mut reads, id) = match connection.take() {
                Some(connected) => connected,
                None => {
                    match timeout(hub.commands.timeout(), hub.connect()).await {
                        Ok(Ok(connected)) => connected,
                        Ok(Err(_)) | Err(_) => {
                            // The readers ask by themselves meanwhile, and report the error.
                            sleep(AFTER_ERROR).await;
                            if self.is_idle() {
                                return;
                            }
                            continue;
                        }
                    }
                }
            };
            let Some(read) = hub.next_read(id) else {
                let waited = timeout(LINGER, hub.changed.notified()).await;
                if waited.is_err() && self.is_idle() {
                    return;
                }
                connection = Some((reads, id));
                continue;
            };
            let patience = BLOCK + hub.commands.timeout();
            let answer = timeout(patience, read.query_async::<Value>(&mut reads)).await;
            if let Ok(Ok(answer)) = answer {
                hub.hand_on(answer);
                connection = Some((reads, id));
            } else {
                hub.state().connection = None;
                sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Reports whether nothing is followed, and if so lets the next one start another task.
    fn is_idle(&self) -> bool {
        let mut state = self.0.state();
        state.followed.retain(|_, followed| followed.sender.receiver_count() > 0);
        state.is_running = !state.followed.is_empty();
        !state.is_running
    }
}
