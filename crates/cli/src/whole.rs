//! An answer that was not streamed, read as the stream that says the same.
//!
//! Each API has an event that takes its whole answer: a chunk whose choices have a `message`, a
//! `response.completed`, a `message_start` with content. So texts, calls, finish reasons and usage
//! come out of the session that reads streams, and its rules for them hold. The answer itself is
//! read from the body, with every member.

use deltawire::any::{self, Answer, Api};
use deltawire::json::RawValue;
use deltawire::{
    AnomalyKind, End, Error, How, Options, Outcome, chat, completions, gemini, interactions,
    messages, ollama, responses,
};

use crate::input::FoldOptions;

/// The most bytes of a body that are kept to be read as a whole answer.
const MOST: usize = 16 << 20;

/// The bytes of a longer body that are kept to be shown.
const SHOWN: usize = 64 << 10;

/// The beginning of a body that may turn out to be a whole answer, or no stream at all.
#[derive(Default)]
pub(crate) struct Beginning {
    bytes: Vec<u8>,
    is_given_up: bool,
}

impl Beginning {
    /// Keeps bytes, unless the body has events by now, or is too long.
    pub(crate) fn keep(&mut self, bytes: &[u8], has_events: bool) {
        if has_events {
            self.give_up(0);
        }
        if self.is_given_up {
            return;
        }
        if self.bytes.len() + bytes.len() > MOST {
            let room = SHOWN.saturating_sub(self.bytes.len()).min(bytes.len());
            self.bytes.extend_from_slice(&bytes[..room]);
            self.give_up(SHOWN);
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Gives the body up, and keeps no more than the bytes that are shown.
    pub(crate) fn end(&mut self) {
        self.give_up(SHOWN);
    }

    fn give_up(&mut self, length: usize) {
        self.is_given_up = true;
        self.bytes.truncate(length);
        self.bytes.shrink_to_fit();
    }

    /// Returns the body if it is whole.
    pub(crate) fn whole(&self) -> &[u8] {
        if self.is_given_up { &[] } else { &self.bytes }
    }

    /// Returns the beginning of the body, to be shown.
    pub(crate) fn shown(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().min(SHOWN)]
    }
}

/// A whole answer.
pub(crate) struct Whole {
    /// The API, which the body tells.
    pub(crate) api: Api,
    /// The answer, with every member of the body.
    pub(crate) answer: Answer,
    /// The event stream that says the same.
    pub(crate) stream: Vec<u8>,
}

impl Whole {
    /// Reads a body that turned out to be no stream, if it is the whole answer of this API.
    ///
    /// Without an API it is that of any. An error body is none, and neither is a list of models.
    pub(crate) fn read(api: Option<Api>, body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let body = body.strip_prefix('\u{FEFF}').unwrap_or(body).trim();
        let value = RawValue::parse(body).ok()?;
        let told = told(&value)?;
        if api.is_some_and(|api| api != told) {
            return None;
        }
        let answer = answer(told, body)?;
        Some(Self { api: told, answer, stream: stream(told, &value, body) })
    }

    /// Reports whether an outcome may be one of a whole answer.
    ///
    /// The body is whole then, and nobody refused the request.
    pub(crate) fn may_be<A>(outcome: &Outcome<A>, is_clean: bool) -> bool {
        let is_refused = matches!(outcome.error, Some(Error::Refused(_)));
        outcome.end == End::NotAnEventStream && !is_refused && is_clean
    }

    /// Folds the stream, and calls a function after each event that changed something.
    ///
    /// # Errors
    /// Fails if the function does.
    pub(crate) fn fold<E>(
        self,
        options: &FoldOptions,
        mut see: impl FnMut(&any::Session) -> Result<(), E>,
    ) -> Result<Outcome<Answer>, E> {
        let mut session = self.session(options.options());
        let mut input = &self.stream[..];
        while let Ok(true) = session.advance(&mut input) {
            see(&session)?;
        }
        let mut outcome = self.outcome(session);
        if options.keeps_unknown() {
            outcome.answer = self.answer;
        }
        Ok(outcome)
    }

    /// Returns a session for the stream.
    pub(crate) fn session(&self, options: Options) -> any::Session {
        any::session(Some(self.api), options)
    }

    /// Returns the outcome of the session that read the stream.
    pub(crate) fn outcome(&self, session: any::Session) -> Outcome<Answer> {
        let mut outcome = session.close(How::Clean);
        // In a body that is not streamed, messages and calls without an index are as they should.
        let of_streams = [AnomalyKind::Misplaced, AnomalyKind::MissingIndex];
        outcome.anomalies.retain(|anomaly| !of_streams.contains(&anomaly.kind));
        outcome
    }
}

/// Returns the API whose whole answer has this shape.
fn told(value: &RawValue<'_>) -> Option<Api> {
    if !value.as_json().starts_with('{') {
        return None;
    }
    let is = |name: &str, text: &str| value.member(name).is_some_and(|value| value == *text);
    let has_list =
        |name: &str| value.member(name).is_some_and(|value| value.as_json().starts_with('['));
    if is("object", "response") && has_list("output") {
        return Some(Api::Responses);
    }
    if is("type", "message") && value.member("content").is_some() {
        return Some(Api::Messages);
    }
    // Revisions before May 2026 have `outputs`.
    let is_interaction = is("object", "interaction") || value.member("status").is_some();
    if is_interaction && (has_list("steps") || has_list("outputs")) {
        return Some(Api::Interactions);
    }
    match Api::of_event(value.as_json())? {
        // A chunk has a `delta` in place of the message.
        Api::Chat => {
            let choices = value.member("choices")?;
            choices.elements().any(|choice| choice.member("message").is_some()).then_some(Api::Chat)
        }
        api @ (Api::Completions | Api::Gemini | Api::Ollama) => Some(api),
        _ => None,
    }
}

/// Returns the answer of this API that a body is.
fn answer(api: Api, body: &str) -> Option<Answer> {
    match api {
        Api::Chat => chat::ChatCompletion::from_json(body).ok().map(Answer::Chat),
        Api::Completions => completions::Completion::from_json(body).ok().map(Answer::Completions),
        Api::Responses => responses::Response::from_json(body).ok().map(Answer::Responses),
        Api::Messages => messages::Message::from_json(body).ok().map(Answer::Messages),
        Api::Gemini => gemini::GenerateContentResponse::from_json(body).ok().map(Answer::Gemini),
        Api::Interactions => {
            interactions::Interaction::from_json(body).ok().map(Answer::Interactions)
        }
        Api::Ollama => ollama::Answer::from_json(body).ok().map(Answer::Ollama),
        _ => None,
    }
}

/// Returns the event stream, or for Ollama the line, that says the same as a body.
fn stream(api: Api, value: &RawValue<'_>, body: &str) -> Vec<u8> {
    let status = value.member("status");
    let is_status = |names: &[&str]| {
        status.as_ref().and_then(RawValue::as_str).filter(|status| names.contains(&&**status))
    };
    // Strings have no raw line ends, so these are white space between values.
    let body = body.replace(['\n', '\r'], " ");
    let event = |event: &str| format!("data: {event}\n\n");
    let stream = match api {
        Api::Responses => {
            // A response in the background is not over yet.
            let name = is_status(&["completed", "incomplete", "failed"]);
            let name = name.as_deref().unwrap_or("in_progress");
            event(&format!(r#"{{"type":"response.{name}","response":{body}}}"#))
        }
        Api::Messages => {
            event(&format!(r#"{{"type":"message_start","message":{body}}}"#))
                + &event(r#"{"type":"message_stop"}"#)
        }
        Api::Interactions => {
            let is_over = is_status(&["in_progress"]).is_none();
            let name = if is_over { "completed" } else { "created" };
            event(&format!(r#"{{"event_type":"interaction.{name}","interaction":{body}}}"#))
        }
        // A document that is whole needs no other sign of its end.
        Api::Chat | Api::Completions => event(&body) + &event("[DONE]"),
        Api::Ollama => body + "\n",
        _ => event(&body),
    };
    stream.into_bytes()
}

#[cfg(test)]
mod tests {
    use deltawire_replay::recordings;

    use super::*;

    /// Returns an answer as JSON, in which the order of members does not count.
    fn json(answer: &Answer) -> serde_json::Value {
        serde_json::to_value(answer).unwrap()
    }

    /// Folds the stream of a whole answer.
    fn fold(whole: &Whole) -> Outcome<Answer> {
        let mut session = whole.session(Options::default());
        let _ = session.feed(&whole.stream);
        whole.outcome(session)
    }

    /// The API, the body, the text, the end, the output tokens and the number of calls.
    type Row = (Api, &'static str, &'static str, &'static str, Option<u64>, usize);

    /// Whole answers of each API.
    const ANSWERS: &[Row] = &[
        (
            Api::Chat,
            r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
            "message":{"role":"assistant","content":"Hi","reasoning_content":"Hm","tool_calls":[{
            "id":"t","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
            "finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":7}}"#,
            "Hi",
            "done",
            Some(7),
            1,
        ),
        (
            Api::Completions,
            r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"Hi",
            "finish_reason":"length"}],"usage":{"completion_tokens":3}}"#,
            "Hi",
            "done",
            Some(3),
            0,
        ),
        (
            Api::Responses,
            r#"{"id":"r","object":"response","status":"completed","model":"m","output":[
            {"type":"message","id":"i","role":"assistant","status":"completed","content":[
            {"type":"output_text","text":"Hi","annotations":[]}]},
            {"type":"function_call","id":"f","call_id":"t","name":"f","arguments":"{}",
            "status":"completed"}],"usage":{"input_tokens":2,"output_tokens":9}}"#,
            "Hi",
            "done",
            Some(9),
            1,
        ),
        (
            Api::Messages,
            r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[
            {"type":"thinking","thinking":"Hm","signature":"s"},{"type":"text","text":"Hi"},
            {"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use",
            "stop_sequence":null,"usage":{"input_tokens":2,"output_tokens":9}}"#,
            "Hi",
            "done",
            Some(9),
            1,
        ),
        (
            Api::Gemini,
            r#"{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Hi"},
            {"functionCall":{"name":"f","args":{"a":1}}}]},"finishReason":"STOP"}],
            "usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":5},"modelVersion":"m"}"#,
            "Hi",
            "done",
            Some(5),
            1,
        ),
        (
            Api::Interactions,
            r#"{"id":"v","object":"interaction","status":"completed","steps":[
            {"type":"model_output","content":[{"type":"text","text":"Hi"}]}],
            "usage":{"total_output_tokens":4}}"#,
            "Hi",
            "done",
            Some(4),
            0,
        ),
        (
            Api::Ollama,
            r#"{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,
            "done_reason":"stop","prompt_eval_count":2,"eval_count":6}"#,
            "Hi",
            "done",
            Some(6),
            0,
        ),
    ];

    #[test]
    fn the_stream_of_a_whole_answer_is_folded_to_the_answer() {
        for &(api, body, text, end, output, calls) in ANSWERS {
            for named in [None, Some(api)] {
                let whole = Whole::read(named, body.as_bytes()).unwrap();
                assert_eq!((whole.api, whole.answer.api()), (api, Some(api)));
                assert_eq!(whole.answer.text(), text, "{api}");
                let mut session = whole.session(Options::default());
                let (mut input, mut done) = (&whole.stream[..], 0);
                while session.advance(&mut input).unwrap() {
                    let is_done = |change: &deltawire::Change<'_>| {
                        matches!(change, deltawire::Change::ToolCallDone { .. })
                    };
                    done += session.update().changes().filter(is_done).count();
                }
                let outcome = whole.outcome(session);
                assert_eq!(outcome.end.name(), end, "{api}");
                assert_eq!(json(&outcome.answer), json(&whole.answer), "{api}");
                assert_eq!(outcome.usage.and_then(|usage| usage.output), output, "{api}");
                assert_eq!(outcome.anomalies, [], "{api}");
                assert_eq!(done, calls, "{api}");
            }
        }
    }

    #[test]
    fn the_recorded_answers_are_whole_answers() {
        let mut count = 0;
        for recording in recordings::all() {
            let Some(body) = &recording.answer else { continue };
            let whole = Whole::read(crate::input::api(recording), body.body.as_bytes()).unwrap();
            let outcome = fold(&whole);
            assert_eq!(json(&outcome.answer), json(&whole.answer), "{}", recording.name);
            assert!(outcome.is_complete(), "{}: {}", recording.name, outcome.end);
            count += 1;
        }
        assert!(count >= 5);
    }

    #[test]
    fn an_answer_that_is_not_complete_is_not_made_one() {
        for (body, end) in [
            (
                r#"{"choices":[{"index":0,"message":{"content":"Hi"}}]}"#,
                "done_without_finish_reason",
            ),
            (r#"{"object":"response","status":"queued","output":[]}"#, "truncated"),
            (
                r#"{"object":"response","status":"failed","output":[],"error":{"message":"no"}}"#,
                "error",
            ),
            (r#"{"object":"interaction","status":"in_progress","steps":[]}"#, "truncated"),
            (r#"{"model":"m","message":{"content":"Hi"},"done":false}"#, "truncated"),
            (r#"{"type":"message","content":[],"stop_reason":null}"#, "done_without_finish_reason"),
        ] {
            let whole = Whole::read(None, body.as_bytes()).unwrap();
            assert_eq!(fold(&whole).end.name(), end, "{body}");
        }
    }

    #[test]
    fn a_body_with_events_or_one_that_is_too_long_is_given_up() {
        let mut body = Beginning::default();
        body.keep(b"{", false);
        body.keep(b"}", false);
        assert_eq!((body.whole(), body.shown()), (&b"{}"[..], &b"{}"[..]));
        body.keep(b"x", true);
        body.keep(b"{}", false);
        assert_eq!((body.whole(), body.shown()), (&b""[..], &b""[..]));

        let mut body = Beginning::default();
        body.keep(&vec![b'a'; MOST], false);
        assert_eq!((body.whole().len(), body.shown().len()), (MOST, SHOWN));
        body.keep(b"b", false);
        body.keep(b"{}", false);
        assert_eq!((body.whole(), body.shown()), (&b""[..], &vec![b'a'; SHOWN][..]));
        assert_eq!(body.bytes.capacity(), SHOWN);
    }

    #[test]
    fn other_bodies_are_no_answers() {
        for body in [
            "",
            "<html></html>",
            "[]",
            "{}",
            "{\"object\":\"chat.completion\",",
            r#"{"error":{"message":"no"}}"#,
            r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#,
            r#"{"object":"list","data":[{"object":"embedding","embedding":[0.5]}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Hi"}}]}"#,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"no"}}"#,
            "[{\"candidates\":[]}]",
        ] {
            assert!(Whole::read(None, body.as_bytes()).is_none(), "{body}");
        }
        let (_, body, ..) = ANSWERS[0];
        assert!(Whole::read(Some(Api::Messages), body.as_bytes()).is_none());
    }
}
