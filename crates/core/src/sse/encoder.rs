//! The event stream encoder.
//!
//! A [`Decoder`](super::Decoder) gives back what the encoder was given.
//!
//! The rule that holds here: anything that a reader would give back differently is refused before a
//! byte of it is written. The format has no escapes, so this is all that can go wrong.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Writes an event stream into a buffer of its own.
///
/// Each call writes one whole block or comment, or nothing if it refuses. The buffer always ends
/// between lines, so any call may follow any other. Lines end with LF. The cost is linear in what
/// is written. Fields that are not asked for are not written: an event without an ID leaves the
/// reader's last event ID as it is.
///
/// ```
/// use deltawire::sse::{Decoder, Encoder};
///
/// let mut encoder = Encoder::new();
/// encoder.comment("keep-alive");
/// encoder.event(Some("greeting"), Some("7"), "hello\nworld")?;
/// let written = b": keep-alive\n\nevent: greeting\nid: 7\ndata: hello\ndata: world\n\n";
/// assert_eq!(encoder.as_bytes(), written);
///
/// let mut input = encoder.as_bytes();
/// let mut decoder = Decoder::new();
/// let event = decoder.decode(&mut input).unwrap().unwrap();
/// assert_eq!((event.event, event.id, event.data), ("greeting", "7", "hello\nworld"));
/// # Ok::<(), deltawire::sse::EncodeError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    out: Vec<u8>,
}

/// The reason for which something cannot be written.
///
/// The format has no escape for it. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// An event type with a line end (CR or LF) in it.
    EventType(String),
    /// An ID with a line end in it, or with NUL.
    ///
    /// Readers ignore an ID with NUL.
    Id(String),
    /// Data with a carriage return.
    ///
    /// A reader takes it for a line end and gives back a line feed. JSON text never has one outside
    /// its white space.
    CarriageReturn {
        /// The place of the carriage return in the data, in bytes.
        at: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EventType(event) => write!(f, "event type {:?} has a line end", Shortened(event)),
            Self::Id(id) => write!(f, "id {:?} has a line end or NUL", Shortened(id)),
            Self::CarriageReturn { at } => {
                write!(
                    f,
                    "data has a carriage return at byte {at}, which a reader would give back as a line feed"
                )
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// The beginning of a text, for messages.
///
/// Its escapes are those of `Debug`.
pub(super) struct Shortened<'a>(pub(super) &'a str);

impl fmt::Debug for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(40) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

impl Encoder {
    /// Returns an encoder with an empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an event of the default type without an ID.
    ///
    /// It has a `data` line for each line of `data`.
    ///
    /// # Errors
    /// Returns [`EncodeError::CarriageReturn`] if the data has a carriage return.
    pub fn data(&mut self, data: &str) -> Result<(), EncodeError> {
        self.event(None, None, data)
    }

    /// Writes an event.
    ///
    /// To a reader an event without a type, with an empty type and with the type `message` are the
    /// same. An empty ID clears the reader's last event ID.
    ///
    /// # Errors
    /// Fails if the type, the ID or the data would not be read back the same.
    pub fn event(
        &mut self,
        event: Option<&str>,
        id: Option<&str>,
        data: &str,
    ) -> Result<(), EncodeError> {
        if let Some(event) = event.filter(|event| event.contains(['\r', '\n'])) {
            return Err(EncodeError::EventType(event.into()));
        }
        if let Some(id) = id.filter(|id| id.contains(['\r', '\n', '\0'])) {
            return Err(EncodeError::Id(id.into()));
        }
        if let Some(at) = data.find('\r') {
            return Err(EncodeError::CarriageReturn { at });
        }
        // All of it at once but for what further lines of data add: an event mostly costs one
        // growth.
        let values = [event, id, Some(data)].into_iter().flatten();
        self.out.reserve(values.map(|value| "event: \n".len() + value.len()).sum::<usize>() + 1);
        if let Some(event) = event {
            self.field("event", event);
        }
        if let Some(id) = id {
            self.field("id", id);
        }
        for line in data.split('\n') {
            self.field("data", line);
        }
        self.out.push(b'\n');
        Ok(())
    }

    /// Writes a block that sets the reader's reconnection time, in milliseconds.
    ///
    /// The block is not an event.
    pub fn retry(&mut self, milliseconds: u64) {
        self.field("retry", &alloc::format!("{milliseconds}"));
        self.out.push(b'\n');
    }

    /// Writes a comment, with a line for each line of `text` however it ends.
    ///
    /// A blank line follows, at which proxies and readers that work by blocks pass it on.
    pub fn comment(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let (line, after) = match rest.find(['\r', '\n']) {
                Some(end) => {
                    let crlf = rest[end..].starts_with("\r\n");
                    (&rest[..end], Some(&rest[end + 1 + usize::from(crlf)..]))
                }
                None => (rest, None),
            };
            self.field("", line);
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        self.out.push(b'\n');
    }

    /// Returns what was written since the last [`take`](Self::take).
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Returns what was written, and goes on with an empty buffer.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// Writes one line.
    ///
    /// The space after the colon is always written, so that a value's own first space survives.
    fn field(&mut self, name: &str, value: &str) {
        for part in [name, ": ", value, "\n"] {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}
