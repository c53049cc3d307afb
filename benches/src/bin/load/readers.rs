//! Three ways to read a response.

use std::future::poll_fn;
use std::pin::{Pin, pin};

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use deltawire::End;
use eventsource_stream::Eventsource;
use futures_core::Stream as _;
use http_body_util::{BodyDataStream, BodyExt};

use crate::Error;
use crate::stopwatch::Timed;
use crate::traffic::Lengths;

/// A response whose body does not count as reading.
pub(crate) type Response = http::Response<Timed<reqwest::Body>>;

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Nobody: the bytes are counted and dropped. What the HTTP stack costs.
    Bytes,
    /// deltawire's adapter.
    Deltawire,
    /// The usual pairing: eventsource-stream, and async-openai's types through serde_json.
    Usual,
}

impl Reader {
    pub(crate) const ALL: [Self; 3] = [Self::Bytes, Self::Deltawire, Self::Usual];

    /// As an argument.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Deltawire => "deltawire",
            Self::Usual => "usual",
        }
    }

    /// In the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bytes => "bytes only",
            Self::Deltawire => "deltawire",
            Self::Usual => "eventsource-stream + async-openai",
        }
    }

    /// Reads a response of so many tokens to its end, telling of each as it comes. The text, for
    /// those who make one. Boxed, so that each reader has memory for itself only.
    pub(crate) fn read<'r>(
        self,
        response: Response,
        tokens: u64,
        token: impl FnMut() + 'r,
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + 'r>> {
        match self {
            Self::Bytes => Box::pin(bytes(response, tokens, token)),
            Self::Deltawire => Box::pin(deltawire(response, token)),
            Self::Usual => Box::pin(usual(response, token)),
        }
    }
}

async fn bytes(
    response: Response,
    tokens: u64,
    mut token: impl FnMut(),
) -> Result<Option<String>, Error> {
    let mut body = response.into_body();
    let lengths = Lengths::new();
    let (mut bytes, mut came) = (0, 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes += data.len();
        }
        while came < lengths.tokens_in(bytes).min(tokens) {
            came += 1;
            token();
        }
    }
    if bytes == lengths.body(tokens) { Ok(None) } else { Err(format!("{bytes} bytes came").into()) }
}

async fn deltawire(response: Response, mut token: impl FnMut()) -> Result<Option<String>, Error> {
    let mut stream = deltawire_async::chat(response).await?;
    while let Some(update) = stream.next().await? {
        if !update.text().is_empty() {
            token();
        }
    }
    let outcome = stream.finish();
    match outcome.end {
        End::Done => Ok(Some(outcome.answer.text().to_owned())),
        end => Err(format!("the stream ended as {}", end.name()).into()),
    }
}

async fn usual(response: Response, mut token: impl FnMut()) -> Result<Option<String>, Error> {
    // What reqwest's `bytes_stream` is.
    let mut events = pin!(BodyDataStream::new(response.into_body()).eventsource());
    let mut text = String::new();
    while let Some(event) = poll_fn(|cx| events.as_mut().poll_next(cx)).await {
        let event = event?;
        if event.data == "[DONE]" {
            return Ok(Some(text));
        }
        let chunk: CreateChatCompletionStreamResponse = serde_json::from_str(&event.data)?;
        for content in chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref()) {
            if !content.is_empty() {
                text.push_str(content);
                token();
            }
        }
    }
    Err("the stream ended without [DONE]".into())
}
