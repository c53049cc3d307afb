//! From bytes to lines and from lines to blocks: the mark at the beginning, line ends, comments,
//! blank lines, the end.

use super::{Case, case};

/// "UTF-8 decode" drops one mark at the beginning and nothing else.
pub(super) fn byte_order_mark() -> Vec<Case> {
    vec![
        case("a byte order mark at the beginning is dropped", b"\xEF\xBB\xBFdata: x\n\n")
            .message("x"),
        case("a stream of a byte order mark only is empty", b"\xEF\xBB\xBF"),
        case("a blank line may follow the byte order mark", b"\xEF\xBB\xBF\ndata: x\n\n")
            .message("x"),
        case("a CRLF may follow the byte order mark", b"\xEF\xBB\xBF\r\ndata: x\r\n\r\n")
            .message("x"),
        case("a comment may follow the byte order mark", b"\xEF\xBB\xBF: hello\ndata: x\n\n")
            .message("x"),
        case(
            "a second byte order mark belongs to the first line's field name",
            b"\xEF\xBB\xBF\xEF\xBB\xBFdata: x\n\ndata: y\n\n",
        )
        .message("y"),
        case(
            "a byte order mark on the second line belongs to its field name",
            b"data: x\n\xEF\xBB\xBFdata: y\n\n",
        )
        .message("x"),
        case(
            "a byte order mark after a blank first line is text",
            b"\n\xEF\xBB\xBFdata: x\n\ndata: y\n\n",
        )
        .message("y"),
        case("a byte order mark in data is text", b"data: \xEF\xBB\xBFx\xEF\xBB\xBF\n\n")
            .message("\u{FEFF}x\u{FEFF}"),
        case(
            "a byte order mark before a comment's colon on a later line makes it an unknown field",
            b"data: x\n\xEF\xBB\xBF: y\n\n",
        )
        .message("x"),
        case(
            "the first byte of a mark alone makes the field name unknown",
            b"\xEFdata: x\n\ndata: y\n\n",
        )
        .message("y"),
        case(
            "the first two bytes of a mark make the field name unknown",
            b"\xEF\xBBdata: x\n\ndata: y\n\n",
        )
        .message("y"),
        case(
            "two bytes of a mark and then a whole one are text",
            b"\xEF\xBB\xEF\xBB\xBFdata: x\n\ndata: y\n\n",
        )
        .message("y"),
        case("the first byte of a mark twice is text", b"\xEF\xEF\xBB\xBFdata: x\n\ndata: y\n\n")
            .message("y"),
        case("a line of the first byte of a mark is not blank", b"\xEF\ndata: x\n\n").message("x"),
        case(
            "the first two bytes of a mark before a colon make no comment, and no event either",
            b"\xEF\xBB: x\r\ndata: y\r\n\r\n",
        )
        .message("y"),
        case("the end after the first byte of a mark is no event", b"\xEF"),
        case("the end after two bytes of a mark is no event", b"\xEF\xBB"),
        case("the mark of UTF-16 is no mark", b"\xFE\xFFdata: x\n\ndata: y\n\n").message("y"),
    ]
}

/// CRLF, LF and CR end lines.
pub(super) fn line_ends() -> Vec<Case> {
    vec![
        case("LF ends lines", b"data: x\ndata: y\n\ndata: z\n\n").message("x\ny").message("z"),
        case("CR ends lines", b"data: x\rdata: y\r\rdata: z\r\r").message("x\ny").message("z"),
        case("CRLF ends lines", b"data: x\r\ndata: y\r\n\r\ndata: z\r\n\r\n")
            .message("x\ny")
            .message("z"),
        case("CRLF is one line end", b"data: x\r\ndata: y\r\n\r\n").message("x\ny"),
        case("LF CR is two line ends", b"data: x\n\rdata: y\n\r").message("x").message("y"),
        case("CR CR LF is two line ends", b"data: x\r\r\ndata: y\n\n").message("x").message("y"),
        case("CR LF LF is two line ends", b"data: x\r\n\ndata: y\n\n").message("x").message("y"),
        case("LF LF CR LF is three line ends", b"data: x\n\n\r\ndata: y\n\n")
            .message("x")
            .message("y"),
        case("CR LF CR is two line ends", b"data: x\r\n\rdata: y\r\n\r").message("x").message("y"),
        case("LF CR LF is two line ends", b"data: x\n\r\ndata: y\n\r\n").message("x").message("y"),
        case(
            "each line of a block may end in another way",
            b"event: e\rdata: x\r\ndata: y\nid: 1\r\n\n",
        )
        .event("e", "x\ny", "1")
        .last_event_id("1"),
        case("a CR CR at the end completes an event", b"data: x\r\r").message("x"),
        case("a CR at the end completes its line only", b"data: x\r").unfinished("x"),
        case(
            "the LF of a CRLF is not a blank line after a comment either",
            b"data: x\r\n: c\r\ndata: y\r\n\r\n",
        )
        .message("x\ny"),
        case(
            "the LF of a CRLF is not a blank line after an unknown field either",
            b"data: x\r\nfoo\r\ndata: y\r\n\r\n",
        )
        .message("x\ny"),
    ]
}

/// The line ends of other standards, and the white space of other languages.
pub(super) fn no_line_ends() -> Vec<Case> {
    vec![
        case("U+2028 and U+2029 end no line", "data: a\u{2028}data: b\u{2029}c\n\n")
            .message("a\u{2028}data: b\u{2029}c"),
        case("U+0085 ends no line", "data: a\u{85}data: b\n\n").message("a\u{85}data: b"),
        case("VT and FF end no line", b"data: a\x0Bdata: b\x0Cc\n\n")
            .message("a\u{B}data: b\u{C}c"),
        case("the separators U+001C to U+001E end no line", b"data: a\x1Cb\x1Dc\x1Ed\n\n")
            .message("a\u{1C}b\u{1D}c\u{1E}d"),
        case("a line of a space is not blank", b"data: x\n \ndata: y\n\n").message("x\ny"),
        case("a line of a tab is not blank", b"data: x\n\t\ndata: y\n\n").message("x\ny"),
        case("a line of NUL is not blank", b"data: x\n\0\ndata: y\n\n").message("x\ny"),
        case("a line of U+2028 is not blank", "data: x\n\u{2028}\ndata: y\n\n").message("x\ny"),
        case("a line of one bad byte is not blank", b"data: x\n\xFF\ndata: y\n\n").message("x\ny"),
    ]
}

/// A line that starts with a colon is ignored.
pub(super) fn comments() -> Vec<Case> {
    vec![
        case("a comment is no event", b": hello\n\n"),
        case("a colon alone is a comment", b":\n\ndata: x\n\n").message("x"),
        case(
            "comments may stand before, between and behind a block's lines",
            b": a\ndata: x\n: b\n:c\ndata: y\n:\n\n: d\n",
        )
        .message("x\ny"),
        case("a comment does not complete an event", b"data: x\n: keep-alive\n").unfinished("x"),
        case("a comment that looks like data is a comment", b":data: x\n\n"),
        case("a comment of many colons is a comment", b"::::::data:x:\n\n"),
        case(
            "a comment that looks like an ID is a comment",
            b":id: 1\n:retry: 5\n:event: e\ndata: x\n\n",
        )
        .message("x"),
        case("a comment may hold any bytes", b": \xFF\xFE\0\xED\xA0\x80\ndata: x\n\n").message("x"),
        case("a space before the colon makes an unknown field of a comment", b" : x\ndata: y\n\n")
            .message("y"),
    ]
}

/// A blank line dispatches.
pub(super) fn blocks() -> Vec<Case> {
    vec![
        case("an empty stream is empty", b""),
        case("blank lines are no events", b"\n\n\r\r\r\n\r\n\n"),
        case("many blank lines between events add none", b"\n\ndata: x\n\n\n\n\ndata: y\n\n\n")
            .message("x")
            .message("y"),
        case("a block without data is no event", b"event: e\nid: 1\n\n").last_event_id("1"),
        case("a block of unknown fields is no event", b"foo: x\nbar\n\n"),
        case(
            "nothing of a block but its ID outlives it",
            b"event: e\ndata: x\nid: 1\n\ndata: y\n\n",
        )
        .event("e", "x", "1")
        .event("message", "y", "1")
        .last_event_id("1"),
        case(
            "the order of the fields has no meaning",
            b"id: 1\ndata: x\nevent: e\n\nevent: f\nid: 2\ndata: y\n\n",
        )
        .event("e", "x", "1")
        .event("f", "y", "2")
        .last_event_id("2"),
        case(
            "fields between data lines do not part them",
            b"data: x\nevent: e\ndata: y\nid: 1\ndata: z\nretry: 7\n\n",
        )
        .event("e", "x\ny\nz", "1")
        .last_event_id("1")
        .retry(7),
    ]
}

/// The end discards what no blank line completed, whatever the decoder was at.
pub(super) fn ends() -> Vec<Case> {
    vec![
        case("the end inside a field name", b"da"),
        case("the end behind the field name data", b"data"),
        case("the end behind the colon of data", b"data:").unfinished(""),
        case("the end behind the space of data", b"data: ").unfinished(""),
        case("the end inside data", b"data: x").unfinished("x"),
        case("the end behind a data line", b"data: x\n").unfinished("x"),
        case("the end behind a data line with CRLF", b"data: x\r\n").unfinished("x"),
        case("the end behind a line of data alone", b"data\n").unfinished(""),
        case("the end inside a second data line", b"data: x\ndata: y").unfinished("x\ny"),
        case("the end behind a second data colon", b"data: x\ndata:").unfinished("x\n"),
        case("the end inside a second field name", b"data: x\ndat").unfinished("x"),
        case("the end inside an event type", b"event: e"),
        case("the end behind an event type", b"event: e\n"),
        case("the end inside an ID", b"id: 1"),
        case("the end behind an ID is no blank line", b"id: 1\n"),
        case("the end behind an ID and data", b"data: x\nid: 1\n").unfinished("x"),
        case("the end inside a retry line", b"retry: 5"),
        case("the end behind a retry line", b"retry: 5\n").retry(5),
        case("the end inside a comment", b": x"),
        case("the end behind a comment", b": x\n"),
        case("the end behind a colon", b":"),
        case("the end inside an unknown field", b"foo: x"),
        case("the end inside an unknown name", b"foo"),
        case("the end behind one LF", b"\n"),
        case("the end behind one CR", b"\r"),
        case("the end inside a block discards that block only", b"data: x\n\nevent: e\ndata: y")
            .message("x")
            .unfinished("y"),
        case("the end behind an event leaves nothing", b"id: 1\ndata: x\n\n")
            .event("message", "x", "1")
            .last_event_id("1"),
        case("the end inside a character of data", b"data: \xE2\x82").unfinished("\u{FFFD}"),
    ]
}
