//! Where paragraphs end.

/// Finds the end of the first paragraph of the text that is held, which comes character by character. Each is looked at once.
#[derive(Debug, Clone)]
pub(crate) struct Paragraphs {
    /// The paragraph has more than white space.
    has_text: bool,
    /// The line has nothing but white space so far.
    is_blank: bool,
}

impl Default for Paragraphs {
    fn default() -> Self {
        Self { has_text: false, is_blank: true }
    }
}

impl Paragraphs {
    /// One character more. Whether the paragraph ends behind it.
    pub(crate) fn push(&mut self, character: char) -> bool {
        match character {
            '\u{2029}' => return self.has_text,
            // CR is white space: with LF behind it, it ends its line.
            '\n' | '\u{85}' | '\u{2028}' if self.is_blank => return self.has_text,
            '\n' | '\u{85}' | '\u{2028}' => self.is_blank = true,
            _ if character.is_whitespace() => {}
            _ => (self.has_text, self.is_blank) = (true, false),
        }
        false
    }
}
