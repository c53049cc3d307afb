//! Strings, which may be cut at any byte, even inside an escape.

use alloc::string::String;

use crate::error::ErrorKind;
use crate::options::Options;
use crate::repair::{Repair, Repairs};

/// The position in an escape, if the text is inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Escape {
    /// Not in an escape.
    #[default]
    None,
    /// After the backslash.
    Backslash,
    /// After `\u` and up to three digits, whose value is `unit`.
    ///
    /// In the second half of a surrogate pair, `high` is the first half. It is 0 otherwise. `text`
    /// has the digits as they stand.
    Unit { high: u16, digits: u8, unit: u16, text: [u8; 3] },
    /// After the first half of a surrogate pair.
    High(u16),
    /// After the first half of a surrogate pair and a backslash.
    HighBackslash(u16),
}

impl Escape {
    /// Decodes `text` from `at` on and appends the result to `into`.
    ///
    /// Returns true at the quote that ends the string, and false at the end of the text. Advances
    /// `at` to there, or to the byte that is wrong.
    pub(crate) fn decode(
        &mut self,
        text: &str,
        at: &mut usize,
        into: &mut String,
        (options, repairs): (&Options, &mut Repairs),
    ) -> Result<bool, ErrorKind> {
        let bytes = text.as_bytes();
        loop {
            if *self == Self::None {
                let end = plain_end(bytes, *at);
                into.push_str(&text[*at..end]);
                *at = end;
                match bytes.get(end) {
                    None => return Ok(false),
                    Some(b'"') => return Ok(true),
                    Some(b'\\') => *self = Self::Backslash,
                    Some(&control) if options.control_characters => {
                        into.push(char::from(control));
                        repairs.add(Repair::ControlCharacter);
                    }
                    Some(_) => return Err(ErrorKind::ControlCharacter),
                }
            } else {
                let Some(&byte) = bytes.get(*at) else { return Ok(false) };
                match self.next(byte, into) {
                    Ok(next) => *self = next,
                    Err(ErrorKind::InvalidEscape)
                        if options.unknown_escapes && self.write_unknown(into) =>
                    {
                        // The byte is no part of the escape, and is met again as text.
                        repairs.add(Repair::UnknownEscape);
                        *self = Self::None;
                        continue;
                    }
                    Err(kind) => return Err(kind),
                }
            }
            *at += 1;
        }
    }

    /// Appends the text of an escape that JSON does not have, as far as it was read.
    ///
    /// Returns false within a surrogate pair, whose first half has no text.
    #[inline(never)]
    fn write_unknown(self, into: &mut String) -> bool {
        match self {
            Self::Backslash => into.push('\\'),
            Self::Unit { high: 0, digits, text, .. } => {
                into.push_str("\\u");
                into.extend(text.iter().take(usize::from(digits)).copied().map(char::from));
            }
            _ => return false,
        }
        true
    }

    /// Returns the position after one more byte of an escape.
    fn next(self, byte: u8, into: &mut String) -> Result<Self, ErrorKind> {
        let unit_after = |high| Self::Unit { high, digits: 0, unit: 0, text: [0; 3] };
        match self {
            Self::None | Self::Backslash => match unescape(byte) {
                Some(character) => into.push(character),
                None if byte == b'u' => return Ok(unit_after(0)),
                None => return Err(ErrorKind::InvalidEscape),
            },
            Self::High(high) if byte == b'\\' => return Ok(Self::HighBackslash(high)),
            Self::HighBackslash(high) if byte == b'u' => return Ok(unit_after(high)),
            Self::High(_) | Self::HighBackslash(_) => return Err(ErrorKind::UnfinishedPair),
            Self::Unit { high, digits, unit, mut text } => {
                let digit = char::from(byte).to_digit(16).ok_or(ErrorKind::InvalidEscape)?;
                if let Some(place) = text.get_mut(usize::from(digits)) {
                    *place = byte;
                }
                let (digits, unit) = (digits + 1, unit << 4 | digit as u16);
                // A second half is dc00 to dfff, so the first two digits tell.
                let second_half = match digits {
                    1 => high != 0 && unit == 0xD,
                    2 => (0xDC..=0xDF).contains(&unit),
                    _ => high != 0,
                };
                if second_half != (high != 0) {
                    return Err(ErrorKind::LoneSurrogate);
                }
                match (digits, high, unit) {
                    (1..=3, ..) => return Ok(Self::Unit { high, digits, unit, text }),
                    (_, 0, 0xD800..=0xDBFF) => return Ok(Self::High(unit)),
                    (_, 0, _) => into.extend(char::from_u32(u32::from(unit))),
                    _ => into.extend(char::decode_utf16([high, unit]).flatten()),
                }
            }
        }
        Ok(Self::None)
    }
}

/// Returns the end of the run of plain text that begins at `at`.
///
/// It is the offset of the first quote, backslash or control character, or the length of the text.
#[inline]
fn plain_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(word) = bytes.get(end..).and_then(|rest| rest.first_chunk()) {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return end + special.trailing_zeros() as usize / 8;
        }
        end += 8;
    }
    while let Some(byte) = bytes.get(end) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        end += 1;
    }
    end
}

/// Returns a word whose lowest set bit lies in the first special byte of `word`.
///
/// It is zero if `word` has no quote, backslash or control character.
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    // A byte below the limit borrows, which sets its high bit. The high bit of a byte that had it
    // before is cleared. A borrow can add false hits, but only in the bytes after a true one.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    // `^ 2` swaps the space and the quote. Then the quote is below 0x21 too, like the control
    // characters, and the space is not.
    (below(word ^ (ONES * 2), 0x21) | below(word ^ (ONES * u64::from(b'\\')), 1)) & (ONES << 7)
}

/// Returns the character of the escape with this letter, or `None`.
fn unescape(letter: u8) -> Option<char> {
    Some(match letter {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'"' | b'\\' | b'/' => char::from(letter),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::plain_end;

    #[test]
    fn each_byte_is_plain_or_ends_the_run_at_any_place_in_a_word() {
        for byte in 0..=u8::MAX {
            let is_special = byte < 0x20 || byte == b'"' || byte == b'\\';
            for place in 0..24 {
                for filler in [b'!', b' ', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut bytes = [filler; 24];
                    bytes[place] = byte;
                    let end = if is_special { place } else { bytes.len() };
                    for start in 0..=place {
                        assert_eq!(
                            plain_end(&bytes, start),
                            end,
                            "{byte} at {place}, {filler} around it"
                        );
                    }
                }
            }
        }
        assert_eq!(plain_end(b"\0\"", 2), 2, "the end of the text");
    }
}
