//! Reading an answer that was not streamed.

use super::choice::Message;
use super::chunk::{Chunk, check, read, walk};
use super::completion::Completion;
use super::envelope::Envelope;
use crate::engine::{Dialect, Limits, Options, Transcript};
use crate::error::Error;

/// Reads the body of an answer that was not streamed, and keeps every unknown member.
///
/// It is folded as the one event of a stream, so that both ways give the same.
///
/// # Errors
/// A body that is not JSON, is not an object, or is an error body.
pub(crate) fn read_body<M: Message>(body: &str) -> Result<Completion<M::Choice>, Error> {
    let limits = Limits { max_folded: usize::MAX, ..Limits::default() };
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
    texts.begin_event();
    let _ = envelope.fold(&chunk, &mut texts)?;
    match Envelope::<M>::api_error(&chunk, body) {
        Some(error) => Err(Error::Api(error)),
        None => Ok(envelope.answer(&mut texts)),
    }
}

/// Implements `Deserialize` for a completion, out of any format, by way of its JSON text.
macro_rules! deserialize_body {
    ($completion:ty, $message:ty) => {
        impl<'de> serde::Deserialize<'de> for $completion {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let body = crate::json::read_json(deserializer)?;
                crate::openai::read_body::<$message>(body.get()).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use deserialize_body;
