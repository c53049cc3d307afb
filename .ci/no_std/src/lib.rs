//! Proves that the core and the crates on it do not link the standard library.
//!
//! A crate may have one panic handler, and `std` brings its own, so this one compiles only where
//! nothing it depends on uses `std`. It needs no other target than the host's.

#![no_std]
#![forbid(unsafe_code)]

pub use deltawire::chat::Session;
pub use deltawire_gate::Gate;
pub use deltawire_partial::Parser;
pub use deltawire_timing::Recorder;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
