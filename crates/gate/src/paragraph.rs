//! Finds the ends of paragraphs in text that is still arriving.

/// A search for the end of the first paragraph of the held text.
///
/// It looks at each character once.
#[derive(Debug, Clone)]
pub(crate) struct Paragraphs {
    /// The paragraph has more than white space.
    has_text: bool,
    /// The current line has nothing but white space so far.
    is_blank: bool,
}

impl Default for Paragraphs {
    fn default() -> Self {
        Self { has_text: false, is_blank: true }
    }
}

impl Paragraphs {
    /// Appends a character.
    ///
    /// Returns true if the paragraph ends after it.
    pub(crate) fn push(&mut self, character: char) -> bool {
        match character {
            '\u{2029}' => return self.has_text,
            // CR is white space: the LF that follows it ends the line.
            '\n' | '\u{85}' | '\u{2028}' if self.is_blank => return self.has_text,
            '\n' | '\u{85}' | '\u{2028}' => self.is_blank = true,
            _ if character.is_whitespace() => {}
            _ => (self.has_text, self.is_blank) = (true, false),
        }
        false
    }
}
