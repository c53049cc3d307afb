//! The way from the head of a response to the reader of its body.

use std::io::Read;

use deltawire::chat::ChatCompletion;
use deltawire::completions::Completion;
use deltawire::{Limit, Limits};
use ureq::http::Response;
use ureq::{Body, BodyReader};

use crate::error::Error;
use crate::events::Events;
use crate::head::{event_stream, not_refused};
use crate::reader::Reader;
use crate::stream::{
    AnyStream, ChatStream, CompletionStream, GeminiStream, InteractionsStream, MessagesStream,
    OllamaStream, ResponsesStream,
};

/// Returns an agent that returns responses of every status.
///
/// An error body can then be read. ureq's own default turns a status of 400 and up into an error
/// without the body; any other agent needs `http_status_as_error(false)` too. The agent has no time
/// limits. [`Reader::stalls`] says which one makes a silent stream end.
#[must_use]
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().new_agent()
}

/// Reads the response to a streamed chat completion request.
///
/// Reads nothing of the body yet, unless the request was refused. A content type does not decide,
/// since many servers send a wrong one: the body's first bytes do, and
/// [`AnswerStream::next`](crate::AnswerStream::next) returns the error of a body that is not an
/// event stream.
///
/// # Errors
/// A status other than 2xx, with the body. It waits for that, as long as the agent's time limits
/// let it.
pub fn chat(response: Response<Body>) -> Result<ChatStream, Error> {
    Reader::new().chat(response)
}

/// Reads the response to a streamed legacy completion request.
///
/// # Errors
/// As [`chat`].
pub fn completions(response: Response<Body>) -> Result<CompletionStream, Error> {
    Reader::new().completions(response)
}

macro_rules! of_dialects {
    ($($name:ident, $stream:ident, $of:literal;)*) => {$(
        #[doc = concat!("Reads ", $of, ", as [`chat`] reads a chat completion.")]
        ///
        /// # Errors
        /// As [`chat`].
        pub fn $name(response: Response<Body>) -> Result<$stream, Error> {
            Reader::new().read_response(response)
        }
    )*};
}

of_dialects! {
    responses, ResponsesStream, "a streamed response of OpenAI's Responses API";
    messages, MessagesStream, "a streamed message of Anthropic's Messages API";
    gemini, GeminiStream, "a streamed response of Gemini's generateContent";
    interactions, InteractionsStream, "a streamed interaction of Gemini's Interactions API";
    ollama, OllamaStream, "a streamed answer of Ollama's native API";
    any, AnyStream, "a streamed answer of any API, which its first events tell";
}

/// Reads a response as bare events, whatever they carry.
///
/// # Errors
/// As [`chat`], and a content type other than `text/event-stream`, with the body's beginning.
pub fn events(response: Response<Body>) -> Result<Events<BodyReader<'static>>, Error> {
    Ok(Events::from_reader(event_stream(response)?.into_body().into_reader()))
}

/// Reads the response to a chat completion request without `stream`.
///
/// Returns the same type that a folded stream gives, with every member kept.
///
/// # Errors
/// A status other than 2xx, with the body; a connection that fails; a body that is not a
/// completion.
pub fn chat_completion(response: Response<Body>) -> Result<ChatCompletion, Error> {
    Ok(ChatCompletion::from_json(&whole_body(response)?)?)
}

/// Reads the response to a legacy completion request without `stream`.
///
/// # Errors
/// As [`chat_completion`].
pub fn completion(response: Response<Body>) -> Result<Completion, Error> {
    Ok(Completion::from_json(&whole_body(response)?)?)
}

/// Returns a whole body as text, within the limit that folding has.
fn whole_body(response: Response<Body>) -> Result<String, Error> {
    let max = Limits::default().max_folded;
    let mut body = Vec::new();
    let reader = not_refused(response)?.into_body().into_reader();
    reader.take(max as u64 + 1).read_to_end(&mut body)?;
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
