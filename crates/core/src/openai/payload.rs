//! The meaning of an event's data, before it is read as a chunk.

use crate::error::ApiError;
use crate::sse::Event;

/// The meaning of an event's data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload<'a> {
    /// Blank, or `null`, with which llama.cpp begins a legacy completion of several prompts.
    Nothing,
    /// `[DONE]`: the answer ends here, and nothing that comes after it counts.
    Done,
    /// An event named `error`, whatever its data looks like.
    Error(ApiError),
    /// Everything else, to be read as a chunk.
    Chunk(&'a str),
}

impl<'a> Payload<'a> {
    /// The text that ends a stream.
    const DONE: &'static str = "[DONE]";

    /// Classifies an event. Looks at the two ends of the data only, but reads that of an error.
    #[inline]
    pub(crate) fn of(event: &Event<'a>) -> Self {
        let data = event.data;
        // Nearly every event is such, and there is nothing to trim.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_nothing_or_the_end_or_an_error_or_a_chunk() {
        let of = |data| Payload::of(&Event::new(data));
        assert_eq!(of(" [DONE] "), Payload::Done);
        assert_eq!((of(" "), of("null")), (Payload::Nothing, Payload::Nothing));
        assert_eq!(of(" {} "), Payload::Chunk("{}"));
        assert_eq!(of("[done]"), Payload::Chunk("[done]"));
        let error = Event::new("{\"message\":\"overloaded\"}").with_type("error");
        assert!(
            matches!(Payload::of(&error), Payload::Error(error) if error.message == "overloaded")
        );
    }
}
