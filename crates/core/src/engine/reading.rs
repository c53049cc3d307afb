//! Reading an event's object, for all dialects.

use crate::error::Error;
use crate::json::{Cursor, Invalid, Members, Shape, Walk, is_json, parse_object};

/// Reads one JSON object within the bounds of `walk`.
pub(crate) fn read_object<'a, T: Members<'a>>(
    data: &'a str,
    into: &mut T,
    walk: &Walk,
) -> Result<(), Error> {
    match parse_object(data, into, walk) {
        Ok(Shape::Whole) => Ok(()),
        Ok(_) => Err(Error::invalid_chunk(&"no JSON object", data)),
        // Read it again with `serde_json`, for the wording.
        Err(Invalid) => Err(match is_json(data) {
            Err(error) => Error::invalid_json(&error, data),
            Ok(()) => Error::invalid_json(&"it breaks the grammar of RFC 8259", data),
        }),
    }
}

/// Reads an index on the wire.
///
/// A null and a negative number (Bedrock sends -1) read as missing.
///
/// Any other value that is not an index does too, and is noted.
pub(crate) fn index<'de>(
    member: &'static str,
    cursor: &mut Cursor<'de>,
    walk: &Walk,
) -> Result<Option<u64>, Invalid> {
    if let Some(index) = cursor.digits() {
        return Ok(Some(index));
    }
    let Some(value) = walk.value(cursor)? else { return Ok(None) };
    let index = value.as_u64();
    if index.is_none() && !value.as_json().starts_with('-') {
        walk.note(member);
    }
    Ok(index)
}
