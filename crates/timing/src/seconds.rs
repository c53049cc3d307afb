//! Durations as JSON has them: numbers of seconds.

use core::time::Duration;

use serde::Serializer;

/// Serialises a duration.
pub(crate) fn one<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

/// Serialises a duration that may be unknown.
pub(crate) fn option<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => one(duration, serializer),
        None => serializer.serialize_none(),
    }
}
