//! The async gate shows what was judged, once, and never waits without a waker.

#![no_main]

use deltawire_fuzz::futures::Judged;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|judged: Judged<'_>| judged.check());
