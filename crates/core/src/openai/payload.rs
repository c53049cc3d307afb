//! What an event's data is.

use crate::error::ApiError;
use crate::sse::Event;

/// What an event's data is, before it is read as a chunk.
///
/// ```
/// use deltawire::{Payload, sse::Event};
///
/// assert!(matches!(Payload::of(&Event::new(" [DONE] ")), Payload::Done));
/// assert!(matches!(Payload::of(&Event::new("{\"choices\":[]}")), Payload::Chunk(_)));
/// let error = Event::new("{\"message\":\"overloaded\"}").with_type("error");
/// assert!(matches!(Payload::of(&error), Payload::Error(error) if error.message == "overloaded"));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// Blank, or `null` (llama.cpp begins a legacy completion of several prompts with it): nothing.
    Nothing,
    /// `[DONE]`: the answer ends here, and nothing that comes after it counts.
    Done,
    /// An event named `error`, whatever its data looks like.
    Error(ApiError),
    /// Everything else: to be read as a chunk.
    Chunk(&'a str),
}

impl<'a> Payload<'a> {
    /// The text that ends a stream.
    pub const DONE: &'static str = "[DONE]";

    /// Tells what an event's data is. Looks at the data's two ends only, but for an error event, whose data it reads.
    #[inline]
    #[must_use]
    pub fn of(event: &Event<'a>) -> Self {
        let data = event.data;
        // What nearly every event is: there is nothing to trim.
        if data.starts_with('{') && data.ends_with('}') && event.event != "error" {
            return Self::Chunk(data);
        }
        match data.trim() {
            "" | "null" => Self::Nothing,
            Self::DONE => Self::Done,
            data if event.event == "error" => Self::Error(ApiError::from_data(data)),
            data => Self::Chunk(data),
        }
    }
}
