//! Token counts of streamed LLM completions.
//!
//! They are the server's, or else counted as the text arrives.
//!
//! ```
//! use deltawire::{How, chat};
//! use deltawire_usage::Counter;
//! use serde_json::json;
//!
//! let mut request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello?"}], "stream": true});
//! deltawire_usage::include_usage(&mut request); // the server is asked for its own figures
//! let mut counter = Counter::for_request(&request)?;
//!
//! # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello to\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" you!\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
//! let mut session = chat::Session::new();
//! for read in body.as_bytes().chunks(1024) {
//!     let mut updates = session.read(read);
//!     while let Some(update) = updates.next()? {
//!         counter.push(&update); // costs the length of the new text
//!     }
//! }
//! let outcome = session.close(How::Clean);
//! assert_eq!(
//!     serde_json::to_value(counter.settle(&outcome.answer))?,
//!     json!({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "source": "estimated", "vocabulary": "o200k_base"})
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Exact counts and estimates
//! - **Text** is counted exactly as OpenAI's tiktoken counts the whole of it with the same
//!   vocabulary, whatever the cuts. (By `encode_ordinary`: the name of a special token is text.) A
//!   property test and the fuzz target `usage_cuts` compare with `bpe-openai`'s count of the whole,
//!   which that crate compares with tiktoken. Unnatural text is estimated, in bounded time and
//!   memory: words of 4 KiB, and text that consists of little but runs of one character.
//!   [`TextCounter::is_exact`] then returns false.
//! - **Other tokens of a completion** are not published, and not counted: those around tool calls,
//!   reasoning that is never sent, audio. A completion of text alone agrees with OpenAI's own
//!   figures. One with tool calls has their names and arguments only, and is short of the server's
//!   figure.
//! - **Prompts** are counted by the recipe that OpenAI published; [`prompt_tokens`] says what it
//!   leaves out.
//! - **Other models** (Llama, Qwen, Mistral and so on) have vocabularies of their own, which are
//!   not here. A count of their text with one of these is off, in this project's recordings by 2 to
//!   65 per cent (test `figures`). The usage names its vocabulary.
//!
//! # The choice of `bpe-openai`
//! Compared with tiktoken-rs 0.12 (`benches/README.md` has the command and the figures), it loads
//! in a fifth to two thirds of the time and counts about as fast or faster. It also has an encoder
//! that counts while text is appended, which makes counting linear where a text has no boundary.
//! The price is 49 MB in the executable instead of 8: its tables are built at compile time and not
//! at load time.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod classes;
mod counter;
mod encoder;
mod prompt;
mod text;
mod usage;
mod vocabulary;

pub use counter::Counter;
pub use prompt::{include_usage, prompt_tokens};
pub use text::TextCounter;
pub use usage::{Usage, UsageSource};
pub use vocabulary::{UnknownModel, Vocabulary};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
