//! An error in a server's words.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde::Serialize;

use super::escaped::Escaped;
use crate::json::RawValue;

/// An error in a server's words: an error body, or an error in the stream.
///
/// It serialises as `{"message", "type", "param", "code"}`, with null for what the server did not
/// send.
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
    /// The server's message. If it gives none, the error as JSON.
    pub message: String,
    /// OpenAI's `type`, as sent (`invalid_request_error`, …).
    #[serde(rename = "type")]
    pub error_type: Option<RawValue<'static>>,
    /// The parameter of the request that is at fault.
    pub param: Option<RawValue<'static>>,
    /// The code.
    ///
    /// OpenAI sends a text (`context_length_exceeded`), llama.cpp a number.
    pub code: Option<RawValue<'static>>,
}

impl ApiError {
    /// Reads an error body. Returns `None` if `body` is not one.
    ///
    /// An error body is `{"error": …}`, or an object that describes the error itself, with
    /// `message` or with FastAPI's `detail`.
    #[must_use]
    pub fn from_body(body: &str) -> Option<Self> {
        let body = RawValue::parse(body).ok().filter(RawValue::is_object)?;
        let says = |name| body.member(name).is_some_and(|value| is_error(&value));
        (says("error") || says("message") || says("detail")).then(|| Self::in_object(&body))
    }

    /// Returns the code as text. A number is returned as its digits.
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

    /// Reads an object that is known to be an error: with an `error` member, or bare.
    ///
    /// Looks no deeper than that member.
    pub(crate) fn in_object(object: &RawValue<'_>) -> Self {
        let Some(error) = object.member("error").filter(is_error) else {
            return Self::bare(object);
        };
        let mut error = Self::from_value(&error);
        // `{"error":"Not Found","message":"Cannot POST /v1"}`, `{"error":500,"message":"…"}`: the
        // members beside `error` complete it.
        let beside = Self::bare(object);
        if error.is_code_only() && object.member("message").is_some() {
            error.message = beside.message;
        }
        error.error_type = error.error_type.or(beside.error_type);
        error.param = error.param.or(beside.param);
        error.code = error.code.or(beside.code);
        error
    }

    /// Reads the value of an `error` member: an object, a text or a code.
    pub(crate) fn from_value(value: &RawValue<'_>) -> Self {
        if value.is_object() {
            return Self::bare(value);
        }
        let code = value.as_raw_str().is_none() && !value.is_array() && value.as_json() != "true";
        let message = if code {
            alloc::format!("error {}", value.as_json())
        } else {
            value.to_text().into_owned()
        };
        Self {
            message,
            error_type: None,
            param: None,
            code: code.then(|| value.clone().into_owned()),
        }
    }

    /// Reads the data of an event named `error`, in any form.
    pub(crate) fn from_data(data: &str) -> Self {
        match RawValue::parse(data) {
            Ok(value) if value.is_object() => Self::in_object(&value),
            Ok(value) => Self::from_value(&value),
            Err(_) => {
                Self { message: data.trim().into(), error_type: None, param: None, code: None }
            }
        }
    }

    /// Reports whether nothing is known but a code, or that something went wrong.
    fn is_code_only(&self) -> bool {
        self.message == "true"
            || self
                .code
                .as_ref()
                .is_some_and(|code| self.message == alloc::format!("error {}", code.as_json()))
    }

    fn bare(object: &RawValue<'_>) -> Self {
        let owned = |name| object.member(name).map(RawValue::into_owned);
        let message = object.member("message").or_else(|| object.member("detail"));
        Self {
            message: match message {
                Some(message) => message.to_text().into_owned(),
                None => object.clone().into_owned().as_json().into(),
            },
            error_type: owned("type"),
            param: owned("param"),
            code: owned("code"),
        }
    }
}

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
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}

impl core::error::Error for ApiError {}

/// Reports whether the value of an `error` member stands for an error.
pub(crate) fn is_error(value: &RawValue<'_>) -> bool {
    !matches!(value.as_json(), "null" | "false" | "\"\"")
}
