//! JSON as the wire has it: kept as text until somebody wants the value.
//!
//! A chunk's strings are needed once, to be appended somewhere; its numbers must keep every digit; its unknown members
//! are only passed on. So nothing is turned into values on the way: [`Str`] is a string as it stands between its
//! quotes, [`Json`] any value, [`JsonList`] a growing array. What a streamed string is decoded into is [`Text`].

mod cursor;
mod ends;
mod extra;
mod lex;
mod list;
mod name;
mod string;
mod value;

pub use extra::Extra;
pub use list::JsonList;
pub use string::Str;
pub use value::Json;

pub(crate) use cursor::{Cursor, Invalid};
pub(crate) use ends::string_end;
pub(crate) use lex::{Context, Elements, Members, Shape, elements, is_json, object, parse_object};
pub(crate) use name::Name;
pub(crate) use string::Text;
pub(crate) use value::string_inner;
