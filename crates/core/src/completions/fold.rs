//! How a legacy completion's chunks are folded.

use crate::engine;
use crate::engine::Options;
use crate::engine::{ChoiceState, Endpoint, FoldChoice, Notes, Part, Sealed, State, keep_unknown, unknown_fits};
use crate::error::{ApiError, Error};
use crate::json;

use super::chunk::{Chunk, ChunkChoice};
use super::completion::{Choice, Completion};

/// The legacy completions endpoint.
#[derive(Debug, Clone, Copy)]
pub enum Completions {}

/// Folds the events of a streamed legacy completion; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Completions>;

/// Folds the bytes of a streamed legacy completion; see [`crate::Session`].
pub type Session = engine::Session<Completions>;

impl Sealed for Completions {}

impl Endpoint for Completions {
    type Chunk<'a> = Chunk<'a>;
    type Answer = Completion;

    fn parse(data: &str) -> Result<Chunk<'_>, Error> {
        Chunk::parse(data)
    }

    fn into_owned(chunk: Chunk<'_>) -> Chunk<'static> {
        chunk.into_owned()
    }

    fn api_error(chunk: &Chunk<'_>) -> Option<ApiError> {
        chunk.api_error()
    }

    fn fold(state: &mut State, data: &str) -> Result<Option<ApiError>, Error> {
        state.fold_data::<ChunkChoice<'_>>(data)
    }

    fn fold_chunk(state: &mut State, chunk: &Chunk<'_>) -> Result<(), Error> {
        state.fold(chunk)
    }

    fn complete(state: State) -> Completion {
        Completion::from_state(Completion::OBJECT, state, |choice| {
            let text = choice.content.map(json::Text::into_string).unwrap_or_default();
            Choice {
                parsed: engine::finished(choice.parser, &text),
                text,
                index: choice.index,
                logprobs: choice.logprobs.map(|logprobs| *logprobs),
                finish_reason: choice.finish_reason,
                extra: choice.extra,
            }
        })
    }
}

impl FoldChoice for ChunkChoice<'_> {
    fn index(&self) -> Option<u64> {
        self.index
    }

    fn position(&self) -> usize {
        self.position
    }

    fn weight(&self, keep_unknown: bool) -> usize {
        let unknown = if keep_unknown { self.extra.weight() } else { 0 };
        let text = self.text.as_ref().map_or(0, |text| text.as_json().len());
        let finish_reason = self.finish_reason.as_ref().map_or(0, |reason| reason.as_json().len());
        text + self.logprobs.as_ref().map_or(0, crate::ChunkLogprobs::weight) + finish_reason + unknown
    }

    fn fits(&self, choice: Option<&ChoiceState>, options: &Options) -> Result<(), Error> {
        let none = json::Unknown::default();
        unknown_fits(choice.map_or(&none, |choice| &choice.extra), &self.extra, options)
    }

    fn fold(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>) {
        if let Some(text) = &self.text {
            choice.fold_content(text, notes);
        }
        choice.fold_logprobs(self.logprobs.as_ref(), notes);
        choice.fold_finish(self.finish_reason.as_ref(), notes);
        keep_unknown(&mut choice.extra, &self.extra, notes.folded, notes.options.keep_unknown);
    }

    fn appended(&self, part: Part) -> Option<&str> {
        if part == Part::Content { self.text.as_ref().map(json::RawStr::as_json) } else { None }
    }
}
