//! The ends of the spans of a text, in characters.

use std::time::Duration;

use deltawire::{Place, TextKind};
use deltawire_gate::Gate;

use super::rules::{Cut, Policy};

/// Returns the lengths of the complete spans of the held text.
pub(super) fn whole_spans(policy: &Policy, held: &str) -> Vec<usize> {
    if matches!(policy.cut, Cut::Sentences | Cut::Paragraphs) {
        return all_spans(alone(policy, held));
    }
    let (characters, mut from): (Vec<char>, usize) = (held.chars().collect(), 0);
    let first = || {
        let length = first_span(policy, &characters[from..])?;
        from += length;
        Some(length)
    };
    std::iter::from_fn(first).collect()
}

/// Returns the length of the first complete span.
///
/// For cuts that are not sentences or paragraphs.
fn first_span(policy: &Policy, characters: &[char]) -> Option<usize> {
    let count = if let Cut::Characters(count) = policy.cut { count.max(1) } else { usize::MAX };
    if characters.len() >= count && count <= policy.max_held {
        return Some(count);
    }
    if characters.len() < policy.max_held {
        return None;
    }
    // Too long: cut after the last white space of the second half, by bytes.
    let forced = &characters[..policy.max_held];
    let bytes = |characters: &[char]| {
        characters.iter().map(|character| character.len_utf8()).sum::<usize>()
    };
    let in_second_half = |&at: &usize| bytes(&forced[..at]) >= bytes(forced) / 2;
    let space =
        (0..forced.len()).rev().filter(in_second_half).find(|&at| forced[at].is_whitespace());
    Some(space.map_or(forced.len(), |at| at + 1))
}

/// Returns the lengths of the spans of the held text when nothing follows.
pub(super) fn last_spans(policy: &Policy, held: &str) -> Vec<usize> {
    if held.is_empty() {
        return Vec::new();
    }
    if policy.cut != Cut::Sentences {
        return vec![held.chars().count()];
    }
    let mut gate = alone(policy, held);
    gate.end(Duration::ZERO);
    all_spans(gate)
}

fn all_spans(mut gate: Gate) -> Vec<usize> {
    std::iter::from_fn(|| gate.next_span().map(|span| span.characters.len())).collect()
}

/// Returns a gate with nothing in it but this text.
fn alone(policy: &Policy, held: &str) -> Gate {
    let mut gate = Gate::new(Policy { max_age: None, ..*policy }.of_gate());
    gate.push_text(Place::choice(0), TextKind::Content, held, Duration::ZERO)
        .expect("there is room");
    gate
}
