//! Keeps streamed answers of language models beyond their connections.
//!
//! One [`Producer`] writes the events of an answer to a [`Log`]; any number of [`Reader`]s follow
//! it, in any process, from any point. A reader sees each event once, in order, up to an end, and
//! goes into an [`EventBody`](deltawire_async::EventBody). A [`Pipe`] takes the response of the
//! model's server into a producer, and folds it on the way.
//!
//! ```
//! use deltawire_relay::deltawire::chat;
//! use deltawire_relay::deltawire_async::{EventBody, StreamBody};
//! use deltawire_relay::{EndKind, MemoryLog, Pipe, Producer, Reader, Relay, StreamId};
//! # use std::{pin::Pin, task::{Context, Poll}};
//! # struct Once(Option<&'static [u8]>);
//! # impl futures_core::Stream for Once {
//! #     type Item = Result<&'static [u8], std::io::Error>;
//! #     fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
//! #         Poll::Ready(self.0.take().map(Ok))
//! #     }
//! # }
//! # let sent = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\
//! #     \"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
//! # let response = http::Response::new(StreamBody::new(Once(Some(sent.as_bytes()))));
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let relay = Relay::new(MemoryLog::new()); // or `RedisLog::open(url)?`
//! let id = StreamId::random()?;
//! let producer = Producer::start(&relay, &id).await?;
//! let piped = Pipe::new(chat::Session::new()).run(producer, response).await; // in a task
//! assert_eq!(piped.end.kind, EndKind::Done);
//! assert_eq!(piped.outcome.answer.text(), "Hello");
//!
//! let reader = Reader::from(&relay, &id, None).await?; // None, or the `Last-Event-ID`
//! let response = EventBody::new(reader).into_response(); // axum takes it as it is
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//! - **One path.** Readers get what they read from the log, and nothing else. What wakes them is a
//!   hint: the numbers of the entries say what is missing.
//! - **The cursor is the event's ID.** Reading goes on after it, so each event comes once and in
//!   order, whatever machine serves it. A cursor that does not fit is a [`ReadError`] with its HTTP
//!   status.
//! - **One producer.** Each of its writes carries an epoch. One that was replaced or declared lost
//!   is refused.
//! - **Every end is an entry.** A reader ends with an [`End`] or with an error.
//! - **The lease is by time**, whether events come or not. Whoever finds it expired ends the
//!   stream, once.
//! - **A stop is not a disconnect.** Dropping a reader disturbs nobody. [`Relay::stop`] asks the
//!   producer.
//! - **Bytes are kept as they came**, with the API's own events, so any client reads them.
//!   [`Reader::without_end_event`] leaves out the one event that is not the API's.
//! - **Nothing is silent.** What a store loses is [`ReadError::Lost`] to readers, and
//!   [`EndKind::EntriesLost`] in the log.
//!
//! `docs/relay.md` in the repository has the guarantees one by one, with the test that holds each,
//! and what Redis loses in a crash with which settings.
//!
//! # Numbers
//! The entries of a stream are counted from 1, without gaps. A cursor is `GENERATION.NUMBER`: a
//! name that is used again has another generation, so that the events of one answer are never taken
//! for those of another.
//!
//! # Who may read?
//! Whoever knows the name of a stream. [`StreamId::random`] makes one that cannot be guessed, and
//! [`Relay::of_owner`] a handle that finds the streams of one owner only. Authenticating the request
//! is the caller's part.
//!
//! # Time limits
//! The lease finds a dead producer, and not a model's server that hangs: the producer is well then.
//! Limit that where the response is read, or stop the stream; dropping the future of
//! [`Pipe::run`] ends the stream as truncated.
//!
//! # Features
//! - `redis` adds `RedisLog`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod decode;
mod end;
mod error;
mod event;
mod id;
mod log;
mod memory;
mod pipe;
mod producer;
mod reader;
#[cfg(feature = "redis")]
mod redis;
mod relay;
mod writer;

pub use deltawire;
pub use deltawire_async;
pub use end::{End, EndKind};
pub use error::{LogError, ProduceError, ReadError};
pub use event::Event;
pub use id::{Cursor, Generation, InvalidCursor, InvalidId, StreamId};
pub use log::{
    Answer, Append, Appended, Entry, EntryKind, Fence, Log, New, Snapshot, Status, Tail, Times,
};
pub use memory::MemoryLog;
pub use pipe::{Pipe, Piped};
pub use producer::{Live, Producer};
pub use reader::Reader;
#[cfg(feature = "redis")]
pub use redis::RedisLog;
pub use relay::{OnOutage, Relay, Settings};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
