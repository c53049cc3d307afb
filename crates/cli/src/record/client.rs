//! The socket of a client, which ends as its counterpart at the server ended.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;

/// A client's socket as hyper sees it.
pub(super) struct ClientIo {
    socket: TokioIo<TcpStream>,
    state: Arc<ClientState>,
}

/// The state of a client's socket that a body can see.
#[derive(Default)]
pub(super) struct ClientState {
    resets: AtomicBool,
    /// The number of times at which nothing was left to write.
    flushes: AtomicU64,
    waits: Mutex<Option<Waker>>,
}

impl ClientIo {
    pub(super) fn new(socket: TcpStream) -> (Self, Arc<ClientState>) {
        let state = Arc::new(ClientState::default());
        (Self { socket: TokioIo::new(socket), state: Arc::clone(&state) }, state)
    }
}

impl ClientState {
    /// Makes the end of the connection a reset.
    pub(super) fn reset(&self) {
        self.resets.store(true, Ordering::Relaxed);
    }

    /// Returns the number of flushes so far, to be waited for.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// Waits until everything of before is written, which is after another flush.
    ///
    /// hyper drops what it has not written yet when a body fails, and a client of the server itself
    /// would have received that.
    pub(super) fn poll_flushed_since(&self, flushes: u64, context: &Context<'_>) -> Poll<()> {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if self.flushes() > flushes {
            return Poll::Ready(());
        }
        *waits = Some(context.waker().clone());
        Poll::Pending
    }

    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::Release);
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner).take();
        waits.into_iter().for_each(Waker::wake);
    }
}

impl Drop for ClientIo {
    fn drop(&mut self) {
        if self.state.resets.load(Ordering::Relaxed) {
            // Without lingering a close is a reset. If it fails, the client sees a plain close.
            let _ = SockRef::from(self.socket.inner()).set_linger(Some(Duration::ZERO));
        }
    }
}

impl Read for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl Write for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.socket).poll_flush(context);
        if flushed.is_ready() {
            self.state.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
