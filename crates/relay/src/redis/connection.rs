//! The connection of the commands that do not wait.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, Script, ScriptInvocation, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::LogError;

/// A connection that is made anew after an error.
pub(super) struct Connection {
    client: Client,
    timeout: Duration,
    made: Mutex<Made>,
}

/// The connection, and how many there were before it.
#[derive(Default)]
struct Made {
    connection: Option<MultiplexedConnection>,
    count: u64,
}

impl Connection {
    pub(super) fn new(client: Client, timeout: Duration) -> Self {
        Self { client, timeout, made: Mutex::default() }
    }

    /// Returns the longest wait for a connection and for an answer.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) async fn query(&self, cmd: &Cmd) -> Result<Value, LogError> {
        let (mut connection, count) = self.connection().await?;
        let answer = timeout(self.timeout * 2, cmd.query_async(&mut connection)).await;
        self.checked(answer, count).await
    }

    pub(super) async fn invoke(
        &self,
        script: &Script,
        fill: impl FnOnce(&mut ScriptInvocation<'_>),
    ) -> Result<Value, LogError> {
        let (mut connection, count) = self.connection().await?;
        let mut invocation = script.prepare_invoke();
        fill(&mut invocation);
        let answer = timeout(self.timeout * 2, invocation.invoke_async(&mut connection)).await;
        self.checked(answer, count).await
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), LogError> {
        let mut made = self.made.lock().await;
        if let Some(connection) = &made.connection {
            return Ok((connection.clone(), made.count));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        let connect = self.client.get_multiplexed_async_connection_with_config(&config);
        let connection = match timeout(self.timeout * 2, connect).await {
            Ok(connected) => connected.map_err(LogError::unavailable)?,
            Err(late) => return Err(LogError::unavailable(late)),
        };
        made.count += 1;
        made.connection = Some(connection.clone());
        Ok((connection, made.count))
    }

    /// Drops the connection after an error of its own, unless another is there already.
    async fn checked(
        &self,
        answer: Result<Result<Value, RedisError>, tokio::time::error::Elapsed>,
        count: u64,
    ) -> Result<Value, LogError> {
        let (error, is_broken) = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => {
                let is_broken = error.is_io_error()
                    || error.is_timeout()
                    || error.is_connection_dropped()
                    || error.is_unrecoverable_error();
                (LogError::unavailable(error), is_broken)
            }
            Err(late) => (LogError::unavailable(late), true),
        };
        if is_broken {
            let mut made = self.made.lock().await;
            if made.count == count {
                made.connection = None;
            }
        }
        Err(error)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
