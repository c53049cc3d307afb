//! Numbers, which may end after any byte.

use serde_json::Number;

/// The position in a number, named after the last part that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Start,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Progress {
    /// Returns the position after one more byte, or `None` if the byte cannot follow.
    pub(crate) fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Start, b'-') => Self::Minus,
            (Self::Start | Self::Minus, b'0') => Self::Zero,
            (Self::Start | Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => {
                Self::Integer
            }
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Self::Power,
            _ => return None,
        })
    }

    /// Returns true if the number may end before `byte`.
    ///
    /// No digit may follow a leading zero.
    pub(crate) fn ends_before(self, byte: u8) -> bool {
        self.is_complete() && !(self == Self::Zero && byte.is_ascii_digit())
    }

    /// Returns true if the bytes so far are a number.
    pub(crate) fn is_complete(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Power)
    }
}

/// Returns the number of bytes `serde_json` consumes before it reports an overflow.
///
/// `text` is a complete number. The result is `None` if an `f64` can hold it.
pub(crate) fn overflow_at(text: &str) -> Option<usize> {
    // The largest f64 has 309 digits before its point.
    if text.len() < 309 && !text.bytes().any(|byte| byte | 0x20 == b'e') {
        return None;
    }
    serde_json::from_str::<f64>(text).err().map(|error| error.column())
}

/// Converts a number as `serde_json` does.
///
/// Returns `None` if an `f64` cannot hold it.
///
/// The result is the narrowest of `u64`, `i64` and `f64`, rounded as `serde_json` rounds.
pub(crate) fn convert(text: &str) -> Option<Number> {
    // Most numbers are short and have digits only. `-0` does not parse as a `u64`, which is right:
    // it is a float to serde_json.
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    serde_json::from_str(text).ok()
}

/// Returns the longest prefix of an incomplete number that is a number.
///
/// It is `-1.5` for `-1.5e+`, and empty for `-`.
pub(crate) fn longest_valid(text: &str) -> &str {
    text.trim_end_matches(['.', 'e', 'E', '+', '-'])
}
