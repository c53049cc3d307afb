//! Anthropic's Messages API: its events, the message, and the fold.
//!
//! Anthropic, Bedrock, Vertex AI and the servers that imitate it (llama.cpp, Ollama, LiteLLM)
//! stream it.
//!
//! ```
//! use deltawire::{Change, How, messages};
//!
//! let body = br#"data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}}
//!
//! data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"now","input":{}}}
//!
//! data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"zone\":\"UTC\"}"}}
//!
//! data: {"type":"content_block_stop","index":0}
//!
//! data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}
//!
//! data: {"type":"message_stop"}
//!
//! "#;
//! let mut session = messages::Session::new();
//! session.read(body).for_each(|update| {
//!     print!("{}", update.text());
//!     for change in update.changes() {
//!         if let Change::ToolCallDone { name, arguments, .. } = change {
//!             assert_eq!((name, arguments), ("now", r#"{"zone":"UTC"}"#));
//!         }
//!     }
//! })?;
//! let message = session.close(How::Clean).into_complete()?;
//! assert_eq!(message.stop_reason().as_deref(), Some("tool_use"));
//! assert_eq!(message.content[0].get("input").unwrap().as_json(), r#"{"zone":"UTC"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod event;
mod fold;

pub use answer::{ContentBlock, Message, ToolCall};
pub use event::{Delta, Event};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Messages, Session, fold};
