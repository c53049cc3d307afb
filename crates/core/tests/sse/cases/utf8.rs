//! Bytes that are no UTF-8: U+FFFD for each maximal subpart, never an error, and line ends stay
//! line ends.

use super::{Case, case};

/// R for replaced.
const R: char = char::REPLACEMENT_CHARACTER;

/// As many replacement characters.
fn replaced(count: usize) -> String {
    String::from(R).repeat(count)
}

/// One U+FFFD for the longest beginning of a character that is there, and one for each byte that
/// can begin none.
pub(super) fn malformed() -> Vec<Case> {
    vec![
        case("a lone continuation byte is replaced", b"data: a\x80b\n\n").message(format!("a{R}b")),
        case("each lone continuation byte is replaced", b"data: \x80\xBF\x80\n\n")
            .message(replaced(3)),
        case("bytes that UTF-8 never has are replaced", b"data: \xFE\xFF\xF5\xC0\xC1\n\n")
            .message(replaced(5)),
        case("an overlong of two bytes is two", b"data: \xC0\xAF\n\n").message(replaced(2)),
        case("an overlong of three bytes is three", b"data: \xE0\x80\xAF\n\n").message(replaced(3)),
        case("an overlong just below three bytes is three", b"data: \xE0\x9F\xBF\n\n")
            .message(replaced(3)),
        case("an overlong of four bytes is four", b"data: \xF0\x80\x80\xAF\n\n")
            .message(replaced(4)),
        case("an overlong just below four bytes is four", b"data: \xF0\x8F\xBF\xBF\n\n")
            .message(replaced(4)),
        case("what was once five bytes is five", b"data: \xF8\x88\x80\x80\x80\n\n")
            .message(replaced(5)),
        case("an encoded first surrogate is three", b"data: \xED\xA0\x80\n\n").message(replaced(3)),
        case("an encoded last surrogate is three", b"data: \xED\xBF\xBF\n\n").message(replaced(3)),
        case("an encoded pair of surrogates is six", b"data: \xED\xA0\xBD\xED\xB8\x80\n\n")
            .message(replaced(6)),
        case("what is above U+10FFFF is four", b"data: \xF4\x90\x80\x80\n\n").message(replaced(4)),
        case("two bytes cut after one are one", b"data: \xC3x\n\n").message(format!("{R}x")),
        case("three bytes cut after one are one", b"data: \xE2x\n\n").message(format!("{R}x")),
        case("three bytes cut after two are one", b"data: \xE2\x82x\n\n").message(format!("{R}x")),
        case("four bytes cut after one are one", b"data: \xF0x\n\n").message(format!("{R}x")),
        case("four bytes cut after two are one", b"data: \xF0\x9Fx\n\n").message(format!("{R}x")),
        case("four bytes cut after three are one", b"data: \xF0\x9F\x98x\n\n")
            .message(format!("{R}x")),
        case("a cut character and a whole one are one and it", b"data: \xE1\x80\xE2\x82\xAC\n\n")
            .message(format!("{R}€")),
        case("cut characters in a row are one each", b"data: \xE2\x82\xF0\x9F\x98\xC3\xE2\n\n")
            .message(replaced(4)),
        case(
            "the Unicode standard's example of maximal subparts",
            b"data: \x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64\n\n",
        )
        .message(format!("a{R}{R}{R}b{R}c{R}{R}d")),
        case(
            "a line end inside a character ends line and character",
            b"data: \xE2\x82\ndata: \xAC\n\n",
        )
        .message(format!("{R}\n{R}")),
        case("a CR inside a character ends both", b"data: \xF0\x9F\rdata: \x98\x80\r\r")
            .message(format!("{R}\n{R}{R}")),
        case(
            "a blank line behind a cut character dispatches",
            b"data: \xF0\x9F\x98\n\ndata: y\n\n",
        )
        .message(replaced(1))
        .message("y"),
        case("a cut character before CRLF is one", b"data: x\xC3\r\ndata: y\r\n\r\n")
            .message(format!("x{R}\ny")),
        case("a cut character does not eat the colon", b"da\xE2\x82: a\ndata: x\n\n").message("x"),
        case("the value may begin with a bad byte", b"data:\xFFx\ndata: \xFFy\n\n")
            .message(format!("{R}x\n{R}y")),
        case("a bad byte is no space to be dropped", b"data:\xA0 x\n\n").message(format!("{R} x")),
        case("an event type is repaired", b"event: a\xFFb\xE2\x82\ndata: x\n\n").event(
            "a\u{FFFD}b\u{FFFD}",
            "x",
            "",
        ),
        case("an ID is repaired", b"id: a\xED\xA0\x80\ndata: x\n\n")
            .event("message", "x", "a\u{FFFD}\u{FFFD}\u{FFFD}")
            .last_event_id("a\u{FFFD}\u{FFFD}\u{FFFD}"),
        case("an event behind a repaired one is whole", b"data: \xFF\n\ndata: \xE2\x82\xAC\n\n")
            .message(replaced(1))
            .message("€"),
        case("an overlong line feed is no line end", b"data: a\xC0\x8Ab\n\n")
            .message(format!("a{R}{R}b")),
        case("an overlong colon is no colon", b"data\xC0\xBA x\ndata: y\n\n").message("y"),
        case("an overlong NUL does not make an ID be ignored", b"id: a\xC0\x80\ndata: x\n\n")
            .event("message", "x", "a\u{FFFD}\u{FFFD}")
            .last_event_id("a\u{FFFD}\u{FFFD}"),
        case("bytes of Latin-1 are replaced", b"data: gr\xFC\xDFe\n\n")
            .message(format!("gr{R}{R}e")),
    ]
}

/// UTF-8 comes through as it is.
pub(super) fn well_formed() -> Vec<Case> {
    vec![
        case("characters of two, three and four bytes are whole", "data: ü€😀\n\n").message("ü€😀"),
        case(
            "the first and last of each length are whole",
            "data: \u{1}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\n\n",
        )
        .message("\u{1}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}"),
        case("what surrounds the surrogates is whole", "data: \u{D7FF}\u{E000}\n\n")
            .message("\u{D7FF}\u{E000}"),
        case("noncharacters are characters here", "data: \u{FFFE}\u{FDD0}\u{1FFFF}\n\n")
            .message("\u{FFFE}\u{FDD0}\u{1FFFF}"),
        case("a replacement character that was sent is kept", "data: \u{FFFD}\n\n")
            .message("\u{FFFD}"),
        case(
            "characters over two data lines are whole",
            "event: é\nid: ß\ndata: 日本\ndata: 語\n\n",
        )
        .event("é", "日本\n語", "ß")
        .last_event_id("ß"),
        case("combining characters are not composed", "data: e\u{301}\n\n").message("e\u{301}"),
    ]
}
