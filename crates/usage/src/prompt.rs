//! Requests: asking the server for usage, and counting the prompt.

use serde_json::{Value, json};

use crate::vocabulary::Vocabulary;

/// Asks the server for its token counts.
///
/// Sets `stream_options.include_usage` of a streamed request, unless the request sets it already. A
/// request that is not streamed is left unchanged: OpenAI refuses `stream_options` there, and the
/// answer has the counts anyway.
pub fn include_usage(request: &mut Value) {
    let Some(members) =
        request.as_object_mut().filter(|members| members.get("stream") == Some(&Value::Bool(true)))
    else {
        return;
    };
    let options = members.entry("stream_options").or_insert(Value::Null);
    if options.is_null() {
        *options = json!({});
    }
    if let Some(options) = options.as_object_mut() {
        options.entry("include_usage").or_insert(Value::Bool(true));
    }
}

/// Returns the tokens of a request's prompt, by OpenAI's published recipe.
///
/// The prompt is `messages` and `tools` of a chat completion, or `prompt` of a legacy one. The
/// recipe is "How to count tokens with tiktoken" in OpenAI's Cookbook:
///
/// - Each message costs 3 tokens and the tokens of its strings (role, content, name and so on). A
///   `name` costs 1 more. The reply is primed with 3. For `gpt-3.5-turbo-0301` a message costs 4,
///   and a name 1 less, because it takes the role's place.
/// - Each tool costs 7 (`o200k_base`) or 10 (`cl100k_base`) and the tokens of `name:description`.
///   Having properties costs 3, and each of them 3 and the tokens of `name:type:description`. An
///   `enum` takes 3 off, and each of its items adds 3 and its tokens. All tools together cost 12.
///   The last full stop of a description is left out.
///
/// The result is an estimate. The recipe is for text, and OpenAI says that a model may change how
/// it counts. The recipe does not mention images, audio, nested properties and `response_format`,
/// which are not counted; tool calls in earlier messages, whose names and arguments are counted as
/// text; and models with hidden instructions of their own.
///
/// A member that is missing or has the wrong type counts nothing. A legacy prompt that is a list of
/// token numbers counts those.
#[must_use]
pub fn prompt_tokens(vocabulary: Vocabulary, request: &Value) -> u64 {
    let recipe = Recipe {
        vocabulary,
        first: request.get("model").and_then(Value::as_str) == Some("gpt-3.5-turbo-0301"),
    };
    match (request.get("messages").and_then(Value::as_array), request.get("prompt")) {
        (Some(messages), _) => {
            let tools = request
                .get("tools")
                .and_then(Value::as_array)
                .map_or(0, |tools| recipe.tools(tools));
            recipe.messages(messages) + tools
        }
        (None, Some(prompt)) => recipe.legacy(prompt),
        (None, None) => 0,
    }
}

struct Recipe {
    vocabulary: Vocabulary,
    /// The model is the first chat model, gpt-3.5-turbo-0301.
    first: bool,
}

impl Recipe {
    fn messages(&self, messages: &[Value]) -> u64 {
        3 + messages.iter().map(|message| self.message(message)).sum::<u64>()
    }

    fn message(&self, message: &Value) -> u64 {
        let Some(members) = message.as_object() else { return 0 };
        let mut count = if self.first { 4 } else { 3 };
        for (name, value) in members {
            match (name.as_str(), value) {
                ("name", Value::String(text)) if self.first => {
                    count += self.count(text).saturating_sub(1);
                }
                ("name", Value::String(text)) => count += self.count(text) + 1,
                (_, Value::String(text)) => count += self.count(text),
                ("content", Value::Array(parts)) => {
                    count += parts
                        .iter()
                        .filter_map(|part| part.get("text"))
                        .map(|text| self.text(text))
                        .sum::<u64>();
                }
                ("tool_calls", Value::Array(calls)) => {
                    count += calls
                        .iter()
                        .filter_map(|call| call.get("function"))
                        .map(|call| self.call(call))
                        .sum::<u64>();
                }
                ("function_call", call) => count += self.call(call),
                _ => {}
            }
        }
        count
    }

    fn call(&self, call: &Value) -> u64 {
        self.text(&call["name"]) + self.text(&call["arguments"])
    }

    fn tools(&self, tools: &[Value]) -> u64 {
        let each = match self.vocabulary {
            Vocabulary::O200kBase => 7,
            Vocabulary::Cl100kBase => 10,
        };
        let functions: Vec<&Value> = tools.iter().filter_map(|tool| tool.get("function")).collect();
        let all = if functions.is_empty() { 0 } else { 12 };
        all + functions.iter().map(|function| each + self.function(function)).sum::<u64>()
    }

    fn function(&self, function: &Value) -> u64 {
        let mut count =
            self.count(&format!("{}:{}", string(&function["name"]), description(function)));
        let Some(properties) =
            function["parameters"]["properties"].as_object().filter(|all| !all.is_empty())
        else {
            return count;
        };
        count += 3;
        for (name, property) in properties {
            count += 3 + self.count(&format!(
                "{name}:{}:{}",
                string(&property["type"]),
                description(property)
            ));
            if let Some(items) = property["enum"].as_array() {
                count += items.iter().map(|item| 3 + self.count(&string(item))).sum::<u64>();
                count -= 3;
            }
        }
        count
    }

    /// Counts a text, several texts, the token numbers of a text, or several of those.
    fn legacy(&self, prompt: &Value) -> u64 {
        match prompt {
            Value::String(text) => self.count(text),
            Value::Number(_) => 1,
            Value::Array(prompts) => prompts.iter().map(|prompt| self.legacy(prompt)).sum(),
            _ => 0,
        }
    }

    fn text(&self, value: &Value) -> u64 {
        value.as_str().map_or(0, |text| self.count(text))
    }

    fn count(&self, text: &str) -> u64 {
        self.vocabulary.count(text)
    }
}

/// Returns a string itself, nothing for null, and any other value as JSON.
fn string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn description(described: &Value) -> &str {
    let text = described["description"].as_str().unwrap_or_default();
    text.strip_suffix('.').unwrap_or(text)
}
