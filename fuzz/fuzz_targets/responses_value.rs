//! A streamed response is what a naive fold over parsed values makes of it.

#![no_main]

use deltawire_fuzz::values::response;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| response(bytes));
