//! The fold against the rules of the wire: each case of a table whole, in every cut, byte by byte,
//! event by event and as typed chunks.

#[path = "fold/cases/mod.rs"]
mod cases;
#[path = "sse/reads.rs"]
mod reads;
#[path = "fold/run.rs"]
mod run;

use cases::Case;
use deltawire::chat::{self, Chat};
use deltawire::completions::{self, Completions};
use reads::{byte_by_byte, cut, with_empty_reads};
use run::{Ending, Seen, differs, updates_add_up};
use serde_json::Value;

/// Streams up to this long are cut at every place, longer ones at every seventh.
const SHORT: usize = 600;

fn in_reads<'i>(case: &Case, reads: impl IntoIterator<Item = &'i [u8]>) -> Seen {
    let (options, ending) = (case.options, case.ending);
    if case.legacy {
        run::in_reads::<Completions>(options, reads, ending)
    } else {
        run::in_reads::<Chat>(options, reads, ending)
    }
}

/// Returns true if the decoder's limits are met, which the accumulator does not have.
fn meets_a_limit(case: &Case) -> bool {
    whole(case).outcome()["end"] == "limit"
}

fn whole(case: &Case) -> Seen {
    in_reads(case, [&case.stream[..]])
}

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<_> = cases::all().iter().map(|case| case.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two cases have the same name");
    assert!(count >= 250, "only {count} cases");
}

/// All that is wrong is shown at once: a table is read as a whole.
#[test]
fn every_case_whole() {
    let mut wrong = String::new();
    for case in cases::all() {
        let got = whole(&case).outcome();
        let end = case.end.expect("every case says how it ends").name();
        let mut note = |what: String| wrong.push_str(&format!("{}: {what}\n", case.name));
        if got["end"] != end {
            note(format!("ends {}, expected {end}: {}", got["end"], got["error"]));
        }
        if let Some(difference) = differs(&case.completion, &got["answer"], "answer") {
            note(difference);
        }
        if case.error.is_null() != got["error"].is_null() {
            note(format!("the error is {}", got["error"]));
        } else if let Some(difference) = differs(&case.error, &got["error"], "error") {
            note(difference);
        }
        if let Some(expected) = &case.anomalies {
            let expected: Vec<_> = expected
                .iter()
                .map(|(kind, member, choice)| anomaly(kind, member, *choice))
                .collect();
            let all = got["anomalies"].as_array().expect("anomalies are an array");
            let got: Vec<_> = all
                .iter()
                .map(|a| anomaly(&a["kind"], a["member"].as_str().unwrap(), a["choice"].as_u64()))
                .collect();
            if got != expected {
                note(format!("anomalies are {got:?}, expected {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// An anomaly as one would write it.
fn anomaly(kind: &impl serde::Serialize, member: &str, choice: Option<u64>) -> String {
    let kind = serde_json::to_value(kind).expect("a kind is a name");
    let choice = choice.map(|choice| format!(" in choice {choice}")).unwrap_or_default();
    format!("{} {member}{choice}", kind.as_str().unwrap_or_default())
}

#[test]
fn every_case_in_every_two_reads() {
    for case in cases::all() {
        let expected = whole(&case);
        let step = if case.stream.len() <= SHORT { 1 } else { 7 };
        let last = case.stream.len().saturating_sub(64);
        for place in (0..last).step_by(step).chain(last..=case.stream.len()) {
            let got = in_reads(&case, cut(&case.stream, &[place]));
            assert_eq!(got, expected, "{}, cut at {place}", case.name);
        }
    }
}

#[test]
fn every_case_byte_by_byte() {
    for case in cases::all() {
        assert_eq!(in_reads(&case, byte_by_byte(&case.stream)), whole(&case), "{}", case.name);
    }
}

#[test]
fn every_case_byte_by_byte_with_empty_reads_between() {
    for case in cases::all() {
        assert_eq!(in_reads(&case, with_empty_reads(&case.stream)), whole(&case), "{}", case.name);
    }
}

/// A person who reads a name in an outcome finds it in the list.
#[test]
fn every_anomaly_of_a_case_is_in_the_list_of_anomalies() {
    let list = include_str!("../../../docs/anomalies.md");
    for case in cases::all() {
        for anomaly in whole(&case).outcome()["anomalies"].as_array().expect("an array") {
            let kind = anomaly["kind"].as_str().expect("a name");
            assert!(list.contains(&format!("\n| `{kind}` |")), "{kind} of {}", case.name);
        }
    }
}

#[test]
fn every_case_parsed_in_full() {
    for mut case in cases::all() {
        let expected = whole(&case);
        case.options = case.options.with_learning(false);
        assert_eq!(whole(&case), expected, "{}", case.name);
    }
}

#[test]
fn every_case_event_by_event() {
    let mut checked = 0;
    for case in
        cases::all().iter().filter(|case| case.ending == Ending::Clean && !meets_a_limit(case))
    {
        let Some(events) = &case.events else { continue };
        let got = if case.legacy {
            run::in_events::<Completions>(case.options, events)
        } else {
            run::in_events::<Chat>(case.options, events)
        };
        assert_eq!(got, whole(case), "{}", case.name);
        checked += 1;
    }
    assert!(checked >= 150, "only {checked} cases");
}

/// A chunk that was read before, and owns its texts, folds to the same.
#[test]
fn every_case_chunk_by_chunk() {
    let mut checked = 0;
    for case in
        cases::all().iter().filter(|case| case.ending == Ending::Clean && !meets_a_limit(case))
    {
        let Some(events) = &case.events else { continue };
        // Another API is known by what its events say, which a chunk does not have.
        if case.error["kind"] == "other_api" {
            continue;
        }
        let got = if case.legacy {
            run::in_chunks::<Completions>(case.options, events, |data| {
                completions::Chunk::parse(data)
            })
        } else {
            run::in_chunks::<Chat>(case.options, events, |data| chat::Chunk::parse(data))
        };
        if let Some(got) = got {
            // Of a chunk that was read before there is nothing to quote.
            let [got, expected] = [got, whole(case)].map(|seen| {
                let mut outcome = seen.outcome();
                for anomaly in outcome["anomalies"].as_array_mut().expect("a list") {
                    anomaly.as_object_mut().expect("an anomaly").remove("excerpt");
                }
                outcome
            });
            assert_eq!(got, expected, "{}", case.name);
            checked += 1;
        }
    }
    assert!(checked >= 100, "only {checked} cases");
}

#[test]
fn the_updates_of_every_case_add_up_to_its_completion() {
    for case in cases::all() {
        updates_add_up(&whole(&case), case.name);
    }
}

/// A chunk after the end changes nothing.
#[test]
fn nothing_behind_the_end_of_every_case_that_ends_itself_counts() {
    let behind = b"\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"behind\"}}],\"error\":\"behind\"}\n\n";
    for case in cases::all() {
        let expected = whole(&case);
        let ends: Value = expected.outcome()["end"].clone();
        let ended = matches!(
            ends.as_str(),
            Some("done" | "done_without_finish_reason" | "error" | "not_an_event_stream")
        );
        // A failed choice, and the events of another API, are an error only where the stream ends.
        let kind = expected.outcome()["error"]["kind"].clone();
        let goes_on = kind == "finish_reason" || kind == "other_api";
        if ended && !goes_on && case.stream.ends_with(b"\n") {
            let got = in_reads(&case, [&case.stream[..], behind]);
            let (got, expected) = (got.outcome(), expected.outcome());
            assert_eq!(got["answer"], expected["answer"], "{}", case.name);
            assert_eq!(got["end"], expected["end"], "{}", case.name);
        }
    }
}
