//! What bounds a parser, and what it accepts besides JSON.

/// The most arrays and objects within each other that `serde_json` reads. Its recursion limit is
/// 128, and the 128th level reaches it.
pub(crate) const SERDE_JSON_DEPTH: usize = 127;

/// How much one parser may hold. Each is passed with [`ErrorKind::Limit`](crate::ErrorKind::Limit), and what came before stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most arrays and objects within each other. 127, which is what `serde_json` reads (its recursion limit of 128 is met by the 128th). The parser itself
    /// may go as deep as it is let; but a [`serde_json::Value`] is dropped by recursion, and [`deserialize`](crate::Node::deserialize) stops at 127.
    pub max_depth: usize,
    /// The most values: those in arrays and objects, and the arrays and objects themselves. A million; each costs 28 bytes and its text.
    pub max_nodes: usize,
    /// The most bytes that are pushed, what is skipped included. 64 MiB, as much as is folded of a stream; never more than 4 GiB.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: SERDE_JSON_DEPTH, max_nodes: 1 << 20, max_bytes: 64 << 20 }
    }
}

/// How much of a value that is not whole shows in the views. Arrays and objects always show with what they have so far.
///
/// | came so far | [`Hide`](Self::Hide) | [`Text`](Self::Text) | [`BestEffort`](Self::BestEffort) |
/// |---|---|---|---|
/// | `["a","b` | `["a"]` | `["a","b"]` | `["a","b"]` |
/// | `[true,fa` | `[true]` | `[true]` | `[true,false]` |
/// | `[1,2.` | `[1]` | `[1]` | `[1,2]` |
/// | `{"a":1,"b":` | `{"a":1}` | `{"a":1}` | `{"a":1}` |
///
/// The first two are jiter's `PartialMode::On` and `TrailingStrings`, but that jiter cannot tell a number that the text ends behind from a whole one, and shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[repr(u32)]
pub enum Incomplete {
    /// Left out until they are whole: strings, numbers, literals. Right where half a string means something else than the whole one, as a variant's name.
    Hide,
    /// Strings as far as they came; numbers and literals are left out until they are whole.
    #[default]
    Text,
    /// Strings as far as they came, numbers as far as they are numbers, literals as what they can only become.
    BestEffort,
}

/// What a parser accepts, and how it shows what is not whole. By default it is strict, and shows strings as far as they came.
///
/// ```
/// use deltawire_partial::{Options, Parser};
///
/// let mut parser = Parser::with_options(Options::lenient());
/// parser.feed("Here you are:\n```json\n{\"items\": [1, 2,]}\n```\n")?;
/// parser.finish()?;
/// assert_eq!(parser.value().unwrap(), serde_json::json!({"items": [1, 2]}));
/// # Ok::<(), deltawire_partial::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Options {
    /// What bounds it.
    pub limits: Limits,
    /// How a value shows that is not whole.
    pub incomplete: Incomplete,
    /// Accept a Markdown fence around a value: three backticks or more, with or without a word behind them.
    pub fence: bool,
    /// Skip everything before the first `{` or `[`; a value that is neither is not found then.
    pub leading_text: bool,
    /// Skip everything behind the value.
    pub trailing_text: bool,
    /// Accept a comma before the `]` or `}` that ends an array or an object.
    pub trailing_comma: bool,
}

impl Options {
    /// The default options: JSON and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything accepted that models put around one value, or leave in it: fence, text before and behind, trailing commas.
    #[must_use]
    pub fn lenient() -> Self {
        Self { fence: true, leading_text: true, trailing_text: true, trailing_comma: true, ..Self::default() }
    }

    /// With these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Showing what is not whole like this.
    #[must_use]
    pub fn with_incomplete(mut self, incomplete: Incomplete) -> Self {
        self.incomplete = incomplete;
        self
    }

    /// Accepting a Markdown fence or not.
    #[must_use]
    pub fn with_fence(mut self, accept: bool) -> Self {
        self.fence = accept;
        self
    }

    /// Skipping text before the value or not.
    #[must_use]
    pub fn with_leading_text(mut self, skip: bool) -> Self {
        self.leading_text = skip;
        self
    }

    /// Skipping text behind the value or not.
    #[must_use]
    pub fn with_trailing_text(mut self, skip: bool) -> Self {
        self.trailing_text = skip;
        self
    }

    /// Accepting trailing commas or not.
    #[must_use]
    pub fn with_trailing_comma(mut self, accept: bool) -> Self {
        self.trailing_comma = accept;
        self
    }
}
