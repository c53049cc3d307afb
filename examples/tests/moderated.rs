//! The example `moderated_chat` prints what its judge lets pass.
//!
//! With a key it asks the moderations endpoint, for which a server on loopback stands in here.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

const SKY: [&str; 2] = [
    "The sky is blue because of a process called Rayleigh scattering, where light encounters tiny molecules of air and is deflected by the Earth's atmosphere.",
    "This phenomenon occurs because of the interaction of light with molecules of gases, specifically nitrogen and oxygen, which are scattered in different directions by the Earth's massive atmosphere.",
];

/// Returns the example's output, with its times replaced by `N`.
///
/// `cargo test` builds the example; `cargo test --test moderated` alone does not.
fn printed(args: &[&str], environment: &[(&str, &str)]) -> String {
    let test = std::env::current_exe().unwrap();
    let folder: PathBuf = test.ancestors().nth(2).unwrap().join("examples");
    let mut command = Command::new(folder.join("moderated_chat"));
    for name in ["OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"] {
        command.env_remove(name);
    }
    let command = command
        .args(args)
        .env("DELTAWIRE_REPLAY_SPEED", "at-once")
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let is_time = |word: &str| word.len() == 4 && word.parse::<f64>().is_ok();
    let mask = |word: &str| {
        let time = word.trim_matches(['(', ' ']);
        if is_time(time) { word.replace(time, "N") } else { word.to_owned() }
    };
    String::from_utf8(output.stdout).unwrap().split_inclusive(' ').map(mask).collect()
}

const LATE: &str = "A character came N s later than ungated on average, N s at most\n";

#[test]
fn each_sentence_is_printed_after_its_verdict_and_what_was_withheld_at_the_end() {
    let shown = SKY[1].replace("nitrogen", "[…]").replace("massive", "[…]");
    let expected = format!(
        "After N s (N s later than ungated): {}\nAfter N s (N s later than ungated): {shown}\n\
         Withheld, characters 251 to 259: nitrogen\nWithheld, characters 331 to 338: massive\n{LATE}",
        SKY[0]
    );
    assert_eq!(printed(&[], &[]), expected);
    let [first, second] = SKY;
    let expected = format!(
        "After N s (N s later than ungated): {first}\nAfter N s (N s later than ungated): {second}\n{LATE}"
    );
    assert_eq!(printed(&["absent"], &[]), expected);
}

/// Serves this many requests, and returns the texts that it was asked to moderate.
///
/// A completion is answered by the recorded stream, a moderation by a verdict that flags a word.
fn moderating(requests: usize, flagged: &'static str) -> (String, JoinHandle<Vec<Value>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut asked = Vec::new();
        for _ in 0..requests {
            let mut socket = BufReader::new(listener.accept().unwrap().0);
            socket.get_ref().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && socket.read_line(&mut head).unwrap() > 0 {}
            let lower = head.to_lowercase();
            assert!(lower.contains("authorization: bearer sk-test\r\n"), "{head}");
            let length = lower.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            socket.read_exact(&mut body).unwrap();
            let (kind, answer) = if head.starts_with("POST /v1/moderations ") {
                let question: Value = serde_json::from_slice(&body).unwrap();
                let answer = json!({"results": [{"flagged": question["input"].as_str().unwrap().contains(flagged)}]});
                asked.push(question);
                ("application/json", answer.to_string().into_bytes())
            } else {
                assert!(head.starts_with("POST /v1/chat/completions "), "{head}");
                (
                    "text/event-stream",
                    deltawire_replay::recordings::find("smollm2-sky").unwrap().body(),
                )
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                answer.len()
            );
            let socket = socket.get_mut();
            // Who has enough closes its end early.
            let _ = socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&answer));
        }
        asked
    });
    (base_url, server)
}

#[test]
fn the_moderations_endpoint_is_asked_where_there_is_a_key_and_stops_what_it_flags() {
    let [first, second] = SKY;
    let (base_url, server) = moderating(3, "nitrogen");
    let printed =
        printed(&["absent"], &[("OPENAI_BASE_URL", &base_url), ("OPENAI_API_KEY", "sk-test")]);
    let expected = format!(
        "After N s (N s later than ungated): {first}\nWithheld, characters 154 to 350: {second}\n{LATE}"
    );
    assert_eq!(printed, expected);
    let asked = server.join().unwrap();
    let inputs: Vec<&str> =
        asked.iter().map(|question| question["input"].as_str().unwrap()).collect();
    assert_eq!(
        inputs,
        [format!("{first} "), SKY.join(" ")],
        "the second with the first as its context"
    );
    assert!(asked.iter().all(|question| question["model"] == "omni-moderation-latest"));
}
