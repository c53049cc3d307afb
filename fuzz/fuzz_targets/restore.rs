//! Whatever bytes are restored, it ends in an error or in a session that folds on.

#![no_main]

use deltawire_fuzz::restore::Moved;

libfuzzer_sys::fuzz_target!(|moved: Moved<'_>| moved.check());
