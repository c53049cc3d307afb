//! What the encoder writes is what the decoder reads, what it refuses cannot be written, and what
//! was decoded can be encoded.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::encode::check(bytes));
