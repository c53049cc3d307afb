//! The data of a block, as far as earlier reads had it.
//!
//! Long data, such as an image, comes in many reads. Each piece of it is checked as UTF-8 while it
//! is in the cache; one check at the end would read all of it from memory again. What that costs
//! is a second buffer, which data that is not UTF-8 needs anyway.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::sse::field::{from_utf8, push_lossy, text};

/// The bytes of a block's data, with a line feed before each line.
#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    /// The beginning of long data, which is UTF-8; once it is handed out, the data if repaired.
    text: String,
    /// The bytes after it, which are unchecked, or not UTF-8.
    rest: Vec<u8>,
}

impl Data {
    /// The length from which a check of a piece pays.
    ///
    /// It is less than a packet carries. A rest of this length stays as it is: it came in small
    /// pieces, or is not UTF-8. Fuzz targets have short inputs.
    const PIECE: usize = if cfg!(fuzzing) { 8 } else { 1 << 10 };

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.text.len() + self.rest.len()
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.text.is_empty()
    }

    /// Removes all bytes, and gives back the memory of more than `most`.
    #[inline]
    pub(super) fn clear(&mut self, most: usize) {
        self.text.clear();
        self.rest.clear();
        if self.text.capacity() + self.rest.capacity() > most {
            *self = Self::default();
        }
    }

    /// Appends the line feed before a line.
    #[inline]
    pub(super) fn begin_line(&mut self) {
        self.rest.push(b'\n');
    }

    /// Appends a piece of a line.
    #[inline(always)]
    pub(super) fn extend(&mut self, piece: &[u8]) {
        if piece.len() < Self::PIECE {
            self.rest.extend_from_slice(piece);
        } else {
            self.extend_checked(piece);
        }
    }

    #[inline(never)]
    fn extend_checked(&mut self, piece: &[u8]) {
        if self.rest.len() >= Self::PIECE {
            return self.rest.extend_from_slice(piece);
        }
        // The end of the character that the last read cut.
        let is_inner = |byte: &&u8| matches!(byte, 0x80..=0xBF);
        let (inner, piece) = piece.split_at(piece.iter().take(3).take_while(is_inner).count());
        self.rest.extend_from_slice(inner);
        let (whole, cut) = piece.split_at(piece.len() - cut_len(piece));
        match (from_utf8(&self.rest), from_utf8(whole)) {
            (Ok(rest), Ok(whole)) => {
                self.text.push_str(rest);
                self.text.push_str(whole);
                self.rest.clear();
                self.rest.extend_from_slice(cut);
            }
            _ => self.rest.extend_from_slice(piece),
        }
    }

    /// Returns the data as text, repaired if it is not UTF-8, or `in_read` if that is all of it.
    ///
    /// It is handed out then, and has to be cleared before it gets more.
    #[inline(always)]
    pub(super) fn hand_out<'t>(&'t mut self, in_read: &'t [u8]) -> &'t str {
        if !self.text.is_empty() {
            return self.hand_out_long();
        }
        let data = if self.rest.len() > 1 { &self.rest[1..] } else { in_read };
        text(data, &mut self.text)
    }

    #[inline(never)]
    fn hand_out_long(&mut self) -> &str {
        push_lossy(&mut self.text, &self.rest);
        self.rest.clear();
        &self.text[1..]
    }

    /// Returns the bytes, to save them.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self.text.as_bytes() {
            [] => Cow::Borrowed(&self.rest),
            text => Cow::Owned([text, &self.rest].concat()),
        }
    }

    /// Returns data of these bytes, or `None` if they are some but do not begin a line.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let data = Self { rest: bytes.into(), ..Self::default() };
        matches!(bytes, [] | [b'\n', ..]).then_some(data)
    }
}

/// Returns the number of bytes of the character that the end of `bytes` cuts, if it cuts one.
fn cut_len(bytes: &[u8]) -> usize {
    let ends = bytes.iter().rev().take(3).zip(1..);
    let first = ends.clone().find(|(byte, _)| !matches!(byte, 0x80..=0xBF));
    match first {
        Some((0xC2..=0xDF, len)) if len < 2 => len,
        Some((0xE0..=0xEF, len)) if len < 3 => len,
        Some((0xF0..=0xF4, len)) if len < 4 => len,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    /// The data of a line in these pieces, as text.
    fn told(pieces: &[&[u8]]) -> (String, usize) {
        let mut data = Data::default();
        data.begin_line();
        for piece in pieces {
            data.extend(piece);
        }
        assert_eq!(data.bytes(), [b"\n", &pieces.concat()[..]].concat());
        let checked = data.text.len();
        (data.hand_out(b"").into(), checked)
    }

    #[test]
    fn long_data_is_checked_as_it_comes_and_a_character_that_a_read_cuts_with_the_next() {
        let long = "é漢😀".repeat(1000);
        for cut in long.len() - 12..=long.len() {
            let (first, second) = long.as_bytes().split_at(cut);
            let (text, checked) = told(&[first, second, b"x", long.as_bytes()]);
            assert_eq!(text, format!("{long}x{long}"), "cut at {cut}");
            assert_eq!(checked, text.len() + 1);
        }
    }

    #[test]
    fn what_is_not_utf_8_is_repaired_as_a_whole() {
        let long = "漢".repeat(2000);
        for wrong in [
            &b"\xFF"[..],
            b"\xC3",
            b"\xE2\x82",
            b"\x80",
            b"\xF0\x9F\x98",
            b"\xED\xA0\x80",
            b"\xF4\x90\x80\x80",
        ] {
            for pieces in [
                [long.as_bytes(), wrong, long.as_bytes()],
                [wrong, long.as_bytes(), long.as_bytes()],
                [long.as_bytes(), long.as_bytes(), wrong],
                [&long.as_bytes()[..4501], wrong, long.as_bytes()],
                [&[long.as_bytes(), wrong].concat(), long.as_bytes(), b""],
            ] {
                assert_eq!(told(&pieces).0, String::from_utf8_lossy(&pieces.concat()));
            }
        }
    }

    #[test]
    fn short_data_is_not_copied_and_large_data_gives_its_memory_back() {
        assert_eq!(told(&[b"a", b"b"]), ("ab".into(), 0));
        let mut data = Data::of(b"\nabc").expect("it begins a line");
        data.clear(16);
        assert!(data.is_empty() && data.rest.capacity() > 0);
        data.extend(&[b'a'; 2 * Data::PIECE]);
        data.clear(1 << 20);
        assert!(data.is_empty() && data.text.capacity() > 0);
        data.clear(16);
        assert_eq!((data.text.capacity(), data.rest.capacity()), (0, 0));
        assert!(Data::of(b"a").is_none() && Data::of(b"").is_some());
    }
}
