//! The program: its options, what it prints, and that it serves.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
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

/// A folder of its own below the temporary one, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("deltawire-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn nothing_of_a_file_acts_on_the_terminal() {
    let acts = |text: &str| text.contains(|c: char| c.is_control() && c != '\n' || c > '\u{7f}');
    let folder = Folder::new("names");
    let path = folder.0.to_str().unwrap();
    let what = r"\u001b]0;pwned\u0007\u202e\u061c\u2028\ufeff";
    let head = format!(
        "{{\"recording\":1,\"name\":\"a\u{202e}b\",\"endpoint\":\"chat\",\"what\":\"{what}\",\"answer\":{{\"elapsed\":1,\"body\":{{}}}}}}\n"
    );
    std::fs::write(folder.0.join("odd.jsonl"), &head).unwrap();
    let (success, list, _) = output(&["--recordings", path, "--list"]);
    assert!(success);
    let line = list.lines().find(|line| line.contains("pwned")).unwrap();
    assert!(line.contains(r"\u{1b}]0;pwned\u{7}\u{202e}\u{61c}\u{2028}\u{feff}"), "{line}");
    assert_eq!(list.lines().count(), recordings::all().len() + 1);
    assert!(!acts(&list), "{list}");

    let wrong = head.replace("answer", "\u{1b}[31manswer");
    for name in ["odd.jsonl", "\u{1b}[31mred\u{202e}.jsonl"] {
        std::fs::write(folder.0.join(name), &wrong).unwrap();
        let (success, _, told) = output(&["--recordings", path, "--list"]);
        assert!(!success && told.lines().count() == 1 && !acts(&told), "{told}");
    }
    let missing = format!("{path}/\u{1b}[31m\u{202e}");
    let (success, _, told) = output(&["--recordings", &missing]);
    assert!(!success && told.lines().count() == 1 && !acts(&told), "{told}");
    let (success, _, told) = output(&["--default", "\u{1b}[31m\u{202e}"]);
    assert!(!success && !acts(&told), "{told}");
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
