//! The output of `fold` and `events` to the byte, with standard error and the exit status.
//!
//! `DELTAWIRE_WRITE_GOLDEN=1` writes the files of `golden` anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use deltawire_replay::recordings;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn run(command: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_deltawire"))
        .arg(command)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that ends early closes its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "{}-- standard error\n{}-- exit status {}\n",
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().unwrap()
    )
}

#[test]
fn bodies_on_standard_input_have_the_output_of_the_files() {
    for (command, recording, args) in [
        ("fold", "one-plus-one", &[][..]),
        ("fold", "one-plus-one", &["--text"]),
        ("fold", "one-plus-one", &["--drop-unknown"]),
        ("fold", "one-plus-one", &["--dialect", "messages"]),
        ("fold", "one-plus-one", &["--read-size", "1"]),
        ("fold", "tiny-tools", &[]),
        ("fold", "tiny-killed", &[]),
        ("fold", "tiny-killed", &["--text"]),
        ("fold", "lcp-empty", &[]),
        ("fold", "litellm-dead-backend", &[]),
        ("fold", "litellm-n2", &["--one-choice"]),
        ("fold", "litellm-n2", &["--cumulative"]),
        ("fold", "smollm2-multilingual", &["--text", "--read-size", "7"]),
        ("fold", "count-legacy", &["--endpoint", "completion"]),
        ("fold", "mock-llm-surrogates", &[]),
        ("fold", "aimock-messages", &["--drop-unknown"]),
        ("fold", "aimock-gemini-tools", &[]),
        ("fold", "aimock-responses", &["--text"]),
        ("events", "aimock-messages", &[]),
        ("events", "litellm-dead-backend", &[]),
        ("events", "tiny-killed", &["--read-size", "3"]),
    ] {
        let mut name = format!("{command}-{recording}");
        args.iter().for_each(|arg| name += &format!("-{}", arg.trim_start_matches('-')));
        let file = folder().join(format!("{name}.txt"));
        let output = run(command, args, &recordings::find(recording).unwrap().body());
        if std::env::var_os("DELTAWIRE_WRITE_GOLDEN").is_some() {
            std::fs::write(&file, shown(&output)).unwrap();
        }
        assert_eq!(shown(&output), std::fs::read_to_string(&file).unwrap(), "{name}");
    }
}

#[test]
fn a_recording_and_a_file_have_the_output_of_the_body() {
    let folder = std::env::temp_dir().join(format!("deltawire-golden-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["one-plus-one", "aimock-responses", "smollm2-multilingual"] {
        let recording = recordings::find(name).unwrap();
        let (body, file) = (folder.join("body"), folder.join("recording.jsonl"));
        std::fs::write(&body, recording.body()).unwrap();
        std::fs::write(&file, recording.to_jsonl()).unwrap();
        for command in ["fold", "events"] {
            let expected = shown(&run(command, &[], &recording.body()));
            let of_file = |file: &Path| shown(&run(command, &[file.to_str().unwrap()], b""));
            assert_eq!(of_file(&body), expected, "{command} {name}");
            assert_eq!(of_file(&file), expected, "{command} {name}");
            let piped = run(command, &["-", "--read-size", "5"], recording.to_jsonl().as_bytes());
            assert_eq!(shown(&piped), expected, "{command} {name}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_recorded_end_of_a_connection_counts() {
    // Its body is a prefix of an answer, which a raw body does not tell from a server's end.
    let cut = recordings::find("tiny-killed").unwrap();
    let output = shown(&run("fold", &[], cut.to_jsonl().as_bytes()));
    assert!(output.contains("the connection failed: the connection was cut"), "{output}");
    assert!(output.ends_with("-- exit status 1\n"), "{output}");
}

#[test]
fn a_wrong_call_has_one_error_and_a_status_of_its_own() {
    for (command, args, status, problem) in [
        ("fold", &["--read-size", "0"][..], 2, "must be 1 or more"),
        ("fold", &["--dialect", "nope"], 2, "nope"),
        ("fold", &["no-such-file"], 1, "cannot read no-such-file"),
        ("events", &["no-such-file"], 1, "cannot read no-such-file"),
        ("diff", &["no-such-file", "other"], 2, "cannot read no-such-file"),
        ("diff", &["-", "-"], 2, "only one of the two can be standard input"),
        ("replay", &["no-such-file"], 1, "cannot read no-such-file"),
        ("replay", &["--speed", "fast"], 2, "speed must be at-once or a number above 0"),
        ("replay", &["--fault", "cutt=1"], 2, "must be one of none"),
        ("record", &["--upstream", "nope"], 2, "must be a URL such as https://api.openai.com"),
    ] {
        let Output { status: code, stdout, stderr } = run(command, args, b"");
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(code.code(), Some(status), "{command} {args:?} {stderr}");
        assert!(stdout.is_empty() && stderr.contains(problem), "{command} {args:?} {stderr}");
    }
    let broken = run("fold", &[], b"{\"recording\":1,\"name\":\"a\"}\n");
    let told = "fold: standard input: line 1: no json object: missing field `endpoint`\n";
    assert_eq!(String::from_utf8(broken.stderr).unwrap(), told);
    assert_eq!(broken.status.code(), Some(1));
}

#[test]
fn every_subcommand_has_help_with_an_example_and_a_manual_page() {
    for command in ["fold", "events", "record", "replay", "diff", "completions", "man"] {
        let help = String::from_utf8(run(command, &["--help"], b"").stdout).unwrap();
        let example = help.split("Example:").nth(1).unwrap_or_default();
        assert!(example.contains(&format!("deltawire {command}")), "{help}");
        assert!(!help.contains("\u{1b}"), "colours are for terminals: {help}");
        let page = run("man", &[command], b"");
        let page = String::from_utf8(page.stdout).unwrap();
        assert!(page.contains(&format!(".TH deltawire-{command} 1")), "{page}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = String::from_utf8(run("completions", &[shell], b"").stdout).unwrap();
        assert!(script.contains("deltawire") && script.contains("upstream"), "{shell}");
    }
}
