//! Reading an answer that was not streamed.

use super::choice::Message;
use super::chunk::{Chunk, check, read, walk};
use super::completion::Completion;
use super::envelope::Envelope;
use crate::engine::{Dialect, Limits, Options, Transcript};
use crate::error::Error;

/// Reads the body of an answer that was not streamed, and keeps every unknown member as sent.
///
/// It is folded as the one event of a stream, so that both ways give the same.
///
/// # Errors
/// A body that is not JSON, is not an object, or is an error body.
pub(crate) fn read_body<M: Message>(body: &str) -> Result<Completion<M::Choice>, Error> {
    // What a body holds is in memory already, and no larger once it is read.
    let limits = Limits { max_folded: usize::MAX, max_items: usize::MAX, ..Limits::default() };
    let options = Options::new().with_limits(limits).with_unknown(true);
    let mut walk = walk(&limits, true);
    walk.whole_body = true;
    let mut chunk = Chunk::<M::Delta<'_>>::default();
    let body = body.trim();
    read(body, &mut chunk, &walk)?;
    check(&limits, &walk)?;
    let mut envelope = Envelope::<M>::default();
    let mut texts = Transcript::new(options);
    texts.whole_body = true;
    texts.begin_event(body.len());
    let _ = envelope.fold(&chunk, &mut texts)?;
    if !chunk.choices.is_empty() {
        // An answer keeps what Groq said of a stream that failed. It is an answer nevertheless.
        chunk.x_groq = None;
    }
    match Envelope::<M>::api_error(&chunk, body) {
        Some(error) => Err(Error::Api(error)),
        None => Ok(envelope.answer(&mut texts)),
    }
}

/// Deserialises a completion out of `serde_json` by way of its text.
macro_rules! deserialize_body {
    ($completion:ty, $message:ty) => {
        impl<'de> serde::Deserialize<'de> for $completion {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let body =
                    alloc::boxed::Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
                crate::openai::read_body::<$message>(body.get()).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use deserialize_body;
