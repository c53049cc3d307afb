//! The data of an event that lies whole in a read is the read's own bytes.

use deltawire::sse::Decoder;

/// Reports whether the data of the first event of `input` lies in `input`, at the place where
/// `data` stands in it.
fn is_borrowed(input: &[u8], data: &str) -> bool {
    let range = input.as_ptr_range();
    let mut decoder = Decoder::new();
    let mut rest = input;
    let event = decoder.decode(&mut rest).expect("no limit is near");
    let event = event.expect("an event is whole");
    assert_eq!(event.data, data, "in {:?}", input.escape_ascii().to_string());
    let borrowed = range.contains(&event.data.as_ptr());
    if borrowed {
        let stands = |window: &[u8]| window == data.as_bytes();
        let at = input.windows(data.len()).position(stands);
        let at = at.expect("borrowed from somewhere");
        assert_eq!(event.data.as_ptr(), input[at..].as_ptr());
    }
    borrowed
}

#[test]
fn an_event_of_one_data_line_is_borrowed_from_the_input() {
    let inputs = [
        "data: hello\n\n",
        "data:hello\n\n",
        "data: hello\r\n\r\n",
        "data: hello\r\r",
        "\u{FEFF}data: hello\n\n",
        "\n\ndata: hello\n\n",
        "event: e\nid: 1\nretry: 5\ndata: hello\n\n",
        "data: hello\nevent: e\nid: 1\nretry: 5\n\n",
        ": comment\ndata: hello\n: comment\nunknown: x\n\n",
        "event: only\n\ndata: hello\n\n",
        "data: hello\n\ndata: and more",
    ];
    for input in inputs {
        assert!(is_borrowed(input.as_bytes(), "hello"), "{input:?}");
    }
    assert!(is_borrowed("data: grüße 😀\n\n".as_bytes(), "grüße 😀"));
}

#[test]
fn a_type_in_the_line_before_is_borrowed_too() {
    for input in [
        "event: e\ndata: hello\n\n",
        "event: e\r\ndata: hello\r\n\r\n",
        ": c\nevent: e\ndata: hello\n\n",
    ] {
        let range = input.as_bytes().as_ptr_range();
        let mut decoder = Decoder::new();
        // As at the beginning of every event but the first.
        decoder.decode(&mut &b"data\n\n"[..]).unwrap();
        let mut rest = input.as_bytes();
        let event = decoder.decode(&mut rest).unwrap().unwrap();
        assert_eq!((event.event, event.data, rest), ("e", "hello", &b""[..]), "{input:?}");
        assert!(
            range.contains(&event.event.as_ptr()) && range.contains(&event.data.as_ptr()),
            "{input:?}"
        );
    }
}

#[test]
fn an_input_that_is_used_up_is_the_empty_end_of_what_it_was() {
    let stream = b"event: e\ndata: hello\nid: 1\r\n\r\n:\n\n";
    for size in [1, 2, stream.len()] {
        let mut decoder = Decoder::new();
        for read in stream.chunks(size) {
            let mut input = read;
            while decoder.decode(&mut input).unwrap().is_some() {}
            assert_eq!(input.as_ptr_range().end, read.as_ptr_range().end, "{size}");
            assert!(input.is_empty());
        }
    }
}

#[test]
fn every_event_of_a_read_is_borrowed_and_not_the_first_only() {
    let stream = "id: 1\ndata: hello\n\n".repeat(100);
    let range = stream.as_bytes().as_ptr_range();
    let mut decoder = Decoder::new();
    let mut input = stream.as_bytes();
    let mut events = 0;
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        assert!(range.contains(&event.data.as_ptr()), "event {events}");
        events += 1;
    }
    assert_eq!(events, 100);
}

#[test]
fn an_event_that_is_whole_in_a_later_read_is_borrowed_from_that_one() {
    let mut decoder = Decoder::new();
    let mut first = &b"data: x\n\nevent: e\n"[..];
    while decoder.decode(&mut first).unwrap().is_some() {}
    let second = &b"data: hello\n\n"[..];
    let mut input = second;
    let event = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!((event.event, event.data), ("e", "hello"));
    assert!(second.as_ptr_range().contains(&event.data.as_ptr()));
}

#[test]
fn what_is_joined_or_repaired_is_no_part_of_the_input() {
    assert!(!is_borrowed(b"data: a\ndata: b\n\n", "a\nb"));
    assert!(!is_borrowed(b"data: a\xFF\n\n", "a\u{FFFD}"));
}

#[test]
fn an_event_outlives_the_variable_that_its_input_was_read_from() {
    let stream = b"data: hello\n\n".to_vec();
    let mut decoder = Decoder::new();
    let event = {
        let mut input = &stream[..];
        decoder.decode(&mut input).unwrap().unwrap()
    };
    assert_eq!(event.data, "hello");
}
