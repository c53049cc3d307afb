//! How a legacy completion's chunks are folded.

use crate::error::{ApiError, Error, Limit};
use crate::fold::{self, ChoiceState, Endpoint, FoldChoice, Notes, Sealed, State, keep_unknown};
use crate::json;
use crate::options::Options;

use super::chunk::{Chunk, ChunkChoice};
use super::completion::{Choice, Completion};

/// The legacy completions endpoint.
#[derive(Debug, Clone, Copy)]
pub enum Text {}

/// Folds the events of a streamed legacy completion; see [`crate::Accumulator`].
pub type Accumulator = fold::Accumulator<Text>;

/// Folds the bytes of a streamed legacy completion; see [`crate::Fold`].
pub type Fold = fold::Fold<Text>;

impl Sealed for Text {}

impl Endpoint for Text {
    type Chunk<'a> = Chunk<'a>;
    type Completion = Completion;

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
        Completion::from_state(Completion::OBJECT, state, |choice| Choice {
            text: choice.content.map(json::Text::into_string).unwrap_or_default(),
            index: choice.index,
            logprobs: choice.logprobs.map(|logprobs| *logprobs),
            finish_reason: choice.finish_reason,
            extra: choice.extra,
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

    fn weight(&self) -> usize {
        let text = self.text.as_ref().map_or(0, |text| text.as_json().len());
        text + self.logprobs.as_ref().map_or(0, crate::ChunkLogprobs::weight) + self.extra.weight()
    }

    fn fits(&self, choice: Option<&ChoiceState>, options: &Options) -> Result<(), Error> {
        let max = options.limits.max_unknown_members;
        if choice.map_or(0, |choice| choice.extra.len()) + self.extra.len() > max {
            return Err(Limit::UnknownMembers.passed(max));
        }
        Ok(())
    }

    fn fold(&self, choice: &mut ChoiceState, notes: &mut Notes<'_>) {
        if let Some(text) = &self.text {
            choice.fold_content(text, notes);
        }
        choice.fold_logprobs(self.logprobs.as_ref(), notes);
        choice.fold_finish(self.finish_reason.as_ref(), notes);
        keep_unknown(&mut choice.extra, &self.extra, notes.folded, notes.options.keep_unknown);
    }
}
