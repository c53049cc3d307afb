//! Servers that keep one waiting, and ureq's limits of time. Every wait that is not limited here would be one of several seconds.

use std::thread;
use std::time::Duration;

use deltawire::End;
use deltawire_replay::{Recording, Server};
use deltawire_ureq::Error;

use crate::client::{ask, ask_with, of_stream, read_chat, read_response, recording, refusal, server, stream, timed};
use crate::naive::Naive;

/// What a limit of time is set to, what none of these tests may take, and how long a server is silent otherwise.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

fn short() -> &'static Recording {
    recording("one-plus-one")
}

type Config = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;
type Limit = fn(Config) -> Config;

/// An agent that hands out every status, with other limits.
fn agent(limit: impl FnOnce(Config) -> Config) -> ureq::Agent {
    limit(ureq::Agent::config_builder().http_status_as_error(false)).build().new_agent()
}

/// The response to a request with these faults runs into this limit of time, which keeps what came.
fn runs_out(server: &Server, name: &str, limit: Limit, place: usize, framing: &str) {
    let faults = format!("stall={place}:6{framing}");
    let (seen, elapsed) = timed(|| {
        let response = ask_with(&agent(limit), server, short(), &faults, true).unwrap();
        read_chat(deltawire_ureq::chat(response).unwrap())
    });
    let naive = Naive::of(&short().body()[..place]);
    assert_eq!((seen.kind(), seen.end), ("timeout", End::Truncated), "{name} {faults}");
    assert_eq!((seen.text.as_str(), seen.updates), (naive.text.as_str(), naive.chunks), "{name} {faults}");
    let error = seen.error.unwrap();
    assert_eq!(error.to_string(), format!("waited too long: timeout: {name}"), "{faults}");
    assert_eq!(seen.reason, Some(error), "{name} {faults}");
    assert!(elapsed < LONG, "{name} {faults}: {elapsed:?}");
}

#[test]
fn a_limit_of_time_that_runs_out_keeps_what_came() {
    let server = &server();
    let limits: [(&str, Limit); 3] = [
        ("receive body", |config| config.timeout_recv_body(Some(SHORT))),
        ("global", |config| config.timeout_global(Some(SHORT))),
        ("per call", |config| config.timeout_per_call(Some(SHORT))),
    ];
    // At the same time, since all they do is wait.
    thread::scope(|scope| {
        for (name, limit) in limits {
            for (place, framing) in [(0, ""), (500, ""), (500, "; framing=length"), (500, "; framing=close"), (825, "")]
            {
                scope.spawn(move || runs_out(server, name, limit, place, framing));
            }
        }
    });
}

#[test]
fn a_head_that_does_not_come_in_time_is_a_failed_request() {
    let server = server();
    for (name, agent) in [
        ("receive response", agent(|config| config.timeout_recv_response(Some(SHORT)))),
        ("global", agent(|config| config.timeout_global(Some(SHORT)))),
    ] {
        let (answer, elapsed) = timed(|| ask_with(&agent, &server, short(), "delay=6", true));
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Request(ureq::Error::Timeout(_))), "{error:?}");
        assert_eq!(error.to_string(), format!("the request failed: timeout: {name}"));
        assert!(elapsed < LONG, "{name}: {elapsed:?}");
    }
}

#[test]
fn a_limit_for_the_head_leaves_the_body_alone() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_response(Some(SHORT)));
    let response = ask_with(&agent, &server, short(), "stall=500:0.6", true).unwrap();
    let seen = read_chat(deltawire_ureq::chat(response).unwrap());
    assert_eq!((seen.end, seen.error, seen.text.as_str()), (End::Done, None, "\n\n2"));
}

#[test]
fn silence_that_ends_in_time_shows_nowhere() {
    let server = server();
    let prompt = stream(&server, short(), "").unwrap();
    for faults in ["delay=0.2", "stall=0:0.2", "stall=500:0.2", "stall=839:0.2", "stall=5:0.1; stall=500:0.1"] {
        let (seen, elapsed) = timed(|| stream(&server, short(), faults).unwrap());
        assert_eq!(seen.json, prompt.json, "{faults}");
        assert_eq!((seen.text, seen.updates), (prompt.text.clone(), prompt.updates), "{faults}");
        // Nothing waits for what comes after [DONE].
        assert!(elapsed >= Duration::from_millis(200) || faults.starts_with("stall=839"), "{faults}: {elapsed:?}");
    }
}

#[test]
fn what_came_is_handed_out_before_the_silence_after_it() {
    let server = server();
    // After the second event: the role, and the first of the text.
    let place = short().reads[..2].iter().map(|read| read.bytes.len()).sum::<usize>();
    let response = ask(&server, short(), &format!("stall={place}:6")).unwrap();
    let mut stream = deltawire_ureq::chat(response).unwrap();
    let (text, elapsed) = timed(|| {
        assert_eq!(stream.next().unwrap().unwrap().text(), "");
        stream.next().unwrap().unwrap().text().to_owned()
    });
    assert_eq!(text, "\n\n");
    assert!(elapsed < LONG, "{elapsed:?}");
    let (outcome, elapsed) = timed(|| stream.finish());
    assert_eq!((outcome.end, outcome.answer.text()), (End::Stopped, "\n\n"));
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn a_connection_left_open_after_done_holds_nobody_up() {
    let server = server();
    for faults in [
        "linger=6",
        "linger=6; framing=close",
        "linger=6; framing=http10",
        "linger=6; framing=length",
        "linger=6; length=+99",
        "linger=6; cut=end",
        "stall=839:6",
        "stall=839:6; extra",
    ] {
        for name in ["one-plus-one", "mock-llm-surrogates"] {
            let recording = recording(name);
            let faults = faults.replace("839", &recording.body().len().to_string());
            let (seen, elapsed) = timed(|| stream(&server, recording, &faults).unwrap());
            assert_eq!((seen.end, seen.error), (End::Done, None), "{name} {faults}");
            assert!(elapsed < LONG, "{name} {faults}: {elapsed:?}");
        }
    }
}

#[test]
fn a_silent_refusal_is_told_with_what_came_of_its_body() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_body(Some(SHORT)));
    for (faults, length) in [("status=503; stall=5:6", 5), ("status=503; body=html; stall=0:6", 0)] {
        let (answer, elapsed) =
            timed(|| deltawire_ureq::chat(ask_with(&agent, &server, short(), faults, true).unwrap()));
        let refused = refusal(answer);
        assert_eq!((refused.status, refused.body.len(), refused.error), (503, length, None), "{faults}");
        assert!(elapsed < LONG, "{faults}: {elapsed:?}");
    }
    let response = ask_with(&agent, &server, short(), "type=text/plain; stall=30:6", true).unwrap();
    let (error, elapsed) = timed(|| of_stream(deltawire_ureq::chat(response).unwrap_err()));
    assert_eq!(error.kind(), "not_an_event_stream");
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn a_whole_answer_that_does_not_come_in_time_is_a_timeout() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_body(Some(SHORT)));
    let response = ask_with(&agent, &server, recording("smollm2-sky"), "stall=50:6", false).unwrap();
    let (answer, elapsed) = timed(|| deltawire_ureq::chat_completion(response));
    assert_eq!(of_stream(answer.unwrap_err()).kind(), "timeout");
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn comments_keep_nobody_from_reading_on() {
    let server = server();
    for name in ["one-plus-one", "count-legacy", "nginx-recut"] {
        let recording = recording(name);
        let plain = stream(&server, recording, "").unwrap();
        for faults in ["comments=1", "comments=2; write=1", "comments=1; framing=close"] {
            let response = ask(&server, recording, faults).unwrap();
            let seen = read_response(recording.endpoint, response).unwrap();
            assert_eq!((seen.json, seen.updates), (plain.json.clone(), plain.updates), "{name} {faults}");
        }
    }
}

#[test]
fn comments_in_a_recorded_silence_come_as_it_passes() {
    // A fifth of the recorded pace of 0.1 s an event, which leaves room for a comment in each silence.
    let server =
        deltawire_replay::Server::builder().speed(deltawire_replay::Speed::times(2.0).unwrap()).start().unwrap();
    let seen = stream(&server, short(), "comments=0.02s").unwrap();
    assert_eq!((seen.end, seen.text.as_str(), seen.updates), (End::Done, "\n\n2", 4));
}
