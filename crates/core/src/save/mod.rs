//! The bytes that a saved session is: a writer, a reader, and the trait of what can be saved.
//!
//! ```text
//! "DWSS" | version | dialect | state | CRC-32 of all before it, little-endian
//! ```
//!
//! Numbers are LEB128, texts and lists have their length before them, and names that the code knows
//! ([`names`]) stand as their text. The state is the fields of the types in their order, without
//! tags. So whatever changes a saved type changes [`VERSION`].
//!
//! A saved session may come from a store that others write to, and its checksum only finds
//! accidents. Four rules hold for loading:
//!
//! - Every position, number of a text and number of a block is checked where it is read, or by
//!   [`Dialect::check`](crate::engine::Dialect::check) once all is there. What can be computed from
//!   the rest is not saved.
//! - JSON is checked to be JSON, because the rest of the crate relies on that.
//! - A length allocates nothing: lists grow as their elements are read, and each element is charged
//!   to [`Reader::room`], which the limits bound.
//! - A count that folding raises is read by [`Reader::counter`] or [`Reader::count`], which leave
//!   room above it.

mod names;
mod reader;
mod values;
mod writer;

pub(crate) use names::known;
pub(crate) use reader::{Fault, Reader};
pub(crate) use writer::Writer;

/// The version of the format.
///
/// Whatever changes what a type saves changes it.
pub(crate) const VERSION: u8 = 1;

/// The first bytes of a saved session.
pub(crate) const MAGIC: &[u8; 4] = b"DWSS";

/// A type whose values can be saved and restored.
pub trait Saved: Sized {
    /// Writes the value.
    fn save(&self, to: &mut Writer);

    /// Reads a value.
    ///
    /// # Errors
    /// Fails if the bytes are not one.
    fn load(from: &mut Reader<'_>) -> Result<Self, Fault>;
}

/// Saves a struct as its fields, in this order.
///
/// A field after `but` is not saved, and has its default in a restored value. The list is a pattern
/// without `..`, so a new field does not compile until somebody has decided about it.
macro_rules! saved {
    ($name:ident { $($field:ident),* $(,)? } $(but { $($other:ident),* $(,)? })?) => {
        impl crate::save::Saved for $name {
            fn save(&self, to: &mut crate::save::Writer) {
                let Self { $($field,)* $($($other: _,)*)? } = self;
                $(crate::save::Saved::save($field, to);)*
            }

            fn load(
                from: &mut crate::save::Reader<'_>,
            ) -> Result<Self, crate::save::Fault> {
                $(let $field = crate::save::Saved::load(from)?;)*
                Ok(Self { $($field,)* $($($other: Default::default(),)*)? })
            }
        }
    };
}

/// Saves an enum without fields as the number of its variant.
macro_rules! saved_variants {
    ($name:ident { $($variant:ident = $number:literal),* $(,)? }) => {
        impl crate::save::Saved for $name {
            fn save(&self, to: &mut crate::save::Writer) {
                to.byte(match self {
                    $(Self::$variant => $number,)*
                });
            }

            fn load(
                from: &mut crate::save::Reader<'_>,
            ) -> Result<Self, crate::save::Fault> {
                match from.byte()? {
                    $($number => Ok(Self::$variant),)*
                    _ => Err(crate::save::Fault::Damaged(stringify!($name))),
                }
            }
        }
    };
}

pub(crate) use {saved, saved_variants};
