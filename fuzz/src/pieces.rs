//! The input of the target `decode_pieces`: event streams of what decoders get wrong, one piece for
//! each byte of the input.
//!
//! A corpus file is eight lengths of reads, and then the pieces: a byte below `!` is the piece of
//! that place in [`PIECES`], any other stands for itself.

use crate::{check_interpreted, cut};

/// In the order in which a corpus file names them: never reordered, only added to.
const PIECES: [&[u8]; 33] = [
    b"\n",
    b"\r",
    b"\r\n",
    b"data",
    b":",
    b" ",
    b"event",
    b"id",
    b"retry",
    b"error",
    b"data: ",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xEF",
    b"\0",
    b"\xBF",
    b"\xFF",
    b"\xC2",
    b"\xE2\x82",
    b"\xE2\x82\xAC",
    b"\xF0\x9F\x98",
    b"\xF0\x9F\x98\x80",
    b"\xED\xA0\x80",
    b"\xC0\x8A",
    b"\xE2\x80\xA8",
    b"\xC2\x85",
    b"\x0B",
    b"\t",
    b"18446744073709551615",
    b"18446744073709551616",
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    b"\n\n",
    b"\r\r",
];

/// The stream that these pieces make gives what a literal reading of the standard gives, with
/// `error` lines and stray lines as events and without, whole and cut.
///
/// # Panics
/// If it does not.
pub fn check(bytes: &[u8]) {
    let Some((lengths, pieces)) = bytes.split_first_chunk::<8>() else { return };
    let mut stream = Vec::new();
    for piece in pieces {
        stream.extend_from_slice(
            PIECES.get(usize::from(*piece)).copied().unwrap_or(std::slice::from_ref(piece)),
        );
    }
    for lines in 0..4 {
        check_interpreted(&stream, &cut(&stream, *lengths), lines);
    }
}
