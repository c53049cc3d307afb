//! One request over either adapter, and everything that its caller sees.

use std::fmt::{Debug, Write as _};
use std::io::Read;
use std::time::{Duration, Instant};

use deltawire::{Dialect, Error, Outcome, StallLimits};
use deltawire_async::{BoxError, Reader};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// The key that every request carries, and that must show nowhere.
pub const KEY: &str = "sk-marker-7Hq2Vx9TzB";

/// The adapter that reads the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// `deltawire-ureq`, blocking.
    Ureq,
    /// `deltawire-async`, over reqwest on tokio.
    Reqwest,
}

impl Adapter {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ureq, Self::Reqwest];
}

/// A streamed request: where to, and how long to wait.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The URL.
    pub url: String,
    /// The legacy endpoint instead of the chat's.
    pub legacy: bool,
    /// Headers besides the key's.
    pub headers: Vec<(&'static str, String)>,
    /// The HTTP stack's limit for one read.
    pub timeout: Option<Duration>,
    /// The adapter's limits for silence.
    pub stalls: StallLimits,
    /// True if [`Seen::printed`] is wanted.
    pub print: bool,
}

/// The view of a caller on one request.
#[derive(Debug, Default)]
pub struct Seen {
    /// The name of the outcome's end; `refused` or `request failed` where there is no outcome, and
    /// the error's kind where the head alone tells it.
    pub end: String,
    /// The kind of the error, or nothing.
    pub kind: String,
    /// The text of the error, or nothing.
    pub said: String,
    /// The text of choice 0 that is kept.
    pub kept: String,
    /// The number of chunks that were folded.
    pub updates: usize,
    /// The outcome as JSON; null where there is none, or it holds a number that a `Value` cannot.
    pub outcome: Value,
    /// Everything that a caller may print, as far as it was asked for: `Debug`, `Display` and JSON
    /// of all that was handed over.
    pub printed: String,
    /// The most bytes that this thread held at once, the HTTP stack's and the adapter's together.
    pub peak: u64,
    /// The time that it took.
    pub elapsed: Duration,
}

thread_local! {
    static AGENT: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    static CLIENT: reqwest::Client = client(|builder| builder);
    static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
}

fn client(
    options: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> reqwest::Client {
    options(reqwest::Client::builder().no_proxy()).build().expect("a client")
}

const BODY: &str = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;

impl Request {
    /// A request to this URL.
    #[must_use]
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), ..Self::default() }
    }

    /// Sends it, and reads the answer to its end.
    #[must_use]
    pub fn send(&self, adapter: Adapter) -> Seen {
        let (start, mut seen) = (Instant::now(), Seen::default());
        let measured = allocation_counter::measure(|| {
            seen = match adapter {
                Adapter::Ureq => self.by_ureq(),
                Adapter::Reqwest => RUNTIME.with(|runtime| {
                    let seen = runtime.block_on(self.by_reqwest());
                    // hyper's task learns that nobody reads any more, and closes the connection.
                    runtime.block_on(async { tokio::time::sleep(Duration::from_millis(1)).await });
                    seen
                }),
            };
        });
        seen.peak = measured.bytes_max;
        seen.elapsed = start.elapsed();
        seen
    }

    fn by_ureq(&self) -> Seen {
        let request = AGENT
            .with(|agent| agent.post(&self.url))
            .config()
            .timeout_per_read(self.timeout)
            .build();
        let mut request = request.header("authorization", format!("Bearer {KEY}"));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let sent = Instant::now();
        let response = request
            .content_type("application/json")
            .send(BODY)
            .map_err(deltawire_ureq::Error::from);
        let reader = deltawire_ureq::Reader::new().stalls(self.stalls).since(sent);
        let mut seen = Seen::default();
        let result = match (response, self.legacy) {
            (Err(error), _) => Err(error),
            (Ok(response), false) => {
                reader.chat(response).map(|stream| read_blocking(stream, self.print))
            }
            (Ok(response), true) => {
                reader.completions(response).map(|stream| read_blocking(stream, self.print))
            }
        };
        match result {
            Ok(seen) => return seen,
            Err(deltawire_ureq::Error::Request(error)) => {
                seen.end = "request failed".into();
                seen.printed = shown(&error);
                seen.fail(&deltawire_ureq::Error::Request(error), "request");
            }
            Err(error) => {
                seen.fail_by_head(&error, matches!(error, deltawire_ureq::Error::Refused(_)));
            }
        }
        seen
    }

    async fn by_reqwest(&self) -> Seen {
        let client = match self.timeout {
            None => CLIENT.with(Clone::clone),
            Some(timeout) => client(|builder| builder.read_timeout(timeout)),
        };
        let mut request = client.post(&self.url);
        request = request
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let sent = Instant::now();
        let mut seen = Seen::default();
        let response: http::Response<reqwest::Body> = match request.body(BODY).send().await {
            Ok(response) => response.into(),
            Err(error) => {
                seen.end = "request failed".into();
                seen.fail(&error, "request");
                return seen;
            }
        };
        let reader = Reader::new().stalls(self.stalls, tokio::time::sleep).since(sent);
        let result = if self.legacy {
            match reader.completions(response).await {
                Ok(stream) => Ok(read_async(stream, self.print).await),
                Err(error) => Err(error),
            }
        } else {
            match reader.chat(response).await {
                Ok(stream) => Ok(read_async(stream, self.print).await),
                Err(error) => Err(error),
            }
        };
        match result {
            Ok(seen) => return seen,
            Err(error) => {
                seen.fail_by_head(&error, matches!(error, deltawire_async::Error::Refused(_)));
            }
        }
        seen
    }
}

impl Seen {
    fn fail(&mut self, error: &(impl std::error::Error + 'static), kind: &str) {
        (self.said, self.kind) = (format!("{error:#}"), kind.into());
        self.printed += &shown(error);
    }

    /// There is no stream, because the head says so.
    fn fail_by_head(&mut self, error: &(impl std::error::Error + 'static), refused: bool) {
        self.end = if refused { "refused" } else { "not_an_event_stream" }.into();
        let kind = self.end.clone();
        self.fail(error, &kind);
    }

    fn finish<C: Serialize + Debug>(
        mut self,
        outcome: &Outcome<C>,
        error: Option<String>,
        print: bool,
    ) -> Self {
        self.end = outcome.end.name().into();
        let reason = outcome.error.as_ref().map(|error| format!("{error:#}"));
        match error {
            // What `next` said is the outcome's reason, unless a `[DONE]` that a break cut off
            // makes the outcome whole.
            Some(error) => {
                assert!(
                    reason.is_none() && outcome.end.name().starts_with("done")
                        || reason.as_ref() == Some(&error)
                );
                self.said = error;
            }
            None => assert_eq!(reason, None, "an outcome with an error that nobody was told"),
        }
        // Null where it holds numbers that a `Value` cannot.
        self.outcome = serde_json::to_value(outcome).unwrap_or_default();
        if print {
            let _ = write!(self.printed, "{outcome:?}{outcome:#?}");
            self.printed += &serde_json::to_string(outcome).expect("an outcome is JSON");
            if let Some(error) = &outcome.error {
                self.printed += &shown(error);
            }
        }
        self
    }

    fn add(&mut self, text: &str, update: &impl Debug, print: bool) {
        self.updates += 1;
        self.kept += text;
        if print {
            let _ = write!(self.printed, "{update:?}");
        }
    }
}

/// Reads a blocking stream to its end, and asks once more there: an end stays what it was.
pub fn read_blocking<E: Dialect + Debug, R: Read>(
    mut stream: deltawire_ureq::AnswerStream<E, R>,
    print: bool,
) -> Seen
where
    E::Answer: Serialize + Debug,
{
    let mut seen = Seen::default();
    let error = loop {
        match stream.next() {
            Ok(Some(update)) => seen.add(update.text(), &update, print),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let said = error.as_ref().map(|error| format!("{error:#}"));
    assert_eq!(stream.next().err().map(|error| format!("{error:#}")), said, "an error stays");
    assert_eq!(stream.accumulator().text(), seen.kept, "the updates are what was folded");
    if let Some(deltawire_ureq::Error::Stream(error)) = &error {
        seen.kind = error.kind().into();
    }
    if print {
        seen.printed += &format!("{stream:?}");
        seen.printed +=
            &format!("{:?}{}", stream.events(), error.as_ref().map(shown).unwrap_or_default());
    }
    seen.finish(&stream.finish(), said, print)
}

/// The same of an async one.
pub async fn read_async<E, B>(mut stream: deltawire_async::AnswerStream<E, B>, print: bool) -> Seen
where
    E: Dialect + Debug,
    E::Answer: Serialize + Debug,
    B: http_body::Body + Unpin,
    B::Error: Into<BoxError>,
{
    let mut seen = Seen::default();
    let error = loop {
        match stream.next().await {
            Ok(Some(update)) => seen.add(update.text(), &update, print),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let said = error.as_ref().map(|error| format!("{error:#}"));
    assert_eq!(stream.next().await.err().map(|error| format!("{error:#}")), said, "an error stays");
    assert_eq!(stream.accumulator().text(), seen.kept, "the updates are what was folded");
    if let Some(deltawire_async::Error::Stream(error)) = &error {
        seen.kind = error.kind().into();
        if print {
            seen.printed += &serde_json::to_string::<Error>(error).expect("an error");
        }
    }
    if print {
        seen.printed += &format!("{stream:?}");
        seen.printed +=
            &format!("{:?}{}", stream.events(), error.as_ref().map(shown).unwrap_or_default());
    }
    seen.finish(&stream.finish(), said, print)
}

/// Everything that an error and its causes may be printed as.
fn shown(error: &(impl std::error::Error + 'static)) -> String {
    let mut out = format!("{error:?}{error:#?}{error}{error:#}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(out, "{error:?}{error:#?}{error}");
        source = error.source();
    }
    out
}
