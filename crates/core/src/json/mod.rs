//! JSON that is kept as text until its value is needed.
//!
//! The strings of an event are needed once, to be appended somewhere. Its numbers must keep every
//! digit. Its unknown members are only passed on. So nothing is turned into values on the way:
//! [`RawStr`] is the text of a string between its quotes, [`RawValue`] is any value, [`RawArray`]
//! is an array that grows, [`Unknown`] holds the members that an object's type does not know, and
//! `Growing` puts together those that arrive in pieces.

mod array;
mod cursor;
mod ends;
mod few;
mod formats;
mod growing;
mod lex;
mod name;
mod repair;
mod string;
mod text;
mod unknown;
mod value;

pub use array::RawArray;
pub use string::RawStr;
pub use unknown::Unknown;
pub use value::RawValue;

pub(crate) use cursor::{Cursor, Invalid};
pub(crate) use ends::{string_end, value_end};
pub use few::List;
pub(crate) use formats::{deserialize_by, deserialize_object};
pub(crate) use growing::{Growing, Grown};
pub(crate) use lex::{
    Elements, ListId, Members, Overflow, Shape, Walk, elements, is_json, is_scalar, member, object,
    parse_object,
};
pub(crate) use name::Name;
pub(crate) use repair::repair;
pub(crate) use text::{Text, push_quoted, string_inner};
