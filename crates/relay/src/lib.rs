//! x
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
