//! The settings of a gate as plain data, with the defaults of its documentation.

use std::time::Duration;

use deltawire::TextKind;
use deltawire_gate as gate;

/// The options of a gate.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The handling of content.
    pub content: Handling,
    /// The handling of reasoning.
    pub reasoning: Handling,
    /// The handling of arguments.
    pub arguments: Handling,
    /// The limit on characters in spans.
    pub max_ahead: usize,
    /// The limit on characters in all.
    pub max_unreleased: usize,
}

/// The handling of a kind of text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Handling {
    /// It is judged.
    Judge(Policy),
    /// It is released without a verdict.
    Pass,
    /// It is never released.
    Withhold,
}

/// A policy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The rule that ends a span.
    pub cut: Cut,
    /// The limit on the age of held text.
    pub max_age: Option<Duration>,
    /// The limit on the length of held text.
    pub max_held: usize,
    /// The number of characters that a judge sees again.
    pub context: usize,
}

/// A rule that ends a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cut {
    /// After a sentence.
    Sentences,
    /// After a paragraph.
    Paragraphs,
    /// After this many characters.
    Characters(usize),
    /// After this many tokens.
    Tokens(usize),
    /// At the end of the text.
    Whole,
    /// By annotations.
    Annotated,
}

impl Rules {
    /// The default of `max_ahead`.
    pub const MAX_AHEAD: usize = 16_384;
    /// The default of `max_unreleased`.
    pub const MAX_UNRELEASED: usize = 1_048_576;

    /// Returns the gate's own options. Defaults are not set, so that the gate's own hold.
    pub fn of_gate(&self) -> gate::Options {
        let handlings = [
            (TextKind::Content, self.content),
            (TextKind::Reasoning, self.reasoning),
            (TextKind::Arguments, self.arguments),
        ];
        let mut options = gate::Options::new(gate::Policy::sentences());
        for (kind, handling) in handlings {
            options = options.with_handling(kind, handling.of_gate());
        }
        if self.max_ahead != Self::MAX_AHEAD {
            options = options.with_max_ahead(self.max_ahead);
        }
        if self.max_unreleased != Self::MAX_UNRELEASED {
            options = options.with_max_unreleased(self.max_unreleased);
        }
        options
    }
}

impl Handling {
    fn of_gate(self) -> gate::Handling {
        match self {
            Self::Judge(policy) => gate::Handling::Judge(policy.of_gate()),
            Self::Pass => gate::Handling::Pass,
            Self::Withhold => gate::Handling::Withhold,
        }
    }
}

impl Policy {
    /// Returns the policy of a cut with its defaults.
    pub fn new(cut: Cut) -> Self {
        let max_held = match cut {
            Cut::Whole => usize::MAX,
            Cut::Characters(count) => count.max(4_096),
            _ => 4_096,
        };
        Self { cut, max_age: None, max_held, context: 0 }
    }

    /// Returns the gate's own policy. Defaults are not set, so that the gate's own hold.
    pub(super) fn of_gate(&self) -> gate::Policy {
        let mut policy = match self.cut {
            Cut::Sentences => gate::Policy::sentences(),
            Cut::Paragraphs => gate::Policy::paragraphs(),
            Cut::Characters(count) => gate::Policy::characters(count),
            Cut::Tokens(count) => gate::Policy::tokens(count),
            Cut::Whole => gate::Policy::whole(),
            Cut::Annotated => gate::Policy::azure_async_filter(),
        };
        if self.max_held != Self::new(self.cut).max_held {
            policy = policy.with_max_held(self.max_held);
        }
        if self.context > 0 {
            policy = policy.with_context(self.context);
        }
        self.max_age.map_or(policy, |age| policy.with_max_age(age))
    }
}
