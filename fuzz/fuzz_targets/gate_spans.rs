//! The same text, whole and cut at the fuzzer's places, is cut into the same spans, which cover it.

#![no_main]

use deltawire_fuzz::gate::Text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: Text<'_>| text.check_cuts());
