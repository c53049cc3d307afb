//! The fuzz target of saving and restoring.
//!
//! A corpus file is the bytes of one [`Moved`] in the order of its fields: one byte for the API,
//! one for `max_folded` (255 for the default), two for the place of the cut, four changes of three
//! bytes each, and then the stream. If the API's highest bit is set, the stream is a saved session
//! itself, without its beginning and its checksum.

use arbitrary::Arbitrary;
use deltawire::any::Any;
use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::partial;
use deltawire::responses::Responses;
use deltawire::{Dialect, How, Limits, Options, Session};

#[path = "../../crates/core/tests/saved/sum.rs"]
mod sum;

use sum::sum;

/// A stream, the place where it is saved, and what is done to the saved bytes.
#[derive(Debug, Arbitrary)]
pub struct Moved<'a> {
    /// The API.
    api: u8,
    /// The limit in steps of 16 bytes; 255 leaves it at its default.
    max_folded: u8,
    /// The place where the stream is cut, and the session saved.
    cut: u16,
    /// Places in the saved bytes, and the bits that are flipped there.
    changes: [(u16, u8); 4],
    /// The body, or the bytes of a saved session.
    stream: &'a [u8],
}

impl Moved<'_> {
    /// A stream that is saved anywhere gives what it gives otherwise. Any bytes at all are refused,
    /// or they are a session that can be fed, ended and saved.
    ///
    /// # Panics
    /// If it does not.
    pub fn check(&self) {
        match self.api % 8 {
            0 => self.check_dialect::<Chat>(),
            1 => self.check_dialect::<Completions>(),
            2 => self.check_dialect::<Responses>(),
            3 => self.check_dialect::<Messages>(),
            4 => self.check_dialect::<Gemini>(),
            5 => self.check_dialect::<Interactions>(),
            6 => self.check_dialect::<Ollama>(),
            _ => self.check_dialect::<Any>(),
        }
    }

    fn options(&self) -> Options {
        let mut limits = Limits::default();
        if self.max_folded != u8::MAX {
            limits.max_folded = usize::from(self.max_folded) * 16;
        }
        let options = Options::new().with_limits(limits);
        match self.api & 0x40 {
            0 => options,
            _ => options
                .with_parsed_arguments(partial::Options::default())
                .with_parsed_content(partial::Options::default()),
        }
    }

    fn check_dialect<D: Dialect>(&self) {
        let options = self.options();
        if self.api & 0x80 != 0 {
            let empty = Session::<D>::with_options(options).save();
            // The magic number, the version, and the name with its length.
            let beginning = 6 + usize::from(empty[5]);
            let mut saved = [&empty[..beginning], self.stream, &[0; 4]].concat();
            sum(&mut saved);
            check_bytes::<D>(&saved, options, &[]);
            return;
        }
        let cut = usize::from(self.cut) % (self.stream.len() + 1);
        let (first, rest) = self.stream.split_at(cut);
        let mut whole = Session::<D>::with_options(options);
        let _ = whole.feed(first);
        let mut saved = whole.save();
        let mut moved = Session::<D>::restore(&saved, options).expect("what was saved is restored");
        assert_eq!(moved.save(), saved, "what is restored is saved as it was");
        assert_eq!(moved.feed(rest), whole.feed(rest), "the result of the rest");
        assert_eq!(moved.end(How::Clean), whole.end(How::Clean), "the end");
        let (moved, whole) = (moved.close(How::Stopped), whole.close(How::Stopped));
        assert_eq!(moved, whole, "the outcome");

        for (place, bits) in self.changes {
            let place = usize::from(place) % saved.len();
            saved[place] ^= bits;
        }
        sum(&mut saved);
        check_bytes::<D>(&saved, options, rest);
    }
}

/// Restores bytes, and folds on with what comes of it.
fn check_bytes<D: Dialect>(saved: &[u8], options: Options, rest: &[u8]) {
    let Ok(mut session) = Session::<D>::restore(saved, options) else { return };
    let again = session.save();
    let second = Session::<D>::restore(&again, options).expect("it was restored before");
    assert_eq!(second.save(), again, "what is restored is saved as it was");
    drop(second);
    let _ = session.accumulator().answer();
    let mut updates = session.read(rest);
    while let Ok(Some(update)) = updates.next() {
        update.changes().for_each(drop);
        update.tool_calls(0).for_each(drop);
    }
    drop(updates);
    if let Ok(true) = session.end(How::Clean) {
        session.update().changes().for_each(drop);
    }
    let _ = session.save();
    let outcome = session.close(How::Stopped);
    serde_json::to_string(&outcome).expect("an outcome serialises");
}
