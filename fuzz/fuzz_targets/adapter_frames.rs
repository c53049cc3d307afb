//! The async adapter gives the same in any frames, and never waits without a waker.

#![no_main]

use deltawire_fuzz::frames::Frames;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frames: Frames<'_>| frames.check());
