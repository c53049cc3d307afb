//! The example prints what the notebook's cell prints, and the token counts and times beside it.

#[path = "../../tests/program/mod.rs"]
mod program;

use program::printed;

/// Returns the numbers as the chat model wrote them, streamed and in the first whole answer.
fn chat_text() -> String {
    let numbers: Vec<String> = (1..=100).map(|number| number.to_string()).collect();
    format!("\n\n{}.", numbers.join(", "))
}

/// Returns the chat answer cut into its tokens, as it was streamed.
fn chat_tokens() -> Vec<String> {
    let mut tokens = vec!["\n\n".to_owned()];
    for number in 1..=100 {
        tokens.push(number.to_string());
        tokens.extend(if number < 100 {
            vec![",".to_owned(), " ".to_owned()]
        } else {
            vec![".".to_owned()]
        });
    }
    tokens
}

#[test]
fn time_to_first_token_prints_every_message_the_conversation_and_the_gain() {
    let svg = std::env::temp_dir().join(format!("deltawire-tokens-{}.svg", std::process::id()));
    let text = printed("time_to_first_token", &["--plot", svg.to_str().unwrap()]);
    let mut expected =
        String::from("Message received N seconds after request: {\"role\":\"assistant\"}\n");
    for token in chat_tokens() {
        let delta = serde_json::json!({"content": token});
        expected += &format!("Message received N seconds after request: {delta}\n");
    }
    expected += "Message received N seconds after request: {}\n";
    expected += "Full response received N seconds after request\n";
    expected += &format!("Full conversation received: {}\n", chat_text());
    expected += "Not streamed, the full response came N seconds after request\nTime to first token: N seconds\nReading can begin ";
    assert!(text.starts_with(&expected), "{text}");
    assert!(
        text.contains('\u{2801}') || text.contains('\u{2809}'),
        "a picture in Braille dots: {text}"
    );
    // The notebook's server sent no usage with its stream. 300 tokens: the role and the finish
    // reason have none.
    let usage = r#"Usage: {"prompt_tokens":36,"completion_tokens":300,"total_tokens":336,"source":"estimated","vocabulary":"cl100k_base"}"#;
    assert!(text.contains(usage), "{text}");
    assert!(
        text.contains("\nTiming: time_to_first_byte=")
            && text.contains(" chunks=302 ")
            && text.contains(" tokens=300")
    );
    let picture = std::fs::read_to_string(&svg).unwrap();
    std::fs::remove_file(&svg).unwrap();
    assert!(
        picture.starts_with("<svg")
            && picture.contains("<polyline")
            && picture.contains("seconds after request")
    );
}
