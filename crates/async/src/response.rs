//! The way from the head of a response to the reader of its body.

use deltawire::chat::ChatCompletion;
use deltawire::completions::Completion;
use deltawire::{Limit, Limits};
use http::Response;
use http_body::Body;

use crate::error::{BoxError, Error};
use crate::events::Events;
use crate::head::{beginning, event_stream, not_refused};
use crate::reader::Reader;
use crate::stream::{
    AnyStream, ChatStream, CompletionStream, GeminiStream, InteractionsStream, MessagesStream,
    OllamaStream, ResponsesStream,
};

/// Reads the response to a streamed chat completion request.
///
/// It is ready at once, and nothing of the body is read yet. If the request was refused it waits
/// for the body, without a time limit; a timeout around it bounds a server that never ends the
/// body. A content type does not decide, since many servers send a wrong one: the body's first
/// bytes do, and [`AnswerStream::next`](crate::AnswerStream::next) returns the error of a body that
/// is not an event stream.
///
/// # Errors
/// A status other than 2xx, with at most [`Refused::MAX_BODY`](deltawire::Refused::MAX_BODY) bytes
/// of the body.
pub async fn chat<B>(response: Response<B>) -> Result<ChatStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Reader::new().chat(response).await
}

/// Reads the response to a streamed legacy completion request, as [`chat`] does.
///
/// # Errors
/// As [`chat`].
pub async fn completions<B>(response: Response<B>) -> Result<CompletionStream<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Reader::new().completions(response).await
}

macro_rules! of_dialects {
    ($($name:ident, $stream:ident, $of:literal;)*) => {$(
        #[doc = concat!("Reads ", $of, ", as [`chat`] reads a chat completion.")]
        ///
        /// # Errors
        /// As [`chat`].
        pub async fn $name<B>(response: Response<B>) -> Result<$stream<B>, Error>
        where
            B: Body,
            B::Error: Into<BoxError>,
        {
            Reader::new().read_response(response).await
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

/// Reads a response as bare events, whatever they carry, as [`chat`] does.
///
/// # Errors
/// As [`chat`], and a content type other than `text/event-stream`, with the body's beginning.
pub async fn events<B>(response: Response<B>) -> Result<Events<B>, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(Events::from_body(event_stream(response).await?.into_body()))
}

/// Reads the response to a chat completion request without `stream`.
///
/// Returns the same type that a folded stream gives, with every member kept. Holds the whole body,
/// up to [`Limits::max_folded`] bytes.
///
/// # Errors
/// A status other than 2xx, with the body; a body that fails, that is too long, or that is not a
/// completion.
pub async fn chat_completion<B>(response: Response<B>) -> Result<ChatCompletion, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(ChatCompletion::from_json(&whole_body(response).await?)?)
}

/// Reads the response to a legacy completion request without `stream`.
///
/// It works as [`chat_completion`].
///
/// # Errors
/// As [`chat_completion`].
pub async fn completion<B>(response: Response<B>) -> Result<Completion, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Ok(Completion::from_json(&whole_body(response).await?)?)
}

/// Returns a whole body as text, within the limit that folding has.
async fn whole_body<B>(response: Response<B>) -> Result<String, Error>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let max = Limits::default().max_folded;
    let (body, failed) = beginning(not_refused(response).await?.into_body(), max + 1).await;
    if let Some(error) = failed {
        return Err(error.into());
    }
    if body.len() > max {
        return Err(deltawire::Error::Limit { limit: Limit::Folded, max, offset: None }.into());
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
