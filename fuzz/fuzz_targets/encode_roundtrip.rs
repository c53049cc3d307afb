//! The decoder reads what the encoder writes, what it refuses cannot be written, and what
//! was decoded can be encoded.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::encode::check(bytes));
