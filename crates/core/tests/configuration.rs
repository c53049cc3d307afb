//! Limits and options from a configuration, and anomalies in a log.

use std::time::Duration;

use deltawire::{Limits, Options, StallLimits, chat};
use serde_json::json;

#[test]
fn limits_and_options_have_their_defaults_unless_a_configuration_says_otherwise() {
    assert_eq!(serde_json::from_value::<Limits>(json!({})).unwrap(), Limits::default());
    assert_eq!(serde_json::from_value::<Options>(json!({})).unwrap(), Options::default());
    let options: Options =
        serde_json::from_value(json!({"cumulative": true, "limits": {"max_folded": 1000}}))
            .unwrap();
    let mut limits = Limits::default();
    limits.max_folded = 1000;
    assert_eq!(options, Options::new().with_cumulative(true).with_limits(limits));
    let same: Options = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
    assert_eq!(same, options);
    let error = serde_json::from_value::<Limits>(json!({"max_foldet": 1})).unwrap_err();
    assert!(error.to_string().contains("max_foldet"), "{error}");
}

#[test]
fn stall_limits_are_numbers_of_seconds() {
    let limits: StallLimits =
        serde_json::from_value(json!({"bytes": 30, "first_content": 0.5, "events": null})).unwrap();
    let expected = StallLimits::new()
        .with_bytes(Duration::from_secs(30))
        .with_first_content(Duration::from_millis(500));
    assert_eq!(limits, expected);
    let json = serde_json::to_value(limits).unwrap();
    assert_eq!((&json["bytes"], &json["first_content"]), (&json!(30.0), &json!(0.5)));
    assert_eq!(serde_json::from_value::<StallLimits>(json).unwrap(), limits);
    for (wrong, message) in [
        (json!({"bytes": -1}), "-1 seconds: "),
        (json!({"content": "30s"}), "invalid type"),
        (json!({"byte": 1}), "unknown field `byte`"),
    ] {
        let error = serde_json::from_value::<StallLimits>(wrong).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn an_anomaly_is_a_line_of_a_log() {
    let mut session = chat::Session::new();
    let input = br#"data: {"id":"a","choices":[{"index":3,"delta":{},"finish_reason":"stop"}]}

data: {"id":"b","choices":[{"index":3,"delta":{},"finish_reason":"length"}]}

data: {"id":"c","choices":[]}

"#;
    session.feed(input).unwrap();
    let lines: Vec<_> = session.accumulator().anomalies().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "changed id, first in event 2, 2 times",
            "changed finish_reason in choice 3, first in event 2",
        ]
    );
}
