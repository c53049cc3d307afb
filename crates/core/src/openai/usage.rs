//! Token counts as the endpoints send them.

use core::fmt;

use serde::{Serialize, Serializer};

use crate::engine::TokenCounts;
use crate::json::{Invalid, RawValue, deserialize_by};
use crate::save::{Fault, Reader, Saved, Writer};

/// The token counts of a completion, as the server sent them.
///
/// The server's object is kept whole, with its unknown members. Nothing is summed or recomputed:
/// xAI's total is not prompt plus completion, and Perplexity sends running totals. Reading a count
/// searches the object's text, which is some hundred bytes long.
#[derive(Clone, PartialEq, Eq)]
pub struct Usage(RawValue<'static>);

impl Usage {
    pub(crate) fn new(json: RawValue<'_>) -> Self {
        Self(json.into_owned())
    }

    /// Returns the number of bytes held.
    pub(crate) fn weight(&self) -> usize {
        self.0.as_json().len()
    }

    /// Replaces the counts by what was sent, and reports whether that differs.
    ///
    /// Some servers send running totals in every chunk.
    pub(crate) fn set(&mut self, sent: &RawValue<'_>) -> bool {
        self.0.assign(sent)
    }

    /// Returns the tokens of the prompt.
    #[must_use]
    pub fn prompt_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens")?.as_count()
    }

    /// Returns the tokens of the answer.
    #[must_use]
    pub fn completion_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens")?.as_count()
    }

    /// Returns the total as the server counts it.
    #[must_use]
    pub fn total_tokens(&self) -> Option<u64> {
        self.0.member("total_tokens")?.as_count()
    }

    /// Returns the tokens of the prompt that were cached.
    ///
    /// It is the member `prompt_tokens_details.cached_tokens`.
    #[must_use]
    pub fn cached_tokens(&self) -> Option<u64> {
        self.0.member("prompt_tokens_details")?.member("cached_tokens")?.as_count()
    }

    /// Returns the tokens of the answer that are reasoning.
    ///
    /// It is the member `completion_tokens_details.reasoning_tokens`.
    #[must_use]
    pub fn reasoning_tokens(&self) -> Option<u64> {
        self.0.member("completion_tokens_details")?.member("reasoning_tokens")?.as_count()
    }

    /// Returns the counts in the vocabulary of all dialects.
    #[must_use]
    pub fn counts(&self) -> TokenCounts {
        // In one pass.
        let [input, output, total, of_input, of_output] = self.0.members([
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "completion_tokens_details",
        ]);
        let count = |count: Option<RawValue<'_>>| count?.as_count();
        let detail = |list: Option<RawValue<'_>>, name: &str| list?.member(name)?.as_count();
        TokenCounts {
            input: count(input),
            output: count(output),
            total: count(total),
            cached: detail(of_input, "cached_tokens"),
            reasoning: detail(of_output, "reasoning_tokens"),
        }
    }

    /// Returns the whole object, as sent.
    #[must_use]
    pub fn as_raw(&self) -> &RawValue<'static> {
        &self.0
    }
}

deserialize_by!(Usage, "usage", |json| {
    Ok::<_, Invalid>(Usage::new(RawValue::within(json, true)))
});

/// Reports whether one of the token counts is not zero.
///
/// Servers send `{}` or zeros in chunks without counts.
pub(crate) fn says_something(usage: &RawValue<'_>) -> bool {
    // Nearly all begin with a count. The quote before the colon ends a name, if no escape made it.
    let is_count =
        |at: &[u8]| at[0] != b'\\' && &at[1..3] == b"\":" && matches!(at[3], b'1'..=b'9');
    usage.as_json().as_bytes().windows(4).take(64).any(is_count) || has_number(usage)
}

#[inline(never)]
fn has_number(usage: &RawValue<'_>) -> bool {
    let (mut inside, mut escaped, mut exponent) = (false, false, false);
    usage.as_json().bytes().any(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => inside = !inside,
            b'e' | b'E' => exponent = true,
            b',' | b':' => exponent = false,
            b'1'..=b'9' => return !inside && !exponent,
            _ => {}
        }
        false
    })
}

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Saved for Usage {
    fn save(&self, to: &mut Writer) {
        self.0.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Saved::load(from).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_say_something_if_one_is_not_zero() {
        for (json, expected) in [
            ("{}", false),
            (r#"{"total_tokens":0,"details":{"a":0.0,"b":0e5,"c":null,"d":false}}"#, false),
            (r#"{"tokens_1":0,"tier":"9\"9","x":"\\"}"#, false),
            (r#"{"a":0e5,"b":10}"#, true),
            (r#"{"x":"\\","a":[0,{"b":0.5}]}"#, true),
            (r#"{"a":-1}"#, true),
        ] {
            let usage = RawValue::parse(json).expect("JSON");
            assert_eq!(says_something(&usage), expected, "{json}");
        }
    }
}
