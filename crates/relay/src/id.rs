//! The names of streams, of their generations, and of places in them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a stream: 1 to 128 of `A-Z a-z 0-9 - _ . :`.
///
/// Whoever knows the name of a stream without an owner can read it, so [`random`](Self::random)
/// makes one that cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// The most bytes of a name.
    pub const MAX_LEN: usize = 128;

    /// Returns a new name with 128 random bits of the operating system.
    ///
    /// # Errors
    /// Fails if the operating system has no randomness.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(format!("{:032x}", u128::from_le_bytes(random_bytes()?)).into()))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns bytes of the operating system's random source.
fn random_bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

impl FromStr for StreamId {
    type Err = InvalidId;

    fn from_str(name: &str) -> Result<Self, InvalidId> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if name.is_empty() || name.len() > Self::MAX_LEN || !name.bytes().all(is_known) {
            return Err(InvalidId);
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The error of a text that cannot be the name of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId;

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stream's name has 1 to 128 characters of A-Z, a-z, 0-9, '-', '_', '.', ':'")
    }
}

impl std::error::Error for InvalidId {}

/// A token of one generation under a name.
///
/// A name may be used again, and a cursor of the answer before must not be taken for one of this.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(u64);

impl Generation {
    /// Returns a new token with 64 random bits.
    ///
    /// # Errors
    /// Fails if the operating system has no randomness.
    pub fn random() -> std::io::Result<Self> {
        Ok(Self(u64::from_le_bytes(random_bytes()?)))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generation({self})")
    }
}

impl FromStr for Generation {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_hex) {
            return Err(InvalidCursor);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| InvalidCursor)
    }
}

/// A place in a stream: after the entry with this number.
///
/// Its text, `GENERATION.NUMBER`, is the `id` of the entry's event, which a client sends back as
/// `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The generation.
    pub generation: Generation,
    /// The number of the last entry that was read; the first has number 1.
    pub number: u64,
}

impl Cursor {
    /// The largest number, which a script's floating-point number still holds.
    const MAX_NUMBER: u64 = 1 << 52;

    /// Reads the value of a `Last-Event-ID` header.
    ///
    /// # Errors
    /// Fails unless it is exactly the text of a cursor.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidCursor> {
        let text = std::str::from_utf8(text).map_err(|_| InvalidCursor)?;
        let (generation, digits) = text.split_once('.').ok_or(InvalidCursor)?;
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain || (digits.len() > 1 && digits.starts_with('0')) {
            return Err(InvalidCursor);
        }
        let number: u64 = digits.parse().map_err(|_| InvalidCursor)?;
        if number > Self::MAX_NUMBER {
            return Err(InvalidCursor);
        }
        Ok(Self { generation: generation.parse()?, number })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.number)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        Self::parse(text.as_bytes())
    }
}

/// The error of a text that is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cursor is a generation of 16 hexadecimal digits, a dot and a number")
    }
}

impl std::error::Error for InvalidCursor {}
