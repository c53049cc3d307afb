//! The fields, one by one.

use super::{Case, case};

/// Field names are compared literally, with no case folding.
pub(super) fn names() -> Vec<Case> {
    vec![
        case("field names are case-sensitive", b"DATA: x\nData: y\ndatA: z\n\ndata: w\n\n")
            .message("w"),
        case(
            "the other field names are case-sensitive too",
            b"Event: e\nID: 1\nId: 2\nRetry: 5\nRETRY: 6\ndata: x\n\n",
        )
        .message("x"),
        case("unknown fields are ignored", b"foo: 1\ndata: x\nx-y_z: 2\nbar\n\n").message("x"),
        case(
            "a beginning of a known name is unknown",
            b"d: a\nda: a\ndat: a\ni: 1\ne: e\neven: e\nr: 5\nretr: 5\ndata: x\n\n",
        )
        .message("x"),
        case(
            "a beginning of a known name without a colon is unknown",
            b"d\nda\ndat\ni\ne\nev\neven\nr\nretr\ndata: x\n\n",
        )
        .message("x"),
        case(
            "a known name with more behind it is unknown",
            b"datax: a\ndata1\neventx: e\nids: 1\nid2: 1\nretry2: 5\ndata: x\n\n",
        )
        .message("x"),
        case(
            "a space before a name is part of it",
            b" data: a\n event: e\n id: 1\n\tdata: b\ndata: x\n\n",
        )
        .message("x"),
        case(
            "a space between name and colon is part of the name",
            b"data : a\nevent : e\nid : 1\nretry : 5\ndata\t: b\ndata: x\n\n",
        )
        .message("x"),
        case("a space behind a name without a colon is part of it", b"data \n\nid \n\n"),
        case(
            "NUL in a name makes it unknown",
            b"\0data: a\nda\0ta: b\ndata\0: c\nid\0: 1\ndata: x\n\n",
        )
        .message("x"),
        case(
            "a bad byte in a name makes it unknown",
            b"data\xFF: a\n\xFFdata: b\nda\xFFta: c\ndata: x\n\n",
        )
        .message("x"),
        case("an equals sign is no colon", b"data=x\nid=1\nevent=e\ndata: x\n\n").message("x"),
        case("an unknown field may be called error", b"error: {\"code\":500}\ndata: x\nerror\n\n")
            .message("x"),
        case("a name may be a digit", b"1: x\n0\ndata: x\n\n").message("x"),
    ]
}

/// The value is what is behind the first colon, less one space.
pub(super) fn values() -> Vec<Case> {
    vec![
        case("no space behind the colon is needed", b"data:x\n\n").message("x"),
        case("one space behind the colon is dropped", b"data: x\n\n").message("x"),
        case("only one space is dropped", b"data:  x\n\n").message(" x"),
        case("only one space of many is dropped", b"data:    \n\n").message("   "),
        case("a value of one space is empty", b"data: \n\n").message(""),
        case("a tab behind the colon is kept", b"data:\tx\n\n").message("\tx"),
        case("a tab behind the space is kept", b"data: \tx\n\n").message("\tx"),
        case("a space behind a tab is kept", b"data:\t x\n\n").message("\t x"),
        case("a no-break space is kept", "data:\u{A0}x\n\n").message("\u{A0}x"),
        case("white space at the end is kept", b"data: x \t \n\n").message("x \t "),
        case("later colons belong to the value", b"data: a:b: c::\n\n").message("a:b: c::"),
        case("a second colon belongs to the value", b"data::x\n\n").message(":x"),
        case("a colon behind the space belongs to the value", b"data: :x\n\n").message(":x"),
        case("a space behind a second colon is kept", b"data:: x\n\n").message(": x"),
        case("a value of colons is kept", b"data::::::\nid:::\nevent: :\n\n")
            .event(":", ":::::", "::")
            .last_event_id("::"),
        case("a value may look like a field", b"data: data: x\n\n").message("data: x"),
        case(
            "one space is dropped from the other fields too",
            b"event:  e \nid:  1 \ndata: x\n\nevent:f\nid:2\ndata:y\n\n",
        )
        .event(" e ", "x", " 1 ")
        .event("f", "y", "2")
        .last_event_id("2"),
        case("quotation marks and backslashes have no meaning", b"data: \"a\\nb\\u0041\"\n\n")
            .message("\"a\\nb\\u0041\""),
    ]
}

/// `data`: the value and a line feed are appended; the last line feed goes at the blank line.
pub(super) fn data() -> Vec<Case> {
    vec![
        case("data lines join with LF", b"data: a\ndata: b\ndata: c\n\n").message("a\nb\nc"),
        case("data alone is an event with empty data", b"data\n\n").message(""),
        case("data with a colon only is an event with empty data", b"data:\n\n").message(""),
        case("data alone twice is a line feed", b"data\ndata\n\n").message("\n"),
        case("data with a colon twice is a line feed", b"data:\ndata:\n\n").message("\n"),
        case("data alone three times is two line feeds", b"data\ndata\ndata\n\n").message("\n\n"),
        case("data alone behind a value appends a line feed", b"data: x\ndata\n\n").message("x\n"),
        case("data alone before a value puts a line feed first", b"data\ndata: x\n\n")
            .message("\nx"),
        case("an empty data line in the middle is kept", b"data: x\ndata:\ndata: y\n\n")
            .message("x\n\ny"),
        case("only the last line feed is dropped", b"data: x\ndata:\ndata:\n\n").message("x\n\n"),
        case("data alone with CRLF is an event", b"data\r\n\r\n").message(""),
        case("data alone with CR is an event", b"data\r\r").message(""),
        case("data alone is an event behind an event", b"data: x\n\ndata\n\n")
            .message("x")
            .message(""),
        case("data alone is an event behind other fields", b"event: e\nid: 1\ndata\n\n")
            .event("e", "", "1")
            .last_event_id("1"),
        case("NUL in data is text", b"data: a\0b\ndata: \0\n\n").message("a\0b\n\0"),
        case("control characters in data are text", b"data: \x01\x08\x1B[0m\x7F\n\n")
            .message("\u{1}\u{8}\u{1B}[0m\u{7F}"),
        case("each event has its own data", b"data: a\n\ndata: b\n\ndata: c\n\n")
            .message("a")
            .message("b")
            .message("c"),
        case("a long line is an event", [b"data: ", &[b'x'; 3000][..], b"\n\n"].concat())
            .message("x".repeat(3000)),
        case(
            "many data lines are one event",
            ["data: ab\n".repeat(150).as_bytes(), b"\n"].concat(),
        )
        .message(vec!["ab"; 150].join("\n")),
        case(
            "a long comment and a long unknown field leave the data alone",
            [b"data: a\n:", &[b'c'; 700][..], b"\nunknown: ", &[b'u'; 700][..], b"\ndata: b\n\n"]
                .concat(),
        )
        .message("a\nb"),
    ]
}

/// `event`: the value becomes the event type buffer, which each blank line empties.
pub(super) fn event_type() -> Vec<Case> {
    vec![
        case("event names the event", b"event: add\ndata: x\n\n").event("add", "x", ""),
        case("event may follow the data", b"data: x\nevent: add\n\n").event("add", "x", ""),
        case("the type is reset behind an event", b"event: add\ndata: x\n\ndata: y\n\n")
            .event("add", "x", "")
            .message("y"),
        case("the type is reset behind a block without data", b"event: add\n\ndata: x\n\n")
            .message("x"),
        case("the last type counts", b"event: a\nevent: b\ndata: x\n\n").event("b", "x", ""),
        case("an empty type is the default", b"event:\ndata: x\n\n").message("x"),
        case("event alone is the default", b"event\ndata: x\n\n").message("x"),
        case(
            "an empty type behind another is the default",
            b"event: a\nevent\ndata: x\n\nevent: b\nevent: \ndata: y\n\n",
        )
        .message("x")
        .message("y"),
        case("a type is not trimmed", b"event:  a\t\ndata: x\n\n").event(" a\t", "x", ""),
        case("a type of a space is no default", b"event:  \ndata: x\n\n").event(" ", "x", ""),
        case("a type may be message", b"event: message\ndata: x\n\n").message("x"),
        case("a type may hold NUL", b"event: a\0b\ndata: x\n\n").event("a\0b", "x", ""),
        case("a type may hold any character", "event: \u{1F600} \u{2028}ü\ndata: x\n\n").event(
            "\u{1F600} \u{2028}ü",
            "x",
            "",
        ),
    ]
}

/// `id`: the value becomes the last event ID buffer, which nothing but another `id` empties; the
/// string follows it at the blank line.
pub(super) fn id() -> Vec<Case> {
    vec![
        case("id sets the ID of its event", b"id: 1\ndata: x\n\n")
            .event("message", "x", "1")
            .last_event_id("1"),
        case("id may follow the data", b"data: x\nid: 1\n\n")
            .event("message", "x", "1")
            .last_event_id("1"),
        case("an ID persists", b"id: 1\ndata: x\n\ndata: y\n\nevent: e\ndata: z\n\n")
            .event("message", "x", "1")
            .event("message", "y", "1")
            .event("e", "z", "1")
            .last_event_id("1"),
        case("a later ID replaces it", b"id: 1\ndata: x\n\nid: 2\ndata: y\n\n")
            .event("message", "x", "1")
            .event("message", "y", "2")
            .last_event_id("2"),
        case("the last ID of a block counts", b"id: 1\ndata: x\nid: 2\n\n")
            .event("message", "x", "2")
            .last_event_id("2"),
        case("an empty ID clears it", b"id: 1\ndata: x\n\nid:\ndata: y\n\ndata: z\n\n")
            .event("message", "x", "1")
            .message("y")
            .message("z"),
        case("id alone clears it", b"id: 1\ndata: x\n\nid\ndata: y\n\n")
            .event("message", "x", "1")
            .message("y"),
        case("an empty ID clears it without data too", b"id: 1\ndata: x\n\nid\n\ndata: y\n\n")
            .event("message", "x", "1")
            .message("y"),
        case("an empty ID behind another in one block clears it", b"id: 1\nid\ndata: x\n\n")
            .message("x"),
        case("an ID with NUL is ignored", b"id: 1\ndata: x\n\nid: 2\0\ndata: y\n\n")
            .event("message", "x", "1")
            .event("message", "y", "1")
            .last_event_id("1"),
        case(
            "an ID of NUL, or with NUL first or inside, is ignored",
            b"id: 1\nid: \0\nid: \x002\nid: 2\x003\ndata: x\n\n",
        )
        .event("message", "x", "1")
        .last_event_id("1"),
        case("an ID with NUL clears nothing", b"id: 1\n\nid:\0\n\n").last_event_id("1"),
        case("an ID counts without data too", b"id: 1\n\n").last_event_id("1"),
        case("an ID without data is that of the events behind it", b"id: 1\n\ndata: x\n\n")
            .event("message", "x", "1")
            .last_event_id("1"),
        case("an ID counts at the blank line only", b"id: 1\n\nid: 2\n").last_event_id("1"),
        case("an ID in a block that is cut off does not count", b"id: 1\n\ndata: x\nid: 2")
            .last_event_id("1")
            .unfinished("x"),
        case("an ID is not trimmed", b"id:  1 \ndata: x\n\n")
            .event("message", "x", " 1 ")
            .last_event_id(" 1 "),
        case("an ID is no number", b"id: 007 a:b\ndata: x\n\n")
            .event("message", "x", "007 a:b")
            .last_event_id("007 a:b"),
        case("an ID may hold any character but NUL", "id: \u{1F600}\u{FEFF}\u{1}\ndata: x\n\n")
            .event("message", "x", "\u{1F600}\u{FEFF}\u{1}")
            .last_event_id("\u{1F600}\u{FEFF}\u{1}"),
    ]
}

/// `retry`: a value of ASCII digits only is the reconnection time, from that line on.
pub(super) fn retry() -> Vec<Case> {
    vec![
        case("retry sets the time", b"retry: 3000\n\n").retry(3000),
        case("retry needs no space", b"retry:3000\n\n").retry(3000),
        case("retry is no event", b"retry: 1\n\ndata: x\n\n").message("x").retry(1),
        case("retry may stand in an event", b"data: x\nretry: 1\ndata: y\n\n")
            .message("x\ny")
            .retry(1),
        case("retry of nought is a time", b"retry: 0\n\n").retry(0),
        case("retry may have leading zeros", b"retry: 0007\n\n").retry(7),
        case(
            "retry may have more leading zeros than digits fit",
            b"retry: 000000000000000000000000000000000000005\n\n",
        )
        .retry(5),
        case("the last retry counts", b"retry: 1\nretry: 2\n\nretry: 3\n\n").retry(3),
        case("retry counts in a block that is cut off", b"data: x\nretry: 9\n")
            .retry(9)
            .unfinished("x"),
        case("retry counts when its line is complete", b"retry: 8\nretry: 9").retry(8),
        case("the largest u64 is a time", b"retry: 18446744073709551615\n\n").retry(u64::MAX),
        case("what u64 cannot hold is ignored", b"retry: 18446744073709551616\n\n"),
        case(
            "what u64 cannot hold leaves the time as it was",
            b"retry: 4\nretry: 99999999999999999999999999999999\n\n",
        )
        .retry(4),
        case("retry without a value is ignored", b"retry: 4\nretry:\nretry: \nretry\n\n").retry(4),
        case("retry with a sign is ignored", b"retry: 4\nretry: -1\nretry: +1\n\n").retry(4),
        case("retry with a space is ignored", b"retry: 4\nretry:  1\nretry: 1 \nretry: 1 2\n\n")
            .retry(4),
        case(
            "retry with anything but digits is ignored",
            b"retry: 4\nretry: 1.5\nretry: 1e3\nretry: 0x10\nretry: 1_000\nretry: 1s\nretry: a\n\n",
        )
        .retry(4),
        case(
            "retry with a tab, NUL or a bad byte is ignored",
            b"retry: 4\nretry: \t1\nretry: 1\0\nretry: 1\xFF\n\n",
        )
        .retry(4),
        case(
            "digits of other scripts are no digits",
            "retry: 4\nretry: \u{663}\nretry: \u{FF13}\n\n",
        )
        .retry(4),
    ]
}

/// The standard's own examples, with other data.
pub(super) fn examples() -> Vec<Case> {
    vec![
        case(
            "the standard's introduction: three messages, one of two lines",
            b"data: The first one.\n\ndata: The second one. It\ndata: goes over two lines.\n\ndata: The third.\n\n",
        )
        .message("The first one.")
        .message("The second one. It\ngoes over two lines.")
        .message("The third."),
        case(
            "the standard's introduction: events of two types",
            b"event: open\ndata: 4711\n\nevent: close\ndata: 815\n\nevent: open\ndata: 12\n\n",
        )
        .event("open", "4711", "")
        .event("close", "815", "")
        .event("open", "12", ""),
        case("the standard's first example: one event of three lines", b"data: OSLO\ndata: -7\ndata: 04\n\n")
            .message("OSLO\n-7\n04"),
        case(
            "the standard's second example: a comment, an ID set, an ID cleared, a space kept",
            b": a stream\n\ndata: one\nid: 1\n\ndata:two\nid\n\ndata:  three\n\n",
        )
        .event("message", "one", "1")
        .message("two")
        .message(" three"),
        case(
            "the standard's second example: without the last blank line there is no third event",
            b": a stream\n\ndata: one\nid: 1\n\ndata:two\nid\n\ndata:  three\n",
        )
        .event("message", "one", "1")
        .message("two")
        .unfinished(" three"),
        case(
            "the standard's third example: an empty event, one of a line feed, and one cut off",
            b"data\n\ndata\ndata\n\ndata:",
        )
        .message("")
        .message("\n")
        .unfinished(""),
        case("the standard's fourth example: two events that are the same", b"data:same\n\ndata: same\n\n")
            .message("same")
            .message("same"),
    ]
}
