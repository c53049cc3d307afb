//! Event streams of what decoders get wrong give what a naive decoder gives, whole and cut.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::pieces::check(bytes));
