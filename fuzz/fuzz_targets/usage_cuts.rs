//! Tokens that are counted as a text comes are those of the whole, at every cut.

#![no_main]

use deltawire_fuzz::usage::Text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: Text<'_>| text.check_cuts());
