//! The speed at which a recording is played.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The speed at which recorded times pass. It does not change the times of faults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed(Option<f64>);

/// A speed that is neither `at-once` nor a number above zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeedError(String);

impl Speed {
    /// The speed of the recording.
    pub const AS_RECORDED: Speed = Speed(Some(1.0));

    /// The speed at which the socket takes everything.
    pub const AT_ONCE: Speed = Speed(None);

    /// Returns a multiple of the recorded speed: 10 is ten times as fast, 0.5 half.
    ///
    /// # Errors
    /// If `factor` is not a finite number above zero.
    pub fn times(factor: f64) -> Result<Speed, SpeedError> {
        if factor.is_finite() && factor > 0.0 {
            Ok(Speed(Some(factor)))
        } else {
            Err(SpeedError(factor.to_string()))
        }
    }

    /// Returns the time at which something recorded at `recorded` is played.
    pub(crate) fn scale(self, recorded: Duration) -> Duration {
        match self.0 {
            None => Duration::ZERO,
            // A factor close to zero makes more seconds than a Duration holds; the connection's
            // time limit ends it.
            Some(factor) => Duration::try_from_secs_f64(recorded.as_secs_f64() / factor)
                .unwrap_or(Duration::MAX),
        }
    }
}

impl Default for Speed {
    fn default() -> Self {
        Speed::AS_RECORDED
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "at-once" {
            return Ok(Speed::AT_ONCE);
        }
        let wrong = || SpeedError(text.chars().take(40).collect());
        Speed::times(text.parse().map_err(|_| wrong())?).map_err(|_| wrong())
    }
}

impl fmt::Display for SpeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "speed must be at-once or a number above 0, got {:?}", self.0)
    }
}

impl std::error::Error for SpeedError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_above_zero_or_at_once() {
        let second = Duration::from_secs(1);
        for (text, scaled) in [
            ("1", Some(second)),
            ("10", Some(second / 10)),
            ("0.5", Some(second * 2)),
            (" at-once ", Some(Duration::ZERO)),
            ("1e-300", Some(Duration::MAX)),
            ("0", None),
            ("-1", None),
            ("inf", None),
            ("NaN", None),
            ("fast", None),
        ] {
            assert_eq!(
                text.parse::<Speed>().ok().map(|speed| speed.scale(second)),
                scaled,
                "{text}"
            );
        }
        assert_eq!(
            "fast".parse::<Speed>().unwrap_err().to_string(),
            "speed must be at-once or a number above 0, got \"fast\""
        );
    }
}
