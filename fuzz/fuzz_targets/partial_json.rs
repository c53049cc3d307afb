//! A JSON text that comes in pieces is to the partial parser what the whole is to `serde_json`; each prefix is what closing it gives, and what jiter makes of it.

#![no_main]

use deltawire_fuzz::partial::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: Input<'_>| input.check_json());
