//! The standard as data: the table of the tests of the decoder.
//!
//! "The standard" is WHATWG HTML, section 9.2.6, and for what is no UTF-8 the decoder of the
//! Encoding standard, section 8.1.1. Every expected value is derived from their text.

mod fields;
mod lines;
mod utf8;

/// One stream and what it comes to.
pub(crate) struct Case {
    /// A sentence that says what is expected.
    pub(crate) name: &'static str,
    /// The stream.
    pub(crate) input: Vec<u8>,
    /// Type, data and ID of each event.
    pub(crate) events: Vec<(&'static str, String, &'static str)>,
    /// The last event ID string at the end.
    pub(crate) last_event_id: &'static str,
    /// The reconnection time at the end.
    pub(crate) retry: Option<u64>,
    /// The data of the block that the end cuts off, if it has any.
    pub(crate) unfinished: Option<&'static str>,
}

/// A stream that comes to nothing, unless the methods behind it say otherwise.
fn case(name: &'static str, input: impl AsRef<[u8]>) -> Case {
    Case {
        name,
        input: input.as_ref().to_vec(),
        events: Vec::new(),
        last_event_id: "",
        retry: None,
        unfinished: None,
    }
}

impl Case {
    /// Next comes an event of the default type, without an ID.
    fn message(self, data: impl Into<String>) -> Self {
        self.event("message", data, "")
    }

    /// Next comes this event.
    fn event(mut self, event: &'static str, data: impl Into<String>, id: &'static str) -> Self {
        self.events.push((event, data.into(), id));
        self
    }

    /// The last event ID string is this at the end.
    fn last_event_id(mut self, id: &'static str) -> Self {
        self.last_event_id = id;
        self
    }

    /// The reconnection time is this at the end.
    fn retry(mut self, milliseconds: u64) -> Self {
        self.retry = Some(milliseconds);
        self
    }

    /// The end cuts off a block with this data.
    fn unfinished(mut self, data: &'static str) -> Self {
        self.unfinished = Some(data);
        self
    }
}

/// Every case of the table.
pub(crate) fn all() -> Vec<Case> {
    [
        lines::byte_order_mark(),
        lines::line_ends(),
        lines::no_line_ends(),
        lines::comments(),
        lines::blocks(),
        lines::ends(),
        fields::names(),
        fields::values(),
        fields::data(),
        fields::event_type(),
        fields::id(),
        fields::retry(),
        fields::examples(),
        utf8::malformed(),
        utf8::well_formed(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
