//! The cursor: how far a stream came, for the request that goes on after it.

use alloc::borrow::Cow;
use core::fmt;

/// The place in a stream that a request can resume it after.
///
/// [`Session::cursor`](crate::Session::cursor) returns it. Each API has its own: the request is a
/// `GET`, with the [`query`](Self::query) or the [`header`](Self::header).
///
/// ```
/// use deltawire::responses;
///
/// let body = concat!(
///     r#"data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}"#,
///     "\n\n",
///     r#"data: {"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_1"}}"#,
///     "\n\n",
/// );
/// let mut session = responses::Session::new();
/// session.feed(body.as_bytes())?;
/// let cursor = session.cursor().unwrap();
/// assert_eq!(cursor.id(), Some("resp_1"));
/// assert_eq!(cursor.query(), Some(("starting_after", "1".into())));
/// # Ok::<(), deltawire::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cursor<'a> {
    /// OpenAI's Responses: `GET /v1/responses/{response}?stream=true&starting_after={number}`.
    ///
    /// OpenAI keeps the events of a response that was made with `background: true`.
    Sequence {
        /// The ID of the response.
        response: Cow<'a, str>,
        /// The sequence number of the last event.
        number: u64,
    },
    /// Gemini's Interactions:
    /// `GET /v1beta/interactions/{interaction}?stream=true&last_event_id={event}`.
    Event {
        /// The ID of the interaction.
        interaction: Cow<'a, str>,
        /// The ID of the last event that had one.
        event: Cow<'a, str>,
    },
    /// Any other server that gives its events IDs: the header `Last-Event-ID` with this ID.
    LastEventId(&'a str),
}

impl Cursor<'_> {
    /// Returns the ID of the answer that the request asks for, if the API has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Sequence { response, .. } => Some(response),
            Self::Event { interaction, .. } => Some(interaction),
            Self::LastEventId(_) => None,
        }
    }

    /// Returns the parameter of the query that says where to go on, if the API has one.
    ///
    /// The value is not encoded for a URL.
    #[must_use]
    pub fn query(&self) -> Option<(&'static str, Cow<'_, str>)> {
        match self {
            Self::Sequence { number, .. } => {
                Some(("starting_after", Cow::Owned(alloc::format!("{number}"))))
            }
            Self::Event { event, .. } => Some(("last_event_id", Cow::Borrowed(event))),
            Self::LastEventId(_) => None,
        }
    }

    /// Returns the header that says where to go on, by lower-case name, if it is one.
    #[must_use]
    pub fn header(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::LastEventId(id) => Some(("last-event-id", id)),
            Self::Sequence { .. } | Self::Event { .. } => None,
        }
    }
}

/// Displays as `response resp_1 after event 7`.
impl fmt::Display for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { response, number } => {
                write!(f, "response {response} after event {number}")
            }
            Self::Event { interaction, event } => {
                write!(f, "interaction {interaction} after event {event}")
            }
            Self::LastEventId(id) => write!(f, "the stream after event {id}"),
        }
    }
}
