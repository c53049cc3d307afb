//! The key of a request shows nowhere: not in an error, not in a stream, not in the log of the replay server.

use std::fmt::Debug;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use deltawire_replay::{Recording, Server};
use deltawire_ureq::Error;

use crate::client::{KEY, ask_with, recording, server};

const FAULTS: &[&str] = &[
    "",
    "status=400",
    "status=401",
    "status=404; body=html",
    "status=429; header=\"retry-after: 3\"",
    "status=500; body=empty",
    "status=503; cut=10",
    "status=307",
    "body=json",
    "body=html",
    "type=text/plain",
    "body=html; type=text/event-stream",
    "cut=0",
    "cut=300",
    "cut=300@size",
    "cut=300@crlf",
    "cut=end; no-done",
    "reset",
    "reset=300",
    "end=300",
    "chunk-size=+5",
    "chunk-size=-5",
    "length=+5; no-done",
    "length=-300",
    "framing=close; cut=300",
    "error=2",
    "error=2+",
    "no-done",
    "extra",
    "stall=300:6",
    "delay=6",
    "no such fault",
];

/// More events than any of these streams has.
const MANY: usize = 100;

/// Everything that a caller may print between the request and the end, of a streamed request and of one that is not.
fn printed(agent: &ureq::Agent, server: &Server, recording: &Recording, faults: &str) -> Vec<String> {
    let mut out = Vec::new();
    match ask_with(agent, server, recording, faults, true).and_then(deltawire_ureq::chat) {
        Err(error) => out.extend(shown(&error)),
        Ok(mut stream) => {
            out.push(format!("{stream:?}"));
            loop {
                match stream.next() {
                    Ok(Some(update)) => out.push(format!("{update:?}")),
                    Ok(None) => break,
                    Err(error) => {
                        out.extend(shown(&error));
                        break;
                    }
                }
            }
            out.push(format!("{:?}", stream.events()));
            out.push(format!("{stream:?}"));
            out.push(format!("{:?}", stream.finish()));
        }
    }
    match ask_with(agent, server, recording, faults, true).and_then(deltawire_ureq::events) {
        Err(error) => out.extend(shown(&error)),
        Ok(mut events) => {
            out.extend(events.by_ref().take(MANY).map(|event| format!("{event:?}")));
            out.push(format!("{events:?}"));
        }
    }
    match ask_with(agent, server, recording, faults, false).and_then(deltawire_ureq::chat_completion) {
        Err(error) => out.extend(shown(&error)),
        Ok(completion) => out.push(format!("{completion:?}")),
    }
    out
}

fn shown(error: &Error) -> Vec<String> {
    let mut out = vec![format!("{error:?}"), format!("{error:#?}"), error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        out.extend([format!("{error:?}"), error.to_string()]);
        source = error.source();
    }
    out
}

/// Neither as text nor as a list of bytes.
fn hides_the_key(text: &str, what: impl Debug) {
    let bytes = |hex: bool| {
        let byte = |byte: u8| if hex { format!("{byte:x}") } else { byte.to_string() };
        KEY.bytes().map(byte).collect::<Vec<_>>().join(", ")
    };
    for secret in [KEY, "Bearer", &bytes(false), &bytes(true)] {
        assert!(!text.contains(secret), "{what:?} shows {secret:?}");
    }
}

#[test]
fn no_error_and_no_stream_shows_the_key() {
    let server = server();
    let limit = Some(Duration::from_millis(150));
    for as_error in [false, true] {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(as_error)
            .timeout_recv_body(limit)
            .timeout_recv_response(limit)
            .build()
            .new_agent();
        for faults in FAULTS {
            let printed = printed(&agent, &server, recording("one-plus-one"), faults);
            assert!(printed.len() >= 3, "{faults}: {printed:?}");
            printed.iter().for_each(|text| hides_the_key(text, faults));
        }
    }
}

#[test]
fn the_key_was_sent_and_the_log_of_the_server_redacts_it() {
    let server = server();
    let agent = deltawire_ureq::agent();
    for faults in ["", "status=401", "no such fault", "cut=3"] {
        let _ = ask_with(&agent, &server, recording("one-plus-one"), faults, true);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(request.header("authorization"), Some("[redacted]"));
    }
    hides_the_key(&format!("{requests:?}"), "the log");
    hides_the_key(&format!("{server:?}"), "the server");
}

#[test]
fn a_request_that_never_got_through_shows_no_key() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let agent = deltawire_ureq::agent();
    for url in [format!("http://{closed}/v1"), "http://".into(), "nonsense".into(), "ftp://127.0.0.1/".into()] {
        let sent = agent.post(&url).header("authorization", format!("Bearer {KEY}")).send("{}");
        for text in shown(&Error::from(sent.unwrap_err())) {
            hides_the_key(&text, &url);
        }
    }
}
