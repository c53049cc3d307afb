//! The program: its options, what it prints, and that it serves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use deltawire_replay::recordings;

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deltawire-replay"));
    command.args(args);
    command
}

fn output(args: &[&str]) -> (bool, String, String) {
    let Output { status, stdout, stderr } = program(args).output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_lists_all_recordings() {
    let (success, list, _) = output(&["--list"]);
    assert!(success);
    let names: Vec<&str> =
        list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(
        names,
        recordings::all().iter().map(|recording| recording.name.as_str()).collect::<Vec<_>>()
    );
}

#[test]
fn it_prints_its_base_url_and_serves_until_its_lifetime_is_over() {
    let args = [
        "--speed",
        "at-once",
        "--fault",
        "no-done",
        "--lifetime",
        "2",
        "--default",
        "one-plus-one",
    ];
    let mut child = program(&args).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&client::post_bytes(client::CHAT, &[], r#"{"stream":true}"#)).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert!(text.contains(r#""delta":{"content":"2"}"#) && !text.contains("[DONE]"), "{text}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_reads_a_folder_of_recordings() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/recordings");
    let (success, list, _) = output(&["--recordings", folder, "--list"]);
    assert!(success);
    assert_eq!(
        list.lines().count(),
        recordings::all().len(),
        "the same names replace those built in"
    );
}

#[test]
fn a_wrong_option_is_an_error_on_one_line() {
    for (args, message) in [
        (&["--speed", "fast"][..], "speed must be at-once or a number above 0, got \"fast\""),
        (&["--fault", "cutt=1"], "fault \"cutt=1\" must be one of"),
        (&["--default", "nope"], "no recording \"nope\" to be the default"),
        (&["--recordings", "no-such-folder"], "cannot read no-such-folder"),
        (&["--lifetime", "-1"], "--lifetime must be seconds, got -1"),
        (&["--nope"], "invalid option '--nope'"),
    ] {
        let (success, stdout, stderr) = output(args);
        assert!(!success && stdout.is_empty(), "{args:?}");
        assert!(stderr.starts_with("deltawire-replay: ") && stderr.contains(message), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert!(output(&["--help"]).1.contains("usage: deltawire-replay"));
}
