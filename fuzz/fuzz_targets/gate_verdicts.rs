//! Whatever comes, is judged and is taken, in whatever order, a gate does what the naive one does.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::verdicts::check(bytes));
