//! The changes of an event, as a view of the state.

use core::fmt;

use super::change::Change;
use super::dialect::Notes;
use super::owned::OwnedUpdate;
use super::place::{Place, TextKind};
use super::record::Record;
use super::tool_call::ToolCallSoFar;
use super::transcript::Transcript;
use crate::json::Unknown;

/// The changes of one event, as slices of the folded state, without copies.
#[derive(Clone, Copy)]
pub struct Update<'a> {
    transcript: &'a Transcript,
    dialect: &'a dyn Notes,
}

impl<'a> Update<'a> {
    pub(crate) fn new(transcript: &'a Transcript, dialect: &'a dyn Notes) -> Self {
        Self { transcript, dialect }
    }

    /// Returns the new content of choice 0, which is what a program prints.
    ///
    /// It is empty if there is none.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.content(0)
    }

    /// Returns the new content of the choice with this index.
    ///
    /// It is empty if there is none.
    #[must_use]
    pub fn content(&self, choice: u64) -> &'a str {
        let is_it = |record: &&Record| match **record {
            Record::Text { id, kind: TextKind::Content, .. } => {
                self.transcript.place(id).0.choice == choice
            }
            _ => false,
        };
        let mut records = self.transcript.records().iter().filter(is_it);
        let Some(&Record::Text { id, start, mut end, .. }) = records.next() else { return "" };
        // The pieces that one event adds to a text follow each other, so they are one slice.
        if let Some(&Record::Text { end: last, .. }) = records.next_back() {
            end = last;
        }
        self.transcript.text(id).get(start..end).unwrap_or_default()
    }

    /// Returns everything that changed, in the order in which it was folded.
    ///
    /// Choices follow one another, and the changes of a choice have the order of the members in the
    /// API reference. Changes in parsed texts come last.
    pub fn changes(&self) -> impl Iterator<Item = Change<'a>> + use<'a> {
        let Self { transcript, dialect } = *self;
        let change = move |record: &Record| match *record {
            Record::Note(note) => dialect.change(note, transcript),
            Record::Text { id, start, end, .. } => {
                let (at, kind) = transcript.place(id);
                let text = transcript.text(id).get(start..end).unwrap_or_default();
                Some(Change::Text { at, kind, text })
            }
        };
        let parsed = transcript.parsed().iter().flat_map(move |(id, record)| {
            let (at, kind) = transcript.place(*id);
            transcript.parser_of(*id).changes(record, at, kind)
        });
        transcript.records().iter().filter_map(change).chain(parsed)
    }

    /// Returns the parser of a tool call's arguments, by the call's place.
    ///
    /// Returns `None` without
    /// [`Options::with_parsed_arguments`](crate::Options::with_parsed_arguments), and until
    /// arguments of the call arrive.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn parsed_arguments(&self, at: Place) -> Option<&'a deltawire_partial::Parser> {
        self.parser(TextKind::Arguments, at)
    }

    /// Returns the parser of a choice's content, by the choice's index.
    ///
    /// Returns `None` without
    /// [`Options::with_parsed_content`](crate::Options::with_parsed_content), and until content
    /// arrives.
    #[cfg(feature = "partial")]
    #[must_use]
    pub fn parsed_content(&self, choice: u64) -> Option<&'a deltawire_partial::Parser> {
        self.parser(TextKind::Content, Place::choice(choice))
    }

    #[cfg(feature = "partial")]
    fn parser(&self, kind: TextKind, at: Place) -> Option<&'a deltawire_partial::Parser> {
        self.transcript.parser_of(self.transcript.find(kind, at)?).parser()
    }

    /// Returns the text of this kind at this place, as far as it has arrived.
    #[must_use]
    pub fn so_far(&self, kind: TextKind, at: Place) -> Option<&'a str> {
        Some(self.transcript.text(self.transcript.find(kind, at)?))
    }

    /// Returns the tool call at this place, as far as it has arrived.
    #[must_use]
    pub fn tool_call(&self, at: Place) -> Option<ToolCallSoFar<'a>> {
        self.dialect.tool_call(at, self.transcript)
    }

    /// Returns the tool calls so far of the choice with this index.
    ///
    /// They are in the order in which they began.
    pub fn tool_calls(&self, choice: u64) -> impl Iterator<Item = ToolCallSoFar<'a>> + use<'a> {
        let Self { transcript, dialect } = *self;
        (0..).map_while(move |number| dialect.tool_call(Place::item(choice, number), transcript))
    }

    /// Reports whether the update belongs to the stream's end, and not to a chunk.
    ///
    /// The end is `[DONE]` or the end of the body. It has an update only if it completes tool
    /// calls. If the end of the body cut chunks, their update belongs to chunks.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.transcript.is_over()
    }

    /// Reports whether the event brought output of the model.
    ///
    /// Output is content, reasoning, a refusal, a tool or function call or arguments of one, audio
    /// or its transcript. A role, a finish reason, log probabilities and token counts are not
    /// output by themselves.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.transcript.records().iter().any(Record::is_output)
    }

    /// Reports whether the event brought output other than reasoning.
    #[must_use]
    pub fn has_content(&self) -> bool {
        self.transcript.records().iter().any(Record::is_content)
    }

    /// Reports whether the event changed nothing.
    ///
    /// Examples are a repeated role, an empty delta, and a keep-alive.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transcript.records().is_empty()
    }

    /// Reports whether the event had a choice, even one that changed nothing.
    ///
    /// OpenAI's usage chunk has no choice, and neither has Azure's first chunk.
    #[must_use]
    pub fn has_choices(&self) -> bool {
        self.transcript.had_choices()
    }

    /// Returns the changes with copies of their texts, to be sent elsewhere.
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use deltawire::{OwnedUpdate, chat};
    ///
    /// let (to_screen, updates) = mpsc::channel::<OwnedUpdate>();
    /// let mut session = chat::Session::new();
    /// session
    ///     .read(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n")
    ///     .for_each(|update| to_screen.send(update.into_owned()).expect("the screen is there"))?;
    /// drop(to_screen);
    /// let text = updates.iter().map(|update| update.text().into_owned()).collect::<String>();
    /// assert_eq!(text, "Hi");
    /// # Ok::<(), deltawire::Error>(())
    /// ```
    #[must_use]
    pub fn into_owned(self) -> OwnedUpdate {
        OwnedUpdate {
            changes: self.changes().map(Change::into_owned).collect(),
            has_output: self.has_output(),
            has_content: self.has_content(),
            has_choices: self.has_choices(),
        }
    }

    /// Returns the index of each choice, and its unknown members so far.
    ///
    /// Each member has its last value. The members are empty if
    /// [`Options::with_unknown`](crate::Options::with_unknown) drops them.
    pub fn unknown_members(&self) -> impl Iterator<Item = (u64, &'a Unknown<'static>)> + use<'a> {
        let dialect = self.dialect;
        (0..).map_while(move |position| dialect.unknown(position))
    }
}

impl fmt::Debug for Update<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.changes()).finish()
    }
}
