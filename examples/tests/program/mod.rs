//! An example as a program that a test runs.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Runs an example that cargo built beside this test.
///
/// `cargo test` builds the examples; `cargo test --test NAME` alone does not.
pub(crate) fn run(name: &str, args: &[&str]) -> Output {
    let test = std::env::current_exe().expect("the test knows its own path");
    let folder: PathBuf = test.ancestors().nth(2).expect("target/debug/deps").join("examples");
    Command::new(folder.join(name))
        .args(args)
        .env("DELTAWIRE_REPLAY_SPEED", "at-once")
        .env_remove("OPENAI_BASE_URL")
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_MODEL")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("example {name}: {error}; `cargo build --examples` builds it")
        })
}

/// Returns the output of a run that succeeded, with every time in seconds replaced by `N`.
pub(crate) fn printed(name: &str, args: &[&str]) -> String {
    let output = run(name, args);
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("an example prints UTF-8");
    let mask = |word: &str| {
        let seconds = word.trim_start_matches('(').trim_end();
        if is_seconds(seconds) { word.replace(seconds, "N") } else { word.to_owned() }
    };
    text.split_inclusive(' ').map(mask).collect()
}

/// Returns true for seconds with two decimals, such as `2.97`.
fn is_seconds(word: &str) -> bool {
    let Some((whole, hundredths)) = word.split_once('.') else { return false };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !whole.is_empty() && hundredths.len() == 2 && digits(whole) && digits(hundredths)
}
