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

/// Checks the exit status and the output of a command with this input.
///
/// Standard error has something exactly if the status is not 0.
#[track_caller]
fn pipes(command: &str, args: &[&str], input: &[u8], status: i32, expected: &str) {
    let output = run(command, args, input);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{command} {args:?}: {told}");
    assert_eq!(
        (output.status.code(), told.is_empty()),
        (Some(status), status == 0),
        "{command} {args:?}: {told}"
    );
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
fn events_prints_a_line_an_event_and_what_a_reconnect_needs() {
    let none = "{\"retry\":null,\"last_event_id\":\"\"}\n";
    pipes("events", &[], b"", 0, none);
    pipes("events", &[], b"\xff\xfe garbage \x00\x1b[31m {", 0, none);
    pipes("events", &[], b"data: cut off", 0, none);
    let stream = "retry: 20\nid: 7\nevent: x\ndata: a\ndata: \u{1F600}\n\ndata\n\n".as_bytes();
    let expected = "{\"event\":\"x\",\"data\":\"a\\n\u{1F600}\",\"id\":\"7\"}\n{\"event\":\"message\",\"data\":\"\",\"id\":\"7\"}\n{\"retry\":20,\"last_event_id\":\"7\"}\n";
    for size in ["1", "2", "3", "7", "100000"] {
        pipes("events", &["--read-size", size], stream, 0, expected);
    }
    pipes("events", &["--read-size", "0"], stream, 2, "");
    pipes("events", &["--read-size", "many"], stream, 2, "");
    pipes("events", &["--unknown"], stream, 2, "");
}

#[test]
fn fold_prints_the_outcome_whatever_the_end() {
    let whole = br#"data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}

data: [DONE]

"#;
    let completion = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let outcome_of = |dialect: &str, completion: &str, end: &str, error: &str| {
        format!(
            "{{\"dialect\":{dialect},\"answer\":{completion},\"end\":\"{end}\",\"usage\":null,\"anomalies\":[],\"error\":{error}}}\n"
        )
    };
    // What tells no API is read as a chat completion.
    let outcome =
        |completion: &str, end: &str, error: &str| outcome_of("null", completion, end, error);
    let chat = outcome_of("\"chat\"", completion, "done", "null");
    for size in ["1", "5", "4096"] {
        pipes("fold", &["--read-size", size], whole, 0, &chat);
        pipes("fold", &["--read-size", size, "--dialect", "chat"], whole, 0, &chat);
    }
    pipes("fold", &["--text"], whole, 0, "hi");
    let nothing = r#"{"object":"chat.completion","choices":[]}"#;
    pipes("fold", &[], b"", 1, &outcome(nothing, "empty", "null"));
    let stray = "{\"dialect\":null,\"answer\":{\"object\":\"chat.completion\",\"choices\":[]},\"end\":\"empty\",\"usage\":null,\"anomalies\":[{\"kind\":\"stray_line\",\"member\":\"\",\"event\":0,\"count\":1,\"excerpt\":\"\u{FFFD}\\u0000garbage\"}],\"error\":{\"kind\":\"stray_lines\",\"message\":\"the stream ended early, after lines that are no fields: \\\"\u{FFFD}\\\\0garbage\\\"\",\"type\":null,\"param\":null,\"code\":null,\"data\":\"\u{FFFD}\\u0000garbage\"}}\n";
    pipes("fold", &[], b"\xff\x00garbage\n\n", 1, stray);
    let cut =
        r#""anomalies":[{"kind":"cut_event","member":"","event":0,"count":1,"excerpt":"{\"choi"}]"#;
    let cut = outcome(nothing, "truncated", "null").replace(r#""anomalies":[]"#, cut);
    pipes("fold", &[], b"data: {\"choi", 1, &cut);
    let refused = br#"{"error":{"message":"no","type":"t","param":"p","code":7}}"#;
    let error = r#"{"kind":"not_an_event_stream","message":"the body is no event stream: no (type \"t\", param \"p\", code 7)","type":"t","param":"p","code":7,"body":{"error":{"message":"no","type":"t","param":"p","code":7}}}"#;
    pipes("fold", &[], refused, 1, &outcome(nothing, "not_an_event_stream", error));
    let in_band = b"data: {\"error\":{\"message\":\"overloaded\",\"code\":\"x\"}}\n\n";
    let error = r#"{"kind":"api","message":"overloaded","type":null,"param":null,"code":"x","body":{"error":{"message":"overloaded","code":"x"}}}"#;
    pipes("fold", &[], in_band, 1, &outcome(nothing, "error", error));
    let legacy = b"data: {\"choices\":[{\"text\":\"a\",\"index\":0,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]";
    let completion = r#"{"object":"text_completion","choices":[{"text":"a","index":0,"finish_reason":"length"}]}"#;
    let legacy_outcome = outcome_of("\"completions\"", completion, "done", "null");
    pipes("fold", &[], legacy, 0, &legacy_outcome);
    pipes("fold", &["--endpoint", "completion"], legacy, 0, &legacy_outcome);
    pipes("fold", &["--dialect", "completions"], legacy, 0, &legacy_outcome);
    pipes("fold", &["--dialect", "embeddings"], legacy, 2, "");
    let line = b"{\"model\":\"m\",\"response\":\"a\",\"done\":true,\"done_reason\":\"stop\"}\n";
    pipes("fold", &["--text"], line, 0, "a");
}

#[test]
fn a_whole_answer_is_no_stream() {
    let chat = r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let output = run("fold", &[], chat.as_bytes());
    let folded: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(folded["end"], "not_an_event_stream");
    assert!(folded["error"]["message"].as_str().unwrap().contains("chat.completion"), "{folded}");
    assert_eq!(output.status.code(), Some(1));
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
