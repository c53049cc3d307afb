//! Reading an answer that was not streamed, or a part of one.

use super::choice::Message;
use super::chunk::{Chunk, check, read, walk};
use super::completion::Completion;
use super::envelope::Envelope;
use crate::engine::{Dialect, Limits, Options, Transcript, read_object};
use crate::error::Error;
use crate::json::Walk;

/// Reads the body of an answer that was not streamed.
///
/// It keeps every member as sent.
///
/// # Errors
/// Fails if the body is not JSON, is not an object, or is an error body.
pub(crate) fn read_body<M: Message>(body: &str) -> Result<Completion<M::Choice>, Error> {
    let body = body.trim();
    fold_whole::<M>(body, |chunk, walk| read(body, chunk, walk))
}

/// Reads a choice as [`read_body`] reads the choices of a body.
///
/// # Errors
/// Fails if the text is not a JSON object.
pub(crate) fn read_choice<M: Message>(json: &str) -> Result<M::Choice, Error> {
    first_choice::<M>(json, |choice, walk| read_object(json, choice, walk))
}

/// Returns the choice that `read` makes, out of a part of the JSON of its body.
///
/// # Errors
/// Returns the error of `read`, or a limit that the choice exceeds.
pub(crate) fn first_choice<'b, M: Message>(
    body: &'b str,
    read: impl FnOnce(&mut M::Delta<'b>, &Walk) -> Result<(), Error>,
) -> Result<M::Choice, Error> {
    let answer = fold_whole::<M>(body, |chunk, walk| read(chunk.choices.push_default(), walk))?;
    let choice = answer.choices.into_iter().next();
    choice.ok_or_else(|| Error::invalid_chunk(&"no choice", body))
}

/// Folds what `read` makes of a body, as the one event of a stream.
///
/// So a body and a stream give the same answer.
fn fold_whole<'b, M: Message>(
    body: &'b str,
    read: impl FnOnce(&mut Chunk<'b, M::Delta<'b>>, &Walk) -> Result<(), Error>,
) -> Result<Completion<M::Choice>, Error> {
    // What a body holds is in memory already, and no larger once it is read.
    let limits = Limits { max_folded: usize::MAX, max_items: usize::MAX, ..Limits::default() };
    let options = Options::new().with_limits(limits).with_unknown(true);
    let mut walk = walk(&limits, true);
    walk.whole_body = true;
    let mut chunk = Chunk::<M::Delta<'_>>::default();
    read(&mut chunk, &walk)?;
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
