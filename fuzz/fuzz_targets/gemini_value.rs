//! A stream of Gemini's is what a naive fold over parsed values makes of it.

#![no_main]

use deltawire_fuzz::values::candidates;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| candidates(bytes));
