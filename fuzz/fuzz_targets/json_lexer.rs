//! A text is taken for a chunk exactly if `serde_json` takes it for JSON and it is an object.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| deltawire_fuzz::json::check_lexer(text));
