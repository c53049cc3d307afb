//! Chunks that are folded by the learned envelope come to what they come to when each is parsed.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| deltawire_fuzz::learned::check(body));
