//! The meaning of an event's data, before it is read as a chunk.

use crate::error::ApiError;
use crate::json::{RawValue, is_scalar};
use crate::sse::Event;

/// The meaning of an event's data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Payload<'a> {
    /// Blank data, or `null`.
    ///
    /// llama.cpp begins a legacy completion of several prompts with `null`.
    Nothing,
    /// `[DONE]`: the answer ends here, and nothing after it counts.
    Done,
    /// An event named `error`, with any data, or an array around an error.
    Error(ApiError),
    /// An event that keeps the connection open: neither an object nor an error.
    KeepAlive,
    /// Everything else, to be read as a chunk.
    Chunk(&'a str),
}

impl<'a> Payload<'a> {
    /// The text that ends a stream.
    const DONE: &'static str = "[DONE]";

    /// Classifies an event.
    ///
    /// It looks at the two ends of an object's data only.
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
            data if data.starts_with('{') => Self::Chunk(data),
            data => Self::of_other(data, event.event != Event::DEFAULT_TYPE),
        }
    }

    /// Classifies data that is not an object.
    ///
    /// `has_name` is true if the event has a name of its own.
    #[inline(never)]
    fn of_other(data: &'a str, has_name: bool) -> Self {
        // Google's `[{"error":{…}}]`.
        let array = RawValue::parse(data).ok().filter(RawValue::is_array);
        if let Some(error) = array.as_ref().and_then(ApiError::of) {
            return Self::Error(error);
        }
        if has_name || is_scalar(data) || is_time(data) || is_ping(data) {
            Self::KeepAlive
        } else {
            Self::Chunk(data)
        }
    }
}

/// Reports whether data is a date or a time in figures.
///
/// Gateways send such data as a keep-alive.
fn is_time(data: &str) -> bool {
    let is_of_time = |byte: u8| {
        byte.is_ascii_digit()
            || matches!(byte, b'-' | b':' | b'.' | b',' | b'/' | b'+' | b' ' | b'T' | b'Z')
    };
    data.starts_with(|first: char| first.is_ascii_digit()) && data.bytes().all(is_of_time)
}

/// Reports whether data is a word that keeps a connection open.
fn is_ping(data: &str) -> bool {
    ["ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"]
        .iter()
        .any(|word| data.eq_ignore_ascii_case(word))
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
        assert_eq!(of("[1]"), Payload::Chunk("[1]"));
        assert_eq!(of("upstream timed out"), Payload::Chunk("upstream timed out"));
        let error = Event::new("{\"message\":\"overloaded\"}").with_type("error");
        assert!(
            matches!(Payload::of(&error), Payload::Error(error) if error.message == "overloaded")
        );
        let error = of("[{\"error\":{\"message\":\"overloaded\"}}]");
        assert!(matches!(error, Payload::Error(error) if error.message == "overloaded"));
    }

    #[test]
    fn an_event_that_is_no_object_may_be_a_keep_alive() {
        let named = |data| Payload::of(&Event::new(data).with_type("ping"));
        for data in ["pong", "[1]", "1", "2023-02-20 08:40:33.556053", "<p>"] {
            assert_eq!(named(data), Payload::KeepAlive, "{data}");
        }
        assert_eq!(named("{}"), Payload::Chunk("{}"));
        assert_eq!(named("{"), Payload::Chunk("{"));
        assert_eq!((named(""), named("[DONE]")), (Payload::Nothing, Payload::Done));
        let unnamed = |data| Payload::of(&Event::new(data));
        for data in ["1", "-1.5e3", "\"x\"", "true", "2024-04-27 01:35:43.686476", "01:35", "PING"]
        {
            assert_eq!(unnamed(data), Payload::KeepAlive, "{data}");
        }
    }
}
