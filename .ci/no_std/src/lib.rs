//! Proves that the core does not link the standard library: a crate may have one panic handler, and `std` brings its own, so this one compiles only
//! where nothing it depends on uses `std`. Needs no other target than the host's.

#![no_std]
#![forbid(unsafe_code)]

pub use deltawire::chat::Session;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
