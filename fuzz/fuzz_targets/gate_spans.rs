//! A text gives the same spans whole and in the fuzzer's pieces, and they cover it.

#![no_main]

use deltawire_fuzz::gate::Text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: Text<'_>| text.check_cuts());
