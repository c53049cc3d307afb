//! Recipes, under the words that people search for.
//!
//! | recipe | answers |
//! |---|---|
//! | [Printing a stream](printing) | How do I show the text as it arrives, and know that it was everything? |
//! | [Anthropic, Gemini and the other APIs](apis) | What differs, and what is the same? |
//! | [Conversation history](conversation) | How do I send the answer back with the next request? |
//! | [Tool calling and agents](tools) | When is a tool call whole, and how do I return its result? |
//! | [Structured output](structured) | How do I use JSON that is still arriving? |
//! | [Proxying to a browser](proxy) | How do I pass a stream on, and log what it cost? |
//! | [Usage and cost](usage) | Where are the token counts, and what if the server sends none? |
//! | [Retries and time-outs](retries) | What do I do about 429, and about a stream that hangs? |
//! | [Saving and resuming](resuming) | How does a stream outlive its process or its connection? |
//! | [Cancellation](cancellation) | How do I stop, and what do I have then? |
//! | [Testing without a network](testing) | How do I test a program that streams? |
//! | [Migrating from async-openai](migrating) | What is called what? |
//!
//! Every program here is compiled by the tests of the workspace, and run where it needs no network.
//! Whole programs to paste are in the folders `examples` of the crates: `reqwest_chat`,
//! `reqwest_agent` and `axum_proxy` in `deltawire-async`, `ureq_chat` and `ureq_agent` in
//! `deltawire-ureq`, `sans_io` here.

// The programs use crates that stand on this one, so another member of the workspace tests them.
macro_rules! recipes {
    ($($name:ident, $file:literal;)*) => {$(
        #[cfg_attr(not(doctest), doc = include_str!(concat!("../guide/", $file)))]
        #[cfg_attr(doctest, doc = "A recipe.")]
        pub mod $name {}
    )*};
}

recipes! {
    printing, "printing.md";
    apis, "apis.md";
    conversation, "conversation.md";
    tools, "tools.md";
    structured, "structured.md";
    proxy, "proxy.md";
    usage, "usage.md";
    retries, "retries.md";
    resuming, "resuming.md";
    cancellation, "cancellation.md";
    testing, "testing.md";
    migrating, "migrating.md";
}
