//! The answer of a recorded stream, for requests that do not want it streamed.

use deltawire::{Dialect, End, How, Options, Outcome, Session, any, chat, completions};
use serde::Serialize;

use crate::recording::{Ending, Endpoint, Recording};

/// Returns the JSON of the completion that the stream amounts to.
///
/// The error says why there is no completion, if the stream did not come to its end.
pub(crate) fn answer(recording: &Recording) -> Result<String, String> {
    match recording.endpoint {
        Endpoint::Chat => whole(&fold(chat::Session::new(), recording)),
        Endpoint::Completion => whole(&fold(completions::Session::new(), recording)),
        Endpoint::Responses | Endpoint::Messages | Endpoint::Gemini | Endpoint::Other => {
            whole(&fold(any::session(None, Options::new()), recording))
        }
    }
}

fn fold<D: Dialect>(mut session: Session<D>, recording: &Recording) -> Outcome<D::Answer> {
    // An error ends the stream, and is part of its outcome.
    let _ = session.feed(&recording.body());
    session.close(match recording.end.map(|end| end.how) {
        Some(Ending::Cut | Ending::Reset | Ending::Left) => {
            How::broken("the recording ends here", false)
        }
        _ => How::Clean,
    })
}

/// Returns the completion if a server would have had it.
///
/// A server that had not come to the end would not. One that said `[DONE]` would, even without a
/// finish reason.
fn whole<C: Serialize>(outcome: &Outcome<C>) -> Result<String, String> {
    match outcome.end {
        End::Done | End::DoneWithoutSentinel | End::DoneWithoutFinishReason => {
            serde_json::to_string(&outcome.answer).map_err(|error| error.to_string())
        }
        end => Err(format!("its stream ended as {}", end.name())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::recordings;

    #[test]
    fn a_stream_folds_to_the_answer_that_was_recorded_beside_it() {
        for (name, text) in [
            ("count-to-100", "/choices/0/message/content"),
            ("smollm2-sky", "/choices/0/message/content"),
            ("smollm2-completion", "/choices/0/text"),
            ("count-legacy", "/choices/0/text"),
        ] {
            let recording = recordings::find(name).unwrap();
            let recorded: Value =
                serde_json::from_str(&recording.answer.as_ref().unwrap().body).unwrap();
            let folded: Value = serde_json::from_str(&answer(recording).unwrap()).unwrap();
            for member in
                [text, "/object", "/model", "/choices/0/finish_reason", "/choices/0/index"]
            {
                assert_eq!(folded.pointer(member), recorded.pointer(member), "{name} {member}");
            }
        }
    }

    #[test]
    fn a_stream_that_did_not_come_to_its_end_has_no_answer() {
        for (name, why) in [
            ("tiny-killed", "its stream ended as truncated"),
            ("lcp-empty", "its stream ended as empty"),
            ("lcp-empty-cut", "its stream ended as truncated"),
            ("litellm-dead-backend", "its stream ended as not_an_event_stream"),
        ] {
            assert_eq!(answer(recordings::find(name).unwrap()).unwrap_err(), why, "{name}");
        }
        for name in ["lcp-interrupted", "litellm-n2", "tiny-tools"] {
            assert!(answer(recordings::find(name).unwrap()).is_ok(), "{name}");
        }
    }
}
