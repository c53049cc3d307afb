//! Folds an answer whose bytes come from anywhere: a websocket, an FFI callback, a test.
//!
//! Run it with `cargo run -p deltawire --example sans_io`. It needs no network.

use deltawire::{Change, How, Update, chat};

/// The body of a response, as a server sends it.
const BODY: &str = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Let me"}}]}

data: {"choices":[{"index":0,"delta":{"content":" look."}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"choices":[],"usage":{"prompt_tokens":52,"completion_tokens":20,"total_tokens":72}}

data: [DONE]

"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut session = chat::Session::new();
    // With the head, a refused request is an error that has the server's message.
    session.head(200, |name| (name == "content-type").then_some("text/event-stream"));

    // A read may end anywhere, and an error ends the stream: the outcome has it.
    for read in BODY.as_bytes().chunks(20) {
        let mut updates = session.read(read);
        while let Ok(Some(update)) = updates.next() {
            see(&update);
        }
    }
    // The body ended in order. Some calls are whole only by that.
    if let Ok(true) = session.end(How::Clean) {
        see(&session.update());
    }

    let outcome = session.close(How::Clean);
    println!("{}: {:?}", outcome.end, outcome.usage);
    let completion = outcome.into_complete()?; // or an error that has all that came
    println!("{}", serde_json::to_string_pretty(&completion)?);
    Ok(())
}

fn see(update: &Update<'_>) {
    print!("{}", update.text()); // the new content of choice 0
    for change in update.changes() {
        if let Change::ToolCallDone { id, name, arguments, .. } = change {
            println!("\n{name}({arguments}), to be answered as {id:?}");
        }
    }
}
