//! All that can be seen of a fold, as plain bytes: cheap to make and to compare, because a target
//! does it several times for each input.
//!
//! The tests (`tests/fold/run.rs`) print every change and sort it into maps. Of
//! that, half a fuzz run's time went into covering the printing.

use std::io::Write;

use deltawire::sse::Event;
use deltawire::{Accumulator, Change, Dialect, How, Options, Place, Session, Update};
use serde::Serialize;

use crate::fold::Ending;

/// The updates in order, and how it ended.
#[derive(PartialEq, Eq, Default)]
pub(crate) struct Trace {
    pub(crate) updates: Vec<u8>,
    /// The outcome as JSON.
    pub(crate) outcome: Vec<u8>,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "updates {}\noutcome {}",
            self.updates.escape_ascii(),
            self.outcome.escape_ascii()
        )
    }
}

impl Trace {
    /// Feeds the reads to a fold one after another, then lets the stream end.
    pub(crate) fn of_reads<'i, E>(
        options: Options,
        reads: impl IntoIterator<Item = &'i [u8]>,
        ending: Ending,
    ) -> Self
    where
        E: Dialect,
        E::Answer: Serialize,
    {
        let mut trace = Self::default();
        let mut fold = Session::<E>::with_options(options);
        'reads: for read in reads {
            let mut input = read;
            loop {
                match fold.advance(&mut input) {
                    Ok(true) => trace.see(fold.update()),
                    Ok(false) => break,
                    Err(_) => break 'reads,
                }
            }
            assert!(input.is_empty(), "`false` although {} bytes were left", input.len());
        }
        let how = match ending {
            Ending::Clean => How::Clean,
            Ending::Broken => How::broken("connection reset", false),
            Ending::Stopped => How::Stopped,
        };
        if let Ok(true) = fold.end(how) {
            trace.see(fold.update());
        }
        let outcome = fold.close(How::Stopped);
        trace.outcome = serde_json::to_vec(&outcome).expect("every outcome serialises");
        trace
    }

    /// Pushes the data of events of the default type, and looks once at the completion so far.
    pub(crate) fn of_events<E>(options: Options, events: &[String]) -> Self
    where
        E: Dialect,
        E::Answer: Serialize,
    {
        let mut trace = Self::default();
        let mut accumulator = Accumulator::<E>::with_options(options);
        for (number, data) in events.iter().enumerate() {
            match accumulator.push(&Event::new(data)) {
                Ok(Some(update)) => trace.see(update),
                Ok(None) => {}
                Err(_) => break,
            }
            if number == events.len() / 2 {
                serde_json::to_vec(&accumulator.answer())
                    .expect("every completion so far serialises");
            }
        }
        if let Ok(true) = accumulator.end(How::Clean) {
            trace.see(accumulator.update());
        }
        trace.outcome =
            serde_json::to_vec(&accumulator.close(How::Stopped)).expect("every outcome serialises");
        trace
    }

    fn see(&mut self, update: Update<'_>) {
        self.piece(b'=', Place::choice(0), update.text());
        for change in update.changes() {
            match change {
                Change::Text { at, kind, text } => self.piece(kind as u8, at, text),
                other => write!(self.updates, "{other:?};").expect("a vector takes all"),
            }
        }
    }

    /// Told apart by its length from whatever is next.
    fn piece(&mut self, kind: u8, at: Place, text: &str) {
        self.updates.push(kind);
        write!(self.updates, "{};{};{};", at.choice, at.item, text.len())
            .expect("a vector takes all");
        self.updates.extend_from_slice(text.as_bytes());
    }
}
