//! The proxy against the replay server, however either side ends.

#[path = "../../tests/program/mod.rs"]
mod program;

use program::run;

#[test]
fn axum_proxy_passes_on_what_comes_and_logs_each_end() {
    let output = run("axum_proxy", &[], b"");
    let (text, log) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{log}");
    let sky = deltawire_replay::recordings::find("smollm2-sky").unwrap();
    let mut fold = deltawire::chat::Session::new();
    fold.feed(&sky.body()).unwrap();
    let whole = fold.close(deltawire::How::Clean).answer;
    for (line, expected) in text.lines().zip([
        format!("to the end: {} (done)", whole.text()),
        "the client goes away: The sky is blue (stopped)".into(),
        "upstream breaks off: The sky is blue because of a (the connection failed: ".into(),
        "upstream refuses:  (the server refused the request with status 503: ".into(),
    ]) {
        assert!(line.starts_with(&expected), "{line:?} is not {expected:?}");
    }
    assert_eq!(text.lines().count(), 4, "{text}");

    // The proxy learns that a client is gone when it is told to, so in no certain order.
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended = |end: &str| {
        lines.iter().find(|line| line["end"] == end).unwrap_or_else(|| panic!("{end}: {log}"))
    };
    assert_eq!(lines.len(), 3, "none for what was refused: {log}");
    assert_eq!(ended("done")["usage"], serde_json::to_value(&whole.usage).unwrap());
    assert_eq!((&ended("done")["model"], &ended("done")["chunks"]), (&"local".into(), &65.into()));
    for end in ["done", "stopped", "truncated"] {
        let first = ended(end)["first_token_ms"].as_u64().unwrap();
        assert!(first <= ended(end)["total_ms"].as_u64().unwrap(), "{log}");
    }
    assert!(ended("stopped")["usage"].is_null() && ended("truncated")["usage"].is_null(), "{log}");
}
