//! The partial parser reads a text in pieces as `serde_json` reads the whole.
//!
//! It reads each prefix as `serde_json` reads the closed prefix, and as jiter reads it.

#![no_main]

use deltawire_fuzz::partial::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_json());
