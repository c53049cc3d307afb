//! The ends of the parts of a JSON text: strings, numbers, whole values.
//!
//! The grammar is that of RFC 8259. Each function takes a text and the position at which a part
//! begins. It returns the position at which the part ends, or `None` if no such part is there.
//! Nothing is built, and nothing recurses. [`known_end`] is for text that was checked before: a
//! value that is kept is walked through several times, and escapes need no second check.
//!
//! Nearly every server writes no white space, no escapes, and numbers of a few digits; those are on
//! the straight path. Rare spellings have functions of their own, so that the straight path need
//! not make room for them.

use alloc::vec::Vec;

/// Returns the position after the white space at `at`.
#[inline(always)]
pub(super) fn space_end(bytes: &[u8], at: usize, spaced: &mut bool) -> usize {
    match bytes.get(at) {
        // One blank, as Python's `json` writes after each comma and colon.
        Some(b' ') if bytes.get(at + 1).is_some_and(|byte| *byte > b' ') => {
            *spaced = true;
            at + 1
        }
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

/// Returns the end of the value at `at`, or `None` if no value begins there.
#[inline]
pub(crate) fn value_end(bytes: &[u8], at: usize, spaced: &mut bool) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => Some(string_end(bytes, at + 1)? + 1),
        b'{' | b'[' => nested_end(bytes, at, spaced),
        first => scalar_end(bytes, at, first),
    }
}

/// Returns the end of the object or array that begins at `at`.
///
/// The open brackets are on a stack of their own, so nothing recurses.
fn nested_end(bytes: &[u8], mut at: usize, spaced: &mut bool) -> Option<usize> {
    // Many are empty. In ASCII a closing bracket is two after its opening one.
    if bytes.get(at + 1) == Some(&(bytes[at] + 2)) {
        return Some(at + 2);
    }
    let mut open = Nesting::default();
    loop {
        // A value begins here.
        match *bytes.get(at)? {
            b'"' => at = string_end(bytes, at + 1)? + 1,
            brace @ (b'{' | b'[') => {
                open.push(brace == b'{');
                at = space_end(bytes, at + 1, spaced);
                // In ASCII a closing bracket is two after its opening one. If it follows at once,
                // the loop below consumes it.
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
        // The value is complete, or the bracket it opened is empty. Consume all that closes here.
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

/// Returns the position after a member's name and colon, where its value begins.
#[inline(always)]
fn name_end(bytes: &[u8], at: usize, spaced: &mut bool) -> Option<usize> {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let end = string_end(bytes, at + 1)?;
    // The usual spelling has no white space around the colon.
    if let Some([b':', value]) = bytes.get(end + 1..).and_then(<[u8]>::first_chunk) {
        if *value > b' ' {
            return Some(end + 2);
        }
        return Some(space_end(bytes, end + 2, spaced));
    }
    let colon = space_end(bytes, end + 1, spaced);
    if *bytes.get(colon)? != b':' {
        return None;
    }
    Some(space_end(bytes, colon + 1, spaced))
}

/// Returns the end of the value at `at` in a text that is known to be JSON.
///
/// Nothing is checked again, so brackets are only counted, and the search for the end of a string
/// passes over its escapes.
#[inline]
pub(super) fn known_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = known_string_end(bytes, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 1 => depth -= 1,
            b'}' | b']' if depth == 1 => return at + 1,
            // Behind a number or literal.
            b'}' | b']' | b',' | b' ' | b'\n' | b'\t' | b'\r' if depth == 0 => return at,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

/// Returns the position of the closing quote of a string in a text that is known to be JSON.
#[inline]
pub(super) fn known_string_end(bytes: &[u8], at: usize) -> usize {
    let end = plain_end(bytes, at);
    if bytes.get(end) == Some(&b'"') { end } else { known_escaped_end(bytes, end) }
}

/// Does the same as [`known_string_end`] for a string with escapes.
///
/// The closing quote is the first one with an even number of backslashes before it.
#[inline(never)]
fn known_escaped_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let is_end =
        |at: &usize| rest[..*at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0;
    start + memchr::memchr_iter(b'"', rest).find(is_end).unwrap_or(rest.len())
}

/// Returns the end of the number or literal at `at`, which begins with `first`.
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

/// Returns the number that eight digits make, or `None` if one is not a digit.
///
/// Adds up the digits in pairs, then the pairs, then the fours.
#[inline]
pub(super) fn eight_digits(eight: &[u8; 8]) -> Option<u64> {
    const EACH: u64 = u64::MAX / 255;
    // The first digit is the lowest byte, and counts most.
    let digits = u64::from_le_bytes(*eight) ^ (EACH * 0x30);
    // A byte that is not a digit now has a high half, or gets one by the addition.
    if (digits | (digits.wrapping_add(EACH * 6))) & (EACH * 0xF0) != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some((fours * 10_000 + (fours >> 32)) & 0xFFFF_FFFF)
}

/// Returns the end of the number that begins at `at`.
///
/// The grammar is `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
fn number_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(bytes.get(at) == Some(&b'-'));
    match *bytes.get(at)? {
        b'0' => fraction_end(bytes, at + 1),
        b'1'..=b'9' => positive_end(bytes, at),
        _ => None,
    }
}

/// Returns the end of the number that begins at `at` with a digit other than zero.
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

/// Returns the position after the fraction and the exponent at `at`, if any.
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

/// Returns the position after the digits at `at`, or `None` if there are none.
#[inline]
fn digits_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while let Some(b'0'..=b'9') = bytes.get(end) {
        end += 1;
    }
    (end > at).then_some(end)
}

/// Returns the position of a JSON string's closing quote.
///
/// The string begins at `at`, after its opening quote. Returns `None` if it is not a JSON string.
#[inline(always)]
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let end = plain_end(bytes, at);
    if bytes.get(end) == Some(&b'"') { Some(end) } else { escaped_end(bytes, end) }
}

/// Returns the position of a string's closing quote, given an escape at `at`.
///
/// It is a function of its own because most strings have no escapes.
#[inline(never)]
pub(super) fn escaped_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    while *bytes.get(at)? != b'"' {
        at = plain_end(bytes, escape_end(bytes, at)?);
    }
    Some(at)
}

/// Returns the position after the escape at `at`, if it is one that JSON has.
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..at + 2)? {
        [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'] => Some(at + 2),
        [b'\\', b'u'] => {
            bytes.get(at + 2..at + 6)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 6)
        }
        _ => None,
    }
}

/// Returns the first position from `at` on that is not a plain character.
///
/// Quotes, backslashes and control characters are not plain. Returns the length of `bytes` if all
/// are plain.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..) {
        Some(rest) => at + plain_len(rest),
        None => at,
    }
}

/// Returns the number of bytes before the first that is not a plain character.
///
/// Quotes, backslashes and control characters are not plain. Reads eight bytes at a time.
#[inline(always)]
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    const LONG: usize = 128;
    let mut len = 0;
    for eight in bytes.chunks_exact(8) {
        let hits = special(eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight)));
        if hits != 0 {
            return len + hits.trailing_zeros() as usize / 8;
        }
        len += 8;
        if len == LONG {
            return len + long_plain_len(&bytes[len..]);
        }
    }
    len + bytes[len..].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

/// Does the same as [`plain_len`] for a long run, such as a whole answer or an image.
///
/// The quote or backslash is found by `memchr`. The compiler makes vector instructions of the least
/// byte before it.
#[inline(never)]
fn long_plain_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    for piece in bytes.chunks(1024) {
        let end = memchr::memchr2(b'"', b'\\', piece).unwrap_or(piece.len());
        let before = &piece[..end];
        if before.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' ' {
            let is_plain = |byte: &&u8| **byte >= b' ';
            return len + before.iter().take_while(is_plain).count();
        }
        len += end;
        if end < piece.len() {
            break;
        }
    }
    len
}

/// Marks the quotes, backslashes and control characters among the bytes of `word`.
///
/// Sets the high bit of each. Only the lowest bit that is set is reliable; higher ones may be
/// false.
#[inline(always)]
pub(super) fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // With one bit flipped, the quote and the control characters are exactly the bytes below 0x21.
    // A byte below the limit borrows from its high bit. A borrow may cause a false hit in the bytes
    // after it, never in those before it.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    (below(word ^ (ONES * 0x02), 0x21) | below(word ^ (ONES * 0x5C), 0x01)) & HIGHS
}

/// The kinds of the open brackets, as one bit each that is set for a brace.
///
/// The innermost is the lowest bit of `top`. Up to 64 brackets need no allocation.
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

    /// Reports whether the innermost open bracket is a brace.
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
    use alloc::format;
    use alloc::string::String;

    use super::*;

    #[test]
    fn the_end_of_a_known_value_is_the_end_of_the_value() {
        let long = format!("\"{}\\\"{}\"", "x".repeat(200), "y".repeat(200));
        let deep: String = ["[{\"a\":", "[[", "1", "]]", "}]"].concat();
        for value in [
            "0",
            "-1.5e+7",
            "true",
            "null",
            "\"\"",
            "\"a\"",
            "\"\\\\\"",
            "\"\\\"\"",
            "\"\\\\\\\"\"",
            "\"\\u0022]}\"",
            "\"exactly8\"",
            "[]",
            "{}",
            "[1,2]",
            "[ \"]\" , {\"}\" : \"\\\\\"} ]",
            "{\"a\":{\"b\":[null,{}]},\"c\":\"[\"}",
            &long,
            &deep,
        ] {
            for after in ["", ",1", "}", "]", " ", "\n}"] {
                let text = format!("{value}{after}");
                let bytes = text.as_bytes();
                assert_eq!(value_end(bytes, 0, &mut false), Some(value.len()), "{text}");
                assert_eq!(known_end(bytes, 0), value.len(), "{text}");
            }
        }
    }

    #[test]
    fn a_special_byte_is_found_wherever_it_stands() {
        for len in (0..40).chain(100..160).chain(1100..1180) {
            for special in ["\"", "\\", "\u{1f}", "\u{0}"] {
                let text =
                    "é".repeat(len / 2) + &"x".repeat(len % 2) + special + "tail of some length";
                assert_eq!(plain_end(text.as_bytes(), 0), len / 2 * 2 + len % 2, "{text:?}");
            }
        }
    }
}
