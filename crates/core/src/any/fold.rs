//! The dialect that becomes one of the others.
//!
//! The first event that tells its API decides, once. Everything after it goes to that dialect, as
//! if the caller had named it. What comes before goes to the dialect of chat completions, which
//! most servers speak, and whose errors and odd events have the most shapes.

use alloc::boxed::Box;

use super::answer::Answer;
use super::api::Api;
use crate::chat::{self, Chat};
use crate::completions::{self, Completions};
use crate::engine::{
    self, AnomalyKind, Change, Cursor, Dialect, Effect, Framing, Holes, Note, Notes, Options,
    Outcome, Place, Read, Sealed, TextId, TokenCounts, ToolCallSoFar, Transcript, Values,
};
use crate::error::{ApiError, Error};
use crate::gemini::{self, Gemini};
use crate::interactions::{self, Interactions};
use crate::json::{RawValue, Unknown};
use crate::messages::{self, Messages};
use crate::ollama::{self, Ollama};
use crate::responses::{self, Responses};
use crate::save::{Fault, Reader, Saved, Writer, saved};
use crate::sse;

/// The dialect of a stream whose API its first events tell.
#[derive(Debug, Clone, Default)]
pub struct Any {
    /// The state until the API is told.
    before: Chat,
    told: State,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Unknown,
    Chat(Box<Chat>),
    Completions(Box<Completions>),
    Responses(Box<Responses>),
    Ollama(Box<Ollama>),
    Interactions(Box<Interactions>),
    Gemini(Box<Gemini>),
    Messages(Box<Messages>),
}

/// An event of any of the APIs, borrowed from its data.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "an event is read in place, and one at a time")]
pub enum AnyEvent<'a> {
    /// An event that does not tell its API, read as a chunk of a chat completion.
    Unknown(chat::Chunk<'a>),
    /// A chunk of a chat completion.
    Chat(chat::Chunk<'a>),
    /// A chunk of a legacy completion.
    Completions(completions::Chunk<'a>),
    /// An event of a response.
    Responses(responses::Event<'a>),
    /// A line of Ollama's.
    Ollama(ollama::Line<'a>),
    /// An event of an interaction.
    Interactions(interactions::Event<'a>),
    /// An event of Gemini's generateContent.
    Gemini(gemini::Event<'a>),
    /// An event of a message.
    Messages(messages::Event<'a>),
}

impl Default for AnyEvent<'_> {
    fn default() -> Self {
        Self::Unknown(chat::Chunk::default())
    }
}

/// Folds the events of a stream of any API; see [`crate::Accumulator`].
pub type Accumulator = engine::Accumulator<Any>;

/// Folds the bytes of a stream of any API; see [`crate::Session`].
pub type Session = engine::Session<Any>;

/// Reads a stream of any API from any [`std::io::Read`]; see [`crate::ReadStream`].
#[cfg(feature = "std")]
pub type ReadStream<R> = engine::ReadStream<Any, R>;

/// Folds the whole body of a stream of any API, such as a recorded file.
///
/// The body counts as ended in order. The default [`Options`](crate::Options) apply; a [`Session`]
/// takes others.
#[must_use]
pub fn fold(body: &[u8]) -> Outcome<Answer> {
    engine::fold::<Any>(body)
}

/// Returns a session for an API that is known, as from the request's path.
///
/// Without an API it is the same as [`Session::with_options`].
#[must_use]
pub fn session(api: Option<Api>, options: Options) -> Session {
    engine::Session::with_dialect(Any::of(api), options)
}

impl Any {
    fn of(api: Option<Api>) -> Self {
        Self { before: Chat::default(), told: api.map_or(State::Unknown, State::of) }
    }
}

impl State {
    fn of(api: Api) -> Self {
        match api {
            Api::Chat => Self::Chat(Box::default()),
            Api::Completions => Self::Completions(Box::default()),
            Api::Responses => Self::Responses(Box::default()),
            Api::Ollama => Self::Ollama(Box::default()),
            Api::Interactions => Self::Interactions(Box::default()),
            Api::Gemini => Self::Gemini(Box::default()),
            Api::Messages => Self::Messages(Box::default()),
        }
    }
}

impl State {
    /// Folds an event of the API that was told.
    fn fold(&mut self, event: &AnyEvent<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        match (self, event) {
            (Self::Chat(dialect), AnyEvent::Chat(event)) => dialect.fold(event, to),
            (Self::Completions(dialect), AnyEvent::Completions(event)) => dialect.fold(event, to),
            (Self::Responses(dialect), AnyEvent::Responses(event)) => dialect.fold(event, to),
            (Self::Ollama(dialect), AnyEvent::Ollama(event)) => dialect.fold(event, to),
            (Self::Interactions(dialect), AnyEvent::Interactions(event)) => dialect.fold(event, to),
            (Self::Gemini(dialect), AnyEvent::Gemini(event)) => dialect.fold(event, to),
            (Self::Messages(dialect), AnyEvent::Messages(event)) => dialect.fold(event, to),
            // An event that was read before the API was told.
            _ => {
                to.anomaly(AnomalyKind::UnknownChunk, None, "");
                Ok(Effect::Other)
            }
        }
    }
}

/// Calls the dialect that the stream has.
macro_rules! each {
    ($any:expr, $dialect:ident => $call:expr) => {
        match &$any.told {
            State::Unknown => {
                let $dialect = &$any.before;
                $call
            }
            State::Chat($dialect) => $call,
            State::Completions($dialect) => $call,
            State::Responses($dialect) => $call,
            State::Ollama($dialect) => $call,
            State::Interactions($dialect) => $call,
            State::Gemini($dialect) => $call,
            State::Messages($dialect) => $call,
        }
    };
}

/// Calls the dialect that the stream has, to change it.
macro_rules! each_mut {
    ($any:expr, $dialect:ident => $call:expr) => {
        match &mut $any.told {
            State::Unknown => {
                let $dialect = &mut $any.before;
                $call
            }
            State::Chat($dialect) => $call,
            State::Completions($dialect) => $call,
            State::Responses($dialect) => $call,
            State::Ollama($dialect) => $call,
            State::Interactions($dialect) => $call,
            State::Gemini($dialect) => $call,
            State::Messages($dialect) => $call,
        }
    };
}

/// Calls a function of the dialect that an event belongs to.
macro_rules! each_event {
    ($event:expr, $of:ident($inner:ident $(, $more:expr)*)) => {
        match $event {
            AnyEvent::Unknown($inner) | AnyEvent::Chat($inner) => Chat::$of($inner $(, $more)*),
            AnyEvent::Completions($inner) => Completions::$of($inner $(, $more)*),
            AnyEvent::Responses($inner) => Responses::$of($inner $(, $more)*),
            AnyEvent::Ollama($inner) => Ollama::$of($inner $(, $more)*),
            AnyEvent::Interactions($inner) => Interactions::$of($inner $(, $more)*),
            AnyEvent::Gemini($inner) => Gemini::$of($inner $(, $more)*),
            AnyEvent::Messages($inner) => Messages::$of($inner $(, $more)*),
        }
    };
}

/// Makes an event of this variant, and reads into it.
macro_rules! read_as {
    ($variant:ident, $dialect:expr, $event:expr, $options:expr, $into:expr) => {{
        *$into = AnyEvent::$variant(Default::default());
        match $into {
            AnyEvent::$variant(into) => $dialect.read($event, $options, into),
            _ => Ok(Read::Nothing),
        }
    }};
}

impl Sealed for Any {}

impl Dialect for Any {
    type Event<'a> = AnyEvent<'a>;
    type Answer = Answer;

    const NAME: &'static str = "any";
    const FRAMING: Framing = Framing::Either;

    fn has_lines(&self) -> bool {
        matches!(self.told, State::Ollama(_))
    }

    fn is_line(line: &str) -> bool {
        Api::of_event(line) == Some(Api::Ollama)
    }

    fn api(&self) -> &'static str {
        each!(self, dialect => dialect.api())
    }

    fn has_terminal(&self) -> bool {
        each!(self, dialect => dialect.has_terminal())
    }

    fn read<'a>(
        &self,
        event: &sse::Event<'a>,
        options: &Options,
        into: &mut AnyEvent<'a>,
    ) -> Result<Read, Error> {
        let api = match &self.told {
            State::Unknown => Api::of_event(event.data),
            State::Chat(dialect) => return read_as!(Chat, dialect, event, options, into),
            State::Completions(dialect) => {
                return read_as!(Completions, dialect, event, options, into);
            }
            State::Responses(dialect) => return read_as!(Responses, dialect, event, options, into),
            State::Ollama(dialect) => return read_as!(Ollama, dialect, event, options, into),
            State::Interactions(dialect) => {
                return read_as!(Interactions, dialect, event, options, into);
            }
            State::Gemini(dialect) => return read_as!(Gemini, dialect, event, options, into),
            State::Messages(dialect) => return read_as!(Messages, dialect, event, options, into),
        };
        match api {
            Some(api) => Self::of(Some(api)).read(event, options, into),
            // A ping comes before the first event of some APIs.
            None if is_ping(event.data) => Ok(Read::Nothing),
            None => read_as!(Unknown, self.before, event, options, into),
        }
    }

    fn fold(&mut self, event: &AnyEvent<'_>, to: &mut Transcript) -> Result<Effect, Error> {
        if !matches!(self.told, State::Unknown) {
            return self.told.fold(event, to);
        }
        let api = match event {
            AnyEvent::Unknown(event) => return self.before.fold(event, to),
            AnyEvent::Chat(_) => Api::Chat,
            AnyEvent::Completions(_) => Api::Completions,
            AnyEvent::Responses(_) => Api::Responses,
            AnyEvent::Ollama(_) => Api::Ollama,
            AnyEvent::Interactions(_) => Api::Interactions,
            AnyEvent::Gemini(_) => Api::Gemini,
            AnyEvent::Messages(_) => Api::Messages,
        };
        // An event that is refused tells nothing.
        let mut told = State::of(api);
        let effect = told.fold(event, to)?;
        self.told = told;
        Ok(effect)
    }

    fn holes<'e>(&self, event: &'e AnyEvent<'_>) -> Option<Holes<'e>> {
        match (&self.told, event) {
            (State::Unknown, AnyEvent::Unknown(event)) => self.before.holes(event),
            (State::Chat(dialect), AnyEvent::Chat(event)) => dialect.holes(event),
            (State::Completions(dialect), AnyEvent::Completions(event)) => dialect.holes(event),
            (State::Responses(dialect), AnyEvent::Responses(event)) => dialect.holes(event),
            (State::Messages(dialect), AnyEvent::Messages(event)) => dialect.holes(event),
            (State::Gemini(dialect), AnyEvent::Gemini(event)) => dialect.holes(event),
            (State::Interactions(dialect), AnyEvent::Interactions(event)) => dialect.holes(event),
            (State::Ollama(dialect), AnyEvent::Ollama(event)) => dialect.holes(event),
            _ => None,
        }
    }

    fn refill(&mut self, text: TextId, values: &Values<'_>, to: &mut Transcript) {
        each_mut!(self, dialect => dialect.refill(text, values, to));
    }

    fn api_error(event: &AnyEvent<'_>, data: &str) -> Option<Box<ApiError>> {
        each_event!(event, api_error(inner, data))
    }

    fn is_terminal(event: &AnyEvent<'_>) -> bool {
        each_event!(event, is_terminal(inner))
    }

    fn is_over(&self) -> bool {
        each!(self, dialect => dialect.is_over())
    }

    fn is_finished(&self) -> bool {
        each!(self, dialect => dialect.is_finished())
    }

    fn failure(&self) -> Option<Error> {
        each!(self, dialect => dialect.failure())
    }

    fn settle(&mut self, texts: &mut Transcript) {
        each_mut!(self, dialect => dialect.settle(texts));
    }

    fn conclude(&mut self, to: &mut Transcript) {
        each_mut!(self, dialect => dialect.conclude(to));
    }

    fn check(&self, texts: &Transcript) -> Result<(), Fault> {
        self.before.check(texts)?;
        match self.told {
            State::Unknown => Ok(()),
            _ => each!(self, dialect => dialect.check(texts)),
        }
    }

    fn cursor(&self) -> Option<Cursor<'_>> {
        each!(self, dialect => dialect.cursor())
    }

    fn resume(&mut self, fails_at_gaps: bool) {
        each_mut!(self, dialect => dialect.resume(fails_at_gaps));
    }

    fn token_counts(&self) -> Option<TokenCounts> {
        each!(self, dialect => dialect.token_counts())
    }

    fn held(&self) -> crate::engine::Held {
        // What came before the API was told is kept beside it.
        let mut held = self.before.held();
        if !matches!(self.told, State::Unknown) {
            held += each!(self, dialect => dialect.held());
        }
        held
    }

    fn answer(self, texts: &mut Transcript) -> Answer {
        match self.told {
            State::Unknown => Answer::Unknown(self.before.answer(texts)),
            State::Chat(dialect) => Answer::Chat(dialect.answer(texts)),
            State::Completions(dialect) => Answer::Completions(dialect.answer(texts)),
            State::Responses(dialect) => Answer::Responses(dialect.answer(texts)),
            State::Ollama(dialect) => Answer::Ollama(dialect.answer(texts)),
            State::Interactions(dialect) => Answer::Interactions(dialect.answer(texts)),
            State::Gemini(dialect) => Answer::Gemini(dialect.answer(texts)),
            State::Messages(dialect) => Answer::Messages(dialect.answer(texts)),
        }
    }
}

impl Notes for Any {
    fn change<'a>(&'a self, note: Note, texts: &'a Transcript) -> Option<Change<'a>> {
        each!(self, dialect => dialect.change(note, texts))
    }

    fn tool_call<'a>(&'a self, at: Place, texts: &'a Transcript) -> Option<ToolCallSoFar<'a>> {
        each!(self, dialect => dialect.tool_call(at, texts))
    }

    fn unknown(&self, position: usize) -> Option<(u64, &Unknown<'static>)> {
        each!(self, dialect => dialect.unknown(position))
    }
}

/// Reports whether an event only keeps the connection open.
fn is_ping(data: &str) -> bool {
    let value = RawValue::parse(data).ok();
    let event_type = value.as_ref().and_then(|value| value.member("type"));
    event_type.is_some_and(|name| name == *"ping" || name == *"keepalive")
}

saved!(Any { before, told });

impl Saved for State {
    fn save(&self, to: &mut Writer) {
        match self {
            Self::Unknown => to.byte(0),
            Self::Chat(dialect) => {
                to.byte(1);
                dialect.save(to);
            }
            Self::Completions(dialect) => {
                to.byte(2);
                dialect.save(to);
            }
            Self::Responses(dialect) => {
                to.byte(3);
                dialect.save(to);
            }
            Self::Ollama(dialect) => {
                to.byte(4);
                dialect.save(to);
            }
            Self::Interactions(dialect) => {
                to.byte(5);
                dialect.save(to);
            }
            Self::Gemini(dialect) => {
                to.byte(6);
                dialect.save(to);
            }
            Self::Messages(dialect) => {
                to.byte(7);
                dialect.save(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(match from.byte()? {
            0 => Self::Unknown,
            1 => Self::Chat(Saved::load(from)?),
            2 => Self::Completions(Saved::load(from)?),
            3 => Self::Responses(Saved::load(from)?),
            4 => Self::Ollama(Saved::load(from)?),
            5 => Self::Interactions(Saved::load(from)?),
            6 => Self::Gemini(Saved::load(from)?),
            7 => Self::Messages(Saved::load(from)?),
            _ => return Err(Fault::Damaged("an API")),
        })
    }
}
