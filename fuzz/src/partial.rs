//! The checks of the fuzz targets `partial_json` and `partial_cuts`.

use arbitrary::Arbitrary;
use deltawire_partial::{Incomplete, Limits, Options, Parser};
use jiter::{JsonErrorType, JsonValue, PartialMode};
use serde_json::{Map, Number, Value};

// The module of the crate's tests.
#[path = "../../crates/partial/tests/shared/oracle.rs"]
mod oracle;

/// A text, the lengths of its pieces, and options.
#[derive(Debug, Arbitrary)]
pub struct Input<'a> {
    /// The options and limits, in bits.
    ///
    /// Bits 0 to 3 are fence, leading text, trailing text and trailing comma. Bit 4 stands for
    /// think blocks, control characters and unknown escapes. Bits 5 to 7 choose a limit.
    options: u8,
    /// The lengths of the pieces in characters, which repeat. A piece may be empty.
    lengths: [u8; 3],
    /// The text.
    text: &'a str,
}

/// The most prefixes of a text that are checked.
const PREFIXES: usize = 48;

impl Input<'_> {
    /// Checks the text in pieces, and its prefixes, against `serde_json` and jiter.
    ///
    /// # Panics
    /// Panics if that is not so.
    pub fn check_json(&self) {
        let whole = oracle::seen(Options::new(), [self.text]);
        oracle::check_whole(self.text, &whole);
        assert_eq!(
            oracle::seen(Options::new(), self.pieces()),
            whole,
            "in pieces of {:?}",
            self.lengths
        );
        let pieces = self.pieces().count();
        for incomplete in [Incomplete::Hide, Incomplete::Text, Incomplete::BestEffort] {
            let mut parser = Parser::with_options(Options::new().with_incomplete(incomplete));
            let mut came = 0;
            for (number, piece) in self.pieces().enumerate() {
                if parser.feed(piece).is_err() {
                    break;
                }
                came += piece.len();
                if number % (pieces / PREFIXES + 1) == 0 {
                    oracle::check_prefix(&parser, &self.text[..came], incomplete);
                    if incomplete == Incomplete::Text {
                        check_jiter(&parser, &self.text[..came]);
                    }
                }
            }
        }
    }

    /// Checks that every cut is reported alike, for any options and limits.
    ///
    /// # Panics
    /// Panics if that is not so.
    pub fn check_cuts(&self) {
        let bit = |bit: u8| self.options >> bit & 1 == 1;
        let mut limits = Limits::default();
        match self.options >> 5 {
            1 => limits.max_bytes = 40,
            2 => limits.max_nodes = 5,
            3 => limits.max_depth = 3,
            _ => {}
        }
        let options = Options::new()
            .with_limits(limits)
            .with_fence(bit(0))
            .with_leading_text(bit(1))
            .with_trailing_text(bit(2))
            .with_trailing_comma(bit(3))
            .with_think_block(bit(4))
            .with_control_characters(bit(4))
            .with_unknown_escapes(bit(4));
        let whole = oracle::seen(options, [self.text]);
        assert_eq!(oracle::seen(options, self.pieces()), whole, "in pieces of {:?}", self.lengths);
        assert_eq!(
            oracle::seen(options, oracle::characters(self.text)),
            whole,
            "character by character"
        );
    }

    fn pieces(&self) -> impl Iterator<Item = &str> {
        let all = usize::from(self.lengths == [0; 3]);
        let mut lengths = self.lengths.iter().map(move |&length| usize::from(length) + all).cycle();
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let length = lengths.next().filter(|_| !rest.is_empty())?;
            let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
            let (piece, after) = rest.split_at(end);
            rest = after;
            Some(piece)
        })
    }
}

/// Checks that jiter in partial mode sees the same value.
///
/// If the text ends after a number, jiter takes the number as complete.
fn check_jiter(parser: &Parser, prefix: &str) {
    let theirs = match JsonValue::parse_with_config(
        prefix.as_bytes(),
        false,
        PartialMode::TrailingStrings,
    ) {
        Ok(theirs) => theirs,
        // jiter has another range of numbers. A scalar without a visible part is an error to it.
        Err(error) if error.error_type == JsonErrorType::NumberOutOfRange => return,
        Err(_) => return assert_eq!(parser.value(), None, "{prefix}"),
    };
    let Some(theirs) = value(&theirs) else { return };
    let root = parser.root().expect("jiter found a value");
    let incomplete = if prefix.ends_with(|c: char| c.is_ascii_digit()) {
        Incomplete::BestEffort
    } else {
        Incomplete::Text
    };
    let mine = root.with_incomplete(incomplete).to_value();
    assert!(
        mine.as_ref().is_some_and(|mine| alike(mine, &theirs)),
        "{prefix:?} is {mine:?}, and to jiter {theirs:?}"
    );
}

/// Converts a value to `serde_json`'s, or returns `None` if a number does not fit.
fn value(theirs: &JsonValue<'_>) -> Option<Value> {
    Some(match theirs {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(bool) => Value::Bool(*bool),
        JsonValue::Int(int) => Value::Number((*int).into()),
        JsonValue::Float(float) => Value::Number(Number::from_f64(*float)?),
        JsonValue::Str(text) => Value::String(text.to_string()),
        JsonValue::Array(elements) => elements.iter().map(value).collect::<Option<_>>()?,
        JsonValue::Object(members) => {
            let members =
                members.iter().map(|(name, member)| Some((name.to_string(), value(member)?)));
            Value::Object(members.collect::<Option<Map<_, _>>>()?)
        }
    })
}

/// Compares two values, with some tolerance for the rounding of numbers.
fn alike(mine: &Value, theirs: &Value) -> bool {
    match (mine, theirs) {
        (Value::Number(mine), Value::Number(theirs)) => {
            let (Some(mine), Some(theirs)) = (mine.as_f64(), theirs.as_f64()) else { return false };
            (mine - theirs).abs() <= mine.abs().max(theirs.abs()) * 1e-12
        }
        (Value::Array(mine), Value::Array(theirs)) => {
            mine.len() == theirs.len()
                && mine.iter().zip(theirs).all(|(mine, theirs)| alike(mine, theirs))
        }
        (Value::Object(mine), Value::Object(theirs)) => {
            mine.len() == theirs.len()
                && mine
                    .iter()
                    .all(|(name, mine)| theirs.get(name).is_some_and(|theirs| alike(mine, theirs)))
        }
        (mine, theirs) => mine == theirs,
    }
}
