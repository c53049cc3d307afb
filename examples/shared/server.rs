//! The server that an example talks to: a real one, or the replay server in this process.

use std::env;

use deltawire_replay::Speed;
use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

use crate::Error;

/// The server that an example talks to.
///
/// It is a real one if `OPENAI_BASE_URL` and `OPENAI_API_KEY` are set. Otherwise it is the replay
/// server with the recordings of this project, in this process on a free port.
///
/// `OPENAI_MODEL` replaces the model's name, `DELTAWIRE_REPLAY_SPEED` the recorded speed (`10`,
/// `at-once`). The examples ask what was recorded, so the replay server needs no default.
pub struct Server {
    base_url: String,
    key: Option<String>,
    /// The replay server, which serves until it is dropped.
    _replay: Option<deltawire_replay::Server>,
}

impl Server {
    /// Finds the server that the environment names, or starts the replay server.
    pub fn start() -> Result<Self, Error> {
        if let (Ok(base_url), Ok(key)) = (env::var("OPENAI_BASE_URL"), env::var("OPENAI_API_KEY")) {
            return Ok(Self { base_url, key: Some(key), _replay: None });
        }
        Self::replay()
    }

    /// Starts the replay server, whatever server the environment names.
    pub fn replay() -> Result<Self, Error> {
        let speed = match env::var("DELTAWIRE_REPLAY_SPEED") {
            Ok(speed) => speed.parse()?,
            Err(_) => Speed::AS_RECORDED,
        };
        let replay = deltawire_replay::Server::builder().speed(speed).start()?;
        Ok(Self { base_url: replay.base_url(), key: None, _replay: Some(replay) })
    }

    /// Returns the base URL for a client, such as `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> &str {
        self.base_url.trim_end_matches('/')
    }

    /// Returns the model to ask for, `model` unless the environment names another.
    pub fn model(model: &str) -> String {
        env::var("OPENAI_MODEL").unwrap_or_else(|_| model.to_owned())
    }

    /// Returns the URL of a path below the base URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url())
    }

    /// Returns the value of the header `authorization`.
    ///
    /// The replay server needs no key, so it gets none.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.key.as_deref().unwrap_or("none"))
    }

    /// Sends a request to a path below the base URL, over ureq.
    pub fn post(&self, path: &str, body: &Value) -> Result<Response<Body>, Error> {
        if !cfg!(feature = "tls") && self.base_url.starts_with("https:") {
            return Err("https needs `--features tls`, which the examples are built without".into());
        }
        let mut request =
            deltawire_ureq::agent().post(self.url(path)).content_type("application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        Ok(request.send(body.to_string())?)
    }
}
