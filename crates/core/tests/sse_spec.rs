//! The decoder against the standard's text: each case of a table whole, in every cut, byte by byte,
//! and with more behind it.

#[path = "sse/cases/mod.rs"]
mod cases;
#[path = "sse/naive.rs"]
mod naive;
#[path = "sse/reads.rs"]
mod reads;

use cases::Case;
use deltawire::sse::Decoder;
use reads::{Run, SHORT, Seen, byte_by_byte, cut, run, shown, with_empty_reads};

/// Returns what a stream of this case comes to.
fn expected(case: &Case) -> Run {
    let seen = case.events.iter();
    Run {
        seen: seen.map(|(event, data, id)| Seen::event(event, data, id)).collect(),
        last_event_id: case.last_event_id.to_owned(),
        retry: case.retry,
        unfinished: case.unfinished.map(str::to_owned),
    }
}

/// Runs a case in these reads.
fn check(case: &Case, how: &str, reads: &[&[u8]]) {
    let got = run(Decoder::new(), reads.iter().copied());
    assert_eq!(got, expected(case), "{}, {how}: {:?}", case.name, shown(reads));
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<_> = cases::all().iter().map(|case| case.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two cases have the same name");
    assert!(count >= 120, "only {count} cases");
}

#[test]
fn every_case_in_one_read() {
    for case in cases::all() {
        check(&case, "whole", &[&case.input]);
    }
}

#[test]
fn every_case_byte_by_byte() {
    for case in cases::all() {
        check(&case, "byte by byte", &byte_by_byte(&case.input));
    }
}

#[test]
fn every_case_byte_by_byte_with_empty_reads_between() {
    for case in cases::all() {
        check(&case, "with empty reads", &with_empty_reads(&case.input));
    }
}

#[test]
fn every_case_in_every_two_reads() {
    for case in cases::all() {
        for place in 0..=case.input.len() {
            check(&case, "two reads", &cut(&case.input, &[place]));
        }
    }
}

#[test]
fn every_short_case_in_every_three_reads() {
    let short = |case: &Case| case.input.len() <= SHORT;
    for case in cases::all().into_iter().filter(short) {
        for second in 0..=case.input.len() {
            for first in 0..=second {
                check(&case, "three reads", &cut(&case.input, &[first, second]));
            }
        }
    }
}

#[test]
fn every_case_in_reads_of_every_small_size() {
    for case in cases::all() {
        for size in 2..=16 {
            let reads: Vec<_> = case.input.chunks(size).collect();
            check(&case, "small reads", &reads);
        }
    }
}

/// Bytes behind a case must not change what stood in it: the same events come first, in every
/// cut, and then the rest.
#[test]
fn every_case_with_another_event_behind_it() {
    let behind = b"\n\ndata: behind\n\n";
    for case in cases::all() {
        let input = [&case.input[..], behind].concat();
        let whole = run(Decoder::new(), [&input[..]]);
        let before = expected(&case).seen;
        // What was unfinished, if anything, the line ends between have completed.
        let completed = usize::from(case.unfinished.is_some() || ends_inside_data(&case));
        assert_eq!(whole.seen.len(), before.len() + completed + 1, "{}", case.name);
        assert_eq!(whole.seen[..before.len()], before, "{}", case.name);
        if let (Some(data), Seen::Event(_, got, _)) = (case.unfinished, &whole.seen[before.len()]) {
            assert_eq!(got, data, "{}", case.name);
        }
        let last = Seen::event("message", "behind", &whole.last_event_id);
        assert_eq!(whole.seen.last(), Some(&last), "{}", case.name);
        assert_eq!(whole.unfinished, None, "{}", case.name);
        for place in 0..=input.len() {
            let got = run(Decoder::new(), cut(&input, &[place]));
            assert_eq!(got, whole, "{}, cut at {place}", case.name);
        }
        let got = run(Decoder::new(), byte_by_byte(&input));
        assert_eq!(got, whole, "{}, byte by byte", case.name);
    }
}

/// Returns true if a line end would make a `data` line of what stands at the end.
fn ends_inside_data(case: &Case) -> bool {
    case.input == b"data" || case.input.ends_with(b"\ndata")
}

#[test]
fn the_naive_decoder_that_others_are_compared_with_gives_every_case_too() {
    for case in cases::all() {
        let got = interpreted(&case.input);
        assert_eq!(got, expected(&case), "{}", case.name);
    }
}

/// The data of the events that these bytes complete, without a byte more.
fn events_at_once(decoder: &mut Decoder, mut input: &[u8]) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = decoder.decode(&mut input).expect("no limit is near") {
        events.push(event.data.to_owned());
    }
    events
}

#[test]
fn a_blank_cr_line_ending_a_read_dispatches_once() {
    let mut decoder = Decoder::new();
    assert_eq!(events_at_once(&mut decoder, b"data: x\r\r"), ["x"]);
    assert!(events_at_once(&mut decoder, b"\n").is_empty());
    assert_eq!(events_at_once(&mut decoder, b"data: y\n\n"), ["y"]);
}

#[test]
fn every_kind_of_blank_line_dispatches_with_its_first_byte() {
    for line_end in ["\n", "\r", "\r\n"] {
        for blank in ["\n", "\r"] {
            if (line_end, blank) == ("\r", "\n") {
                continue; // One line end.
            }
            let mut decoder = Decoder::new();
            let line = format!("data: x{line_end}");
            assert!(events_at_once(&mut decoder, line.as_bytes()).is_empty());
            let got = events_at_once(&mut decoder, blank.as_bytes());
            assert_eq!(got, ["x"], "{line:?}, then {blank:?}");
        }
    }
}

#[test]
fn an_event_comes_before_the_bytes_behind_it_are_looked_at() {
    let mut decoder = Decoder::new();
    let mut input = &b"data: x\n\ndata: y\n\nrest"[..];
    let event = decoder.decode(&mut input).unwrap().unwrap();
    assert_eq!(event.data, "x");
    assert_eq!(input, b"data: y\n\nrest");
    assert_eq!(decoder.offset(), 9);
}

#[test]
fn the_id_counts_from_the_blank_line_and_not_from_its_own() {
    let mut decoder = Decoder::new();
    for read in [&b"id: 1"[..], b"\n", b"data: x\n", b": c\n"] {
        events_at_once(&mut decoder, read);
        assert_eq!(decoder.last_event_id(), "", "after {read:?}");
    }
    events_at_once(&mut decoder, b"\n");
    assert_eq!(decoder.last_event_id(), "1");
}

#[test]
fn retry_counts_from_its_own_line_end() {
    let mut decoder = Decoder::new();
    events_at_once(&mut decoder, b"data: x\nretry: 5");
    assert_eq!(decoder.retry(), None);
    events_at_once(&mut decoder, b"0\r");
    assert_eq!(decoder.retry(), Some(50));
}

#[test]
fn an_unfinished_block_keeps_its_type_and_has_the_id_of_the_block_before() {
    let mut decoder = Decoder::new();
    events_at_once(&mut decoder, b"id: 1\n\nevent: e\nid: 2\ndata: x\ndata: [DO");
    let event = decoder.finish().unwrap();
    assert_eq!((event.event, event.data, event.id), ("e", "x\n[DO", "1"));
    assert!(decoder.finish().is_none(), "it is handed out once");
}

#[test]
fn a_line_of_hundreds_of_kilobytes_is_the_same_in_reads_of_any_size() {
    let text = "a line that goes on and on, ü€😀; ".repeat(12_000);
    let stream = format!("event: e\ndata: {text}\ndata: {text}\nid: 1\n\ndata: y\n\n");
    let both = format!("{text}\n{text}");
    let expected = Run {
        seen: vec![Seen::event("e", &both, "1"), Seen::event("message", "y", "1")],
        last_event_id: "1".to_owned(),
        retry: None,
        unfinished: None,
    };
    for size in [1, 2, 3, 7, 100, 1460, 4096, 65_536, stream.len()] {
        let got = run(Decoder::new(), stream.as_bytes().chunks(size));
        assert!(got == expected, "differs in reads of {size} bytes");
    }
}

#[test]
fn many_events_of_one_read_are_the_same_whatever_stands_between_them() {
    // Malformed text, cut characters and other blocks, near each other and far apart.
    let between: [&[u8]; 6] = [
        b"data: \xE2\x82\n\n",
        b": comment \xFF\n\n",
        b"event: \xF0\x9F\x98\x80\ndata: \xE6\x97\xA5\xE6\x9C\xAC\ndata: two\n\n",
        b"id: 7\r\ndata: crlf\r\n\r\n",
        b"data: \xC3\xBC\r\r",
        b"",
    ];
    for distance in [1, 10, 200, 1000] {
        let mut stream = Vec::new();
        for other in between {
            stream.extend(b"data: plain \xE2\x82\xAC\n\n".repeat(distance));
            stream.extend(other);
        }
        let expected = interpreted(&stream);
        for size in [100, 4096, 16_384, stream.len()] {
            let got = run(Decoder::new(), stream.chunks(size));
            assert!(got == expected, "every {distance} events, in reads of {size} bytes");
        }
    }
}

/// UTF-8 is checked in blocks of 64 bytes, which may end within a character of the next event.
#[test]
fn an_event_is_the_same_wherever_the_characters_of_the_next_one_lie() {
    for text in ["\u{20AC}".as_bytes(), b"\xE2\x82", b"\xFF"] {
        for len in 0..200 {
            let data = vec![b'x'; len];
            let stream = [
                b"data: ",
                &data[..],
                b"\n\nevent: ",
                text,
                b"\ndata: ",
                &text.repeat(30),
                b"\n\n",
            ]
            .concat();
            let got = run(Decoder::new(), [&stream[..]]);
            assert_eq!(got, interpreted(&stream), "{len} bytes before {}", text.escape_ascii());
        }
    }
}

/// Returns what the naive decoder makes of a stream.
fn interpreted(stream: &[u8]) -> Run {
    let naive = naive::interpret(stream, false, false);
    Run {
        seen: naive.events.iter().map(|(event, data, id)| Seen::event(event, data, id)).collect(),
        last_event_id: naive.last_event_id,
        retry: naive.retry,
        unfinished: naive.unfinished,
    }
}
