//! The fold on recorded streams: the outcome is the one that a second fold, written in another
//! language, comes to.

#[path = "fold/fixtures.rs"]
mod fixtures;
#[path = "fold/naive.rs"]
mod naive;
#[path = "sse/reads.rs"]
mod reads;
#[path = "fold/run.rs"]
mod run;

use deltawire::Options;
use deltawire::chat::{self, Chat};
use deltawire::completions::{self, Completions};
use fixtures::{Fixture, all, body, fixture};
use naive::Naive;
use reads::{byte_by_byte, with_empty_reads};
use run::{Ending, Seen, updates_add_up};
use serde_json::{Map, Value, json};

fn in_reads<'i>(
    fixture: &Fixture,
    options: Options,
    reads: impl IntoIterator<Item = &'i [u8]>,
) -> Seen {
    in_reads_until(fixture, options, reads, Ending::Clean)
}

fn in_reads_until<'i>(
    fixture: &Fixture,
    options: Options,
    reads: impl IntoIterator<Item = &'i [u8]>,
    ending: Ending,
) -> Seen {
    if fixture.legacy {
        run::in_reads::<Completions>(options, reads, ending)
    } else {
        run::in_reads::<Chat>(options, reads, ending)
    }
}

fn whole(fixture: &Fixture) -> Seen {
    in_reads(fixture, Options::new(), [&fixture.stream[..]])
}

fn plain(fixture: &Fixture) -> Seen {
    in_reads(fixture, Options::new().with_unknown(false), [&fixture.stream[..]])
}

/// Compares all of it, but for the message of an error that is not the server's.
#[test]
fn every_recording_comes_to_what_the_second_fold_says() {
    for fixture in all() {
        // The second fold knows no other members.
        let mut got = plain(&fixture).outcome();
        if let (Value::Object(error), Value::Object(expected)) =
            (&mut got["error"], &fixture.expected["error"])
        {
            error.retain(|name, _| expected.contains_key(name));
        }
        let counts = got.as_object_mut().and_then(|got| got.remove("usage"));
        let usage = &fixture.expected["answer"]["usage"];
        assert_eq!(counts, Some(token_counts(usage)), "{}", fixture.name);
        assert_eq!(got, fixture.expected, "{}", fixture.name);
    }
}

/// The token counts of the outcome, given the server's own object.
fn token_counts(usage: &Value) -> Value {
    if usage.is_null() {
        return Value::Null;
    }
    let counts = [
        ("input", &usage["prompt_tokens"]),
        ("output", &usage["completion_tokens"]),
        ("total", &usage["total_tokens"]),
        ("cached", &usage["prompt_tokens_details"]["cached_tokens"]),
        ("reasoning", &usage["completion_tokens_details"]["reasoning_tokens"]),
    ];
    let sent = counts.into_iter().filter(|(_, count)| count.is_u64());
    sent.map(|(name, count)| (name.to_owned(), count.clone())).collect::<Map<_, _>>().into()
}

#[test]
fn the_naive_fold_that_fuzzing_compares_with_comes_to_it_too() {
    let mut compared = 0;
    for fixture in
        all().iter().filter(|fixture| !fixture.legacy && fixture.stream.starts_with(b"data"))
    {
        let Some(naive) = naive::fold(&fixture.events()) else { continue };
        let expected = &fixture.expected["answer"];
        assert_eq!(run::differs(&naive.completion(), expected, "answer"), None, "{}", fixture.name);
        let kept = whole(fixture).outcome()["answer"].take();
        assert_eq!(run::differs(&naive.unknown(), &kept, "answer"), None, "{}", fixture.name);
        assert_eq!(
            naive.done,
            fixture.expected["end"].as_str().unwrap().starts_with("done"),
            "{}",
            fixture.name
        );
        compared += 1;
    }
    assert!(compared >= 20, "only {compared}");
}

#[test]
fn every_recording_is_the_same_in_any_reads() {
    for fixture in all() {
        let expected = whole(&fixture);
        assert_eq!(
            in_reads(&fixture, Options::new(), byte_by_byte(&fixture.stream)),
            expected,
            "{}",
            fixture.name
        );
        assert_eq!(
            in_reads(&fixture, Options::new(), with_empty_reads(&fixture.stream)),
            expected,
            "{}",
            fixture.name
        );
        for size in [2, 3, 7, 64, 100, 255, 1460, 4096] {
            let got = in_reads(&fixture, Options::new(), fixture.stream.chunks(size));
            assert_eq!(got, expected, "{} in reads of {size}", fixture.name);
        }
        // Reads of lengths that never line up with the events.
        let mut rest = &fixture.stream[..];
        let mut reads = Vec::new();
        for length in (1..).map(|n: usize| n * 37 % 101) {
            if rest.is_empty() {
                break;
            }
            let (read, behind) = rest.split_at(length.min(rest.len()));
            reads.push(read);
            rest = behind;
        }
        assert_eq!(in_reads(&fixture, Options::new(), reads), expected, "{}", fixture.name);
    }
}

#[test]
fn every_recording_is_the_same_without_learning() {
    for fixture in all() {
        let got = in_reads(&fixture, Options::new().with_learning(false), [&fixture.stream[..]]);
        assert_eq!(got, whole(&fixture), "{}", fixture.name);
    }
}

/// Recordings whose chunks differ in their text only are folded by the learned frame, but for the
/// first chunks of each text.
#[test]
fn recordings_of_long_texts_take_the_fast_path() {
    let mut fast = 0;
    for fixture in all() {
        let stats = if fixture.legacy {
            run::stats::<Completions>(&fixture.stream)
        } else {
            run::stats::<Chat>(&fixture.stream)
        };
        if stats.learned * 10 >= stats.folded * 8 && stats.folded >= 30 {
            fast += 1;
        }
    }
    assert!(fast >= 8, "the fast path was taken by most chunks of {fast} recordings only");
}

#[test]
fn every_recording_is_the_same_event_by_event_and_chunk_by_chunk() {
    for fixture in all().iter().filter(|fixture| fixture.stream.starts_with(b"data")) {
        let events = fixture.events();
        let (events, chunks) = if fixture.legacy {
            (
                run::in_events::<Completions>(Options::new(), &events),
                run::in_chunks::<Completions>(Options::new(), &events, |data| {
                    completions::Chunk::parse(data)
                }),
            )
        } else {
            (
                run::in_events::<Chat>(Options::new(), &events),
                run::in_chunks::<Chat>(Options::new(), &events, |data| chat::Chunk::parse(data)),
            )
        };
        assert_eq!(events, whole(fixture), "{}", fixture.name);
        assert_eq!(
            chunks.map(|seen| seen.outcome()),
            Some(whole(fixture).outcome()),
            "{}",
            fixture.name
        );
    }
}

#[test]
fn the_updates_of_every_recording_add_up() {
    for fixture in all() {
        updates_add_up(&whole(&fixture), &fixture.name);
    }
}

/// Members that are kept stand beside the others, and change none of them.
#[test]
fn every_recording_has_the_same_and_more_with_its_unknown_members() {
    let mut more = 0;
    for fixture in all() {
        let (kept, plain) = (whole(&fixture).outcome(), plain(&fixture).outcome());
        assert_eq!(
            run::differs(&plain["answer"], &kept["answer"], "answer"),
            None,
            "{}",
            fixture.name
        );
        assert_eq!(
            (&kept["end"], &kept["anomalies"]),
            (&plain["end"], &plain["anomalies"]),
            "{}",
            fixture.name
        );
        more += usize::from(kept["answer"]["timings"]["predicted_n"].is_u64());
    }
    assert!(more >= 8, "llama.cpp's timings, in {more} recordings only");
}

/// Cut anywhere, a recording loses what comes after the cut and nothing else, and is never done
/// before it is.
#[test]
fn every_recording_cut_off_anywhere_keeps_what_came_before() {
    let mut compared = 0;
    for fixture in all().iter().filter(|fixture| fixture.stream.starts_with(b"data")) {
        let text = whole(fixture).text;
        let step = fixture.stream.len() / 97 + 1;
        for cut in (0..fixture.stream.len()).step_by(step) {
            let got = in_reads(fixture, Options::new(), [&fixture.stream[..cut]]);
            if let Some(naive) = Naive::prefix(&fixture.stream[..cut]) {
                let outcome = got.outcome();
                assert_eq!(
                    Naive::kept_by(&outcome["answer"]),
                    naive.kept(),
                    "{} cut at {cut}",
                    fixture.name
                );
                assert_eq!(outcome["end"], naive.end(false), "{} cut at {cut}", fixture.name);
                let broken = in_reads_until(
                    fixture,
                    Options::new(),
                    [&fixture.stream[..cut]],
                    Ending::Broken,
                )
                .outcome();
                assert_eq!(broken["answer"], outcome["answer"], "{} cut at {cut}", fixture.name);
                assert_eq!(broken["end"], naive.end(true), "{} cut at {cut}", fixture.name);
                compared += 1;
            }
            assert!(text.starts_with(&got.text), "{} cut at {cut}", fixture.name);
            let end = got.outcome()["end"].clone();
            let ends = [
                "truncated",
                "empty",
                "done_without_sentinel",
                "done",
                "done_without_finish_reason",
            ];
            assert!(ends.contains(&end.as_str().unwrap()), "{} cut at {cut}: {end}", fixture.name);
            if end == "done" {
                assert_eq!(fixture.expected["end"], "done", "{} cut at {cut}", fixture.name);
                assert_eq!(got.text, text, "{} cut at {cut}", fixture.name);
            }
        }
    }
    assert!(compared >= 2000, "only {compared}");
}

/// The same request streamed and not: one answer, but for what differs between two requests.
#[test]
fn a_streamed_answer_is_the_one_that_was_not_streamed() {
    for name in ["smollm2-sky", "smollm2-completion.legacy"] {
        let fixture = fixture(name);
        let streamed = whole(&fixture).outcome()["answer"].take();
        let body = body(name);
        let once = if fixture.legacy {
            serde_json::to_value(deltawire::completions::Completion::from_json(&body).unwrap())
                .unwrap()
        } else {
            serde_json::to_value(deltawire::chat::ChatCompletion::from_json(&body).unwrap())
                .unwrap()
        };
        let same = |mut completion: Value| {
            for member in ["id", "created", "timings"] {
                assert!(!completion[member].is_null(), "{name}: {member}");
                completion[member].take();
            }
            completion["usage"]["prompt_tokens_details"]["cached_tokens"].take();
            completion
        };
        assert_eq!(same(streamed), same(once), "{name}");
    }
}

#[test]
fn the_text_of_the_longest_recording_is_not_empty() {
    // Against fixtures that compare nothing with nothing.
    let text = whole(&fixture("nginx-recut")).text;
    assert!(text.len() > 400, "{} bytes", text.len());
    assert_eq!(whole(&fixture("mock-llm-surrogates")).text, "hello 😀 wörld");
    let tool = whole(&fixture("aimock-tools")).outcome();
    let call = &tool["answer"]["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(
        call,
        &json!({"name": "change_background", "arguments": "{\"background\":\"blue\"}"})
    );
}
