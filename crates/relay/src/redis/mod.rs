//! The log on Redis Streams.

mod connection;
mod hub;
mod reply;
mod scripts;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, Script, ScriptInvocation, Value};

use crate::end::{End, EndKind};
use crate::error::LogError;
use crate::id::{Generation, StreamId};
use crate::log::{Answer, Append, Appended, Entry, Fence, Log, New, Snapshot, Status, Tail};

use connection::Connection;
use hub::Hub;

/// A log on Redis Streams, for any number of processes and machines. Valkey has the same commands.
///
/// It connects when it is first used, and again after an error. A process has two connections, one
/// of which waits for new entries, however many streams and readers there are.
///
/// It wants Redis 6.2 or newer (`XTRIM MINID`). One server, or what looks like one: the keys of a
/// stream share a hash tag, but this client does not speak to a cluster.
///
/// How much a crash of Redis loses is a matter of its `appendfsync`; see the crate's
/// `docs/relay.md`.
pub struct RedisLog {
    prefix: String,
    connection: Arc<Connection>,
    hub: Arc<Hub>,
    scripts: Arc<Scripts>,
}

struct Scripts {
    create: Script,
    append: Script,
    status: Script,
    stop: Script,
    declare_lost: Script,
    keep_snapshot: Script,
}

/// The longest wait for an answer, unless another is set.
const TIMEOUT: Duration = Duration::from_secs(2);

impl RedisLog {
    /// Returns a log on the server of a URL: `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    /// Fails if the URL is none of Redis. It does not connect yet.
    pub fn open(url: &str) -> Result<Self, LogError> {
        let client = Client::open(url).map_err(LogError::unavailable)?;
        Ok(Self::on(client, TIMEOUT))
    }

    /// Returns a log on the server of a client, for settings that no URL has.
    ///
    /// An answer that takes longer than `timeout` is an error that is repeated on another
    /// connection.
    #[must_use]
    pub fn on(client: Client, timeout: Duration) -> Self {
        let connection = Arc::new(Connection::new(client.clone(), timeout));
        let scripts = Scripts {
            create: Script::new(scripts::CREATE),
            append: Script::new(scripts::APPEND),
            status: Script::new(scripts::STATUS),
            stop: Script::new(scripts::STOP),
            declare_lost: Script::new(scripts::DECLARE_LOST),
            keep_snapshot: Script::new(scripts::KEEP_SNAPSHOT),
        };
        Self {
            prefix: "deltawire".to_owned(),
            hub: Arc::new(Hub::new(client, connection.clone())),
            connection,
            scripts: Arc::new(scripts),
        }
    }

    /// Begins its keys with this text in place of `deltawire`. Braces in it are left out.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        // The first braces of a key are its hash tag.
        self.prefix = prefix.replace(['{', '}'], "");
        self
    }

    /// Returns the key of a part of a stream. The name has no braces.
    fn key(&self, id: &StreamId, part: &str) -> String {
        format!("{}:{{{id}}}:{part}", self.prefix)
    }

    fn state_key(&self, id: &StreamId) -> String {
        self.key(id, "state")
    }

    /// Another generation has other entries, so that a read of the one before never sees them.
    fn entries_key(&self, id: &StreamId, generation: Generation) -> String {
        self.key(id, &format!("entries:{generation}"))
    }

    async fn invoke(
        &self,
        script: &Script,
        id: &StreamId,
        generation: Option<Generation>,
        fill: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> Result<Value, LogError> {
        let state = self.state_key(id);
        let entries = generation.map_or_else(|| state.clone(), |of| self.entries_key(id, of));
        let invoked = self.connection.invoke(script, |invocation| {
            invocation.key(state).key(entries).key(self.key(id, "lease"));
            fill(invocation);
        });
        invoked.await
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 52)
}

impl Log for RedisLog {
    fn create<'a>(&'a self, id: &'a StreamId, new: New) -> Answer<'a, u64> {
        Box::pin(async move {
            let generation = Some(new.generation);
            let created = self.invoke(&self.scripts.create, id, generation, |invocation| {
                invocation.arg(u8::from(new.replaces)).arg(new.generation.to_string());
                let times = new.times;
                for time in [times.lease, times.expiry, times.retention] {
                    invocation.arg(millis(time));
                }
                if let Some(owner) = &new.owner {
                    invocation.arg(&**owner);
                }
            });
            reply::next_number(&mut reply::done(created.await?)?)
        })
    }

    fn append<'a>(&'a self, id: &'a StreamId, append: Append) -> Answer<'a, Appended> {
        Box::pin(async move {
            let Fence { generation, epoch } = append.fence;
            let first = append.entries.first().map_or(1, |entry| entry.number);
            let append = self.invoke(&self.scripts.append, id, Some(generation), |invocation| {
                invocation.arg(generation.to_string()).arg(epoch);
                invocation.arg(u8::from(append.over_gap)).arg(first);
                for entry in append.entries.iter() {
                    invocation.arg(entry.kind.letter()).arg(&entry.bytes[..]);
                }
            });
            let mut values = reply::done(append.await?)?;
            let last = reply::next_number(&mut values)?;
            Ok(Appended { last, stop: reply::next_text(&mut values)? })
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
        after: u64,
        most: usize,
    ) -> Answer<'a, Vec<Entry>> {
        Box::pin(async move {
            let mut range = redis::cmd("XRANGE");
            range.arg(self.entries_key(id, generation)).arg(format!("({after}-0")).arg("+");
            range.arg("COUNT").arg(most);
            reply::entries(self.connection.query(&range).await?)
        })
    }

    fn tail(&self, id: &StreamId, generation: Generation, after: u64) -> Tail {
        self.hub.tail(self.entries_key(id, generation), after)
    }

    fn status<'a>(&'a self, id: &'a StreamId) -> Answer<'a, Option<Status>> {
        Box::pin(async move {
            let value = self.invoke(&self.scripts.status, id, None, |_| ()).await?;
            match reply::status(value) {
                Ok(status) => Ok(Some(status)),
                Err(LogError::NotFound) => Ok(None),
                Err(other) => Err(other),
            }
        })
    }

    fn stop<'a>(&'a self, id: &'a StreamId, by: &'a str) -> Answer<'a, Option<Status>> {
        Box::pin(async move {
            let stopped = self.invoke(&self.scripts.stop, id, None, |invocation| {
                invocation.arg(by);
            });
            match reply::done(stopped.await?) {
                Ok(_) => self.status(id).await,
                Err(LogError::NotFound) => Ok(None),
                Err(other) => Err(other),
            }
        })
    }

    fn declare_lost<'a>(&'a self, id: &'a StreamId, fence: Fence) -> Answer<'a, bool> {
        Box::pin(async move {
            let Fence { generation, epoch } = fence;
            let script = &self.scripts.declare_lost;
            let declared = self.invoke(script, id, Some(generation), |invocation| {
                let end = End::new(EndKind::ProducerLost).to_json();
                invocation.arg(generation.to_string()).arg(epoch).arg(end);
            });
            Ok(reply::answer(declared.await?)?.is_some())
        })
    }

    fn keep_snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        fence: Fence,
        snapshot: Snapshot,
        trims: bool,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let Fence { generation, epoch } = fence;
            let script = &self.scripts.keep_snapshot;
            let kept = self.invoke(script, id, Some(generation), |invocation| {
                let Snapshot { number, bytes } = snapshot;
                invocation.arg(generation.to_string()).arg(epoch).arg(number).arg(bytes);
                invocation.arg(u8::from(trims)).arg(format!("{}-0", number + 1));
            });
            reply::done(kept.await?).map(|_| ())
        })
    }

    fn snapshot<'a>(
        &'a self,
        id: &'a StreamId,
        generation: Generation,
    ) -> Answer<'a, Option<Snapshot>> {
        Box::pin(async move {
            let mut get = redis::cmd("HMGET");
            get.arg(self.state_key(id)).arg("gen").arg("snapshot_at").arg("snapshot");
            let mut values = reply::values(self.connection.query(&get).await?)?;
            if reply::next_text(&mut values)?.as_deref() != Some(&*generation.to_string()) {
                return Err(LogError::NotFound);
            }
            let at = reply::next_text(&mut values)?.and_then(|number| number.parse().ok());
            let bytes = reply::next_bytes(&mut values)?;
            Ok(at.zip(bytes).map(|(number, bytes)| Snapshot { number, bytes }))
        })
    }
}

impl fmt::Debug for RedisLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLog")
            .field("prefix", &self.prefix)
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
