//! Every recording of the replay server, streamed.

use std::io::Read;

use deltawire::End::{self, Done, DoneWithoutFinishReason, Empty, Truncated};
use deltawire::{Options, chat, completions};
use deltawire_replay::{Endpoint, recordings};
use deltawire_ureq::Stream;

use crate::client::{
    Breaks, Interrupted, Seen, ask, of_stream, read_chat, read_text, recording, refusal, server, stream,
};
use crate::naive::Naive;

/// What a recording holds, read off its file.
struct Holds {
    name: &'static str,
    end: End,
    chunks: usize,
    /// How many characters the content of choice 0 has, and how it begins and ends.
    length: usize,
    begins: &'static str,
    ends: &'static str,
    /// The finish reason of each choice, by index.
    reasons: &'static [Option<&'static str>],
    /// Tokens of the answer, as the server counted.
    tokens: Option<u64>,
}

#[rustfmt::skip]
const STREAMS: &[Holds] = &[
    Holds { name: "count-to-100", end: Done, chunks: 302, length: 393, begins: "\n\n1, 2, 3,", ends: " 99, 100.", reasons: &[Some("stop")], tokens: None },
    Holds { name: "one-plus-one", end: Done, chunks: 4, length: 3, begins: "\n\n2", ends: "2", reasons: &[Some("stop")], tokens: None },
    Holds { name: "count-legacy", end: Done, chunks: 193, length: 285, begins: "4,5,6,", ends: ",99,100", reasons: &[Some("length")], tokens: None },
    Holds { name: "smollm2-sky", end: Done, chunks: 65, length: 350, begins: "The sky is blue because", ends: "massive atmosphere.", reasons: &[Some("stop")], tokens: Some(63) },
    Holds { name: "smollm2-completion", end: Done, chunks: 61, length: 60, begins: "4,5,6,", ends: ",25,26,", reasons: &[Some("length")], tokens: Some(60) },
    Holds { name: "smollm2-poem-n2", end: Done, chunks: 51, length: 94, begins: "A river flows through", ends: "#river#river\n", reasons: &[Some("stop"), Some("stop")], tokens: Some(25) },
    Holds { name: "smollm2-logprobs", end: Done, chunks: 14, length: 23, begins: "1. Red\n2. Blue\n", ends: "3. Green", reasons: &[Some("stop")], tokens: Some(12) },
    Holds { name: "smollm2-json", end: Done, chunks: 73, length: 264, begins: "{\n    \"fruits\": [", ends: "\n    ]\n}", reasons: &[Some("stop")], tokens: Some(76) },
    Holds { name: "smollm2-multilingual", end: Done, chunks: 30, length: 28, begins: "哆哉！\n\n👌", ends: "👌👌👌", reasons: &[Some("length")], tokens: Some(80) },
    Holds { name: "smollm2-tool", end: Done, chunks: 123, length: 486, begins: "Paris, the City of Light", ends: "with the city's famous", reasons: &[Some("length")], tokens: Some(120) },
    Holds { name: "smollm2-max-tokens", end: Done, chunks: 14, length: 48, begins: "The story of a young", ends: "Elena who was a", reasons: &[Some("length")], tokens: None },
    Holds { name: "tiny-tools", end: Done, chunks: 33, length: 0, begins: "", ends: "", reasons: &[Some("tool_calls")], tokens: Some(163) },
    Holds { name: "tiny-reasoning", end: Done, chunks: 17, length: 4, begins: "fine", ends: "fine", reasons: &[Some("stop")], tokens: Some(31) },
    Holds { name: "tiny-killed", end: Truncated, chunks: 12, length: 27, begins: "and to(", ends: "😀( and", reasons: &[None], tokens: None },
    Holds { name: "tiny-usage", end: Done, chunks: 24, length: 45, begins: "C th", ends: "= o to", reasons: &[Some("length")], tokens: Some(24) },
    Holds { name: "lcp-interrupted", end: DoneWithoutFinishReason, chunks: 95, length: 425, begins: "The ocean was a place", ends: "sea lions", reasons: &[None], tokens: None },
    Holds { name: "lcp-empty", end: Empty, chunks: 0, length: 0, begins: "", ends: "", reasons: &[], tokens: None },
    Holds { name: "lcp-empty-cut", end: Truncated, chunks: 0, length: 0, begins: "", ends: "", reasons: &[], tokens: None },
    Holds { name: "litellm-n2", end: DoneWithoutFinishReason, chunks: 31, length: 30, begins: "s", ends: ".", reasons: &[Some("length"), None], tokens: Some(16) },
    Holds { name: "mock-llm-surrogates", end: Done, chunks: 2, length: 13, begins: "hello 😀 wörld", ends: "wörld", reasons: &[Some("stop")], tokens: None },
    Holds { name: "aimock-tools", end: Done, chunks: 6, length: 0, begins: "", ends: "", reasons: &[Some("tool_calls")], tokens: Some(10) },
    Holds { name: "nginx-recut", end: Done, chunks: 169, length: 381, begins: "an(* a th", ends: "😀in an", reasons: &[Some("length")], tokens: Some(200) },
];

/// Recordings whose request is refused, and what refuses it.
const REFUSED: [(&str, u16); 2] = [("count-to-100-later", 404), ("litellm-dead-backend", 500)];

#[test]
fn the_tables_name_every_recording() {
    let mut named: Vec<&str> = STREAMS.iter().map(|holds| holds.name).collect();
    named.extend(REFUSED.map(|(name, _)| name));
    named.sort_unstable();
    let mut all: Vec<&str> = recordings::all().iter().map(|recording| recording.name.as_str()).collect();
    all.sort_unstable();
    assert_eq!(named, all);
}

#[test]
fn every_recording_streams_to_what_its_file_holds() {
    let server = server();
    for holds in STREAMS {
        let name = holds.name;
        let seen = stream(&server, recording(name), "").unwrap();
        assert_eq!((seen.end, seen.updates), (holds.end, holds.chunks), "{name}");
        assert_eq!(seen.text, seen.folded(), "{name}");
        assert_eq!(seen.text.chars().count(), holds.length, "{name}: {:?}", seen.text);
        assert!(seen.text.starts_with(holds.begins) && seen.text.ends_with(holds.ends), "{name}: {:?}", seen.text);
        let completion = &seen.json["answer"];
        let choices = completion["choices"].as_array().unwrap();
        let reasons: Vec<Option<&str>> = choices.iter().map(|choice| choice["finish_reason"].as_str()).collect();
        assert_eq!(reasons, holds.reasons, "{name}");
        assert_eq!(completion["usage"]["completion_tokens"].as_u64(), holds.tokens, "{name}");
        // Only a broken transfer is an error; it is the same one in the loop and in the outcome.
        assert_eq!(seen.kind(), if holds.end == Truncated { "transport" } else { "" }, "{name}");
        assert_eq!(seen.error, seen.reason, "{name}");
    }
}

#[test]
fn every_recording_has_the_text_that_a_naive_reader_finds() {
    let server = server();
    // A naive reader has no way with half a character.
    for holds in STREAMS.iter().filter(|holds| holds.name != "mock-llm-surrogates") {
        let recording = recording(holds.name);
        let naive = Naive::of(&recording.body());
        let seen = stream(&server, recording, "").unwrap();
        assert_eq!((seen.text.as_str(), seen.updates), (naive.text.as_str(), naive.chunks), "{}", holds.name);
    }
}

#[test]
fn tool_calls_reasoning_and_log_probabilities_come_through_a_socket_too() {
    let server = server();
    let message = |name: &str| {
        let seen = stream(&server, recording(name), "").unwrap();
        seen.json["answer"]["choices"][0].clone()
    };
    let calls = message("tiny-tools")["message"]["tool_calls"].clone();
    let names: Vec<&str> = calls.as_array().unwrap().iter().map(|c| c["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["now", "now", "get_weather"]);
    let call = &message("aimock-tools")["message"]["tool_calls"][0];
    assert_eq!(
        (&call["id"], &call["function"]["name"]),
        (&"call_vU8ot2PBWVrtLC63".into(), &"change_background".into())
    );
    assert_eq!(message("tiny-reasoning")["message"]["reasoning_content"], "let me see\n");
    assert_eq!(message("smollm2-logprobs")["logprobs"]["content"].as_array().unwrap().len(), 11);
}

#[test]
fn a_recording_that_was_refused_is_refused() {
    let server = server();
    for (name, status) in REFUSED {
        assert_eq!(refusal(stream(&server, recording(name), "")).status, status, "{name}");
    }
    let refused = refusal(stream(&server, recording("litellm-dead-backend"), ""));
    let error = refused.error.unwrap();
    assert!(error.message.starts_with("litellm.InternalServerError"), "{error}");
    assert_eq!(error.code.unwrap().as_str(), r#""500""#);
}

/// More chunks than any recording has.
const MANY: usize = 1000;

/// The chunks that an iterator gives, and what it ends with.
macro_rules! chunks {
    ($stream:expr) => {{
        let mut stream = $stream;
        let (mut count, mut failure) = (0, None);
        let mut chunks = stream.events();
        for chunk in chunks.by_ref().take(MANY) {
            match chunk {
                Ok(_) => count += 1,
                Err(error) => failure = Some(of_stream(error)),
            }
        }
        assert!(chunks.next().is_none(), "it has ended");
        (count, failure, serde_json::to_value(stream.finish()).unwrap())
    }};
}

#[test]
fn chunks_are_one_an_event_and_are_folded_all_the_same() {
    let server = server();
    for holds in STREAMS {
        let recording = recording(holds.name);
        let updates = stream(&server, recording, "").unwrap();
        let response = ask(&server, recording, "").unwrap();
        let (count, failure, outcome) = match recording.endpoint {
            Endpoint::Chat => chunks!(deltawire_ureq::chat(response).unwrap()),
            Endpoint::Completion => chunks!(deltawire_ureq::completions(response).unwrap()),
        };
        assert_eq!((count, failure), (holds.chunks, updates.error), "{}", holds.name);
        assert_eq!(outcome, updates.json, "{}", holds.name);
    }
}

#[test]
fn chunks_hold_the_text_that_the_updates_tell() {
    let server = server();
    let response = ask(&server, recording("smollm2-sky"), "").unwrap();
    let mut stream = deltawire_ureq::chat(response).unwrap();
    let mut text = String::new();
    for chunk in stream.events() {
        let event = chunk.unwrap();
        let chunk = chat::Chunk::parse(&event.data).unwrap();
        let deltas = chunk.choices.iter().filter_map(|choice| choice.delta.as_ref());
        deltas.filter_map(|delta| delta.content.as_ref()).for_each(|content| text.push_str(&content.to_text()));
    }
    assert_eq!(text, stream.finish().answer.text());
}

#[test]
fn any_reader_with_reads_of_any_size_gives_what_the_response_gives() {
    let server = server();
    for holds in STREAMS {
        let recording = recording(holds.name);
        let body = recording.body();
        let response = stream(&server, recording, "").unwrap();
        for size in [1, 7, 100, 16384] {
            let reader = (&*body).chain(Breaks(broken(&response)));
            let seen = match recording.endpoint {
                Endpoint::Chat => read_chat(Stream::<chat::Chat, _>::with_read_size(reader, Options::new(), size)),
                Endpoint::Completion => {
                    read_text(Stream::<completions::Completions, _>::with_read_size(reader, Options::new(), size))
                }
            };
            assert_eq!(seen.json, response.json, "{} in reads of {size}", holds.name);
            assert_eq!((seen.text, seen.error), (response.text.clone(), response.error.clone()), "{}", holds.name);
        }
        let plain = match recording.endpoint {
            Endpoint::Chat => read_chat(Stream::<chat::Chat, _>::from_reader(&*body)),
            Endpoint::Completion => read_text(Stream::<completions::Completions, _>::from_reader(&*body)),
        };
        assert_eq!(plain.json["answer"], response.json["answer"], "{}", holds.name);
    }
}

fn broken(response: &Seen) -> Option<String> {
    match &response.error {
        Some(deltawire::Error::Transport { message, timed_out: false }) => Some(message.clone()),
        Some(other) => panic!("{other}"),
        None => None,
    }
}

#[test]
fn an_interrupted_read_is_tried_again() {
    let body = recording("one-plus-one").body();
    let seen = read_chat(Stream::<chat::Chat, _>::from_reader(Interrupted::new(&body)));
    assert_eq!((seen.end, seen.text.as_str()), (Done, "\n\n2"));
}
