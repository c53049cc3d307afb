//! A session that is told its API by the events gives what the session of that API gives.

#![no_main]

use deltawire_fuzz::dialects::Body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: Body<'_>| body.check_detection());
