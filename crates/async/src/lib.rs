//! Streamed LLM answers over any async body, on any runtime.
//!
//! A request is the HTTP stack's business (connections, TLS, proxies, keys, time limits); what
//! comes back is [`deltawire`]'s. This crate joins the two: it checks the head of the response,
//! polls the body for frames, and pushes them into a [`deltawire::Session`].
//!
//! ```text
//! http::Response<B> ──chat()──▶ ChatStream<B> ──next().await──▶ Update<'_>  what each event changed
//! B: http_body::Body ──from_body()──┤         ──events()──────▶ the events, a futures Stream
//! S: futures Stream ──from_stream()─┘         ──finish()──────▶ Outcome { answer, end, anomalies, error }
//! ```
//!
//! ```
//! # smol::block_on(async {
//! # let body = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
//! # let body = bytes::Bytes::from_static(body.as_bytes());
//! # let response = http::Response::new(http_body_util::Full::new(body));
//! // `response`: hyper's as it is, reqwest's with `.into()`, anything that is an `http::Response`.
//! // A refused request is an error here, with its body.
//! let mut stream = deltawire_async::chat(response).await?;
//! while let Some(update) = stream.next().await? {
//!     print!("{}", update.text()); // the new content of choice 0
//! }
//! let outcome = stream.finish(); // answer, end, anomalies, error
//! assert_eq!(outcome.end, deltawire::End::Done);
//! assert_eq!(outcome.answer.text(), "Hello");
//! # Ok::<(), deltawire_async::Error>(())
//! # }).unwrap();
//! ```
//!
//! Without an `http::Response` there is [`Stream::from_body`] for any [`http_body::Body`] and
//! [`Stream::from_stream`] for any stream of bytes (awc, a channel, a file). No status and no
//! content type are checked then, unless [`Stream::head`] says them.
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
//! while let Some(update) = stream.next().await? {
//!     assert_eq!(update.text(), "Hello");
//! }
//! # Ok::<(), deltawire_async::Error>(())
//! # }).unwrap();
//! ```
//!
//! The other way, events that are passed on to a client are an [`EventBody`]: the body of a
//! response, with keep-alive comments.
//!
//! # What holds
//! - **Any runtime.** Nothing here spawns or knows an executor, and nothing sleeps but by the sleep
//!   that [`Stream::stalls`] and [`EventSource`] are given.
//! - **Cancel-safe.** All state is in the value that is polled. The future of [`Stream::next`] can
//!   be dropped at any await point (`select!`, a timeout), and the next one goes on where it was.
//!   [`chat`] and its like own the response, and drop it with their future.
//! - **Backpressure.** The body is asked for its next frame only when the last one is used up, and
//!   only while the caller polls. One frame is held, the event that frames have cut, and what is
//!   folded; the last two within [`deltawire::Limits`].
//! - **No busy polling.** Pending means that the body (or the caller's client or timer) has the
//!   waker, with one exception: after [`ITEMS_BEFORE_YIELD`] items and frames during which the body
//!   was never pending, and after each wait of an [`EventSource`], one poll wakes itself and is
//!   pending, so that a long burst lets other tasks run.
//! - **Fused.** After the end no body is polled again. Errors of a [`Stream`] are returned again by
//!   every later call, and `finish` hands over what was folded before.
//! - **`Send`** wherever the body is, and `Unpin` too.
//!
//! # Bodies that are not `Unpin`
//! `next`, `events` and the inherent `next` of streams want `B: Unpin`. The bodies of hyper,
//! reqwest and axum are; any other becomes so in a box: `ChatStream::from_body(Box::pin(body))`.
//! [`Stream::poll_advance`] takes a pinned stream of any body.
//!
//! # Features
//! All are on by default.
//! - `timing`: [`Stream::timed`] and [`Stream::timing`] record when each part of the answer
//!   arrived.
//! - `gate`: [`Gated`] puts a stream behind a [`deltawire_gate::Gate`]. The futures of a judge run
//!   while the stream is read on, and only what it lets go comes out.
//! - `partial`: [`deltawire::Options::with_parsed_arguments`] and its sibling.
//!
//! # Time
//! The clock is read for [`Stream::stalls`] and [`Stream::timed`] only. A caller's timeout around
//! `next().await` may simply drop the future; a stream that times its frames out with an
//! [`std::io::Error`] of the kind `TimedOut` ends as a timeout does. Timeouts that a stack reports
//! with an error of its own (reqwest's total timeout) are connections that failed: only their text
//! says why.
//!
//! # In scope, out of scope
//! In: the check of the head, events and updates of a streamed response; whole answers where the
//! request did not stream; event streams that are asked for again where they end, by an
//! [`EventSource`] with a client and a timer of the caller's. Out: building requests, retrying
//! requests, and what the transfer did to the body: it has to come decompressed, free of transfer
//! coding. Trailers are ignored.

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
mod response;
mod stream;
mod timer;

pub use body::StreamBody;
pub use deltawire::Refused;
pub use error::{BoxError, Error};
pub use event::Event;
pub use event_body::{AsEvent, CONTENT_TYPE, EventBody, FRAME_BYTES, event_stream_response};
pub use event_source::EventSource;
pub use events::Events;
pub use frames::ITEMS_BEFORE_YIELD;
#[cfg(feature = "gate")]
pub use gated::{Gated, GatedError};
pub use response::{chat, chat_completion, completion, completions, events};
pub use stream::{ChatStream, CompletionStream, FoldedEvents, Stream};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
