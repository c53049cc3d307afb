//! The fold agrees with a naive one over parsed values, and with what made-up streams are known to
//! hold.

#![no_main]

use deltawire_fuzz::fold::check_value;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| check_value(bytes));
