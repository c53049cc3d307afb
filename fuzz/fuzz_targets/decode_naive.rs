//! Any bytes give what a naive decoder gives, which takes the standard at its word and the stream
//! as one text.

#![no_main]

use deltawire_fuzz::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_naive());
