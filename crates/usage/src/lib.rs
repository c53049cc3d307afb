//! Token counts of streamed LLM completions: the server's where it sends them, else counted here, as the text comes.
//!
//! ```
//! use deltawire::chat;
//! use deltawire_usage::Counter;
//! use serde_json::json;
//!
//! let mut request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello?"}], "stream": true});
//! deltawire_usage::include_usage(&mut request); // the server is asked for its own figures
//! let mut counter = Counter::for_request(&request)?;
//!
//! # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello to\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" you!\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
//! let mut fold = chat::Session::new();
//! let mut input = body.as_bytes();
//! while let Some(update) = fold.push(&mut input)? {
//!     counter.push(&update); // costs what is new
//! }
//! let mut outcome = fold.finish();
//! counter.settle(&mut outcome);
//! assert_eq!(
//!     serde_json::to_value(&outcome.usage)?,
//!     json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "source": "estimated", "vocabulary": "o200k_base"})
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is exact, and what is an estimate
//! - **Text** is counted exactly as the whole of it would be by OpenAI's tiktoken with the same vocabulary (`encode_ordinary`: what looks like a special token is text), whatever the cuts. Held by a property
//!   test and the fuzz target `usage_cuts` against `bpe-openai`'s count of the whole, which that crate holds against tiktoken.
//! - **What else a server adds** to a completion (the tokens around tool calls, reasoning that is never sent, audio) is not published, and not counted. A completion of text alone agrees with OpenAI's own
//!   figures; one with tool calls has their names and arguments only, and is short of the server's by what stands around them.
//! - **Prompts** are counted by the recipe that OpenAI published; [`prompt_tokens`] says what it leaves out.
//! - **Other models** (Llama, Qwen, Mistral and so on) have vocabularies of their own, which are not here. A count of
//!   their text with one of these is off, in this project's recordings by 2 to 65 per cent (test `figures`); the outcome says which vocabulary it was.
//!
//! # Why `bpe-openai`
//! Measured beside tiktoken-rs 0.12 (`benches/README.md` has the command and the figures): it loads in a fifth to two thirds of the time, counts about as fast or faster, and has an encoder that counts while text is
//! appended, which is what makes counting linear where a text has no boundary. The price is 49 MB in the executable, against 8: its tables are built when it is compiled, not when it is loaded.

#![forbid(unsafe_code)]

mod classes;
mod counter;
mod prompt;
mod text;
mod vocabulary;

pub use counter::Counter;
pub use prompt::{include_usage, prompt_tokens};
pub use text::TextCounter;
pub use vocabulary::{UnknownModel, Vocabulary};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
