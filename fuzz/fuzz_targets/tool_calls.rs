//! Each fragment of a tool call ends up in the call that a second reading of the rules says.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| deltawire_fuzz::tool_calls::check(bytes));
