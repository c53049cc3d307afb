//! The key of a request shows nowhere: of streams the fault matrix holds it, for each of its rows.
//! Here is what it does not read: bare events, whole answers, and requests that never got through.

use std::fmt::Debug;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use deltawire_replay::{Recording, Server};
use deltawire_ureq::Error;

use crate::client::{KEY, ask_with, recording, server};

/// One for each place that an error comes from.
const FAULTS: [&str; 8] = [
    "",
    "status=401",
    "status=503; cut=10",
    "body=json",
    "cut=300",
    "stall=300:6",
    "delay=6",
    "no such fault",
];

/// More events than any of these streams has.
const MANY: usize = 100;

/// Everything that a caller may print of bare events, and of an answer that is not streamed.
fn printed(
    agent: &ureq::Agent,
    server: &Server,
    recording: &Recording,
    faults: &str,
) -> Vec<String> {
    let mut out = Vec::new();
    match ask_with(agent, server, recording, faults, true).and_then(deltawire_ureq::events) {
        Err(error) => out.extend(shown(&error)),
        Ok(mut events) => {
            out.extend(events.by_ref().take(MANY).map(|event| format!("{event:?}")));
            out.push(format!("{events:?}"));
        }
    }
    match ask_with(agent, server, recording, faults, false)
        .and_then(deltawire_ureq::chat_completion)
    {
        Err(error) => out.extend(shown(&error)),
        Ok(completion) => out.push(format!("{completion:?}")),
    }
    out
}

fn shown(error: &Error) -> Vec<String> {
    let mut out = vec![format!("{error:?}"), format!("{error:#?}"), format!("{error:#}")];
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
fn neither_events_nor_a_whole_answer_show_the_key() {
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
            assert!(printed.len() >= 2, "{faults}: {printed:?}");
            printed.iter().for_each(|text| hides_the_key(text, faults));
        }
    }
}

#[test]
fn a_request_that_never_got_through_shows_no_key() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let agent = deltawire_ureq::agent();
    for url in [
        format!("http://{closed}/v1"),
        "http://".into(),
        "nonsense".into(),
        "ftp://127.0.0.1/".into(),
    ] {
        let sent = agent.post(&url).header("authorization", format!("Bearer {KEY}")).send("{}");
        for text in shown(&Error::from(sent.unwrap_err())) {
            hides_the_key(&text, &url);
        }
    }
}
