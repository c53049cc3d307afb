//! The APIs whose events are recognised, though no dialect here folds them.

/// Returns the name of the API that sends events such as this one, if it is recognised.
///
/// `event` is the beginning of the first event's data. The first events of these APIs cannot be
/// mistaken: a `type` with a prefix (OpenAI's Responses), `message_start` (Anthropic's Messages),
/// `candidates` or feedback on the prompt (Gemini), an `event_type` with a prefix (Gemini's
/// Interactions).
pub(crate) fn other_api(event: &str) -> Option<&'static str> {
    const MARKS: [(&str, &str, &str); 5] = [
        ("\"type\"", "\"response.", "OpenAI's Responses API"),
        ("\"type\"", "\"message_start\"", "Anthropic's Messages API"),
        ("\"candidates\"", "[", "Gemini's generateContent API"),
        ("\"promptFeedback\"", "{", "Gemini's generateContent API"),
        ("\"event_type\"", "\"interaction.", "Gemini's Interactions API"),
    ];
    let is_it = |name: &str, value: &str| {
        let mut rest = event;
        while let Some((_, after)) = rest.split_once(name) {
            let sent = after.trim_start().strip_prefix(':').map(str::trim_start);
            if sent.is_some_and(|sent| sent.starts_with(value)) {
                return true;
            }
            rest = after;
        }
        false
    };
    MARKS.into_iter().find(|(name, value, _)| is_it(name, value)).map(|(_, _, api)| api)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_events_of_other_apis_are_recognised() {
        for (event, api) in [
            (r#"{"type":"response.created","response":{}}"#, Some("OpenAI's Responses API")),
            (r#"{"sequence_number":0,"type": "response.created"}"#, Some("OpenAI's Responses API")),
            (r#"{"type" : "message_start"}"#, Some("Anthropic's Messages API")),
            (r#"{"candidates":[{"index":0}]}"#, Some("Gemini's generateContent API")),
            (
                r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
                Some("Gemini's generateContent API"),
            ),
            (r#"{"event_type":"interaction.created"}"#, Some("Gemini's Interactions API")),
            (r#"{"type":"ping"}"#, None),
            (r#"{"candidates":1,"type":5}"#, None),
            ("", None),
        ] {
            assert_eq!(other_api(event), api, "{event}");
        }
    }
}
