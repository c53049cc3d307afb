//! The bytes of lines and values: line ends, digits, and text.

use alloc::string::String;
use alloc::vec::Vec;
#[cfg(not(feature = "simdutf8"))]
pub(crate) use core::str::from_utf8;

use memchr::memchr2;
#[cfg(feature = "simdutf8")]
pub(crate) use simdutf8::basic::from_utf8;

/// Returns the place of the first line end, if any.
///
/// A search with vector instructions pays from some bytes on. Blank lines and tiny reads are looked
/// at without it.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first() {
        Some(&first) if is_line_end(first) => Some(0),
        _ if bytes.len() < 8 => bytes.iter().position(|&byte| is_line_end(byte)),
        _ => memchr2(b'\n', b'\r', bytes),
    }
}

/// Returns whether a line ends with this byte.
///
/// A CRLF is one line end.
pub(super) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Returns the number that `value` is in ASCII digits.
///
/// Returns `None` if there is any other byte, if there is no byte, and if the number does not fit.
pub(super) fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Returns `bytes` as text.
///
/// This is the bytes themselves if they are UTF-8, and else what they are repaired to, in `lossy`.
pub(crate) fn text<'t>(bytes: &'t [u8], lossy: &'t mut String) -> &'t str {
    match from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            lossy.clear();
            push_lossy(lossy, bytes);
            lossy
        }
    }
}

/// Returns `bytes` as text, after they were repaired in place if they are not UTF-8.
pub(super) fn repaired(bytes: &mut Vec<u8>) -> &str {
    if from_utf8(bytes).is_err() {
        let mut text = String::new();
        push_lossy(&mut text, bytes);
        *bytes = text.into_bytes();
    }
    from_utf8(bytes).unwrap_or_default()
}

/// Appends `bytes`, with U+FFFD for each maximal subpart that is not UTF-8.
///
/// This is how the Encoding standard decodes (section 8.1.1, the UTF-8 decoder).
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
