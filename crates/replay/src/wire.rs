//! A response on the wire: framing, pace, and the faults that break them.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::answer::Response;
use crate::body::Piece;
use crate::fault::{Cut, Faults, Framing};
use crate::recording::Ending;
use crate::status::reason;
use crate::stop::Stop;

/// A response was not sent to its end. The connection closes without a word.
pub(crate) struct Broken;

/// A connection with somebody waiting for a response on it.
pub(crate) struct Wire<'a> {
    pub(crate) stream: &'a mut TcpStream,
    pub(crate) stop: &'a Stop,
    /// The time at which the connection ends, whatever is left to send.
    pub(crate) deadline: Instant,
}

impl Wire<'_> {
    /// Sends the response with its faults. The caller closes the connection.
    pub(crate) fn send(&mut self, response: Response, faults: &Faults) -> Result<(), Broken> {
        let total = response.body.len();
        let plan = Plan::new(&response, faults, total);
        let mut pace = Pace { start: Instant::now(), silent: faults.delay };

        self.pause_until(pace.at(response.head_at))?;
        self.write(&head(&response, faults, total))?;
        let (mut offset, mut last) = (0, response.head_at);
        let is_cut_short = response.body.is_cut_short();
        for piece in response.body.into_pieces() {
            for part in split_at_stalls(piece, offset, &plan.stalls) {
                self.stall(offset, &plan, &mut pace)?;
                self.pause_until(pace.at(part.at))?;
                let (bytes, stops) = plan.frame(&part.bytes, offset);
                self.write(&bytes)?;
                if stops {
                    return Ok(());
                }
                offset += part.bytes.len() as u64;
                last = part.at;
            }
        }
        self.stall(total, &plan, &mut pace)?;
        self.pause_until(pace.at(if is_cut_short { last } else { response.end_at }))?;
        self.write(plan.tail())?;
        if faults.linger > Duration::ZERO {
            self.pause_until(Instant::now().checked_add(faults.linger))?;
        }
        if plan.reset_at.is_none() {
            // The end is told now, should the socket live on for a moment.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
        Ok(())
    }

    fn stall(&mut self, offset: u64, plan: &Plan, pace: &mut Pace) -> Result<(), Broken> {
        for (_, time) in plan.stalls.iter().filter(|(after, _)| *after == offset) {
            self.pause_until(Instant::now().checked_add(*time))?;
            // What follows keeps its distance, so the stall does not swallow recorded silence.
            pace.silent = pace.silent.saturating_add(*time);
        }
        Ok(())
    }

    /// Waits until this time. `None` is so far away that only the deadline ends it.
    fn pause_until(&self, time: Option<Instant>) -> Result<(), Broken> {
        let until = time.map_or(self.deadline, |time| time.min(self.deadline));
        let stopped = self.stop.wait_until(until);
        if stopped || Instant::now() >= self.deadline { Err(Broken) } else { Ok(()) }
    }

    /// Writes all bytes, or as many as the client takes before the deadline.
    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || self.stop.is_raised() {
                return Err(Broken);
            }
            // A client that takes a byte now and then must not get the whole time for each.
            self.stream.set_write_timeout(Some(left)).map_err(|_| Broken)?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(Broken),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(())
    }
}

/// The times of sending: the recorded ones, later by the silence of the faults.
struct Pace {
    start: Instant,
    silent: Duration,
}

impl Pace {
    fn at(&self, time: Duration) -> Option<Instant> {
        self.start.checked_add(time)?.checked_add(self.silent)
    }
}

fn head(response: &Response, faults: &Faults, total: u64) -> Vec<u8> {
    let version = if response.framing == Framing::Http10 { "HTTP/1.0" } else { "HTTP/1.1" };
    let mut head = format!("{version} {} {}\r\n", response.status, reason(response.status));
    let mut line = |name: &str, value: &str| {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    };
    for (name, value) in &response.headers {
        line(name, value);
    }
    match response.framing {
        Framing::Chunked => line("transfer-encoding", "chunked"),
        Framing::Length => {
            // A recorded cut must not look like the end of the body.
            let missing = i64::from(response.ending != Ending::Clean && faults.length == 0);
            line(
                "content-length",
                &total.saturating_add_signed(faults.length + missing).to_string(),
            );
        }
        Framing::Close | Framing::Http10 => {}
    }
    line("connection", "close");
    head.push_str("\r\n");
    head.into_bytes()
}

/// The places in the body at which the faults happen.
struct Plan {
    chunked: bool,
    stalls: Vec<(u64, Duration)>,
    cut: Option<Cut>,
    reset_at: Option<u64>,
    wrong_size: Option<(u64, i64)>,
}

impl Plan {
    fn new(response: &Response, faults: &Faults, total: u64) -> Self {
        let chunked = response.framing == Framing::Chunked;
        let cut = match faults.cut {
            Some(Cut::After(at) | Cut::InSize(at) | Cut::BeforeCrlf(at)) if at >= total => {
                Some(Cut::BeforeEnd)
            }
            Some(Cut::InSize(at) | Cut::BeforeCrlf(at)) if !chunked => Some(Cut::After(at)),
            None if response.ending != Ending::Clean => Some(Cut::BeforeEnd),
            cut => cut,
        };
        Plan {
            chunked,
            stalls: faults
                .stalls
                .iter()
                .map(|stall| (stall.after.min(total), stall.time))
                .collect(),
            cut,
            reset_at: faults.reset.or(response.is_reset(faults).then_some(total)),
            wrong_size: faults
                .chunk_size
                .map(|wrong| (wrong.at.min(total.saturating_sub(1)), wrong.by)),
        }
    }

    /// Returns the bytes that go out for a piece, and true if they are the last.
    fn frame(&self, data: &[u8], offset: u64) -> (Vec<u8>, bool) {
        let end = offset + data.len() as u64;
        let within = |at: u64| offset <= at && at < end;
        let closed_after = match self.cut {
            Some(Cut::After(at)) => Some(at),
            _ => None,
        };
        if let Some(at) =
            closed_after.into_iter().chain(self.reset_at).min().filter(|at| within(*at))
        {
            // Less than data.len(), so it fits.
            let kept = &data[..(at - offset) as usize];
            let size = if kept.is_empty() {
                String::new()
            } else {
                self.size_line(data.len(), offset, end)
            };
            return ([size.as_bytes(), kept].concat(), true);
        }
        let size = self.size_line(data.len(), offset, end);
        match self.cut {
            Some(Cut::InSize(at)) if within(at) => (size.trim_end().as_bytes().to_vec(), true),
            Some(Cut::BeforeCrlf(at)) if within(at) => ([size.as_bytes(), data].concat(), true),
            _ if self.chunked => ([size.as_bytes(), data, b"\r\n"].concat(), false),
            _ => (data.to_vec(), false),
        }
    }

    fn size_line(&self, len: usize, offset: u64, end: u64) -> String {
        if !self.chunked {
            return String::new();
        }
        let wrong_by =
            self.wrong_size.filter(|(at, _)| offset <= *at && *at < end).map_or(0, |(_, by)| by);
        format!("{:x}\r\n", (len as u64).saturating_add_signed(wrong_by))
    }

    fn tail(&self) -> &'static [u8] {
        match self.cut {
            _ if !self.chunked || self.reset_at.is_some() => b"",
            Some(Cut::BeforeEnd) => b"",
            Some(Cut::BeforeLastCrlf) => b"0\r\n",
            _ => b"0\r\n\r\n",
        }
    }
}

/// Splits a piece at the stalls that fall into its middle.
fn split_at_stalls(mut piece: Piece, mut offset: u64, stalls: &[(u64, Duration)]) -> Vec<Piece> {
    let mut parts = Vec::with_capacity(1);
    let end = offset + piece.bytes.len() as u64;
    for (after, _) in stalls {
        if offset < *after && *after < end {
            let rest = piece.bytes.split_off((*after - offset) as usize);
            parts.push(Piece { at: piece.at, bytes: std::mem::replace(&mut piece.bytes, rest) });
            offset = *after;
        }
    }
    parts.push(piece);
    parts
}
