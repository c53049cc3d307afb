//! The bytes that a stream whose texts are parsed makes the process hold, counted: at most eight
//! for each byte that was sent, and 4 MiB.

use allocation_counter::measure;
use deltawire::{How, Options, chat};
use deltawire_partial as partial;

const MIB: usize = 1 << 20;

/// Events of one choice each, whose content or arguments are `count` times a part.
fn stream(
    arguments: bool,
    choices: usize,
    (begin, part, end): (&str, &str, &str),
    count: usize,
) -> String {
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = format!("{}{}{}", escape(begin), escape(part).repeat(count), escape(end));
    let event = |choice: usize| {
        let delta = if arguments {
            format!(
                "{{\"tool_calls\":[{{\"index\":0,\"id\":\"c\",\"function\":{{\"name\":\"f\",\"arguments\":\"{text}\"}}}}]}}"
            )
        } else {
            format!("{{\"content\":\"{text}\"}}")
        };
        format!("data: {{\"choices\":[{{\"index\":{choice},\"delta\":{delta}}}]}}\n\n")
    };
    (0..choices).map(event).collect()
}

#[test]
fn what_is_held_is_bounded_by_what_was_sent() {
    let lenient = partial::Options::lenient();
    let options = Options::new()
        .with_unknown(true)
        .with_parsed_arguments(lenient)
        .with_parsed_content(lenient);
    let mut worst = 0.0_f64;
    for parts in [
        ("[", "\"a\",", "1]"),
        ("[", "{\"a\":1},", "1]"),
        ("[", "1,", "1]"),
        ("{", "\"\":[],", "\"\":1}"),
        ("[\"", "\\d", "\"]"),
        ("<think>", "{[", "</think>[1]"),
    ] {
        for (arguments, choices, bytes) in [
            (false, 1, 2 * MIB),
            (false, 1, 140_000),
            (true, 1, MIB / 2),
            (false, 6, MIB / 4),
            (false, 1000, 300),
            (true, 1000, 4),
        ] {
            let stream = stream(arguments, choices, parts, bytes / parts.1.len());
            let made = measure(|| {
                let mut session = chat::Session::with_options(options);
                let mut told = 0;
                for read in stream.as_bytes().chunks(16 << 10) {
                    let mut read = read;
                    while session.advance(&mut read).unwrap() {
                        told += session.update().changes().count();
                    }
                }
                let outcome = session.close(How::Clean);
                assert!(told > choices, "{parts:?}: {told} changes of {choices}");
                assert_eq!(outcome.answer.choices.len(), choices);
            });
            let most = 8 * stream.len() + 4 * MIB;
            assert!(
                made.bytes_max <= most as u64,
                "{parts:?}, {arguments} {choices}: {} bytes held at the most for {} sent",
                made.bytes_max,
                stream.len(),
            );
            worst = worst
                .max(made.bytes_max.saturating_sub(4 * MIB as u64) as f64 / stream.len() as f64);
        }
    }
    println!("at most {worst:.1} bytes for each sent, beside 4 MiB");
}

#[test]
fn what_an_event_made_the_process_hold_is_given_back_after_it() {
    let options = Options::new().with_parsed_content(partial::Options::new());
    let large = stream(false, 1, ("[", "\"a\",", ""), MIB);
    let mut small =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" \"}}]}\n\n".repeat(3);
    small.push_str("data: [DONE]\n\n");
    let mut session = chat::Session::with_options(options);
    let made = measure(|| {
        for stream in [&large, &small] {
            let mut read = stream.as_bytes();
            while session.advance(&mut read).unwrap() {}
        }
    });
    // The text, its buffer's room to grow, and the parsed values.
    let most = (2 * large.len() + 5 * MIB) as i64;
    assert!(made.bytes_current <= most, "{} bytes for {}", made.bytes_current, large.len());
    assert_eq!(session.close(How::Clean).answer.text().len(), 4 * MIB + 4);
}
