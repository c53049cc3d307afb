//! The partial parser reports the same for every cut of a text.
//!
//! This holds for any options and limits.

#![no_main]

use deltawire_fuzz::partial::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_cuts());
