//! A gate agrees with the naive one, whatever the order of the calls.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::verdicts::check(bytes));
