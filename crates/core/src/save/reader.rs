//! The reader of a saved session.

use alloc::vec::Vec;

use super::writer::checksum;
use super::{MAGIC, Saved, VERSION};

/// The reason why bytes are not a saved value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bytes do not begin as a saved session does.
    Foreign,
    /// The bytes have another version of the format.
    Version(u8),
    /// The checksum is not that of the bytes, or they are cut.
    Checksum,
    /// The session is of another dialect.
    Dialect,
    /// A value is not one that saving writes.
    Damaged(&'static str),
    /// The value exceeds the limit of this name.
    Limit(&'static str, usize),
}

/// Reads the bytes of a saved session.
#[derive(Debug)]
pub struct Reader<'b> {
    rest: &'b [u8],
    /// The number of bytes of the session.
    total: usize,
    /// The number of bytes that values may take beside their texts.
    room: usize,
    /// The most that `room` was, for the error.
    max_items: usize,
    /// The number of texts, once they are read.
    pub(crate) texts: usize,
    /// The number of blocks, once they are read.
    pub(crate) slots: usize,
}

impl<'b> Reader<'b> {
    /// The memory that an item may take beside its texts.
    const ITEM: usize = 512;
    /// The memory that a byte of a saved session may take, where it is one of a list of numbers.
    const BYTE: usize = 16;
    /// The memory that any session may take.
    const LEAST: usize = 64 << 10;

    /// Begins to read a session of this dialect.
    ///
    /// `limits` are those of folded bytes and of items.
    ///
    /// # Errors
    /// Fails if the bytes are not a whole session of this dialect and of this version.
    pub(crate) fn new(
        bytes: &'b [u8],
        dialect: &str,
        (max_folded, max_items): (usize, usize),
    ) -> Result<Self, Fault> {
        let after = bytes.strip_prefix(MAGIC).ok_or(Fault::Foreign)?;
        let version = *after.first().ok_or(Fault::Checksum)?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let (content, sum) = bytes.split_last_chunk().ok_or(Fault::Checksum)?;
        if content.len() <= MAGIC.len() || checksum(content) != u32::from_le_bytes(*sum) {
            return Err(Fault::Checksum);
        }
        let numbers = content.len().saturating_mul(Self::BYTE).min(max_folded.saturating_mul(4));
        let items = max_items.saturating_mul(Self::ITEM);
        let mut reader = Self {
            rest: &content[MAGIC.len() + 1..],
            total: content.len(),
            room: numbers.saturating_add(items).saturating_add(Self::LEAST),
            max_items,
            texts: 0,
            slots: 0,
        };
        if reader.text()? != dialect {
            return Err(Fault::Dialect);
        }
        Ok(reader)
    }

    /// Returns the offset of the next byte.
    pub(crate) fn offset(&self) -> usize {
        self.total - self.rest.len()
    }

    /// Checks that all bytes were read.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(Fault::Damaged("the end")) }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or(Fault::Damaged("the end"))?;
        self.rest = rest;
        Ok(byte)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Fault::Damaged("a number"))
    }

    /// Reads a number that counts something in the session itself, such as the bytes of a text.
    ///
    /// It is no larger than the session.
    pub(crate) fn count(&mut self) -> Result<usize, Fault> {
        let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if number <= self.total { Ok(number) } else { Err(Fault::Damaged("a count")) }
    }

    /// Reads a number that folding counts up, which leaves room above it.
    pub(crate) fn counter(&mut self) -> Result<u64, Fault> {
        let number = self.number()?;
        if number < 1 << 62 { Ok(number) } else { Err(Fault::Damaged("a counter")) }
    }

    /// Reads a number that folding counts up and that is small, which leaves room above it.
    pub(crate) fn small(&mut self) -> Result<u32, Fault> {
        let number = u32::try_from(self.number()?).unwrap_or(u32::MAX);
        if number < 1 << 30 { Ok(number) } else { Err(Fault::Damaged("a counter")) }
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], Fault> {
        let len = self.count()?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(Fault::Damaged("the end"))?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'b str, Fault> {
        core::str::from_utf8(self.bytes()?).map_err(|_| Fault::Damaged("a text"))
    }

    /// Reads a name that stands in the code.
    pub(crate) fn name(&mut self) -> Result<&'static str, Fault> {
        super::known(self.text()?).ok_or(Fault::Damaged("a name"))
    }

    /// Takes the memory of a value from the room that is left.
    pub(crate) fn charge<T>(&mut self) -> Result<(), Fault> {
        let left = self.room.checked_sub(size_of::<T>());
        self.room = left.ok_or(Fault::Limit("max_items", self.max_items))?;
        Ok(())
    }

    /// Reads a list, and calls `each` with each element.
    pub(crate) fn each<T: Saved>(
        &mut self,
        mut each: impl FnMut(T) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        for _ in 0..self.count()? {
            self.charge::<T>()?;
            each(T::load(self)?)?;
        }
        Ok(())
    }

    /// Reads a list.
    pub(crate) fn list<T: Saved>(&mut self) -> Result<Vec<T>, Fault> {
        let mut list = Vec::new();
        self.each(|value| {
            if list.is_empty() {
                // Most lists have one element.
                list.reserve_exact(1);
            }
            list.push(value);
            Ok(())
        })?;
        Ok(list)
    }
}
