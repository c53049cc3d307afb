//! The styles of text on a terminal.

use std::fmt;

use anstyle::{AnsiColor, Style as AnsiStyle};

/// A style of text on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The first of two things.
    A,
    /// The second of two things.
    B,
    /// The name of a part.
    Part,
    /// A good end.
    Good,
}

impl Style {
    fn ansi(self) -> AnsiStyle {
        let colour = |colour: AnsiColor| AnsiStyle::new().fg_color(Some(colour.into()));
        match self {
            Style::A => colour(AnsiColor::Blue),
            Style::B => colour(AnsiColor::Magenta),
            Style::Part => AnsiStyle::new().bold(),
            Style::Good => colour(AnsiColor::Green),
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ansi().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Style;

    #[test]
    fn a_style_displays_as_its_begin_and_its_end() {
        for style in [Style::A, Style::B, Style::Part, Style::Good] {
            let (begin, end) = (format!("{style}"), format!("{style:#}"));
            assert!(begin.starts_with("\u{1b}[") && begin != end, "{begin:?}");
            assert_eq!(end, "\u{1b}[0m");
        }
    }
}
