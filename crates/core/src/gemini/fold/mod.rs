//! The fold of a streamed answer.
//!
//! A candidate is a choice, and a part is a block. The members are those of Google's API reference,
//! "GenerateContentResponse"; what servers send beside it is noted at its place. The rules:
//!
//! - Adjacent parts are merged only if both are nothing but text, and both or neither are thoughts.
//!   Everything else is a part of its own, because a `thoughtSignature` counts only in its place.
//! - A function call is whole in one part, or Vertex AI sends its arguments by path in the parts
//!   that follow, which have no name. It is told as done once it is whole: see [`Gemini::call`].
//! - The arguments are handed out as compact JSON text. That of a streamed call grows with each
//!   value, see [`Args`]; if it ever cannot, the rest of it is told with the call as a whole.
//! - Members of a candidate but for its content are replaced by later ones.
//!
//! This file has the state, and the members of an event as a whole. `candidates`, `parts`, `calls`
//! and `usage` fold what their names say.

mod calls;
mod candidates;
mod parts;
mod usage;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use self::calls::is_streamed;
use self::candidates::indices;
use super::answer::{self, Candidate, Content, GenerateContentResponse, Part};
use super::args::Args;
use super::event::{CandidateDelta, ContentDelta, Event, PartDelta};
use crate::blocks::{Blocks, Slot};
use crate::engine::{
    self, AnomalyKind, Change, Dialect, Effect, Held, Holes, Note, Notes, Options, Outcome,
    Payload, Place, Read, Sealed, TextId, TokenCounts, ToolCallSoFar, Transcript, Values,
};
use crate::error::{ApiError, Error, Limit};
use crate::json::{RawValue, Unknown};
use crate::save::{Fault, Reader, Saved, Writer, saved};
use crate::sse;

/// The dialect of Gemini's generateContent API.
#[derive(Debug, Clone, Default)]
pub struct Gemini {
    blocks: Blocks,
    /// The candidates that began, by index.
    candidates: BTreeMap<u64, Kept>,
    /// The last part of each candidate.
    last: BTreeMap<u64, Last>,
    /// The streamed call of each candidate that its last part is.
    calls: BTreeMap<u64, Streamed>,
    /// The members of the response, but for its candidates and token counts.
    members: Unknown<'static>,
    usage: Unknown<'static>,
    /// The counts among `usage::CHANGING` that changed, a bit each.
    ///
    /// Learned frames have holes for these.
    varying: u8,
    /// The prompt was refused.
    is_blocked: bool,
    /// The reason why the first choice ended is that of the prompt, and not the candidate's.
    is_end_of_prompt: bool,
    /// The ID of the response changed before the response ended, so it tells nothing.
    has_other_ids: bool,
    /// Another response began, and its events are passed over.
    is_spliced: bool,
}

/// The members of a candidate, but for its parts, role and finish reason.
#[derive(Debug, Clone, Default)]
struct Kept {
    members: Unknown<'static>,
    content: Unknown<'static>,
    /// The index was sent, or is not the one that stands for none.
    has_index: bool,
    has_content: bool,
}

/// The last part of a candidate.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    kind: LastKind,
    /// The number of parts.
    count: u64,
}

#[derive(Debug, Clone, Copy, Default)]
enum LastKind {
    /// There is none, or it is of another kind.
    #[default]
    Other,
    /// It is nothing but text.
    Text { slot: Slot, is_thought: bool },
    /// It is a function call, whole or streamed.
    Call { slot: Slot, is_streamed: bool },
}

/// A function call whose arguments arrive by path.
#[derive(Debug, Clone)]
struct Streamed {
    slot: Slot,
    args: Args,
    /// The call was told as done.
    is_told: bool,
    /// More arguments arrived after that.
    is_changed: bool,
}

/// Folds the events of a streamed answer; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Gemini>;

/// Folds the bytes of a streamed answer; see [`crate::Session`].
pub type Session = engine::Session<Gemini>;

/// Reads a streamed answer from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Gemini, R>;

/// Folds the whole body of a streamed answer, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
///
/// ```
/// use deltawire::gemini;
///
/// let body = br#"data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}]}
///
/// data: {"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}]}
///
/// "#;
/// let response = gemini::fold(body).into_complete()?;
/// assert_eq!(response.text(), "Hello");
/// assert_eq!(response.to_content().unwrap().as_json(), r#"{"parts":[{"text":"Hello"}],"role":"model"}"#);
/// # Ok::<(), deltawire::Incomplete<gemini::GenerateContentResponse>>(())
/// ```
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<GenerateContentResponse> {
    engine::fold::<Gemini>(body)
}

impl Sealed for Gemini {}

impl Dialect for Gemini {
    type Event<'a> = Event<'a>;
    type Answer = GenerateContentResponse;

    const NAME: &'static str = "gemini";

    fn api(&self) -> &'static str {
        "Gemini's generateContent API"
    }

    fn has_terminal(&self) -> bool {
        false
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut Event<'a>,
    ) -> Result<Read, Error> {
        let data = match Payload::of(event) {
            Payload::Chunk(data) => data,
            Payload::Error(error) => return Ok(Read::Error(Box::new(error))),
            Payload::KeepAlive => return Ok(Read::KeepAlive),
            // Google sends no sentinel, but gateways add one.
            Payload::Done => return Ok(Read::Done),
            Payload::Nothing => return Ok(Read::Nothing),
        };
        into.read(data, &options.limits)?;
        if !into.is_known {
            if let Some(error) = RawValue::parse(data).ok().as_ref().and_then(ApiError::of) {
                return Ok(Read::Error(Box::new(error)));
            }
        }
        Ok(Read::Event)
    }

    fn fold(&mut self, event: &Event<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        self.admit_choices(event, to)?;
        let parts = event.candidates.iter().filter_map(|candidate| candidate.content.as_ref());
        let parts = parts.flat_map(|content| content.parts.iter());
        let mut calls = parts.filter_map(|part| part.function_call.as_ref()).peekable();
        if calls.peek().is_some() {
            // A call is held as it was sent, as its arguments, and as its name and ID.
            to.expect_copies(4);
        }
        if !self.calls.is_empty() || calls.any(is_streamed) {
            // Streamed arguments are nodes of a tree. So such an event is weighed whatever its
            // length is.
            to.expect_more(usize::MAX / 2);
        } else if event.prompt_feedback.is_some() {
            // The reason in it is kept twice.
            to.expect_more(event.len);
        }
        let effect = Blocks::weighed(
            self,
            to,
            |this| &mut this.blocks,
            |this, to| {
                if !this.blocks.is_weighing() {
                    return this.fold_event(event, to);
                }
                // While an event is weighed, only this state tells its parts apart.
                let last = |index: u64| (index, this.last.get(&index).copied());
                let saved: Vec<_> = indices(event, to).map(|(index, _)| last(index)).collect();
                let effect = this.fold_event(event, to);
                for (index, last) in saved {
                    match last {
                        Some(last) => this.last.insert(index, last),
                        None => this.last.remove(&index),
                    };
                }
                effect
            },
        )?;
        debug_assert!(to.admit(Held::default()).is_ok(), "more is held than was weighed");
        Ok(effect)
    }

    fn holes<'e>(&self, event: &'e Event<'_>) -> Option<Holes<'e>> {
        // A member with `_` has no effect when it comes again, or folding it has said so.
        let Event {
            candidates,
            prompt_feedback: _,
            usage_metadata,
            model_version: _,
            response_id: _,
            create_time: _,
            error: None,
            extra: _,
            is_known: _,
            is_wrapped: false,
            unexpected: _,
            len: _,
        } = event
        else {
            return None;
        };
        let [candidate] = &candidates[..] else { return None };
        let CandidateDelta { index: _, content: Some(content), finish_reason: None, extra: _ } =
            candidate
        else {
            return None;
        };
        let ContentDelta { role: _, parts, extra: _ } = content;
        let [part] = &parts[..] else { return None };
        let PartDelta {
            text: Some(text),
            thought: _,
            thought_signature: None,
            function_call: None,
            extra,
            raw: _,
        } = part
        else {
            return None;
        };
        let mut holes = Holes::of(text.as_json());
        if let Some(usage) = usage_metadata {
            self.usage_holes(usage, &mut holes);
        }
        extra.is_empty().then_some(holes)
    }

    fn refill(&mut self, _: TextId, values: &Values<'_>, to: &mut Transcript) {
        self.refill_usage(values, to);
    }

    fn api_error(event: &Event<'_>, data: &str) -> Option<Box<ApiError>> {
        let error = event.error.as_ref()?;
        if event.is_wrapped {
            return Some(Box::new(ApiError::from_data(error.as_json()).with_whole(data)));
        }
        ApiError::of(&RawValue::parse(data).ok()?).map(Box::new)
    }

    fn is_terminal(event: &Event<'_>) -> bool {
        // There is no other sign of the end, so any of these may be the last event.
        event.candidates.iter().any(|candidate| candidate.finish_reason.is_some())
            || event.prompt_feedback.is_some()
    }

    fn is_finished(&self) -> bool {
        self.is_blocked || self.blocks.are_finished()
    }

    fn failure(&self) -> Option<Error> {
        None
    }

    fn settle(&mut self, texts: &mut Transcript) {
        if self.is_finished() {
            self.blocks.note_cut_calls(texts);
        }
    }

    fn conclude(&mut self, _: &mut Transcript) {}

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.blocks.check(texts)?;
        let max = texts.options.limits.max_choices;
        if self.blocks.choice_count() > max {
            return Err(Fault::Limit(Limit::Choices.name(), max));
        }
        Ok(())
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        answer::token_counts(&self.usage)
    }

    fn held(&self) -> Held {
        let mut held = self.blocks.held();
        for members in [&self.members, &self.usage] {
            held += crate::blocks::held_members(members);
        }
        for kept in self.candidates.values() {
            held += crate::blocks::held_members(&kept.members);
            held += crate::blocks::held_members(&kept.content);
        }
        for call in self.calls.values() {
            held += call.args.held();
        }
        held
    }

    fn answer(mut self, texts: &mut Transcript) -> GenerateContentResponse {
        for (index, candidate) in &self.candidates {
            let call = self.calls.remove(index);
            if candidate.has_content {
                self.blocks.write_json(*index, call, texts);
            }
        }
        let blocks = self.blocks;
        let candidates = self.candidates.into_iter().map(|(index, kept)| {
            let parts = blocks.slots(index).map(|slot| Part::new(blocks.value(slot, texts)));
            let content = kept.has_content.then(|| Content {
                parts: parts.collect(),
                role: blocks.role_of(index).map(Into::into),
                members: kept.content,
            });
            let is_of_prompt = self.is_end_of_prompt && index == 0;
            let finish_reason = blocks.finish_reason(index).filter(|_| !is_of_prompt);
            Candidate {
                content,
                finish_reason: finish_reason.map(Into::into),
                index: kept.has_index.then_some(index),
                members: kept.members,
            }
        });
        let candidates = candidates.collect();
        let mut members = self.members;
        GenerateContentResponse {
            candidates,
            prompt_feedback: members.remove("promptFeedback"),
            usage_metadata: Some(self.usage).filter(|usage| !usage.is_empty()),
            members,
        }
    }
}

impl Notes for Gemini {
    fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>> {
        self.blocks.change(note, self.token_counts(), texts)
    }

    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        self.blocks.tool_call(at, texts)
    }

    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)> {
        self.candidates.iter().nth(position).map(|(index, kept)| (*index, &kept.members))
    }
}

/// The place of a function call's arguments in its part.
const ARGS: (&str, &str) = ("functionCall", "args");
/// The place of the input of a tool that the server runs.
const TOOL_ARGS: (&str, &str) = ("toolCall", "args");

impl Gemini {
    /// Folds an event, or weighs it.
    fn fold_event(&mut self, event: &Event<'_>, to: &mut Transcript) -> Effect {
        if let Some(member) = event.unexpected {
            self.blocks.anomaly(AnomalyKind::UnexpectedType, None, member, to);
        }
        if event.is_wrapped {
            self.blocks.anomaly(AnomalyKind::WrappedChunk, None, "response", to);
        } else if !event.is_known {
            self.blocks.anomaly(AnomalyKind::UnknownChunk, None, "", to);
            return Effect::Other;
        }
        if self.is_of_another(event, to) {
            return Effect::Other;
        }
        let mut effect = Effect::Nothing;
        for (candidate, (index, is_known)) in event.candidates.iter().zip(indices(event, to)) {
            if !is_known {
                self.blocks.anomaly(AnomalyKind::MissingIndex, Some(index), "candidates.index", to);
            }
            effect = effect.and(self.candidate(index, candidate, to));
        }
        if let Some(feedback) = &event.prompt_feedback {
            effect = effect.and(self.feedback(feedback, to));
        }
        if let Some(usage) = &event.usage_metadata {
            effect = effect.and(self.usage(usage, to));
        }
        for (name, value) in
            [("modelVersion", &event.model_version), ("responseId", &event.response_id)]
        {
            let Some(value) = value else { continue };
            match self.members.get(name) {
                Some(known) if known.as_json() != value.to_compact() => {
                    self.has_other_ids |= name == "responseId" && !self.blocks.is_weighing();
                    self.blocks.anomaly(AnomalyKind::Changed, None, name, to);
                }
                Some(_) => {}
                None => {
                    let is_new = self.blocks.keep(&mut self.members, name, value, to);
                    effect = effect.and(Effect::set(is_new));
                }
            }
        }
        if let Some(time) = &event.create_time {
            let is_new = self.blocks.keep(&mut self.members, "createTime", time, to);
            effect = effect.and(Effect::set(is_new));
        }
        event.extra.for_each(|name, value| {
            if to.options.keep_unknown || name == "modelStatus" {
                let is_new = self.blocks.keep(&mut self.members, name, value, to);
                effect = effect.and(Effect::set(is_new));
            }
        });
        effect
    }

    /// Reports whether an event belongs to another response, which a proxy put after the first one.
    ///
    /// There is no other sign of it than the ID, and no sentinel between the two. The ID is the
    /// same in all events of a response, also in the rounds of code execution, each of which may
    /// have a finish reason. A proxy that makes one up for each event has done so before the end.
    fn is_of_another(&mut self, event: &Event<'_>, to: &mut Transcript) -> bool {
        if self.is_spliced {
            return true;
        }
        let known = self.members.get("responseId").and_then(RawValue::as_raw_str);
        let id = event.response_id.as_ref().and_then(RawValue::as_raw_str);
        let (Some(known), Some(id)) = (known, id) else { return false };
        if self.has_other_ids || !self.is_finished() || known == id || id.is_empty() {
            return false;
        }
        self.blocks.anomaly(AnomalyKind::Spliced, None, "responseId", to);
        self.is_spliced |= !self.blocks.is_weighing();
        true
    }

    /// Takes the feedback on the prompt, which is the whole answer if the prompt was refused.
    ///
    /// The reason is told as the finish reason of choice 0. The answer has no candidate for it.
    fn feedback(&mut self, feedback: &RawValue<'_>, to: &mut Transcript) -> Effect {
        let is_new = self.blocks.keep(&mut self.members, "promptFeedback", feedback, to);
        let effect = Effect::set(is_new);
        let Some(reason) = answer::block_reason(feedback) else { return effect };
        if self.blocks.finish_reason(0).is_none() || self.is_end_of_prompt {
            // An answer may have begun all the same. This reason is not the candidate's.
            self.is_end_of_prompt |= !self.blocks.is_weighing();
            let _ = self.blocks.finish(0, &reason, to);
        }
        self.is_blocked |= !self.blocks.is_weighing();
        Effect::Other
    }
}

saved!(Gemini {
    blocks,
    candidates,
    last,
    calls,
    members,
    usage,
    is_blocked,
    has_other_ids,
    is_spliced,
    is_end_of_prompt,
} but { varying });
saved!(Kept { members, content, has_index, has_content });
saved!(Streamed { slot, args, is_told, is_changed });

impl Saved for Last {
    fn save(&self, to: &mut Writer) {
        match self.kind {
            LastKind::Other => to.byte(0),
            LastKind::Text { slot, is_thought } => {
                to.byte(1);
                slot.save(to);
                is_thought.save(to);
            }
            LastKind::Call { slot, is_streamed } => {
                to.byte(2);
                slot.save(to);
                is_streamed.save(to);
            }
        }
        self.count.save(to);
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let kind = match from.byte()? {
            0 => LastKind::Other,
            1 => LastKind::Text { slot: Saved::load(from)?, is_thought: Saved::load(from)? },
            2 => LastKind::Call { slot: Saved::load(from)?, is_streamed: Saved::load(from)? },
            _ => return Err(Fault::Damaged("a part")),
        };
        Ok(Self { kind, count: from.counter()? })
    }
}
