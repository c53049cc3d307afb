//! Streams LLM answers over any async HTTP stack, on any runtime.
//!
//! ```console
//! $ cargo add deltawire-async serde_json
//! $ cargo add reqwest --features json
//! $ cargo add tokio --features macros,rt-multi-thread
//! ```
//!
//! ```no_run
//! use std::io::{Write as _, stdout};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let request = serde_json::json!({
//!         "model": "gpt-4o-mini",
//!         "messages": [{"role": "user", "content": "Why is the sky blue?"}],
//!         "stream": true,
//!     });
//!     let response = reqwest::Client::new()
//!         .post("https://api.openai.com/v1/chat/completions")
//!         .bearer_auth(std::env::var("OPENAI_API_KEY")?)
//!         .json(&request)
//!         .send()
//!         .await?;
//!
//!     // A request that was refused is an error here, with the server's message.
//!     let stream = deltawire_async::chat(response.into()).await?;
//!     let outcome = stream
//!         .run(|update| {
//!             print!("{}", update.text()); // the new content of choice 0
//!             let _ = stdout().flush();
//!         })
//!         .await;
//!     // An answer that is not whole is an error. It says why, and still has what arrived.
//!     let answer = outcome.into_complete()?;
//!     println!("\n{:?}", answer.choices[0].finish_reason);
//!     Ok(())
//! }
//! ```
//!
//! The type of `stream`, for a struct that holds one, is `ChatStream<reqwest::Body>`. A
//! [`BoxChatStream`] holds a stream over any body. This crate is all that a program needs: the core
//! is [`deltawire_async::deltawire`](deltawire).
//!
//! The folder `examples` of this crate has whole programs: `reqwest_chat`, `reqwest_agent` (tool
//! calls), and `axum_proxy`.
//!
//! # What to call
//!
//! | you have | call |
//! |---|---|
//! | a response of reqwest 0.12 or 0.13 | [`chat`]`(response.into())` |
//! | a response of hyper, or any other [`http::Response`] | [`chat`]`(response)` |
//! | any [`http_body::Body`] | [`ChatStream::from_body`] |
//! | any stream of bytes: awc, a channel, a file | [`ChatStream::from_stream`] |
//! | options, limits on silence, timing | [`Reader::new`], and then the same |
//! | an answer that was not streamed | [`chat_completion`] |
//! | events of another API | [`events`], [`Events`] |
//! | an event stream that has to be connected again | [`EventSource`] |
//! | events to send to a client | [`EventBody`], with [`Events::folded`] for a proxy |
//!
//! | you want | call |
//! |---|---|
//! | each change as it arrives, without copies | [`AnswerStream::next`] in a loop |
//! | the outcome, whatever happens | [`AnswerStream::run`] |
//! | a `Stream` with `map`, `filter` and `collect` | [`AnswerStream::into_updates`] |
//! | the events themselves | [`AnswerStream::events`] |
//! | text that a moderator has released | [`Gated`] |
//!
//! A loop can stop early. With `?` it drops the stream, and what was folded. To keep that, break
//! out of it and call [`finish`](AnswerStream::finish).
//!
//! ```
//! use bytes::Bytes;
//! use deltawire_async::ChatStream;
//! use smol::stream;
//!
//! # smol::block_on(async {
//! let parts = [
//!     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel",
//!     "lo\"}}]}\n\ndata: [DO",
//!     "NE]\n\n",
//! ];
//! let parts = stream::iter(parts.map(|part| Ok::<_, std::io::Error>(Bytes::from(part))));
//! let mut stream = ChatStream::from_stream(parts);
//! let error = loop {
//!     match stream.next().await {
//!         Ok(Some(update)) => print!("{}", update.text()),
//!         Ok(None) => break None,
//!         Err(error) => break Some(error),
//!     }
//! };
//! let outcome = stream.finish(); // the answer so far, the end, the anomalies, the error
//! assert!(error.is_none() && outcome.answer.text() == "Hello");
//! # });
//! ```
//!
//! # What holds
//! - **Any runtime.** Nothing here spawns or knows an executor. Nothing sleeps but by the sleep
//!   that [`Reader::stalls`] and [`EventSource`] are given.
//! - **Cancel-safe.** All state is in the value that is polled. The future of
//!   [`next`](AnswerStream::next) can be dropped at any await point (`select!`, a timeout), and the
//!   next one goes on where it was. [`chat`] and its like own the response, and drop it with their
//!   future; so does [`run`](AnswerStream::run).
//! - **Backpressure.** The body is asked for its next frame only when the last one is used up, and
//!   only while the caller polls. One frame is held, the event that frames have cut, and what is
//!   folded; the last two within [`deltawire::Limits`].
//! - **No busy polling.** Pending means that the body (or the caller's client or timer) has the
//!   waker, with one exception. After [`ITEMS_BEFORE_YIELD`] items and frames during which the body
//!   was never pending, and after each wait of an [`EventSource`], one poll wakes itself and is
//!   pending, so that a long burst lets other tasks run.
//! - **Fused.** After the end no body is polled again. An [`AnswerStream`] returns its error again
//!   from every later call, and `finish` hands over what was folded before.
//! - **`Send`** if the body is.
//!
//! # Errors
//! [`Error`] keeps the HTTP stack's own error as its source, so
//! `error.source()?.downcast_ref::<reqwest::Error>()` finds it. A time-out of reqwest, hyper or
//! tokio is told as one: [`deltawire::TransportError::timed_out`]. `{}` shows what an error adds
//! to its source, and `{:#}` the whole chain.
//!
//! # Bodies that are not `Unpin`
//! Every stream here is `Unpin` if its body is. `next`, `advance`, `events` and the inherent `next`
//! of streams want that. The bodies of hyper, reqwest and axum are `Unpin`; any other becomes so by
//! [`AnswerStream::boxed`] or `ChatStream::from_body(Box::pin(body))`.
//! [`AnswerStream::poll_advance`] and [`AnswerStream::run`] take any body.
//!
//! # Time
//! The clock is read for [`Reader::stalls`] and `Reader::timed` only. A caller's timeout around
//! `next().await` may simply drop the future.
//!
//! # Features
//! Those of the first three rows are on by default.
//!
//! | feature | what it adds |
//! |---|---|
//! | `timing` | `Reader::timed` and [`AnswerStream::timing`] record when each part of the answer arrived |
//! | `gate` | [`Gated`] puts a stream behind a [`deltawire_gate::Gate`]: judges run while the stream is read on, and only what they release comes out |
//! | `partial` | [`deltawire::Options::with_parsed_arguments`] and its sibling |
//! | `simdutf8` | UTF-8 is checked with vector instructions |
//!
//! # In scope, out of scope
//! In: the check of the head; events and updates of a streamed response; answers that were not
//! streamed; event streams that are asked for again where they end, and answers that go on over
//! another connection ([`Reader::resume`]), by a client and a timer of the caller's. Out: building requests, retrying requests, and what the transfer did to the body: it
//! has to come decompressed and free of transfer coding. Trailers are ignored.
//!
//! `deltawire-ureq` is the blocking sibling, and `deltawire-replay` serves recorded streams to
//! tests.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod body;
mod error;
mod event;
mod event_body;
mod event_source;
mod events;
mod frames;
#[cfg(feature = "gate")]
mod gated;
mod head;
mod reader;
mod response;
mod resume;
mod resuming;
mod stream;
mod tee;
mod timer;
mod updates;

pub use body::{BoxBody, StreamBody};
pub use deltawire;
pub use deltawire::Refused;
#[cfg(feature = "gate")]
pub use deltawire_gate;
#[cfg(feature = "timing")]
pub use deltawire_timing;
pub use error::{BoxError, Error};
pub use event::Event;
pub use event_body::{AsEvent, CONTENT_TYPE, EventBody, FRAME_BYTES, event_stream_response};
pub use event_source::EventSource;
pub use events::Events;
pub use frames::ITEMS_BEFORE_YIELD;
#[cfg(feature = "gate")]
pub use gated::{Gated, GatedError};
pub use reader::Reader;
pub use response::{
    any, chat, chat_completion, completion, completions, events, gemini, interactions, messages,
    ollama, responses,
};
pub use resume::ResumingReader;
pub use stream::{
    AnswerStream, AnyStream, BoxChatStream, BoxCompletionStream, ChatStream, CompletionStream,
    FoldedEvents, GeminiStream, InteractionsStream, MessagesStream, OllamaStream, ResponsesStream,
};
pub use tee::Tee;
pub use updates::{StreamItem, Updates};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
