//! Servers that keep one waiting, and ureq's limits of time.
//!
//! Every wait that is not limited here would be one of several seconds.

use std::io;
use std::thread;
use std::time::Duration;

use deltawire::{End, How};
use deltawire_replay::{Recording, Server};
use deltawire_ureq::Error;

use crate::client::{
    Config, agent, ask, ask_with, folded, of_stream, read, recording, server, stream, timed,
};

/// A time limit, the time that none of these tests may take, and how long a server is
/// silent otherwise.
const SHORT: Duration = Duration::from_millis(400);
const LONG: Duration = Duration::from_secs(4);

fn short() -> &'static Recording {
    recording("one-plus-one")
}

type Limit = fn(Config) -> Config;

/// The response to a request with these faults runs into this limit of time, which keeps what came.
fn runs_out(server: &Server, name: &str, limit: Limit, place: usize, framing: &str) {
    let faults = format!("stall={place}:6{framing}");
    let (seen, elapsed) = timed(|| {
        let response = ask_with(&agent(limit), server, short(), &faults, true).unwrap();
        read(deltawire_ureq::chat(response).unwrap())
    });
    let how = How::broken(format_args!("timeout: {name}"), true);
    assert_eq!(seen, folded(short(), &short().body()[..place], how), "{name} {faults}");
    assert_eq!(
        format!("{:#}", seen.error.unwrap()),
        format!("waited too long: timeout: {name}"),
        "{faults}"
    );
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
            for (place, framing) in
                [(0, ""), (500, ""), (500, "; framing=length"), (500, "; framing=close"), (825, "")]
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
        assert_eq!(format!("{error:#}"), format!("the request failed: timeout: {name}"));
        assert!(elapsed < LONG, "{name}: {elapsed:?}");
    }
}

#[test]
fn a_limit_for_the_head_leaves_the_body_alone() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_response(Some(SHORT)));
    let response = ask_with(&agent, &server, short(), "stall=500:0.6", true).unwrap();
    let seen = read(deltawire_ureq::chat(response).unwrap());
    assert_eq!((seen.end, seen.error, seen.text.as_str()), (End::Done, None, "\n\n2"));
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
        "linger=6; length=+99",
        "linger=6; cut=end",
        "stall=839:6; extra",
        // Nor does one that is reset then.
        "reset=839; framing=length; linger=0.1",
    ] {
        let (seen, elapsed) = timed(|| stream(&server, short(), faults).unwrap());
        assert_eq!((seen.end, seen.error), (End::Done, None), "{faults}");
        assert!(elapsed < LONG, "{faults}: {elapsed:?}");
    }
}

#[test]
fn a_whole_answer_that_does_not_come_in_time_is_a_timeout() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_body(Some(SHORT)));
    let response =
        ask_with(&agent, &server, recording("smollm2-sky"), "stall=50:6", false).unwrap();
    let (answer, elapsed) = timed(|| deltawire_ureq::chat_completion(response));
    assert_eq!(of_stream(answer.unwrap_err()).kind(), "timeout");
    assert!(elapsed < LONG, "{elapsed:?}");
}

#[test]
fn ureqs_own_error_is_the_source_and_nothing_is_said_twice() {
    let server = server();
    let agent = agent(|config| config.timeout_recv_body(Some(SHORT)));
    let response = ask_with(&agent, &server, short(), "stall=500:6", true).unwrap();
    let mut stream = deltawire_ureq::chat(response).unwrap();
    let error = loop {
        match stream.next() {
            Ok(update) => assert!(update.is_some(), "no error"),
            Err(error) => break error,
        }
    };
    let chain =
        std::iter::successors(Some(&error as &dyn std::error::Error), |&error| error.source());
    let said: Vec<String> = chain.map(ToString::to_string).collect();
    assert_eq!(said, ["waited too long", "timeout: receive body"]);
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.is::<ureq::Error>(), "{source:?}");
    // A reader of another kind has an error of its own.
    let failing = io::Error::new(io::ErrorKind::ConnectionReset, "gone");
    let error = Error::from(failing);
    assert!(std::error::Error::source(&error).unwrap().is::<io::Error>());
    assert_eq!(
        format!("{error} / {error:#}"),
        "the connection failed / the connection failed: gone"
    );
}
