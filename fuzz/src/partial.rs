//! What the targets `partial_json` and `partial_cuts` hold the partial parser against.

use arbitrary::Arbitrary;
use deltawire_partial::{Limits, Options, Parser, Incomplete};
use jiter::{JsonErrorType, JsonValue, PartialMode};
use serde_json::{Map, Number, Value};

// The tests' own.
#[path = "../../crates/partial/tests/shared/oracle.rs"]
mod oracle;

/// A text, the pieces it comes in, and options.
#[derive(Debug, Arbitrary)]
pub struct Input<'a> {
    /// A bit each for fence, leading text, trailing text, trailing comma; the upper three pick limits.
    options: u8,
    /// The lengths of the pieces, in characters, over and over. A piece may be empty.
    lengths: [u8; 3],
    /// The text.
    text: &'a str,
}

/// The most prefixes of a text that are looked at.
const PREFIXES: usize = 48;

impl Input<'_> {
    /// The text in its pieces is to the parser what the whole of it is to `serde_json`; and each prefix is what it is when it is closed, and what jiter makes of it.
    ///
    /// # Panics
    /// If it is not.
    pub fn check_json(&self) {
        let whole = oracle::seen(Options::new(), [self.text]);
        oracle::check_whole(self.text, &whole);
        assert_eq!(oracle::seen(Options::new(), self.pieces()), whole, "in pieces of {:?}", self.lengths);
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

    /// Whatever is accepted besides JSON, and whatever the limits: the same is seen in one piece, in these, and character by character.
    ///
    /// # Panics
    /// If it is not.
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
            .with_trailing_comma(bit(3));
        let whole = oracle::seen(options, [self.text]);
        assert_eq!(oracle::seen(options, self.pieces()), whole, "in pieces of {:?}", self.lengths);
        assert_eq!(oracle::seen(options, oracle::characters(self.text)), whole, "character by character");
    }

    fn pieces(&self) -> impl Iterator<Item = &str> {
        let all = usize::from(self.lengths == [0; 3]);
        let mut lengths = self.lengths.iter().map(move |&length| usize::from(length) + all).cycle();
        let mut rest = self.text;
        std::iter::from_fn(move || {
            let length = lengths.next().filter(|_| !rest.is_empty())?;
            let end = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
            let (piece, behind) = rest.split_at(end);
            rest = behind;
            Some(piece)
        })
    }
}

/// jiter in partial mode sees what the parser shows, but that it shows a number that the text ends behind.
fn check_jiter(parser: &Parser, prefix: &str) {
    let theirs = match JsonValue::parse_with_config(prefix.as_bytes(), false, PartialMode::TrailingStrings) {
        Ok(theirs) => theirs,
        // Its range is another, and a scalar of which nothing shows is an error to it.
        Err(error) if error.error_type == JsonErrorType::NumberOutOfRange => return,
        Err(_) => return assert_eq!(parser.value(), None, "{prefix}"),
    };
    let Some(theirs) = value(&theirs) else { return };
    let root = parser.root().expect("jiter found a value");
    let incomplete =
        if prefix.ends_with(|c: char| c.is_ascii_digit()) { Incomplete::BestEffort } else { Incomplete::Text };
    let mine = root.with_incomplete(incomplete).to_value();
    assert!(mine.as_ref().is_some_and(|mine| alike(mine, &theirs)), "{prefix:?} is {mine:?}, and to jiter {theirs:?}");
}

/// As `serde_json` has it; `None` with a number that is no number to it.
fn value(theirs: &JsonValue<'_>) -> Option<Value> {
    Some(match theirs {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(bool) => Value::Bool(*bool),
        JsonValue::Int(int) => Value::Number((*int).into()),
        JsonValue::Float(float) => Value::Number(Number::from_f64(*float)?),
        JsonValue::Str(text) => Value::String(text.to_string()),
        JsonValue::Array(elements) => elements.iter().map(value).collect::<Option<_>>()?,
        JsonValue::Object(members) => {
            let members = members.iter().map(|(name, member)| Some((name.to_string(), value(member)?)));
            Value::Object(members.collect::<Option<Map<_, _>>>()?)
        }
    })
}

/// The same, but for how numbers are held and rounded.
fn alike(mine: &Value, theirs: &Value) -> bool {
    match (mine, theirs) {
        (Value::Number(mine), Value::Number(theirs)) => {
            let (Some(mine), Some(theirs)) = (mine.as_f64(), theirs.as_f64()) else { return false };
            (mine - theirs).abs() <= mine.abs().max(theirs.abs()) * 1e-12
        }
        (Value::Array(mine), Value::Array(theirs)) => {
            mine.len() == theirs.len() && mine.iter().zip(theirs).all(|(mine, theirs)| alike(mine, theirs))
        }
        (Value::Object(mine), Value::Object(theirs)) => {
            mine.len() == theirs.len()
                && mine.iter().all(|(name, mine)| theirs.get(name).is_some_and(|theirs| alike(mine, theirs)))
        }
        (mine, theirs) => mine == theirs,
    }
}
