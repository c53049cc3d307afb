//! A server that plays one answer for each request, in their order.

use std::fmt;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::fault::Faults;
use crate::request::{self, Request};
use crate::stop::Stop;

/// A client that sends no request, or takes no answer, is left after this time.
const TIME_LIMIT: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 1 << 20;

/// A running server on a free port of loopback that plays a list of answers.
///
/// It answers the first request with the first answer and the second with the second, each on a
/// connection of its own and whatever is asked for. After the last answer connections are refused.
/// It stops when it is dropped.
///
/// It is the server for a test of an agent, whose first answer calls a tool and whose second one
/// uses the result: [`Script::event_stream`] of a [`Recording`](crate::Recording)'s body for each.
/// It is also the one for clients that connect again.
///
/// ```
/// use deltawire_replay::Script;
///
/// let stream = Script::event_stream("id: 1\ndata: a\n\n");
/// let script = Script::start([stream, b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()])?;
/// // A client of script.url() sees a stream, connects again, and is told that there is no more.
/// assert!(script.requests().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Script {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: Stop,
    log: Mutex<Vec<Request>>,
}

impl Script {
    /// Serves these answers, each on a connection of its own.
    ///
    /// An answer is the bytes of a whole response as they go on the wire. The connection is closed
    /// after them.
    ///
    /// # Errors
    /// If there is no free port or no thread.
    pub fn start(answers: impl IntoIterator<Item = Vec<u8>>) -> io::Result<Self> {
        let answers: Vec<Vec<u8>> = answers.into_iter().collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let mut script = Self { addr, shared: Arc::clone(&shared), thread: None };
        let play = move || answers.iter().for_each(|answer| shared.play(&listener, answer));
        script.thread = Some(thread::Builder::new().name("replay-script".into()).spawn(play)?);
        Ok(script)
    }

    /// Returns an answer: an event stream that ends with its connection.
    #[must_use]
    pub fn event_stream(body: impl AsRef<[u8]>) -> Vec<u8> {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        [head.as_bytes(), body.as_ref()].concat()
    }

    /// Returns an answer: an event stream that breaks after these bytes.
    #[must_use]
    pub fn broken_stream(body: impl AsRef<[u8]>) -> Vec<u8> {
        let body = body.as_ref();
        let length = body.len() + 1;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns its URL, `http://127.0.0.1:PORT/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Returns the requests so far, oldest first.
    ///
    /// A request is here before its answer is sent. Keys in headers are redacted.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Shared {
    /// Waits for a request and answers it. A connection without one is not counted.
    fn play(&self, listener: &TcpListener, answer: &[u8]) {
        while !self.stop.is_raised() {
            let Ok((mut stream, _)) = listener.accept() else {
                self.stop.wait_until(Instant::now() + Duration::from_millis(10));
                continue;
            };
            let Ok(request) = request::read(
                &mut stream,
                &Faults::default(),
                false,
                MAX_BODY,
                Instant::now() + TIME_LIMIT,
            ) else {
                continue;
            };
            self.log.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            // A client that has gone has had its answer.
            let _ = stream.set_write_timeout(Some(TIME_LIMIT));
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(Shutdown::Write);
            return;
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.shared.stop.raise();
        // Wakes the accept; if it is not listening any more, all the better.
        drop(TcpStream::connect_timeout(&self.addr, Duration::from_millis(200)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("addr", &self.addr).finish_non_exhaustive()
    }
}
