//! The interaction: what the API returns without `stream`.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::engine::TokenCounts;
use crate::error::{ApiError, Error};
use crate::json::{RawValue, Unknown, deserialize_by};
use crate::save::saved_variants;

/// An interaction of Gemini's Interactions API.
///
/// It serialises to the API's JSON, with every member that arrived.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Interaction {
    /// The steps, in order; in JSON of an older revision they are `outputs`.
    pub steps: Vec<Step>,
    /// The other members: `id`, `status`, `model`, `usage` and what the request said.
    pub members: Unknown<'static>,
    /// The steps are contents, as in revisions before May 2026.
    are_contents: bool,
    /// The place in the stream, which is no member of the answer.
    last_event_id: Option<String>,
}

/// The name of the list of steps.
const STEPS: &str = "steps";

/// The name of the list in revisions before May 2026.
const OUTPUTS: &str = "outputs";

impl Interaction {
    pub(super) fn new(
        steps: Vec<Step>,
        members: Unknown<'static>,
        are_contents: bool,
        last_event_id: Option<String>,
    ) -> Self {
        Self { steps, members, are_contents, last_event_id }
    }

    /// Reads the body of an interaction that was not streamed, and keeps every member.
    ///
    /// The cost is linear in the body.
    ///
    /// # Errors
    /// Fails if the body is not JSON, is not an object, or is an error body.
    pub fn from_json(body: &str) -> Result<Self, Error> {
        let value = match RawValue::parse(body) {
            Ok(value) if value.is_object() => value,
            Ok(value) => {
                // Google sends an array around its errors.
                let error = ApiError::of(&value).map(|error| Error::Api(error.into()));
                return Err(error.unwrap_or_else(|| Error::invalid_chunk(&"no JSON object", body)));
            }
            Err(error) => return Err(Error::invalid_json(&error, body)),
        };
        let mut interaction = Self::default();
        let list = if value.member(STEPS).is_some() { STEPS } else { OUTPUTS };
        let _ = value.find_member(|name, value| {
            let value = value.unwrap_or_else(|| RawValue::within("null", false)).into_owned();
            if name == list && value.is_array() {
                let steps = value.elements().map(RawValue::into_owned);
                interaction.steps = steps.map(Step::new).collect();
                interaction.are_contents = list == OUTPUTS;
            } else {
                interaction.members.set(Cow::Owned(name.into()), value);
            }
            None::<()>
        });
        if interaction.steps.is_empty() && interaction.members.get("status").is_none() {
            if let Some(error) = ApiError::from_body(body) {
                return Err(Error::Api(error.into()));
            }
        }
        Ok(interaction)
    }

    /// Returns the ID, which is empty if the interaction is not stored.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'_, str>> {
        self.members.get("id")?.as_str()
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> Option<Cow<'_, str>> {
        self.members.get("model")?.as_str()
    }

    /// Returns the status: `completed`, `requires_action`, `incomplete`, `failed` and others.
    #[must_use]
    pub fn status(&self) -> Option<Cow<'_, str>> {
        self.members.get("status")?.as_str()
    }

    /// Returns the text that a person reads: that of all steps, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.steps.iter().map(Step::text).collect()
    }

    /// Returns the summaries of the model's thoughts, one after the other.
    #[must_use]
    pub fn reasoning(&self) -> String {
        self.steps.iter().map(Step::reasoning).collect()
    }

    /// Returns the calls of functions, which the caller has to answer.
    pub fn tool_calls(&self) -> impl Iterator<Item = ToolCall<'_>> {
        self.steps.iter().filter_map(Step::tool_call)
    }

    /// Returns the token counts.
    ///
    /// The output has the thoughts too, which Google counts apart.
    #[must_use]
    pub fn token_counts(&self) -> Option<TokenCounts> {
        self.members.get("usage").and_then(token_counts)
    }

    /// Returns the ID of the last event that had one.
    ///
    /// A stored stream goes on after it, if the request
    /// `GET /v1beta/interactions/{id}?stream=true` has it as `last_event_id`. It is no member of
    /// the JSON.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// Returns the steps as a part of the next request's `input`, each as it was sent.
    ///
    /// It is for interactions that are not stored. Steps that carry a `signature` have to go back
    /// as they are.
    #[must_use]
    pub fn to_input(&self) -> Vec<RawValue<'static>> {
        self.steps.iter().map(|step| step.0.clone()).collect()
    }
}

/// Compares the answers. The place in the stream does not count.
impl PartialEq for Interaction {
    fn eq(&self, other: &Self) -> bool {
        let same_list = self.are_contents == other.are_contents || self.steps.is_empty();
        self.steps == other.steps && self.members == other.members && same_list
    }
}

impl Serialize for Interaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len() + 1))?;
        map.serialize_entry(if self.are_contents { OUTPUTS } else { STEPS }, &self.steps)?;
        for (name, value) in self.members.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

deserialize_by!(Interaction, "an interaction", Interaction::from_json);

/// A step of an interaction, as its JSON object.
///
/// Every member is there as it was sent, also of types that no SDK knows.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct Step(RawValue<'static>);

impl Step {
    pub(super) fn new(value: RawValue<'static>) -> Self {
        Self(value)
    }

    /// Returns the type: `thought`, `model_output`, `function_call` and many others.
    #[must_use]
    pub fn step_type(&self) -> String {
        self.string("type").unwrap_or_default()
    }

    /// Returns the member of this name.
    ///
    /// The cost is linear in the step.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RawValue<'_>> {
        self.0.member(name)
    }

    /// Returns the step as JSON text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    fn string(&self, name: &str) -> Option<String> {
        Some(self.get(name)?.as_str()?.into_owned())
    }

    /// Returns the text that the model wrote, empty for a thought, an input or a result.
    #[must_use]
    pub fn text(&self) -> String {
        match Kind::of(&self.step_type()) {
            Kind::Thought | Kind::Input | Kind::Result => String::new(),
            Kind::Output | Kind::Call | Kind::ServerCall | Kind::Code => self.texts("content"),
        }
    }

    /// Returns the summary of a thought, empty for any other step.
    #[must_use]
    pub fn reasoning(&self) -> String {
        if Kind::of(&self.step_type()) == Kind::Thought {
            self.texts("summary") + &self.texts("content")
        } else {
            String::new()
        }
    }

    /// Returns the texts of a list, and the step's own if it is a content.
    fn texts(&self, list: &str) -> String {
        let own = self.string("text").filter(|_| list == "content").unwrap_or_default();
        let Some(parts) = self.get(list) else { return own };
        let parts = parts.elements().filter_map(|part| {
            let [part_type, text] = part.members(["type", "text"]);
            Some(
                text.filter(|_| part_type.is_some_and(|own| own == "text"))?.as_str()?.into_owned(),
            )
        });
        own + &parts.collect::<String>()
    }

    /// Returns the call that the step is, if it is one of a function.
    #[must_use]
    pub fn tool_call(&self) -> Option<ToolCall<'_>> {
        let is_call = self.step_type() == "function_call";
        is_call.then(|| ToolCall {
            step: self,
            id: self.string("id").filter(|id| !id.is_empty()),
            name: self.string("name").unwrap_or_default(),
            arguments: self.get("arguments").map_or_else(String::new, |arguments| {
                // Arguments that were cut are a string.
                arguments.as_str().unwrap_or_else(|| arguments.to_compact()).into_owned()
            }),
        })
    }
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall<'a> {
    /// The step that it was read from.
    pub step: &'a Step,
    /// The ID, to be sent back as the `call_id` of the function's result.
    pub id: Option<String>,
    /// The name of the function.
    pub name: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

/// The kinds of steps that are folded differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// Output of the model, and a step of a type that is not known.
    #[default]
    Output,
    Thought,
    /// A call of a function, which the caller has to answer.
    Call,
    /// A call of one of Google's tools.
    ServerCall,
    /// A call that runs code.
    Code,
    /// The result of a tool.
    Result,
    /// The caller's input.
    Input,
}

/// The tools whose calls and results are steps, or deltas that are whole.
const TOOLS: [&str; 10] = [
    "function",
    "code_execution",
    "url_context",
    "google_search",
    "google_maps",
    "file_search",
    "mcp_server_tool",
    "retrieval",
    "tool_search",
    "processing",
];

saved_variants!(Kind {
    Output = 0,
    Thought = 1,
    Call = 2,
    ServerCall = 3,
    Code = 4,
    Result = 5,
    Input = 6,
});

impl Kind {
    /// Returns the kind of a step or of a content of this type.
    pub(super) fn of(step_type: &str) -> Self {
        match step_type {
            "thought" => Self::Thought,
            "function_call" => Self::Call,
            "code_execution_call" => Self::Code,
            "user_input" => Self::Input,
            other if other.ends_with("_call") => Self::ServerCall,
            other if other.ends_with("_result") => Self::Result,
            _ => Self::Output,
        }
    }

    /// Returns the kind of a delta that is the whole call or result of a known tool.
    pub(super) fn of_whole(delta_type: &str) -> Option<Self> {
        let tool = delta_type.strip_suffix("_call").or(delta_type.strip_suffix("_result"))?;
        TOOLS.contains(&tool).then(|| Self::of(delta_type))
    }
}

/// Returns the token counts of a usage object.
pub(super) fn token_counts(usage: &RawValue<'_>) -> Option<TokenCounts> {
    if !usage.is_object() {
        return None;
    }
    let counts = usage.members([
        "total_input_tokens",
        "total_tool_use_tokens",
        "total_output_tokens",
        "total_thought_tokens",
        "total_tokens",
        "total_cached_tokens",
    ]);
    let [input, tools, output, thought, total, cached] =
        counts.map(|count| count.as_ref().and_then(RawValue::as_count));
    Some(TokenCounts {
        // Google counts what its tools read apart, as in generateContent.
        input: match (input, tools) {
            (None, None) => None,
            (input, tools) => Some(input.unwrap_or(0).saturating_add(tools.unwrap_or(0))),
        },
        // Google's output is without the thoughts.
        output: match (output, thought) {
            (None, None) => None,
            _ => Some(output.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
        },
        total,
        cached,
        reasoning: thought,
    })
}
