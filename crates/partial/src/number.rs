//! Numbers, of which any byte may be the last that came.

use serde_json::Number;

/// How far into a number the text is: what may come next.
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
    /// Past one more byte of the number; `None` if it is none.
    pub(crate) fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Start, b'-') => Self::Minus,
            (Self::Start | Self::Minus, b'0') => Self::Zero,
            (Self::Start | Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => Self::Integer,
            (Self::Zero | Self::Integer, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Self::Exponent,
            (Self::Exponent, b'+' | b'-') => Self::Sign,
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Self::Power,
            _ => return None,
        })
    }

    /// Whether a number may end here, before this byte.
    pub(crate) fn ends_before(self, byte: u8) -> bool {
        self.is_complete() && !(self == Self::Zero && byte.is_ascii_digit())
    }

    /// Whether what came is a number.
    pub(crate) fn is_complete(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::Power)
    }
}

/// Of a whole number that is beyond an `f64`, which is none to `serde_json`, how many of its bytes that has read when it sees it.
pub(crate) fn out_of_range(text: &str) -> Option<usize> {
    // The largest f64 has 309 digits before its point.
    if text.len() < 309 && !text.bytes().any(|byte| byte | 0x20 == b'e') {
        return None;
    }
    serde_json::from_str::<f64>(text).err().map(|error| error.column())
}

/// The number as `serde_json` has it: the narrowest of `u64`, `i64` and `f64`, rounded as it rounds. `None` beyond an `f64`.
pub(crate) fn convert(text: &str) -> Option<Number> {
    // What is short and all digits, without the detour; `-0` is a float to serde_json.
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    serde_json::from_str(text).ok()
}

/// As much of a number that is not whole as is a number: `-1.5` of `-1.5e+`, nothing of `-`.
pub(crate) fn longest(text: &str) -> &str {
    text.trim_end_matches(['.', 'e', 'E', '+', '-'])
}
