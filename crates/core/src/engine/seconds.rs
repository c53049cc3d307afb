//! Durations in configurations, as numbers of seconds.

use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// Serialises the number of seconds, or null.
pub(super) fn serialize<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration.as_ref().map(Duration::as_secs_f64).serialize(serializer)
}

/// Reads a number of seconds, or null.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) => Ok(Some(duration)),
        Err(error) => Err(D::Error::custom(format_args!("{seconds} seconds: {error}"))),
    }
}
