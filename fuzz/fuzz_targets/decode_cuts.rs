//! The same bytes, whole and cut at the fuzzer's places, give the same events, errors and end.

#![no_main]

use deltawire_fuzz::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_cuts());
