//! Answers that are not streamed.

use deltawire_replay::{Endpoint, Recording, Server, recordings};
use deltawire_ureq::Error;
use serde_json::Value;

use crate::client::{ask_with, of_stream, recording, server, stream};

/// The whole answer of a recording, typed, as JSON.
fn whole(server: &Server, recording: &Recording, faults: &str) -> Result<Value, Error> {
    let response = ask_with(&deltawire_ureq::agent(), server, recording, faults, false)?;
    Ok(match recording.endpoint {
        Endpoint::Chat => serde_json::to_value(deltawire_ureq::chat_completion(response)?),
        _ => serde_json::to_value(deltawire_ureq::completion(response)?),
    }
    .unwrap())
}

/// Without the members that are null: a typed answer leaves out what says nothing.
fn said(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let told = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(told.map(|(name, value)| (name, said(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(said).collect()),
        other => other,
    }
}

#[test]
fn a_recorded_answer_is_read_whole_every_member_of_it() {
    let server = server();
    let is_completion =
        |r: &&Recording| matches!(r.endpoint, Endpoint::Chat | Endpoint::Completion);
    let of_completions = recordings::all().iter().filter(is_completion);
    let recorded: Vec<_> = of_completions
        .filter_map(|recording| Some((recording, recording.answer.as_ref()?)))
        .collect();
    assert_eq!(recorded.len(), 5);
    for (recording, answer) in recorded {
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        for faults in ["", "write=1", "framing=chunked", "framing=close", "type=text/plain"] {
            let typed = whole(&server, recording, faults).unwrap();
            assert_eq!(said(typed), said(body.clone()), "{} {faults}", recording.name);
        }
    }
}

#[test]
fn a_typed_answer_has_its_members() {
    let server = server();
    let agent = deltawire_ureq::agent();
    let response = ask_with(&agent, &server, recording("smollm2-sky"), "", false).unwrap();
    let completion = deltawire_ureq::chat_completion(response).unwrap();
    assert!(completion.text().starts_with("The sky is blue"));
    assert_eq!(completion.choices[0].finish_reason.as_deref(), Some("stop"));
    assert_eq!((completion.object, completion.created), ("chat.completion", Some(1795314372)));
    assert_eq!(
        completion.extra.get("timings").unwrap().member("predicted_n").unwrap().as_u64(),
        Some(63)
    );
    let response = ask_with(&agent, &server, recording("smollm2-completion"), "", false).unwrap();
    let completion = deltawire_ureq::completion(response).unwrap();
    assert_eq!(completion.text(), "4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,20,21,22,23,24,25,26,");
    assert_eq!(completion.object, "text_completion");
}

#[test]
fn a_whole_answer_is_what_the_stream_folds_to() {
    let server = server();
    // No answer of these was recorded: the server folds the stream, and both ways meet again here.
    for name in
        ["one-plus-one", "tiny-tools", "smollm2-logprobs", "smollm2-poem-n2", "mock-llm-surrogates"]
    {
        let streamed = stream(&server, recording(name), "").unwrap().json["answer"].clone();
        let mut answer = whole(&server, recording(name), "").unwrap();
        // The stream was read without unknown members, the answer with them.
        answer.as_object_mut().unwrap().retain(|member, _| !streamed[member].is_null());
        assert_eq!(answer, streamed, "{name}");
    }
}

#[test]
fn a_whole_answer_that_breaks_is_an_error_of_the_transport() {
    let server = server();
    let sky = recording("smollm2-sky");
    for faults in ["cut=100", "cut=100; framing=chunked", "length=+1", "reset=100", "cut=0"] {
        let error = whole(&server, sky, faults).unwrap_err();
        assert_eq!(of_stream(error).kind(), "transport", "{faults}");
    }
}

#[test]
fn the_stream_of_a_server_that_streams_unasked_is_no_completion() {
    let server = server();
    let agent = deltawire_ureq::agent();
    let response = ask_with(&agent, &server, recording("one-plus-one"), "", true).unwrap();
    let error = of_stream(deltawire_ureq::chat_completion(response).unwrap_err());
    assert_eq!(error.kind(), "invalid_json");
    assert!(error.to_string().contains("data: {"), "{error}");
}
