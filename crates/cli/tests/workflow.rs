//! The programs together: a recorded stream is replayed with a fault, and compared.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, PATIENCE, post, send};
use deltawire_replay::{Server, Speed, recordings};
use serde_json::{Value, json};

/// A running `deltawire` that serves, killed when it is dropped.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Program {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_deltawire"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut url = String::new();
        out.read_line(&mut url).unwrap();
        let addr = url.trim().trim_start_matches("http://").trim_end_matches("/v1");
        let addr = addr.parse().unwrap_or_else(|_| panic!("{args:?} {url}"));
        Self { child, out, addr }
    }

    /// Asks it to stop, and returns what it wrote on standard error.
    #[cfg(unix)]
    fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = &self.out;
    }
}

fn deltawire(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_deltawire")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn path(folder: &Folder, name: &str) -> String {
    folder.0.join(name).to_str().unwrap().to_owned()
}

const BODY: &str =
    r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}],"stream":true}"#;

#[cfg(unix)]
#[test]
fn a_stream_is_recorded_replayed_with_a_cut_and_compared() {
    let server =
        Server::builder().speed(Speed::AT_ONCE).default_recording("smollm2-sky").start().unwrap();
    let folder = Folder::new();
    let upstream = format!("http://{}", server.addr());
    let out = path(&folder, "out");
    let key = [("authorization", "Bearer s3cret")];
    let record = Program::start(&["record", "--upstream", &upstream, "--out", &out]);
    send(record.addr, &post("/v1/chat/completions", &key, BODY));
    let told = record.stop();
    let first = format!("{out}/0001-chat.jsonl");
    assert!(told.starts_with(&format!("{first}: POST /v1/chat/completions 200, ")), "{told}");
    assert!(told.ends_with(", clean\n"), "{told}");
    let text = std::fs::read_to_string(&first).unwrap();
    assert!(!text.contains("s3cret") && text.contains(BODY), "{text}");

    // A recorder of the same folder goes on after the last number.
    let record = Program::start(&["record", "--upstream", &upstream, "--out", &out]);
    send(record.addr, &post("/v1/chat/completions", &[("x-replay-fault", "cut=2000")], BODY));
    assert!(record.stop().contains(", cut: "));
    let second = format!("{out}/0002-chat.jsonl");
    let (status, _, told) = deltawire(&["fold", &second]);
    assert_eq!((status, told.starts_with("fold: truncated: ")), (1, true), "{told}");
    let (status, answer, _) = deltawire(&["fold", &first]);
    assert_eq!(status, 0);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let content = answer["answer"]["choices"][0]["message"]["content"].as_str().unwrap();

    // The replay of the first one, cut at the same place, is the second one.
    let replay = Program::start(&["replay", &first, "--speed", "at-once", "--fault", "cut=2000"]);
    let record = Program::start(&[
        "record",
        "--upstream",
        &format!("http://{}", replay.addr),
        "--out",
        &out,
    ]);
    send(record.addr, &post("/v1/chat/completions", &[], BODY));
    record.stop();
    drop(replay);
    let third = format!("{out}/0003-chat.jsonl");
    let (status, told, _) = deltawire(&["diff", &second, &third]);
    assert_eq!((status, told.ends_with("same\n")), (0, true), "{told}");

    let (status, told, _) = deltawire(&["diff", "--json", "--no-times", &first, &third]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, &told["same"]), (1, &json!(false)));
    let found = told["differences"].as_array().unwrap();
    let of = |part: &str, at: Value| {
        let is = |difference: &&Value| difference["part"] == part && difference["at"] == at;
        found.iter().find(is).unwrap_or_else(|| panic!("{part} {at} in {told:#}")).clone()
    };
    assert_eq!(of("end", Value::Null)["b"], "truncated");
    assert_eq!(of("body", json!(2000))["b"], 2000);
    let text = of("answer", json!("/choices/0/message/content"));
    let kept = text["b"].as_str().unwrap();
    assert_eq!((text["a"].as_str().unwrap(), content.starts_with(kept)), (content, true));
    let lost = content.chars().count() - kept.chars().count();
    let note = text["note"].as_str().unwrap();
    assert!(note.starts_with(&format!("b lacks the last {lost} characters: ")), "{note}");
    assert!(of("answer", json!("/choices/0/finish_reason"))["b"].is_null());

    let (status, told, _) = deltawire(&["diff", &first, &third]);
    assert_eq!(status, 1);
    assert!(told.contains(note) && !told.contains('\u{1b}'), "{told}");
}

#[cfg(unix)]
#[test]
fn a_recorder_that_is_stopped_ends_what_is_still_going_on() {
    let server = Server::builder().faults("stall=300:20".parse().unwrap()).start().unwrap();
    let folder = Folder::new();
    let out = path(&folder, "out");
    let upstream = format!("http://{}", server.addr());
    let record = Program::start(&["record", "--upstream", &upstream, "--out", &out]);
    let mut socket = TcpStream::connect(record.addr).unwrap();
    let asked = BODY.replace("gpt-4o-mini", "one-plus-one");
    socket.write_all(&post("/v1/chat/completions", &[], &asked)).unwrap();
    let mut got = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&got).contains("\\n\\n") {
        let count = socket.read(&mut buffer).unwrap();
        assert!(count > 0);
        got.extend_from_slice(&buffer[..count]);
    }
    // While it goes on, it is in the folder, but is no recording yet.
    let file = |extension: &str| folder.0.join(format!("out/0001-chat.jsonl{extension}"));
    let start = Instant::now();
    while !file(".part").exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!file("").exists());
    assert!(record.stop().contains(", the client left"));
    let recording = deltawire_replay::Recording::from_file(file("")).unwrap();
    assert_eq!(recording.body(), recordings::find("one-plus-one").unwrap().body()[..300]);
    assert!(!file(".part").exists());
    assert_eq!(socket.read(&mut buffer).unwrap_or(0), 0);
}

#[test]
fn a_raw_body_and_a_folder_are_replayed_too() {
    let folder = Folder::new();
    let one = recordings::find("one-plus-one").unwrap();
    let body = path(&folder, "my answer.txt");
    std::fs::write(&body, one.body()).unwrap();
    std::fs::write(path(&folder, "b.jsonl"), one.to_jsonl()).unwrap();
    std::fs::write(path(&folder, "a.jsonl"), one.to_jsonl().replace("one-plus-one", "other"))
        .unwrap();
    let folder = folder.0.to_str().unwrap();
    let (status, list, _) = deltawire(&["replay", "--list", &body, folder]);
    let names: Vec<&str> = list.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert_eq!((status, names), (0, vec!["my-answer", "other", "one-plus-one"]));
    let replay = Program::start(&["replay", &body, "--lifetime", "20"]);
    let reply = send(replay.addr, &post("/v1/chat/completions", &[], BODY));
    assert_eq!(reply.body, one.body());
    let (status, _, told) = deltawire(&["replay", "Cargo.toml"]);
    assert_eq!(
        (status, told.as_str()),
        (1, "replay: Cargo.toml is neither a recording nor a stream\n")
    );
}

/// Returns the differences of two bodies, as `part` and `at`.
fn differences(folder: &Folder, a: &[u8], b: &[u8], args: &[&str]) -> Vec<(String, Value)> {
    let (in_a, in_b) = (path(folder, "a"), path(folder, "b"));
    std::fs::write(Path::new(&in_a), a).unwrap();
    std::fs::write(Path::new(&in_b), b).unwrap();
    let (status, told, stderr) = deltawire(&[&["diff", "--json", &in_a, &in_b], args].concat());
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{stderr}"));
    let found = told["differences"].as_array().unwrap();
    assert_eq!(status, i32::from(!found.is_empty()), "{told}");
    assert_eq!(told["same"], found.is_empty());
    let pair = |one: &Value| (one["part"].as_str().unwrap().to_owned(), one["at"].clone());
    found.iter().map(pair).collect()
}

#[test]
fn each_difference_is_named_with_its_place() {
    let folder = Folder::new();
    let delta = |text: &str| {
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let usage = |count: u32| {
        format!("data: {{\"choices\":[],\"usage\":{{\"completion_tokens\":{count}}}}}\n\n")
    };
    let done = "data: [DONE]\n\n";
    let whole = [&delta("a"), &delta("b"), finish, &usage(2), done].concat();
    let content = || json!("/choices/0/message/content");
    let tokens = || json!("/usage/completion_tokens");
    let at = |text: &str, more: usize| json!(whole.find(text).unwrap() + more);
    for (b, expected) in [
        (whole.clone(), vec![]),
        // The events are the same, the bytes are not.
        (format!(": hello\n\n{whole}"), vec![("body", json!(0))]),
        (
            whole.replace("\"b\"", "\"c\""),
            vec![
                ("body", at("b\"}", 0)),
                ("events", json!(2)),
                ("event", json!("2/choices/0/delta/content")),
                ("answer", content()),
            ],
        ),
        (
            whole.replace(done, ""),
            vec![
                ("end", Value::Null),
                ("body", at(done, 0)),
                ("events", json!(5)),
                ("event", json!("5")),
            ],
        ),
        (
            whole.replace(&usage(2), &usage(3)),
            vec![
                ("body", at("2}}", 0)),
                ("events", json!(4)),
                ("event", json!("4/usage/completion_tokens")),
                ("answer", tokens()),
                ("usage", json!("/output")),
            ],
        ),
        (
            whole.replace("\"index\":0,\"delta\":{}", "\"delta\":{}"),
            vec![
                ("body", at("\"index\":0,\"delta\":{}", 1)),
                ("events", json!(3)),
                ("event", json!("3/choices/0/index")),
                ("anomalies", json!("only in")),
            ],
        ),
    ] {
        let found = differences(&folder, whole.as_bytes(), b.as_bytes(), &[]);
        let parts: Vec<(&str, Value)> =
            found.iter().map(|(part, at)| (part.as_str(), at.clone())).collect();
        assert_eq!(parts, expected, "{b}");
    }
}

#[test]
fn a_stream_and_the_answer_that_was_not_streamed_have_the_same_answer() {
    let folder = Folder::new();
    let stream = b"data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let whole = br#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let differing = differences(&folder, stream, whole, &[]);
    let parts: Vec<_> = differing.iter().map(|(part, _)| part.as_str()).collect();
    assert_eq!(parts, ["body", "events", "event"], "{differing:?}");
    let other = String::from_utf8(whole.to_vec()).unwrap().replace("hi", "ho");
    let differing = differences(&folder, stream, other.as_bytes(), &[]);
    let places: Vec<_> = differing.iter().filter(|(name, _)| name.starts_with("answer")).collect();
    assert_eq!(places.len(), 1, "{differing:?}");
}

#[test]
fn json_that_is_nested_too_deeply_is_compared_as_text() {
    let folder = Folder::new();
    let body = |inner: &str| {
        let deep = format!("{}{inner}{}", "[".repeat(5000), "]".repeat(5000));
        let choice = "{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}";
        format!("data: {{\"choices\":[{choice}],\"x\":{deep}}}\n\ndata: [DONE]\n\n")
    };
    assert_eq!(differences(&folder, body("1").as_bytes(), body("1").as_bytes(), &[]), []);
    let found = differences(&folder, body("1").as_bytes(), body("2").as_bytes(), &[]);
    let parts: Vec<&str> = found.iter().map(|(part, _)| part.as_str()).collect();
    assert_eq!(parts, ["body", "events", "event", "answer"]);
}

#[test]
fn times_count_beyond_the_tolerance_and_reads_where_they_are_cut() {
    let folder = Folder::new();
    let one = recordings::find("one-plus-one").unwrap();
    let text = one.to_jsonl();
    let find = |b: &str, args: &[&str]| differences(&folder, text.as_bytes(), b.as_bytes(), args);
    let later = text.replace("{\"t\":0.4,", "{\"t\":0.45,");
    assert_ne!(later, text);
    assert_eq!(find(&later, &[]), []);
    assert_eq!(find(&later, &["--tolerance", "0.01", "--no-times"]), []);
    let found = find(&later, &["--tolerance", "0.01"]);
    assert!(found.contains(&("times".to_owned(), json!("end"))), "{found:?}");
    assert!(found.iter().all(|(part, _)| part == "times"), "{found:?}");

    let mut split = one.clone();
    let rest = split.reads[0].bytes.split_off(10);
    let at = split.reads[0].at;
    split.reads.insert(1, deltawire_replay::Read::new(at, rest));
    assert_eq!(find(&split.to_jsonl(), &[]), [("reads".to_owned(), json!(1))]);

    let mut refused = one.clone();
    refused.status = 429;
    let found = find(&refused.to_jsonl(), &[]);
    assert!(found.contains(&("head".to_owned(), json!("status"))), "{found:?}");
}
