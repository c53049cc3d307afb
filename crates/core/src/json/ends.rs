//! Where things end in a JSON text, by the grammar of RFC 8259: strings, numbers, whole values.
//!
//! Each function is given a text and where in it something begins, and says where that ends, or that nothing of the kind stands there. Nothing is built, and nothing recurses. What nearly every
//! server writes (no white space, no escapes, numbers of a few digits) goes straight through; what is rare is in functions of its own, so that the usual need not make room for it.

use alloc::vec::Vec;

/// Behind the white space at `at`.
#[inline(always)]
pub(super) fn space_end(bytes: &[u8], at: usize, spaced: &mut bool) -> usize {
    match bytes.get(at) {
        Some(&byte) if byte <= b' ' => behind_space(bytes, at, spaced),
        _ => at,
    }
}

#[inline(never)]
fn behind_space(bytes: &[u8], at: usize, spaced: &mut bool) -> usize {
    let space =
        bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count();
    *spaced |= space > 0;
    at + space
}

/// Where the value that begins at `at` ends; `None` if none does.
#[inline]
pub(super) fn value_end(bytes: &[u8], at: usize, spaced: &mut bool) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => Some(string_end(bytes, at + 1)? + 1),
        b'{' | b'[' => nested_end(bytes, at, spaced),
        first => scalar_end(bytes, at, first),
    }
}

/// Where the object or array that begins at `at` ends. What is open is on a stack of its own: nothing recurses.
fn nested_end(bytes: &[u8], mut at: usize, spaced: &mut bool) -> Option<usize> {
    let mut open = Nesting::default();
    loop {
        // A value begins here.
        match *bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)? + 1,
            brace @ (b'{' | b'[') => {
                open.push(brace == b'{');
                at = space_end(bytes, at + 1, spaced);
                // In ASCII what closes stands two behind what opens. If it comes at once, the loop below goes past it.
                if *bytes.get(at)? != brace + 2 {
                    if brace == b'{' {
                        at = name_end(bytes, at, spaced)?;
                    }
                    continue;
                }
            }
            b'1'..=b'9' => at = positive_end(bytes, at)?,
            first => at = scalar_end(bytes, at, first)?,
        }
        // It is complete, or what it opened is empty: past everything that closes here.
        loop {
            at = space_end(bytes, at, spaced);
            match (*bytes.get(at)?, open.in_object()) {
                (b',', in_object) => {
                    at = space_end(bytes, at + 1, spaced);
                    if in_object {
                        at = name_end(bytes, at, spaced)?;
                    }
                    break;
                }
                (b'}', true) | (b']', false) => {
                    at += 1;
                    open.pop();
                    if open.is_empty() {
                        return Some(at);
                    }
                }
                _ => return None,
            }
        }
    }
}

/// Behind a member's name and colon, where its value begins.
#[inline(always)]
fn name_end(bytes: &[u8], at: usize, spaced: &mut bool) -> Option<usize> {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let end = string_end(bytes, at + 1)?;
    // Without white space around the colon.
    if let Some([b':', value]) = bytes.get(end + 1..).and_then(<[u8]>::first_chunk) {
        if *value > b' ' {
            return Some(end + 2);
        }
    }
    let colon = space_end(bytes, end + 1, spaced);
    if *bytes.get(colon)? != b':' {
        return None;
    }
    Some(space_end(bytes, colon + 1, spaced))
}

/// Where the number or literal ends that begins at `at`, with this byte.
#[inline]
fn scalar_end(bytes: &[u8], at: usize, first: u8) -> Option<usize> {
    let word: &[u8] = match first {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return number_end(bytes, at),
    };
    bytes[at..].starts_with(word).then_some(at + word.len())
}

/// The number that eight digits are, if that is what they are: first they are added up in pairs, then the pairs, then those.
#[inline]
pub(super) fn eight_digits(eight: &[u8; 8]) -> Option<u64> {
    const EACH: u64 = u64::MAX / 255;
    // The first digit is the lowest byte, and counts most.
    let digits = u64::from_le_bytes(*eight) ^ (EACH * 0x30);
    // What is no digit now has a high half, or gets one.
    if (digits | (digits.wrapping_add(EACH * 6))) & (EACH * 0xF0) != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some((fours * 10_000 + (fours >> 32)) & 0xFFFF_FFFF)
}

/// Where the number that begins at `at` ends: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    match *bytes.get(at)? {
        b'0' => fraction_end(bytes, at + 1),
        b'1'..=b'9' => positive_end(bytes, at),
        _ => None,
    }
}

/// Where the number ends that begins at `at`, with a digit other than zero.
#[inline(always)]
fn positive_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    match bytes.get(at) {
        Some(b'.' | b'e' | b'E') => fraction_end(bytes, at),
        _ => Some(at),
    }
}

/// Behind the fraction and the exponent at `at`, if there are such.
fn fraction_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'.') {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits_end(bytes, at)?;
    }
    Some(at)
}

/// Behind the digits at `at`, of which there is one at least.
#[inline]
fn digits_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end += 1;
    }
    (end > at).then_some(end)
}

/// Where the JSON string that begins at `at`, behind its quote, has its closing quote; `None` if what stands there is no JSON string.
#[inline]
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let end = plain_end(bytes, at);
    if bytes.get(end) == Some(&b'"') { Some(end) } else { escaped_end(bytes, end) }
}

/// The same, where an escape comes first, at `at`: apart, because most strings have none.
#[inline(never)]
pub(super) fn escaped_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while *bytes.get(at)? != b'"' {
        at = plain_end(bytes, escape_end(bytes, at)?);
    }
    Some(at)
}

/// Behind the escape at `at`; `None` if there is none, or one that JSON has not.
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..at + 2)? {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'] => Some(at + 2),
        [b'\\', b'u'] => {
            bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
        }
        _ => None,
    }
}

/// Where the first quote, backslash or control character is at or behind `at`, or where the bytes end.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).map_or(0, plain_len)
}

/// How many bytes come before the first quote, backslash or control character: eight at a time.
#[inline(always)]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for eight in bytes.chunks_exact(8) {
        let hits = special(eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight)));
        if hits != 0 {
            return len + hits.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len + bytes[len..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

/// The high bit of each byte of `word` that is a quote, a backslash or a control character; bits behind the lowest mean nothing.
#[inline(always)]
pub(super) fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // With one bit turned over, quote and control characters are all that is below 0x21. A byte that is below, or zero, borrows from its high bit; what borrows may
    // lend a false hit to the bytes behind it, never before.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    (below(word ^ (ONES * 0x02), 0x21) | below(word ^ (ONES * 0x5C), 0x01)) & HIGHS
}

/// Which of the open brackets are braces, innermost last: a bit each, without an allocation up to 64.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    top: u64,
    below: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, brace: bool) {
        if self.depth > 0 && self.depth % 64 == 0 {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(brace);
        self.depth += 1;
    }

    /// Whether the innermost is a brace.
    fn in_object(&self) -> bool {
        self.top & 1 == 1
    }

    fn is_empty(&self) -> bool {
        self.depth == 0
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth % 64 == 0 {
            self.top = self.below.pop().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for len in 0..40 {
            for special in ["\"", "\\", "\u{1f}", "\u{0}"] {
                let text =
                    "é".repeat(len / 2) + &"x".repeat(len % 2) + special + "tail of some length";
                assert_eq!(plain_end(text.as_bytes(), 0), len / 2 * 2 + len % 2, "{text:?}");
            }
        }
    }
}
