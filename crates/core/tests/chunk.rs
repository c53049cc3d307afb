//! A chunk by itself: its text, for callers that look at events and do not fold.

use std::borrow::Cow;

use deltawire::{chat, completions};

#[test]
fn the_text_of_a_chat_chunk_is_the_content_of_choice_0() {
    for (choices, text) in [
        (r#"{"index":0,"delta":{"content":"a\nb"}}"#, "a\nb"),
        (r#"{"delta":{"content":"no index"}}"#, "no index"),
        (r#"{"delta":{"content":"first"}},{"delta":{"content":"second"}}"#, "first"),
        (r#"{"index":1,"delta":{"content":"x"}},{"index":0,"delta":{"content":"y"}}"#, "y"),
        (r#"{"index":1,"delta":{"content":"x"}}"#, ""),
        (r#"{"index":0,"delta":{"content":null}}"#, ""),
        (r#"{"index":0,"delta":{}}"#, ""),
        (r#"{"index":0}"#, ""),
        ("", ""),
    ] {
        let data = format!("{{\"choices\":[{choices}]}}");
        let chunk = chat::Chunk::parse(&data).unwrap();
        assert_eq!(chunk.text(), text, "{choices}");
        let content =
            chunk.choices.iter().find_map(|choice| choice.delta.as_ref()?.content.clone());
        if let (Some(content), false) = (content, text.is_empty() || choices.contains("},{")) {
            assert_eq!(content.to_string(), text);
        }
    }
    let plain = chat::Chunk::parse(r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#).unwrap();
    assert!(matches!(plain.text(), Cow::Borrowed("a")));
}

#[test]
fn the_text_of_a_legacy_chunk_is_that_of_choice_0() {
    for (choices, text) in [
        (r#"{"index":0,"text":"caf\u00e9"}"#, "café"),
        (r#"{"text":"no index"}"#, "no index"),
        (r#"{"index":1,"text":"x"}"#, ""),
        ("", ""),
    ] {
        let data = format!("{{\"choices\":[{choices}]}}");
        assert_eq!(completions::Chunk::parse(&data).unwrap().text(), text, "{choices}");
    }
}
