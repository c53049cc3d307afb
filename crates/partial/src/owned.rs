//! Changes that borrow nothing.

use alloc::string::{String, ToString};

use serde_json::Value;

use crate::change::Change;
use crate::node::Kind;

/// A [`Change`] that owns its texts and values.
///
/// [`Change::into_owned`] returns it.
///
/// Paths are JSON pointers (RFC 6901), such as `/items/3/name`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OwnedChange {
    /// The name of a member is complete.
    ///
    /// Its value comes next.
    Key {
        /// The path of the member, which ends with the name.
        path: String,
    },
    /// A value began.
    Began {
        /// The path of the value.
        path: String,
        /// The type of the value.
        kind: Kind,
    },
    /// A string grew.
    Text {
        /// The path of the string.
        path: String,
        /// The new text, with escapes decoded.
        text: String,
    },
    /// A value is complete.
    Complete {
        /// The path of the value.
        path: String,
        /// The value.
        ///
        /// An array or object holds the values in it once more.
        value: Value,
    },
}

impl OwnedChange {
    /// Returns the path of the value or member that changed.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Key { path }
            | Self::Began { path, .. }
            | Self::Text { path, .. }
            | Self::Complete { path, .. } => path,
        }
    }
}

impl Change<'_> {
    /// Returns the change with texts and values of its own.
    ///
    /// It copies them.
    ///
    /// ```
    /// use deltawire_partial::{OwnedChange, Parser};
    ///
    /// let mut parser = Parser::new();
    /// let mut input = r#"{"a":[1]}"#;
    /// let mut changes = Vec::new();
    /// while let Some(change) = parser.next(&mut input)? {
    ///     changes.push(change.into_owned());
    /// }
    /// assert_eq!(
    ///     changes.last(),
    ///     Some(&OwnedChange::Complete { path: "".into(), value: serde_json::json!({"a": [1]}) })
    /// );
    /// # Ok::<(), deltawire_partial::Error>(())
    /// ```
    #[must_use]
    pub fn into_owned(self) -> OwnedChange {
        let path = self.path().to_string();
        match self {
            Self::Key { .. } => OwnedChange::Key { path },
            Self::Began { kind, .. } => OwnedChange::Began { path, kind },
            Self::Text { text, .. } => OwnedChange::Text { path, text: text.into() },
            Self::Complete { value, .. } => {
                OwnedChange::Complete { path, value: value.to_value().unwrap_or_default() }
            }
        }
    }
}
