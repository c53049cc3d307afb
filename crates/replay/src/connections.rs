//! The open connections: their limit, and a way to cut all of them.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::stop::Stop;

pub(crate) struct Connections {
    room: usize,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    next: u64,
    sockets: HashMap<u64, TcpStream>,
}

/// A place among the open connections, left when it is dropped.
pub(crate) struct Slot {
    number: u64,
    state: Arc<State>,
}

impl Connections {
    pub(crate) fn new(room: usize) -> Self {
        Connections { room, state: Arc::default() }
    }

    /// Waits until one more connection may be open. Returns false if the server stops.
    pub(crate) fn wait_for_room(&self, stop: &Stop) -> bool {
        let mut open = self.state.lock();
        while open.sockets.len() >= self.room && !stop.is_raised() {
            open = self.state.changed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        !stop.is_raised()
    }

    pub(crate) fn enter(&self, stream: &TcpStream) -> io::Result<Slot> {
        let socket = stream.try_clone()?;
        let mut open = self.state.lock();
        open.next += 1;
        let number = open.next;
        open.sockets.insert(number, socket);
        Ok(Slot { number, state: Arc::clone(&self.state) })
    }

    /// Makes every read and write on an open connection return at once.
    pub(crate) fn cut_all(&self) {
        for socket in self.state.lock().sockets.values() {
            // It may be closed by the other side already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Wakes the thread that waits for room, so that it sees the server stop.
    pub(crate) fn wake(&self) {
        // Under the lock, so that nobody is between looking at the flag and waiting.
        let _open = self.state.lock();
        self.state.changed.notify_all();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.state.lock().sockets.remove(&self.number);
        self.state.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_panic_frees_the_place_it_held() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let connections = Connections::new(1);
        let slot = connections.enter(&stream).unwrap();
        let thread = std::thread::spawn(move || {
            let _slot = slot;
            panic!("as a connection's thread might");
        });
        assert!(thread.join().is_err());
        assert!(connections.wait_for_room(&Stop::default()));
    }
}
