//! A text for the gate, and the pieces in which it arrives.
//!
//! A corpus file is the bytes of one [`Text`] in the order of its fields: one byte each for the
//! policy, the longest span and the context, four lengths of pieces, and then the text.

use std::time::Duration;

use arbitrary::Arbitrary;
use deltawire::{Place, TextKind};
use deltawire_gate::{Gate, Handling, Options, Policy, Verdict};

/// A text, the policy that cuts it into spans, and the pieces in which it arrives.
#[derive(Debug, Arbitrary)]
pub struct Text<'a> {
    policy: u8,
    max_held: u8,
    context: u8,
    /// The lengths of the pieces in characters, over and over.
    lengths: [u8; 4],
    text: &'a str,
}

impl Text<'_> {
    /// Checks that the spans are the same for any cut of the text.
    ///
    /// The text arrives whole, in the pieces of this input, and character by character. The spans
    /// cover it, each is short enough, and released they are the text again.
    ///
    /// # Panics
    /// If one of these does not hold.
    pub fn check_cuts(&self) {
        let whole = self.spans([self.text]);
        assert_eq!(whole.concat(), self.text);
        let max_held = usize::from(self.max_held.max(1));
        assert!(whole.iter().all(|span| !span.is_empty() && span.chars().count() <= max_held));
        assert_eq!(self.spans(self.pieces()), whole, "in pieces of {:?}", self.lengths);
        assert_eq!(self.spans(self.text.split("")), whole, "character by character");
    }

    fn pieces(&self) -> Vec<&str> {
        let mut lengths = self.lengths.iter().cycle();
        let (mut pieces, mut rest) = (Vec::new(), self.text);
        while !rest.is_empty() {
            let length = usize::from(*lengths.next().unwrap_or(&1)).max(1);
            let at = rest.char_indices().nth(length).map_or(rest.len(), |(at, _)| at);
            let (piece, after) = rest.split_at(at);
            pieces.push(piece);
            rest = after;
        }
        pieces
    }

    fn spans<'t>(&self, pieces: impl IntoIterator<Item = &'t str>) -> Vec<String> {
        let policy = match self.policy % 5 {
            0 => Policy::paragraphs(),
            1 => Policy::characters(usize::from(self.lengths[0])),
            2 => Policy::whole(),
            _ => Policy::sentences(),
        };
        let policy = policy.with_max_held(self.max_held.into()).with_context(self.context.into());
        let mut gate =
            Gate::new(Options::new(policy).with_handling(TextKind::Refusal, Handling::Withhold));
        let (mut spans, mut shown) = (Vec::new(), String::new());
        for piece in pieces {
            gate.push_text(Place::choice(0), TextKind::Content, piece, Duration::ZERO)
                .expect("there is room");
            judge(&mut gate, &mut spans, &mut shown);
        }
        gate.end(Duration::ZERO);
        judge(&mut gate, &mut spans, &mut shown);
        assert_eq!((&shown, gate.unreleased()), (&spans.concat(), 0));
        assert!(gate.finish().is_untouched());
        spans
    }
}

/// Releases every span that is handed out.
fn judge(gate: &mut Gate, spans: &mut Vec<String>, shown: &mut String) {
    while let Some(span) = gate.next_span() {
        spans.push(span.text.to_owned());
        let id = span.id;
        gate.judge(id, Verdict::Release, Duration::ZERO)
            .expect("a span that was handed out takes a verdict");
    }
    while let Some(piece) = gate.next_released() {
        shown.push_str(piece.text);
    }
}
