//! The server: a listener on loopback and a thread for each connection.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::answer;
use crate::connections::{Connections, Slot};
use crate::fault::Faults;
use crate::library::Library;
use crate::recording::Recording;
use crate::recordings;
use crate::request::{self, NoRequest, Request};
use crate::speed::Speed;
use crate::stop::Stop;
use crate::wire::Wire;

/// The log keeps this many requests, and no more than this many bytes of bodies.
const LOG_REQUESTS: usize = 1000;
const LOG_BYTES: usize = 16 * 1024 * 1024;

/// The limits on what is read from a client that still sends after a refusal.
const DRAIN_TIME: Duration = Duration::from_millis(500);
const DRAIN_BYTES: usize = 16 * 1024 * 1024;

/// A running server. It stops when it is dropped.
pub struct Server {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// The parts of a server. [`Server::builder`] begins with the defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    recordings: Vec<Recording>,
    defaults: Vec<String>,
    speed: Speed,
    faults: Faults,
    port: u16,
    max_connections: usize,
    max_body: usize,
    time_limit: Duration,
    request_limit: Duration,
    lifetime: Option<Duration>,
}

struct Shared {
    library: Library,
    speed: Speed,
    faults: Faults,
    max_body: usize,
    time_limit: Duration,
    request_limit: Duration,
    stop: Stop,
    connections: Connections,
    log: Mutex<VecDeque<Request>>,
}

impl Server {
    /// Returns a server of all recordings of the crate, not yet started.
    ///
    /// It plays them at the speed at which they were recorded, without faults, on a free port.
    pub fn builder() -> Builder {
        Builder {
            recordings: recordings::all().to_vec(),
            defaults: Vec::new(),
            speed: Speed::AS_RECORDED,
            faults: Faults::default(),
            port: 0,
            max_connections: 64,
            max_body: 4 * 1024 * 1024,
            time_limit: Duration::from_secs(120),
            request_limit: Duration::from_secs(5),
            lifetime: None,
        }
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the base URL for a client, `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Returns the requests read so far, oldest first.
    ///
    /// It keeps the last thousand, and fewer if their bodies are large.
    ///
    /// A request is here before the first byte of its answer is sent. Keys in headers are redacted.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until the server's lifetime is over, without end if it has no lifetime.
    pub fn wait(&mut self) {
        // A thread that panicked has ended too, which is all that counts here.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }

    /// Cuts all connections, also stalled ones, and waits for their threads.
    ///
    /// It may be called again.
    pub fn stop(&mut self) {
        self.shared.stop(self.addr);
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Builder {
    /// Serves these recordings instead of those of the crate.
    pub fn recordings(mut self, recordings: impl IntoIterator<Item = Recording>) -> Self {
        self.recordings.clear();
        recordings.into_iter().fold(self, Builder::recording)
    }

    /// Serves this recording too, in place of one with the same name.
    pub fn recording(mut self, recording: Recording) -> Self {
        match self.recordings.iter_mut().find(|other| other.name == recording.name) {
            Some(other) => *other = recording,
            None => self.recordings.push(recording),
        }
        self
    }

    /// Sets the recording for requests to its endpoint that fit no recording.
    ///
    /// Without one they are refused with status 404 and the list of the recordings, so that a slip
    /// of the pen in a model's name does not pass. Each endpoint may have a default of its own.
    pub fn default_recording(mut self, name: impl Into<String>) -> Self {
        self.defaults.push(name.into());
        self
    }

    /// Sets the speed at which recordings are played.
    ///
    /// A request may name another by the header `x-replay-speed`.
    pub fn speed(mut self, speed: Speed) -> Self {
        self.speed = speed;
        self
    }

    /// Sets the faults of every answer from a recording, parsed from their text.
    ///
    /// A call reads `.faults("delay=0.5; cut=1234".parse()?)`. A request may name more by the
    /// header `x-replay-fault`.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Sets the port on 127.0.0.1. The default of 0 takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the number of connections that are served at a time, 64 by default.
    ///
    /// Further ones wait to be accepted. Zero counts as one.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Sets the size of the largest request body, 4 MiB by default.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Sets the time after which a connection is cut, 120 seconds by default.
    pub fn time_limit(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    /// Sets the time in which a whole request must arrive, 5 seconds by default.
    ///
    /// The connection is closed if it does not. So clients that send half a request, or none, hold
    /// up others for no longer than this.
    pub fn request_limit(mut self, time: Duration) -> Self {
        self.request_limit = time;
        self
    }

    /// Sets the time after which the server stops. By default it does not.
    pub fn lifetime(mut self, time: Duration) -> Self {
        self.lifetime = Some(time);
        self
    }

    /// Binds the port and serves.
    ///
    /// # Errors
    /// If the port is taken or threads cannot be started, or if there is no recording with the name
    /// of a default.
    pub fn start(self) -> io::Result<Server> {
        for name in &self.defaults {
            if !self.recordings.iter().any(|recording| recording.name == *name) {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("no recording {name:?} to be the default"),
                ));
            }
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            library: Library::new(self.recordings, self.defaults),
            speed: self.speed,
            faults: self.faults,
            max_body: self.max_body,
            time_limit: self.time_limit,
            request_limit: self.request_limit,
            stop: Stop::default(),
            connections: Connections::new(self.max_connections),
            log: Mutex::default(),
        });
        // From here on dropping the server ends what has been started.
        let mut server = Server { addr, shared, threads: Vec::new() };
        let shared = Arc::clone(&server.shared);
        server.threads.push(
            thread::Builder::new().name("replay".into()).spawn(move || shared.accept(&listener))?,
        );
        if let Some(end) = self.lifetime.and_then(|time| Instant::now().checked_add(time)) {
            let shared = Arc::clone(&server.shared);
            let wait = move || {
                shared.stop.wait_until(end);
                shared.stop(addr);
            };
            server.threads.push(thread::Builder::new().name("replay-lifetime".into()).spawn(wait)?);
        }
        Ok(server)
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        while self.connections.wait_for_room(&self.stop) {
            // A failure is of one connection, or passes (no file descriptors left): this goes on.
            let Ok((stream, _)) = listener.accept() else {
                self.stop.wait_until(Instant::now() + Duration::from_millis(10));
                continue;
            };
            if self.stop.is_raised() {
                break;
            }
            threads.retain(|thread| !thread.is_finished());
            let Ok(slot) = self.connections.enter(&stream) else {
                continue;
            };
            let shared = Arc::clone(self);
            let serve = move || shared.serve(stream, slot);
            // Without a thread the connection is dropped, and so closed.
            threads.extend(thread::Builder::new().name("replay-connection".into()).spawn(serve));
        }
        self.connections.cut_all();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }

    /// Serves one request and closes the connection.
    ///
    /// The slot is free again however this ends, a panic included.
    fn serve(&self, mut stream: TcpStream, slot: Slot) {
        // A socket that takes no option is of no use; the client sees the connection closed.
        let _ = self.exchange(&mut stream);
        drop(slot);
    }

    fn exchange(&self, stream: &mut TcpStream) -> io::Result<()> {
        let start = Instant::now();
        let deadline = start.checked_add(self.time_limit).unwrap_or_else(far_away);
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.time_limit.max(Duration::from_millis(1))))?;
        let none = Faults::default();
        let request_limit =
            start.checked_add(self.request_limit).map_or(deadline, |time| time.min(deadline));
        let may_reset = self.library.has_reset();
        let (response, faults, refused) =
            match request::read(stream, &self.faults, may_reset, self.max_body, request_limit) {
                Err(NoRequest::Gone) => return Ok(()),
                Err(NoRequest::Refused(refusal, request)) => {
                    request.into_iter().for_each(|request| self.keep(*request));
                    (answer::refused(refusal), none, true)
                }
                Ok(mut request) => {
                    let (response, faults) =
                        answer::route(&request, &self.library, self.speed, &self.faults);
                    if faults.reset.is_none() && !response.is_reset(&faults) {
                        request.take_unread(stream);
                    }
                    self.keep(request);
                    (response, faults, false)
                }
            };
        let sent =
            Wire { stream: &mut *stream, stop: &self.stop, deadline }.send(response, &faults);
        if sent.is_ok() && refused {
            drain(stream);
        }
        Ok(())
    }

    fn keep(&self, request: Request) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push_back(request);
        while log.len() > LOG_REQUESTS
            || log.iter().map(|request| request.body.len()).sum::<usize>() > LOG_BYTES
        {
            log.pop_front();
        }
    }

    fn stop(&self, addr: SocketAddr) {
        self.stop.raise();
        self.connections.wake();
        self.connections.cut_all();
        // Wakes the accept; if it is not listening any more, all the better.
        drop(TcpStream::connect_timeout(&addr, Duration::from_millis(200)));
    }
}

/// Reads what a refused client is still sending.
///
/// Closing with unread bytes would reset the connection, and the client might never see the
/// refusal.
fn drain(stream: &mut TcpStream) {
    let end = Instant::now() + DRAIN_TIME;
    let mut buffer = vec![0; 64 * 1024];
    let mut taken = 0;
    while taken < DRAIN_BYTES {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => taken += count,
        }
    }
}

/// Returns a deadline in place of one that the clock cannot hold.
///
/// A day is as good as for ever, and the server's stop ends it anyway.
fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(24 * 60 * 60)
}
