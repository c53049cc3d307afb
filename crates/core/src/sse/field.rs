//! Lines and their fields: where a line ends, what its field is, and its value as text.

use alloc::string::String;
#[cfg(not(feature = "simdutf8"))]
pub(super) use core::str::from_utf8;

use memchr::memchr2;
#[cfg(feature = "simdutf8")]
pub(super) use simdutf8::basic::from_utf8;

/// Where the first line ends. A search with vector instructions pays from some bytes on; tiny reads and blank lines come before it.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first() {
        Some(&first) if is_line_end(first) => Some(0),
        _ if bytes.len() < 8 => bytes.iter().position(|&byte| is_line_end(byte)),
        _ => memchr2(b'\n', b'\r', bytes),
    }
}

pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// ASCII digits as a number; `None` for anything else, for nothing, and for what does not fit.
pub(super) fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// `bytes` as text: themselves if they are UTF-8, else repaired in `lossy`.
pub(super) fn text<'t>(bytes: &'t [u8], lossy: &'t mut String) -> &'t str {
    match from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            lossy.clear();
            push_lossy(lossy, bytes);
            lossy
        }
    }
}

/// Appends `bytes`, with U+FFFD for each maximal subpart that is no UTF-8, as the Encoding standard decodes.
pub(super) fn push_lossy(text: &mut String, bytes: &[u8]) {
    if let Ok(valid) = from_utf8(bytes) {
        return text.push_str(valid);
    }
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
