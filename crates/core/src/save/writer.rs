//! The writer of a saved session.

use alloc::vec::Vec;

use super::{MAGIC, Saved, VERSION};

/// Writes the bytes of a saved session.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Begins a saved session of this dialect.
    ///
    /// `capacity` is about the number of bytes that follow.
    pub(crate) fn new(dialect: &str, capacity: usize) -> Self {
        let mut writer = Self { out: Vec::with_capacity(capacity) };
        writer.out.extend_from_slice(MAGIC);
        writer.byte(VERSION);
        writer.text(dialect);
        writer
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    /// Writes a number: seven bits in each byte, the lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Writes a name that stands in the code.
    pub(crate) fn name(&mut self, name: &'static str) {
        debug_assert!(super::known(name).is_some(), "{name:?} is missing in save/names.rs");
        self.text(name);
    }

    /// Writes a list with its length.
    pub(crate) fn list<'v, T: Saved + 'v>(&mut self, values: impl ExactSizeIterator<Item = &'v T>) {
        self.number(values.len() as u64);
        for value in values {
            value.save(self);
        }
    }

    /// Ends the session with its checksum.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let sum = checksum(&self.out);
        self.out.extend_from_slice(&sum.to_le_bytes());
        self.out
    }
}

/// Returns the CRC-32 of IEEE 802.3.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| TABLE[usize::from(sum as u8 ^ byte)] ^ (sum >> 8))
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let (mut sum, mut bit) = (at as u32, 0);
        while bit < 8 {
            sum = if sum & 1 == 1 { 0xEDB8_8320 ^ (sum >> 1) } else { sum >> 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        assert_eq!(checksum(b"123456789"), 0xCBF4_3926);
        assert_eq!(checksum(b""), 0);
    }
}
