//! The example `ask` tells the same of a request through either adapter.

use std::path::PathBuf;
use std::process::Command;

use deltawire_replay::{Server, Speed};

/// Returns the success, standard output and standard error of `ask`, which cargo built.
fn ask(args: &[&str]) -> (bool, String, String) {
    let test = std::env::current_exe().expect("the test knows its own path");
    let folder: PathBuf = test.ancestors().nth(2).expect("target/debug/deps").join("examples");
    let output = Command::new(folder.join("ask"))
        .args(args)
        .output()
        .expect("`cargo build --examples` builds ask");
    let text = |bytes| String::from_utf8(bytes).expect("an example prints UTF-8");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn both_adapters_tell_the_same_of_each_end() {
    let server = Server::builder().speed(Speed::AT_ONCE).start().expect("a port is free");
    let chat = format!("{}/chat/completions", server.base_url());
    let legacy = format!("{}/completions", server.base_url());
    let responses = format!("{}/responses", server.base_url());
    let messages = format!("{}/messages", server.base_url());
    let body = |model: &str| format!(r#"{{"model":"{model}","stream":true}}"#);
    for via in ["ureq", "async"] {
        for (url, model, options, expected) in [
            (&chat, "one-plus-one", &["--text"][..], r#"{"end":"done","text":"\n\n2"}"#),
            (
                &chat,
                "lcp-empty",
                &[],
                r#"{"dialect":"chat","answer":{"object":"chat.completion","choices":[]},"end":"empty","#,
            ),
            (
                &legacy,
                "smollm2-completion",
                &["--text", "--stop-at-text"],
                r#"{"end":"stopped","text":"4"}"#,
            ),
            (
                &responses,
                "aimock-responses",
                &["--text"],
                r#"{"end":"done","text":"Hello! How can I help you today?"}"#,
            ),
            (
                &messages,
                "aimock-messages",
                &[],
                r#"{"dialect":"messages","answer":{"content":[{"type":"text","text":"Hello! "#,
            ),
            (
                &responses,
                "aimock-responses",
                &["--dialect", "auto"],
                r#"{"dialect":"responses","answer":{"#,
            ),
            // The stream of another API than the caller says.
            (
                &messages,
                "aimock-messages",
                &["--dialect", "responses", "--text"],
                r#"{"end":"error","text":""}"#,
            ),
            (
                &chat,
                "smollm2-sky",
                &["--text", "--stop-at-text", "--header", "x-replay-fault: stall=600"],
                r#"{"end":"stopped","text":"The"}"#,
            ),
            (
                &chat,
                "smollm2-sky",
                &["--text", "--header", "x-replay-fault: cut=600"],
                r#"{"end":"truncated","text":"The"}"#,
            ),
        ] {
            let body = body(model);
            let args = [&["--via", via], options, &[url, &body]].concat();
            let (success, line, error) = ask(&args);
            assert!(success && error.is_empty(), "{args:?}: {error}");
            assert!(line.starts_with(expected), "{args:?}: {line}");
            assert_eq!(line.lines().count(), 1);
        }
        let (success, line, error) = ask(&[
            "--via",
            via,
            "--header",
            "x-replay-fault: status=503",
            &chat,
            &body("one-plus-one"),
        ]);
        assert!(!success && line.is_empty());
        assert!(
            error.starts_with("ask: the server refused the request with status 503"),
            "{error}"
        );
    }
}

#[test]
fn a_key_is_printed_neither_as_a_wrong_header_nor_otherwise() {
    for via in ["ureq", "async"] {
        for args in [
            &["--header", "authorization Bearer sk-SECRET", "http://127.0.0.1:1", "{}"][..],
            &["--header", "authorization: Bearer sk-SECRET\n", "http://127.0.0.1:1", "{}"],
            &["--header", "authori zation: sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["--header", ": sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["--header=authorization sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["--haeder=authorization: sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["--header", "authorization: Bearer sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["--header", "authorization: Bearer sk-SECRET", "no url", "{}"],
            &["authorization: Bearer sk-SECRET", "http://127.0.0.1:1", "{}"],
            &["authorization: Bearer sk-SECRET", "{}"],
        ] {
            let (success, line, error) = ask(&[&["--via", via], args].concat());
            assert!(!success && line.is_empty() && error.starts_with("ask: "), "{args:?}: {error}");
            assert!(!error.contains("SECRET"), "{args:?}: {error}");
        }
    }
}

#[test]
fn a_wrong_option_is_told() {
    for (args, expected) in [
        (&["http://127.0.0.1:1"][..], "ask: a URL and a JSON body are needed"),
        (
            &["--header", "x", "http://127.0.0.1:1", "{}"],
            "ask: --header is name: value, and this one has no colon",
        ),
        (
            &["--via", "curl", "http://127.0.0.1:1", "{}"],
            "ask: --via is ureq or async, not \"curl\"",
        ),
        (
            &["--dialect", "telegraph", "http://127.0.0.1:1", "{}"],
            "ask: no API is named \"telegraph\"; there are chat,",
        ),
    ] {
        let (success, _, error) = ask(args);
        assert!(!success && error.starts_with(expected), "{error}");
    }
}
