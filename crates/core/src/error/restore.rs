//! The errors of bytes that are not a saved session.

use core::fmt;

use super::Limit;
use crate::save::{Fault, VERSION};

/// The reason why a saved session was not restored.
///
/// Nothing was folded, and the bytes are unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes do not begin as a saved session does.
    NotASession,
    /// Another version of this crate saved the session, in another format.
    Version {
        /// The version of the format.
        found: u8,
    },
    /// The session is of another API.
    ///
    /// A session is restored with the dialect that it was saved with.
    Dialect,
    /// The bytes are cut, or were changed since they were saved.
    Checksum,
    /// The bytes are not what saving a session writes, although their checksum is right.
    Damaged {
        /// The kind of value that was expected.
        expected: &'static str,
        /// The offset in the bytes after which it was not found.
        offset: usize,
    },
    /// The session holds more than the given limits allow.
    Limit {
        /// The limit.
        limit: Limit,
        /// The value of the limit.
        max: usize,
    },
}

impl RestoreError {
    /// Returns the error of a fault that was found before this offset.
    pub(crate) fn of(fault: Fault, offset: usize) -> Self {
        match fault {
            Fault::Foreign => Self::NotASession,
            Fault::Version(found) => Self::Version { found },
            Fault::Checksum => Self::Checksum,
            Fault::Dialect => Self::Dialect,
            Fault::Damaged(expected) => Self::Damaged { expected, offset },
            Fault::Limit(name, max) => {
                let limit = Limit::ALL.into_iter().find(|limit| limit.name() == name);
                Self::Limit { limit: limit.unwrap_or(Limit::Items), max }
            }
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASession => f.write_str("the bytes are not a saved session"),
            Self::Version { found } => write!(
                f,
                "the session was saved in version {found} of the format, and this is {VERSION}"
            ),
            Self::Dialect => f.write_str("the session was saved of another API"),
            Self::Checksum => f.write_str("the saved session is cut, or was changed"),
            Self::Damaged { expected, offset } => {
                write!(f, "the saved session is damaged: no {expected} before byte {offset}")
            }
            Self::Limit { limit, max } => {
                write!(f, "the saved session exceeds the limit {} of {max}", limit.name())
            }
        }
    }
}

impl core::error::Error for RestoreError {}
