//! The target `json_lexer`: the lexer against `serde_json`.

use deltawire::{Error, chat, completions};
use serde::de::IgnoredAny;

/// The lexer and `serde_json` agree on what is JSON.
///
/// # Panics
/// If they do not.
pub fn check_lexer(text: &str) {
    let json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let object = json && text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
    for parsed in [chat::Chunk::parse(text).map(drop), completions::Chunk::parse(text).map(drop)] {
        match parsed {
            Ok(()) => assert!(object, "taken, and no object"),
            Err(Error::InvalidJson { .. }) => assert!(!json, "JSON, and refused"),
            Err(Error::InvalidChunk { .. }) => assert!(json && !object, "an object, and refused"),
            Err(error) => assert!(object && matches!(error, Error::Limit { .. }), "{error}"),
        }
    }
}
