//! The same body of any API, whole and cut at the fuzzer's places, folds to the same updates and
//! the same outcome, and an event that a limit refuses changes nothing.

#![no_main]

use deltawire_fuzz::dialects::Body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: Body<'_>| body.check());
