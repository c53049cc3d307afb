//! The limits of a parser, and the text that it accepts besides JSON.

/// The most arrays and objects within each other that `serde_json` reads.
///
/// Its recursion limit is 128, and the 128th level reaches it.
pub(crate) const SERDE_JSON_DEPTH: usize = 127;

/// The amount that one parser may hold.
///
/// Exceeding a limit is an [`ErrorKind::Limit`](crate::ErrorKind::Limit). Everything that arrived
/// before stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most arrays and objects within each other.
    ///
    /// The default is 127.
    ///
    /// That is as many as `serde_json` reads. The parser itself works at any depth, but
    /// dropping or printing a [`serde_json::Value`] recurses. So with a higher limit, a deep
    /// [`to_value`](crate::Node::to_value) can overflow the stack when it is dropped.
    /// [`deserialize`](crate::Node::deserialize) never goes deeper than 127.
    pub max_depth: usize,
    /// The most values.
    ///
    /// The default is 1,048,576.
    ///
    /// Arrays, objects and everything inside them count. Each costs 28 bytes and its text.
    pub max_nodes: usize,
    /// The most bytes that are fed.
    ///
    /// The default is 64 MiB, and 4 GiB the most.
    ///
    /// Bytes that are skipped count. `max_folded` of the `deltawire` crate has the same default.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_depth: SERDE_JSON_DEPTH, max_nodes: 1 << 20, max_bytes: 64 << 20 }
    }
}

/// The part of an incomplete value that is visible.
///
/// Arrays and objects are always visible, with everything they have so far.
///
/// | arrived so far | [`Hide`](Self::Hide) | [`Text`](Self::Text) | [`BestEffort`](Self::BestEffort) |
/// |---|---|---|---|
/// | `["a","b` | `["a"]` | `["a","b"]` | `["a","b"]` |
/// | `[true,fa` | `[true]` | `[true]` | `[true,false]` |
/// | `[1,2.` | `[1]` | `[1]` | `[1,2]` |
/// | `{"a":1,"b":` | `{"a":1}` | `{"a":1}` | `{"a":1}` |
///
/// The first two are `PartialMode::On` and `TrailingStrings` in jiter, with one difference. If
/// the text ends after a number, jiter takes the number as complete and shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[repr(u32)]
pub enum Incomplete {
    /// Hides strings, numbers and literals until they are complete.
    ///
    /// Choose it if half a string means something else than all of it, such as an enum variant.
    Hide,
    /// Shows strings as far as they arrived, and hides numbers and literals.
    #[default]
    Text,
    /// Shows everything as far as it arrived.
    ///
    /// A number is the longest prefix that is a number. A literal is the only one it can become.
    BestEffort,
}

/// The text that a parser accepts, and its view of incomplete values.
///
/// By default a parser accepts JSON only and shows strings as far as they have arrived.
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
    /// The limits.
    pub limits: Limits,
    /// The part of an incomplete value that is visible.
    pub incomplete: Incomplete,
    /// Accepts a Markdown fence around the value.
    ///
    /// It is three backticks or more, and an optional word after the first ones.
    pub fence: bool,
    /// Skips everything before the first `{` or `[`.
    ///
    /// This includes values that are not objects or arrays.
    pub leading_text: bool,
    /// Skips everything after the value.
    pub trailing_text: bool,
    /// Accepts a comma before the `]` or `}` that ends an array or object.
    pub trailing_comma: bool,
    /// Skips each `<think>` block before the value, whatever is in it.
    ///
    /// A block ends at the first `</think>`. A block that does not end is the error
    /// [`EndInThinkBlock`](crate::ErrorKind::EndInThinkBlock). Together with
    /// [`trailing_text`](Self::trailing_text), a `</think>` after the value is the error
    /// [`DraftValue`](crate::ErrorKind::DraftValue), because the value was part of a block that
    /// began before the text did.
    pub think_block: bool,
    /// Accepts a control character in a string, such as a line feed.
    ///
    /// It stands for itself.
    pub control_characters: bool,
    /// Accepts an escape that JSON does not have, such as `\d`.
    ///
    /// It stands for its text, the backslash included. Half of a surrogate pair remains an error.
    pub unknown_escapes: bool,
}

impl Options {
    /// Returns the default options, which accept JSON only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns options that accept everything that models add to their JSON.
    ///
    /// That is a fence, text before and after the value, a `<think>` block, trailing commas, and in
    /// strings control characters and unknown escapes. [`Parser::repairs`](crate::Parser::repairs)
    /// counts what was accepted.
    #[must_use]
    pub fn lenient() -> Self {
        Self {
            fence: true,
            leading_text: true,
            trailing_text: true,
            trailing_comma: true,
            think_block: true,
            control_characters: true,
            unknown_escapes: true,
            ..Self::default()
        }
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the part of an incomplete value that is visible.
    #[must_use]
    pub fn with_incomplete(mut self, incomplete: Incomplete) -> Self {
        self.incomplete = incomplete;
        self
    }

    /// Accepts a Markdown fence, or refuses it.
    #[must_use]
    pub fn with_fence(mut self, accept: bool) -> Self {
        self.fence = accept;
        self
    }

    /// Skips text before the value, or refuses it.
    #[must_use]
    pub fn with_leading_text(mut self, skip: bool) -> Self {
        self.leading_text = skip;
        self
    }

    /// Skips text after the value, or refuses it.
    #[must_use]
    pub fn with_trailing_text(mut self, skip: bool) -> Self {
        self.trailing_text = skip;
        self
    }

    /// Accepts trailing commas, or refuses them.
    #[must_use]
    pub fn with_trailing_comma(mut self, accept: bool) -> Self {
        self.trailing_comma = accept;
        self
    }

    /// Skips `<think>` blocks, or refuses them.
    #[must_use]
    pub fn with_think_block(mut self, skip: bool) -> Self {
        self.think_block = skip;
        self
    }

    /// Accepts control characters in strings, or refuses them.
    #[must_use]
    pub fn with_control_characters(mut self, accept: bool) -> Self {
        self.control_characters = accept;
        self
    }

    /// Accepts unknown escapes, or refuses them.
    #[must_use]
    pub fn with_unknown_escapes(mut self, accept: bool) -> Self {
        self.unknown_escapes = accept;
        self
    }
}
