//! The same body, whole and cut at the fuzzer's places, folds to the same updates and the same
//! outcome.

#![no_main]

use deltawire_fuzz::fold::Stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: Stream<'_>| stream.check_cuts());
