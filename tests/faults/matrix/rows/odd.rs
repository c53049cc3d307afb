//! Streams that no server should send, within limits and beyond them.

use crate::bytes::{DONE, FINISH, events, text};
use crate::row::{Answer, Row, row};

pub(crate) fn rows() -> Vec<Row> {
    let stream = |fault: &str, parts: &[&str]| row(fault, Answer::Bytes(events(parts.concat())));
    let raw = |fault: &str, parts: &[&[u8]]| row(fault, Answer::Bytes(events(parts.concat())));
    let hi = &*text("hi");
    let data = |json: &str| format!("data: {json}\n\n");
    let in_delta =
        |member: &str| data(&format!("{{\"choices\":[{{\"index\":0,\"delta\":{{{member}}}}}]}}"));
    let choice = |index: usize| format!("{{\"index\":{index},\"delta\":{{\"content\":\"a\"}}}}");
    let many = (0..10_000).map(|n| format!("\"m{n}\":{n}")).collect::<Vec<_>>().join(",");
    let at_once = data(&format!(
        "{{\"choices\":[{}]}}",
        (0..10_000).map(choice).collect::<Vec<_>>().join(",")
    ));
    let in_turn: String =
        (0..10_000).map(|index| data(&format!("{{\"choices\":[{}]}}", choice(index)))).collect();
    let call = |index: u64| {
        format!(
            "{{\"index\":{index},\"id\":\"call_{index}\",\"type\":\"function\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}"
        )
    };
    let calls = (0..10_000).map(call).collect::<Vec<_>>().join(",");
    let deep =
        |open: &str, close: &str| format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
    let digits = "9".repeat(10_000);
    let numbers = format!(
        "{{\"created\":{digits},\"usage\":{{\"total_tokens\":{digits},\"x\":-{digits}e{digits}}},\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"!\"}},\"x\":{digits}.{digits}}}]}}"
    );
    let big_index =
        data(&format!("{{\"choices\":[{{\"index\":{digits},\"delta\":{{\"content\":\"a\"}}}}]}}"));
    let invalid: &[u8] = b"\xff\xfe\x80\xc3\xed\xa0\x80\xf8";
    let in_text =
        [b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a", invalid, b"b\"}}]}\n\n"]
            .concat();
    let everywhere = [
        invalid,
        b"\n",
        invalid,
        b": x\nevent",
        invalid,
        b": error\nid: ",
        invalid,
        b"\nretry: ",
        invalid,
        b"\n: ",
        invalid,
        b"\n\n",
        b"data: {\"",
        invalid,
        b"\":\"",
        invalid,
        b"\",\"id\":\"",
        invalid,
        b"\",\"choices\":[{\"index\":0,\"",
        invalid,
        b"\":1,\"delta\":{\"content\":\"hi\"}}]}\n\n",
    ]
    .concat();
    let comments = ": keep-alive\n\n".repeat(100_000);
    vec![
        row("1-byte writes", Answer::Recorded("one-plus-one", "write=1".into())).keeps("\n\n2"),
        stream("100,000 comments", &[hi, &comments, FINISH, DONE]).keeps("hi"),
        stream("10,000 choices in a chunk", &[hi, &at_once, DONE])
            .ends("limit")
            .says("the stream passed the limit max_items of 4096")
            .keeps("hi")
            .holds(4 << 20),
        stream("10,000 choices in 10,000 chunks", &[hi, &in_turn, DONE])
            .ends("limit")
            .says("the stream passed the limit max_choices of 1024")
            .keeps("hia")
            .holds(4 << 20),
        stream("a choice index of 10,000 digits", &[hi, &big_index, FINISH, DONE]).keeps("hia"),
        stream(
            "a tool index of 4 billion",
            &[hi, &in_delta(&format!("\"tool_calls\":[{}]", call(4_294_967_296))), FINISH, DONE],
        )
        .keeps("hi"),
        stream("10,000 tool calls", &[hi, &in_delta(&format!("\"tool_calls\":[{calls}]")), DONE])
            .ends("limit")
            .says("the stream passed the limit max_tool_calls of 1024")
            .keeps("hi")
            .holds(12 << 20),
        stream(
            "arrays nested 100,000 deep, unknown",
            &[hi, &data(&format!("{{\"x\":{}}}", deep("[", "]"))), FINISH, DONE],
        )
        .keeps("hi")
        .holds(4 << 20),
        stream(
            "objects nested 100,000 deep, as content",
            &[hi, &in_delta(&format!("\"content\":{}", deep("{\"a\":", "}"))), FINISH, DONE],
        )
        .keeps("hi")
        .holds(8 << 20),
        stream("arrays nested 100,000 deep, never closed", &[hi, &data(&"[".repeat(100_000)), FINISH, DONE])
            .ends("error")
            .says(format!(r#"data of event 2 is not JSON: EOF while parsing a list at line 1 column 100000: "{}"…"{}""#, "[".repeat(107), "[".repeat(53)))
            .keeps("hi")
            .holds(4 << 20),
        stream("numbers of 10,000 digits", &[hi, &data(&numbers), FINISH, DONE]).keeps("hi!"),
        raw("invalid UTF-8 in the text", &[hi.as_bytes(), &in_text, FINISH.as_bytes(), DONE.as_bytes()])
            .keeps("hia\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}b"),
        raw("invalid UTF-8 everywhere", &[&everywhere, FINISH.as_bytes(), DONE.as_bytes()]).keeps("hi"),
        stream("NUL in ids, names, text", &["id: a\0b\n\0: 1\n", &in_delta("\"content\":\"a\\u0000b\""), FINISH, DONE])
            .keeps("a\0b"),
        stream(
            "10,000 members in a delta",
            &[hi, &in_delta(&many), FINISH, DONE],
        )
        .ends("limit")
        .says("the stream passed the limit max_unknown_members of 4096")
        .keeps("hi"),
        stream(
            "the same member 10,000 times",
            &[&in_delta(&vec!["\"content\":\"a\""; 10_000].join(",")), FINISH, DONE],
        )
        .keeps("a"),
        stream("lines without an end", &[hi, &"data: ".repeat(10_000)]).ends("truncated").keeps("hi"),
        stream("100,000 data lines in an event", &[hi, &"data: 1\n".repeat(100_000), "\n", DONE])
            .ends("error")
            .says(format!(r#"data of event 2 is not JSON: trailing characters at line 2 column 1: "{}1"…"1{}""#, r"1\n".repeat(53), r"\n1".repeat(26)))
            .keeps("hi"),
        stream(
            "lone halves of surrogate pairs",
            &[&in_delta("\"content\":\"\\ud83d\""), &in_delta("\"content\":\"x\\ude00\""), FINISH, DONE],
        )
        .keeps("\u{FFFD}x\u{FFFD}"),
        stream("a byte order mark before every event", &["\u{FEFF}", hi, "\u{FEFF}", hi, FINISH, DONE]).keeps("hi"),
    ]
}

#[test]
fn nothing_that_is_odd_or_huge_breaks_the_process() {
    super::check(&rows());
}

#[test]
fn what_is_odd_is_kept_as_it_came_beside_the_text() {
    use deltawire_faults::Adapter;

    let rows = rows();
    let outcome = |fault: &str, adapter| {
        let row = rows.iter().find(|row| row.fault == fault).expect("a row");
        row.run(adapter, false).0.outcome
    };
    for adapter in Adapter::ALL {
        let calls = &outcome("a tool index of 4 billion", adapter)["answer"]["choices"][0]["message"]
            ["tool_calls"];
        assert_eq!(calls.as_array().map(Vec::len), Some(1), "no gap is filled: {calls}");
        assert_eq!(calls[0]["id"], "call_4294967296");
        let choices = &outcome("10,000 choices in 10,000 chunks", adapter)["answer"]["choices"];
        assert_eq!(choices.as_array().map(Vec::len), Some(1024));
        for (fault, kind) in [
            ("a choice index of 10,000 digits", "missing_index"),
            ("lone halves of surrogate pairs", "lone_surrogate"),
            ("10,000 tool calls", ""),
        ] {
            let outcome = outcome(fault, adapter);
            let anomalies = outcome["anomalies"].as_array().expect("a list");
            assert_eq!(
                anomalies.iter().any(|anomaly| anomaly["kind"] == kind),
                !kind.is_empty(),
                "{fault}: {anomalies:?}"
            );
        }
    }
}
