//! Times and limits of any size, in any order.

#![no_main]

use deltawire_fuzz::times::Times;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|times: Times<'_>| times.check());
