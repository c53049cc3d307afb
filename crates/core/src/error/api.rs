//! An error in a server's words.

use alloc::string::String;
use core::fmt;

use super::escaped::Escaped;
use crate::json::{RawValue, repair};

/// An error in a server's words: an error body, or an error in the stream.
///
/// Servers and proxies agree on no shape, so the usual members are looked for where they may stand,
/// and the whole object is kept beside them: [`body`](Self::body).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The server's message. If it gives none, the error as JSON.
    pub message: String,
    /// OpenAI's `type`, as sent (`invalid_request_error`, …), or `error_type`.
    pub error_type: Option<RawValue<'static>>,
    /// The parameter of the request that is at fault.
    pub param: Option<RawValue<'static>>,
    /// The code.
    ///
    /// OpenAI sends a text (`context_length_exceeded`), llama.cpp a number. If there is none, it is
    /// the `status_code`, or a `status` that is a number.
    pub code: Option<RawValue<'static>>,
    body: Option<RawValue<'static>>,
}

impl ApiError {
    /// Reads an error body. Returns `None` if `body` is not one.
    ///
    /// An error body is an object that says so, as an event of a stream may (`error`, `errors`,
    /// `error_message`, `"object":"error"`, a `code` of 400 or more with a message), one that
    /// describes the error itself, with `message` or with FastAPI's `detail`, or an array around
    /// one of these.
    #[must_use]
    pub fn from_body(body: &str) -> Option<Self> {
        let body = RawValue::parse(body).ok()?;
        let elements = body.elements();
        let object = elements.first().unwrap_or(&body);
        let is_bare = || says(object, "message") || says(object, "detail");
        let error = Self::of(object).or_else(|| is_bare().then(|| Self::described(object)))?;
        Some(error.with_body(&body))
    }

    /// Returns the whole JSON that the error came in, with every member.
    ///
    /// Returns `None` if it was not JSON: the text is the message then. What OpenRouter calls
    /// `metadata`, Groq `failed_generation` and Google `details` stands here.
    #[must_use]
    pub fn body(&self) -> Option<&RawValue<'static>> {
        self.body.as_ref()
    }

    /// Returns the error that a value is, if it says that it is one. An array may be around it.
    ///
    /// Looks at the value's own members, and where the rules of an API put an error: in a choice,
    /// in Groq's `x_groq`, in the `data` that a gateway wraps an object in.
    pub(crate) fn of(value: &RawValue<'_>) -> Option<Self> {
        let elements = value.elements();
        if let Some(error) = elements.iter().find_map(|element| Self::in_object(element)) {
            return Some(error.with_body(value));
        }
        Self::in_object(value)
    }

    fn in_object(object: &RawValue<'_>) -> Option<Self> {
        let inside = Self::of_object(object);
        inside.or_else(|| {
            // Not below a chunk, and one level deep.
            let data = object.member("data").filter(|_| object.member("choices").is_none())?;
            Some(Self::of_object(&data)?.with_body(object))
        })
    }

    fn of_object(object: &RawValue<'_>) -> Option<Self> {
        if says_itself(object) {
            return Some(Self::described(object));
        }
        let of_choice = || {
            let choices = object.member("choices")?;
            let choices = choices.elements();
            let error =
                choices.iter().find_map(|choice| choice.member("error").filter(is_error))?;
            Some(Self::from_value(&error))
        };
        let of_groq = || {
            let groq = object.member("x_groq")?;
            Some(Self::from_value(&groq.member("error").filter(is_error)?))
        };
        Some(of_choice().or_else(of_groq)?.with_body(object))
    }

    /// Reads an object that is known to be an error: around the error, or the error itself.
    ///
    /// Looks no deeper than one member.
    pub(crate) fn described(object: &RawValue<'_>) -> Self {
        let inner = object.member("error").filter(is_error);
        let error = match inner {
            Some(error) => Self::from_value(&error),
            None => {
                // Cloudflare's `{"success":false,"errors":[{"code":…,"message":…}]}`.
                let errors = object.member("errors");
                let errors = errors.as_ref().map(RawValue::elements).unwrap_or_default();
                match errors.first() {
                    Some(error) => Self::from_value(error),
                    None => return Self::bare(object).with_body(object),
                }
            }
        };
        error.completed_by(Self::bare(object), object).with_body(object)
    }

    /// Takes what the error cannot say from the members beside it.
    ///
    /// `{"error":"Not Found","message":"Cannot POST /v1"}`, `{"error":500,"message":"…"}`.
    fn completed_by(mut self, beside: Self, object: &RawValue<'_>) -> Self {
        if self.is_code_only() && message_of(object).is_some() {
            self.message = beside.message;
        }
        self.error_type = self.error_type.or(beside.error_type);
        self.param = self.param.or(beside.param);
        self.code = self.code.or(beside.code);
        self
    }

    /// Reads the value of an `error` member: an object, a text or a code.
    pub(crate) fn from_value(value: &RawValue<'_>) -> Self {
        if value.is_object() {
            return Self::bare(value).with_body(value);
        }
        let code = value.as_string().is_none() && !value.is_array() && value.as_str() != "true";
        let message = if code {
            alloc::format!("error {}", value.as_str())
        } else {
            value.to_text().into_owned()
        };
        let code = code.then(|| value.clone().into_owned());
        Self { message, error_type: None, param: None, code, body: None }.with_body(value)
    }

    /// Reads the data of an event named `error`, in any form.
    pub(crate) fn from_data(data: &str) -> Self {
        let repaired = repair(data);
        let repaired = repaired.as_ref().map(|repaired| &*repaired.text);
        let value = RawValue::parse(data).ok();
        match value.or_else(|| RawValue::parse(repaired?).ok()) {
            Some(value) if value.is_object() => Self::described(&value),
            Some(value) => Self::of(&value).unwrap_or_else(|| Self::from_value(&value)),
            None => Self {
                message: data.trim().into(),
                error_type: None,
                param: None,
                code: None,
                body: None,
            },
        }
    }

    fn with_body(self, body: &RawValue<'_>) -> Self {
        Self { body: Some(body.clone().into_owned()), ..self }
    }

    /// Reports whether nothing is known but a code, or that something went wrong.
    fn is_code_only(&self) -> bool {
        self.message == "true"
            || self
                .code
                .as_ref()
                .is_some_and(|code| self.message == alloc::format!("error {}", code.as_str()))
    }

    /// Reads an object whose members are the error's.
    fn bare(object: &RawValue<'_>) -> Self {
        let owned = |name| object.member(name).map(RawValue::into_owned);
        let status = || owned("status").filter(|status| status.as_u64().is_some());
        Self {
            message: message_of(object)
                .unwrap_or_else(|| object.clone().into_owned().as_str().into()),
            error_type: owned("type").or_else(|| owned("error_type")),
            param: owned("param"),
            code: owned("code").or_else(|| owned("status_code")).or_else(status),
            body: None,
        }
    }
}

/// Reports whether an object says of itself that it is an error.
fn says_itself(object: &RawValue<'_>) -> bool {
    if !object.is_object() {
        return false;
    }
    ["error", "errors", "error_message", "error_type"].into_iter().any(|name| says(object, name))
        || object.member("object").is_some_and(|kind| kind.to_text() == "error")
        || is_failure(object)
}

/// Reports whether an object has a status of a failed request, a message, and no choices.
fn is_failure(object: &RawValue<'_>) -> bool {
    let is_failed = |name: &&str| {
        let number = object.member(name).and_then(|value| match value.as_string() {
            Some(text) => text.to_text().parse().ok(),
            None => value.as_u64(),
        });
        number.is_some_and(|number| number >= 400)
    };
    object.member("choices").is_none()
        && ["code", "status", "status_code"].iter().any(is_failed)
        && message_of(object).is_some()
}

/// Returns the message among the members of an object: a text, or the first of a list.
///
/// The last two names are FastAPI's, whose list has an entry for each invalid parameter.
fn message_of(object: &RawValue<'_>) -> Option<String> {
    let names = ["message", "error_message", "msg", "detail"];
    let message = names.into_iter().find_map(|name| object.member(name).filter(is_error))?;
    let elements = message.elements();
    let said = match elements.first() {
        Some(first) => ["msg", "message"].into_iter().find_map(|name| first.member(name)),
        None => message.member("message"),
    };
    Some(said.as_ref().unwrap_or(&message).to_text().into_owned())
}

fn says(object: &RawValue<'_>, name: &str) -> bool {
    object.member(name).is_some_and(|value| is_error(&value))
}

/// Reports whether the value of an `error` member stands for an error.
pub(crate) fn is_error(value: &RawValue<'_>) -> bool {
    !matches!(value.as_str(), "null" | "false" | "\"\"")
        && !(matches!(value.as_str().as_bytes(), [b'{' | b'[', .., b'}' | b']'])
            && value.elements().is_empty()
            && value.members().is_empty())
}

/// Displays the message with type, parameter and code, and the first of the error's other members.
///
/// Each is shortened in its middle.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped::new(&self.message))?;
        let mut separator = " (";
        for (name, value) in
            [("type", &self.error_type), ("param", &self.param), ("code", &self.code)]
        {
            if let Some(value) = value {
                write!(f, "{separator}{name} {}", Escaped::new(value.as_str()).at_most(80))?;
                separator = ", ";
            }
        }
        for (name, value) in self.others().into_iter().take(3) {
            let (name, value) = (Escaped::new(&name).at_most(32), Escaped::new(value.as_str()));
            write!(f, "{separator}{name} {}", value.at_most(120))?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl ApiError {
    /// Returns the members of the error that are shown nowhere else.
    fn others(&self) -> alloc::vec::Vec<(String, RawValue<'static>)> {
        const SHOWN: [&str; 8] =
            ["message", "error_message", "msg", "detail", "type", "error_type", "param", "code"];
        // What a chunk has, and what only says that this is an error.
        const OF_A_CHUNK: [&str; 9] =
            ["id", "object", "created", "model", "choices", "usage", "error", "errors", "success"];
        let Some(body) = &self.body else { return alloc::vec::Vec::new() };
        let elements = body.elements();
        let object = elements.first().unwrap_or(body);
        let inner = object.member("error").filter(RawValue::is_object);
        let members = inner.as_ref().unwrap_or(object).members();
        let is_new = |(name, value): &(String, RawValue<'_>)| {
            let name = name.as_str();
            is_error(value)
                && !SHOWN.contains(&name)
                && !OF_A_CHUNK.contains(&name)
                && self.code.as_ref() != Some(value)
        };
        // An error without a message is its own JSON.
        let is_shown = inner.as_ref().unwrap_or(object).as_str() == self.message;
        let members = members.into_iter().filter(|member| !is_shown && is_new(member));
        members.map(|(name, value)| (name, value.into_owned())).collect()
    }
}

impl core::error::Error for ApiError {}
