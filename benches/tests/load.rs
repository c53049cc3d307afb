//! The load bench, for half a second: that it works, not how fast.
#![cfg(target_os = "linux")]

use std::process::Command;

#[test]
fn twenty_streams_of_half_a_second_lose_nothing_with_any_client() {
    let output = Command::new(env!("CARGO_BIN_EXE_load")).arg("--quick").output().unwrap();
    let (table, told) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{table}");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| 20 |"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let clients: Vec<&str> = rows.iter().map(|row| row[3]).collect();
    assert_eq!(
        clients,
        ["bytes only", "deltawire", "eventsource-stream + async-openai"],
        "{table}"
    );
    for row in rows {
        // 25 each: tokens, lost, errors.
        assert_eq!(row[4..7], ["500", "0", "0"], "{table}");
    }
}

#[test]
fn a_wrong_argument_is_an_error_and_nothing_runs() {
    for arguments in [
        &["--stream"][..],
        &["--streams", "0"],
        &["--streams", "many"],
        &["--seconds", "-1"],
        &["client"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_load")).args(arguments).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    }
}
