//! What is found in a text, with whatever is accepted around JSON, does not depend on the pieces it comes in.

#![no_main]

use deltawire_fuzz::partial::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_cuts());
