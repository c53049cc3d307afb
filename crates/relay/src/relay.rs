//! The handle that producers and readers begin with.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{LogError, ReadError};
use crate::id::StreamId;
use crate::log::{Log, Status, Times};

/// A log, the settings of its streams, and whose streams they are. A clone is cheap.
///
/// ```
/// use deltawire_relay::{MemoryLog, Relay};
///
/// let relay = Relay::new(MemoryLog::new());
/// let of_user = relay.of_owner("user-7"); // begins, reads and stops streams of this owner only
/// ```
#[derive(Debug, Clone)]
pub struct Relay {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) settings: Settings,
    pub(crate) owner: Option<Arc<str>>,
}

/// The settings of the streams that a [`Relay`] starts and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The times of new streams.
    pub times: Times,
    /// The most events that wait for the log before [`append`](crate::Producer::append) waits.
    pub queue: usize,
    /// The time for which a log that does not answer is asked again before `on_outage` counts.
    ///
    /// Readers are as patient.
    pub patience: Duration,
    /// The policy of a producer whose log does not answer.
    pub on_outage: OnOutage,
    /// An ended or abandoned stream of the same name makes way for a new one.
    pub replaces: bool,
}

/// The policy of a producer whose log does not answer for longer than the patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnOutage {
    /// It stops: appending is an error from then on.
    #[default]
    Stop,
    /// It goes on for [`Producer::live`](crate::Producer::live), and the stream is not resumable.
    ///
    /// Once the queue is full, live events too wait until the patience is over.
    ///
    /// As soon as the log answers, the stream ends there with
    /// [`EntriesLost`](crate::EndKind::EntriesLost).
    PassLive,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            times: Times::default(),
            queue: 256,
            patience: Duration::from_secs(10),
            on_outage: OnOutage::Stop,
            replaces: false,
        }
    }
}

impl Relay {
    /// Returns a handle of a log, with the default settings.
    pub fn new(log: impl Log) -> Self {
        Self::shared(Arc::new(log))
    }

    /// Returns a handle of a log that is shared already.
    #[must_use]
    pub fn shared(log: Arc<dyn Log>) -> Self {
        Self { log, settings: Settings::default(), owner: None }
    }

    /// Returns the handle with other settings.
    #[must_use]
    pub fn with_settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// Returns a handle of the streams of one owner.
    ///
    /// Streams that it starts belong to the owner. Those of others, and those of nobody, are not
    /// found through it; nor is this owner's stream through any other handle. Authenticate the
    /// request, and ask through the handle of whoever it is.
    #[must_use]
    pub fn of_owner(&self, owner: &str) -> Self {
        Self { owner: Some(owner.into()), ..self.clone() }
    }

    /// Returns the log.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// Returns the state of a stream.
    ///
    /// # Errors
    /// [`ReadError::NotFound`] also if the stream is another's.
    pub async fn status(&self, id: &StreamId) -> Result<Status, ReadError> {
        let status = self.log.status(id).await?.ok_or(ReadError::NotFound)?;
        if status.owner.as_deref() != self.owner.as_deref() {
            return Err(ReadError::NotFound);
        }
        Ok(status)
    }

    /// Asks the producer of a stream to stop, and says who asks.
    ///
    /// The producer sees it with its next append or heartbeat. A reader that goes away stops
    /// nothing. Nothing happens to a stream that has ended.
    ///
    /// # Errors
    /// Returns the same errors as [`status`](Self::status).
    pub async fn stop(&self, id: &StreamId, by: &str) -> Result<Status, ReadError> {
        self.status(id).await?;
        self.log.stop(id, by).await?.ok_or(LogError::NotFound.into())
    }
}
