//! An error in a server's words.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::Serialize;

use super::escaped::{Escaped, beginning, evidence};
use crate::json::{RawValue, repair};
use crate::save::saved;

/// An error in a server's words: an error body, or an error in the stream.
///
/// Servers and proxies use many shapes. So the usual members are searched in every place where they
/// may stand, and [`body`](Self::body) keeps the whole object.
///
/// It serialises as `{"message", "type", "param", "code"}`, with null for what the server did not
/// send. [`Error`](crate::Error) and [`Refused`](crate::Refused) write the whole object beside it.
///
/// ```
/// use deltawire::ApiError;
///
/// let body = r#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
/// let error = ApiError::from_body(body).unwrap();
/// assert!(error.is_code("context_length_exceeded"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApiError {
    /// The server's message.
    ///
    /// If the server gives none, it is the error as JSON. A message of more than [`ApiError::MAX`]
    /// bytes is shortened in its middle.
    pub message: String,
    /// OpenAI's `type`, as sent (`invalid_request_error`, …), or `error_type`.
    #[serde(rename = "type")]
    pub error_type: Option<RawValue<'static>>,
    /// The parameter of the request that is at fault.
    pub param: Option<RawValue<'static>>,
    /// The code.
    ///
    /// OpenAI sends a text (`context_length_exceeded`), llama.cpp a number. If there is none, it is
    /// the `status_code`, or a `status` that is a number.
    pub code: Option<RawValue<'static>>,
    #[serde(skip)]
    body: Option<RawValue<'static>>,
}

impl ApiError {
    /// The largest number of bytes kept of the message, of each other member and of the body.
    ///
    /// A longer member or body is left out.
    pub const MAX: usize = 64 << 10;

    /// Reads an error body.
    ///
    /// Returns `None` if `body` is not one.
    ///
    /// An error body is one of these: an object that has `error`, `errors`, `error_message`,
    /// `"object":"error"`, or a `code` of 400 or more with a message; an object with `message` or
    /// with FastAPI's `detail`; or an array around such an object.
    #[must_use]
    pub fn from_body(body: &str) -> Option<Self> {
        let body = RawValue::parse(body).ok()?;
        let read = |value: &RawValue<'_>| {
            let object = Object::new(value)?;
            let is_bare = || object.says("message") || object.says("detail");
            object.error().or_else(|| is_bare().then(|| object.described()))
        };
        let error = read(&body).or_else(|| body.elements().find_map(|element| read(&element)))?;
        Some(error.with_body(&body))
    }

    /// Returns the code as text.
    ///
    /// A number is returned as its digits.
    ///
    /// OpenAI's codes are in its guide "Error codes": `context_length_exceeded`,
    /// `rate_limit_exceeded`, `insufficient_quota` and others.
    #[must_use]
    pub fn code(&self) -> Option<Cow<'_, str>> {
        self.code.as_ref().map(RawValue::to_text)
    }

    /// Reports whether this is the code, as a text or as a number.
    #[must_use]
    pub fn is_code(&self, code: &str) -> bool {
        self.code().is_some_and(|sent| sent == code)
    }

    /// Returns the `type` as text.
    #[must_use]
    pub fn error_type(&self) -> Option<Cow<'_, str>> {
        self.error_type.as_ref().map(RawValue::to_text)
    }

    /// Returns the request's parameter that is at fault, as text.
    #[must_use]
    pub fn param(&self) -> Option<Cow<'_, str>> {
        self.param.as_ref().map(RawValue::to_text)
    }

    /// Returns the whole JSON that the error arrived in, with every member.
    ///
    /// Returns `None` if it was not JSON; the message then is the text. Returns `None` as well if
    /// it had more than [`ApiError::MAX`] bytes. Members such as OpenRouter's `metadata`, Groq's
    /// `failed_generation` and Google's `details` are here.
    #[must_use]
    pub fn body(&self) -> Option<&RawValue<'static>> {
        self.body.as_ref()
    }

    /// Returns the error that a value describes, if it does.
    ///
    /// The value may be in an array.
    ///
    /// The error may be in the value's own members, in a choice, in Groq's `x_groq`, or in the
    /// `data` of a gateway that wraps objects.
    pub(crate) fn of(value: &RawValue<'_>) -> Option<Self> {
        let read = |value: &RawValue<'_>| Object::new(value)?.error();
        let error = read(value).or_else(|| value.elements().find_map(|element| read(&element)));
        error.map(|error| error.with_body(value))
    }

    /// Reads the data of an event named `error`, in any form.
    pub(crate) fn from_data(data: &str) -> Self {
        let repaired;
        let mut value = RawValue::parse(data).ok();
        if value.is_none() {
            repaired = repair(data);
            value = repaired.as_ref().and_then(|repaired| RawValue::parse(&repaired.text).ok());
        }
        let Some(value) = value else { return Self::new(data.trim()) };
        let error = match Object::new(&value) {
            Some(object) => object.described(),
            None => Self::of(&value).unwrap_or_else(|| Self::from_value(&value)),
        };
        error.with_body(&value)
    }

    fn new(message: &str) -> Self {
        let message = excerpt(message);
        Self { message, error_type: None, param: None, code: None, body: None }
    }

    /// Reads the value of an `error` member: an object, a text or a code.
    fn from_value(value: &RawValue<'_>) -> Self {
        if let Some(object) = Object::new(value) {
            return object.bare();
        }
        if value.as_raw_str().is_some() || value.is_array() || value.as_json() == "true" {
            return Self::new(&value.to_text());
        }
        let message = alloc::format!("error {}", beginning(value.as_json(), Self::MAX));
        Self { code: kept(value.clone()), ..Self::new(&message) }
    }

    /// Returns the error with the whole event that it arrived in.
    pub(crate) fn with_whole(self, data: &str) -> Self {
        match RawValue::parse(data) {
            Ok(value) => self.with_body(&value),
            Err(_) => self,
        }
    }

    fn with_body(self, body: &RawValue<'_>) -> Self {
        Self { body: kept(body.clone()), ..self }
    }

    /// Reports whether the error has at most a code.
    fn is_code_only(&self) -> bool {
        self.message == "true"
            || self
                .code
                .as_ref()
                .is_some_and(|code| self.message == alloc::format!("error {}", code.as_json()))
    }
}

/// Returns a text to keep, shortened in its middle if it is too long.
fn excerpt(text: &str) -> String {
    evidence(text, ApiError::MAX)
}

/// Returns a value to keep, if it is not too long.
fn kept(value: RawValue<'_>) -> Option<RawValue<'static>> {
    (value.as_json().len() <= ApiError::MAX).then(|| value.into_owned())
}

/// An object that may be an error.
///
/// Each access to a member reads the object, so an object with a million members costs no memory.
#[derive(Clone, Copy)]
struct Object<'v>(&'v RawValue<'v>);

impl<'v> Object<'v> {
    fn new(value: &'v RawValue<'v>) -> Option<Self> {
        value.is_object().then_some(Self(value))
    }

    /// Returns the last member of this name, if it is not null.
    fn get(self, name: &str) -> Option<RawValue<'v>> {
        self.0.member(name)
    }

    /// Returns a member that is not empty.
    fn telling(self, name: &str) -> Option<RawValue<'v>> {
        self.get(name).filter(|value| !value.is_void())
    }

    fn says(self, name: &str) -> bool {
        self.telling(name).is_some()
    }

    /// Returns the error that the object is or holds, if any.
    fn error(self) -> Option<ApiError> {
        let of_data = || {
            // One level deep, and not below a chunk.
            let data = self.get("data").filter(|_| self.get("choices").is_none())?;
            Object::new(&data)?.own_error()
        };
        self.own_error().or_else(of_data)
    }

    fn own_error(self) -> Option<ApiError> {
        if self.is_error() {
            return Some(self.described());
        }
        let of_choice = || {
            self.get("choices")?.elements().find_map(|choice| {
                let error = choice.member("error").filter(|error| !error.is_void())?;
                Some(ApiError::from_value(&error))
            })
        };
        let of_groq = || {
            let groq = self.get("x_groq")?;
            let error = groq.member("error").filter(|error| !error.is_void())?;
            Some(ApiError::from_value(&error))
        };
        of_choice().or_else(of_groq)
    }

    /// Reports whether the object declares itself an error.
    fn is_error(self) -> bool {
        ["error", "errors", "error_message", "error_type"].iter().any(|name| self.says(name))
            || self.get("object").is_some_and(|kind| kind.to_text() == "error")
            || self.is_failure()
    }

    /// Reports whether the object has a failure status, a message, and no choices.
    ///
    /// The status is a number of 400 or more, also in quotes, or the word `error`. An event of the
    /// Responses API has that word as its type.
    fn is_failure(self) -> bool {
        let is_failed = |name: &&str| {
            let number = self.get(name).and_then(|value| match value.as_raw_str() {
                Some(text) => text.to_text().parse().ok(),
                None => value.as_u64(),
            });
            number.is_some_and(|number| number >= 400)
        };
        let is_called_error = || {
            ["status", "type"]
                .iter()
                .any(|name| self.get(name).is_some_and(|word| word.to_text() == "error"))
        };
        let has_choices =
            || self.get("choices").is_some_and(|choices| choices.elements().next().is_some());
        !has_choices()
            && (["code", "status", "status_code"].iter().any(is_failed) || is_called_error())
            && self.message().is_some()
    }

    /// Reads an object that is known to be an error, or to hold one.
    ///
    /// Looks no deeper than one member.
    fn described(self) -> ApiError {
        // Cloudflare's `{"success":false,"errors":[{"code":…,"message":…}]}`.
        let first =
            || self.get("errors")?.elements().next().map(|error| ApiError::from_value(&error));
        let error = self.telling("error").map(|error| ApiError::from_value(&error));
        let Some(mut error) = error.or_else(first) else { return self.bare() };
        // `{"error":"Not Found","message":"Cannot POST /v1"}`, `{"error":500,"message":"…"}`.
        if error.is_code_only() {
            error.message = self.message().unwrap_or(error.message);
        }
        let beside = self.members();
        error.error_type = error.error_type.or(beside.error_type);
        error.param = error.param.or(beside.param);
        error.code = error.code.or(beside.code);
        error
    }

    /// Reads an object whose members are the error's.
    fn bare(self) -> ApiError {
        let message = self.message().unwrap_or_else(|| excerpt(&self.0.to_compact()));
        ApiError { message, ..self.members() }
    }

    /// Reads an object whose members are the error's, but for the message.
    fn members(self) -> ApiError {
        let owned = |name| self.get(name).and_then(kept);
        let status = || owned("status").filter(|status| status.as_u64().is_some());
        ApiError {
            error_type: owned("type").or_else(|| owned("error_type")),
            param: owned("param"),
            code: owned("code").or_else(|| owned("status_code")).or_else(status),
            ..ApiError::new("")
        }
    }

    /// Returns the message among the members: a text, or the first of a list.
    ///
    /// The last two names are FastAPI's, whose list has an entry for each invalid parameter.
    fn message(self) -> Option<String> {
        let names = ["message", "error_message", "msg", "detail"];
        let message = names.iter().find_map(|name| self.telling(name))?;
        let text =
            |value: &RawValue<'_>, name| value.member(name).map(|said| excerpt(&said.to_text()));
        let of_first = message
            .elements()
            .find_map(|first| text(&first, "msg").or_else(|| text(&first, "message")));
        let said = of_first.or_else(|| text(&message, "message"));
        Some(said.unwrap_or_else(|| excerpt(&message.to_text())))
    }
}

/// Displays the message, type, parameter, code, and the first other members.
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
                write!(f, "{separator}{name} {}", Escaped::new(value.as_json()).at_most(80))?;
                separator = ", ";
            }
        }
        for (name, value) in self.others() {
            let (name, value) = (Escaped::new(&name).at_most(32), Escaped::new(value.as_json()));
            write!(f, "{separator}{name} {}", value.at_most(120))?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl ApiError {
    /// Returns the first members of the error that are shown nowhere else.
    fn others(&self) -> Vec<(String, RawValue<'static>)> {
        const MOST: usize = 3;
        // What is shown, what a chunk has, and what only says that this is an error.
        const SHOWN: [&str; 17] = [
            "message",
            "error_message",
            "msg",
            "detail",
            "type",
            "error_type",
            "param",
            "code",
            "id",
            "object",
            "created",
            "model",
            "choices",
            "usage",
            "error",
            "errors",
            "success",
        ];
        let mut others = Vec::new();
        let Some(body) = &self.body else { return others };
        let element = body.elements().next().map(RawValue::into_owned);
        let object = element.as_ref().unwrap_or(body);
        let inner = object.member("error").filter(RawValue::is_object);
        let error = inner.as_ref().unwrap_or(object);
        if error.as_json() == self.message {
            return others;
        }
        let _ = error.find_member(|name, value| {
            let value = value.filter(|value| !value.is_void() && self.code.as_ref() != Some(value));
            let is_shown = SHOWN.contains(&name);
            if let Some(value) = value.filter(|_| !is_shown) {
                others.push((String::from(name), value.into_owned()));
            }
            (others.len() == MOST).then_some(())
        });
        others
    }
}

impl core::error::Error for ApiError {}

saved!(ApiError { message, error_type, param, code, body });
