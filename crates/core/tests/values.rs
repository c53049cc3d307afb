//! Streams that are made up at random, against naive folds over values.
//!
//! `DELTAWIRE_VALUES` says how many of each API, in place of a thousand.

#[path = "gemini"]
mod gemini {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "messages"]
mod messages {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "responses"]
mod responses {
    pub(crate) mod naive;
    pub(crate) mod plan;
}
#[path = "values/check.rs"]
mod check;

/// Calls a check with bytes at random, of which nearly all say what a stream is made up of.
fn at_random(check: fn(&[u8])) {
    let count = std::env::var("DELTAWIRE_VALUES").ok().and_then(|count| count.parse().ok());
    for seed in 0..count.unwrap_or(1000_u64) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        let mut bytes = vec![1];
        for _ in 0..next() % 24 {
            let len = next() % 8;
            bytes.extend([next(), next(), next(), len]);
            let text = (0..len).map(|_| b"ab{}\" :1\xC3\xA9"[usize::from(next() % 10)]);
            bytes.extend(text.collect::<Vec<u8>>());
        }
        check(&bytes);
    }
}

#[test]
fn a_response_is_what_a_naive_fold_makes_of_it() {
    at_random(check::response);
}

#[test]
fn a_message_is_what_a_naive_fold_makes_of_it() {
    at_random(check::message);
}

#[test]
fn candidates_are_what_a_naive_fold_makes_of_them() {
    at_random(check::candidates);
}
