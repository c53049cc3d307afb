//! Where the spans of a text end, in characters.

use std::time::Duration;

use deltawire::gate::{Gate, Kind, Policy, Unit};

/// The lengths of the spans of what is held that are whole.
pub(super) fn whole_spans(policy: &Policy, held: &str) -> Vec<usize> {
    if matches!(policy.unit, Unit::Sentence | Unit::Paragraph) {
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

/// Where neither a sentence nor a paragraph has to end.
fn first_span(policy: &Policy, characters: &[char]) -> Option<usize> {
    let count = if let Unit::Characters(count) = policy.unit { count.max(1) } else { usize::MAX };
    if characters.len() >= count && count <= policy.max_held {
        return Some(count);
    }
    if characters.len() < policy.max_held {
        return None;
    }
    // Too long: behind the last white space of the second half, by bytes.
    let forced = &characters[..policy.max_held];
    let bytes = |characters: &[char]| characters.iter().map(|character| character.len_utf8()).sum::<usize>();
    let in_second_half = |&at: &usize| bytes(&forced[..at]) >= bytes(forced) / 2;
    let space = (0..forced.len()).rev().filter(in_second_half).find(|&at| forced[at].is_whitespace());
    Some(space.map_or(forced.len(), |at| at + 1))
}

/// The spans of what is held when nothing more comes.
pub(super) fn last_spans(policy: &Policy, held: &str) -> Vec<usize> {
    if held.is_empty() {
        return Vec::new();
    }
    if policy.unit != Unit::Sentence {
        return vec![held.chars().count()];
    }
    let mut gate = alone(policy, held);
    gate.end(Duration::ZERO);
    all_spans(gate)
}

fn all_spans(mut gate: Gate) -> Vec<usize> {
    std::iter::from_fn(|| gate.next_span().map(|span| span.characters.len())).collect()
}

/// A gate with nothing in it but this.
fn alone(policy: &Policy, held: &str) -> Gate {
    let mut policy = *policy;
    policy.max_age = None;
    let mut gate = Gate::new(policy);
    gate.push_text(0, Kind::Content, held, Duration::ZERO).expect("there is room");
    gate
}
