//! The evidence of a response that is not an event stream: its body's beginning.

use alloc::boxed::Box;
use alloc::string::String;

use super::Error;
use super::escaped::beginning;
use super::refused::Refused;
use crate::save::{Fault, Reader, Saved, Writer};
use crate::sse::{Closed, EventSource, is_event_stream};

/// The head of a response that is not the expected event stream.
///
/// It is kept while the beginning of the body is read.
///
/// ```
/// use deltawire::{Evidence, sse::EventSource};
///
/// let mut source = EventSource::new();
/// source.answered(404, |_| None);
/// let evidence = Evidence::wanted(&source, 404, |_| None).unwrap();
///
/// // Read as much of the body, or less if it ends.
/// assert_eq!(evidence.max_body(), 64 << 10);
/// let text = evidence.error(b"no stream").to_string();
/// assert_eq!(text, r#"the server refused the request with status 404: "no stream""#);
/// ```
#[derive(Debug, Clone)]
pub struct Evidence(Kind);

#[derive(Debug, Clone)]
enum Kind {
    ContentType(Option<String>),
    Status(Box<Refused>),
}

impl Evidence {
    /// Returns the evidence to read, if this head refuses the request.
    ///
    /// A status other than 2xx does.
    #[must_use]
    pub fn refused<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        let refused = || Self(Kind::Status(Box::new(Refused::by_head(status, header))));
        (!(200..300).contains(&status)).then(refused)
    }

    /// Returns the evidence to read, if this head says that the body is not a stream.
    ///
    /// A status other than 2xx says so, or a content type other than `text/event-stream`. Without a
    /// content type the first bytes of the body decide. Many servers send a wrong content type, so
    /// a [`Session`](crate::Session) lets the first bytes decide even then; see
    /// [`Session::head`](crate::Session::head).
    #[must_use]
    pub fn not_a_stream<'h>(status: u16, header: impl Fn(&str) -> Option<&'h str>) -> Option<Self> {
        if let Some(refused) = Self::refused(status, &header) {
            return Some(refused);
        }
        let content_type = header("content-type").filter(|text| !text.trim().is_empty())?;
        let kept = || Some(beginning(content_type, Refused::MAX_HEADER).into());
        (!is_event_stream(content_type)).then(|| Self(Kind::ContentType(kept())))
    }

    /// Returns the evidence to read of a body that does not begin as an event stream.
    pub(crate) fn of_first_bytes() -> Self {
        Self(Kind::ContentType(None))
    }

    /// Returns the evidence to read, if `source` was closed by this response.
    ///
    /// Call it after [`EventSource::answered`], with the same arguments. Returns `None` for an
    /// event stream, for a status 204, and for a busy server that is asked again.
    #[must_use]
    pub fn wanted<'h>(
        source: &EventSource,
        status: u16,
        header: impl Fn(&str) -> Option<&'h str>,
    ) -> Option<Self> {
        match source.closed()? {
            Closed::ContentType(content_type) => {
                Some(Self(Kind::ContentType(content_type.clone())))
            }
            // This is the last response of a busy server.
            Closed::Status(_) | Closed::GaveUp { .. } => {
                Some(Self(Kind::Status(Box::new(Refused::by_head(status, header)))))
            }
            _ => None,
        }
    }

    /// Returns the content type, if that is why the body is evidence.
    pub(crate) fn content_type(&self) -> Option<&str> {
        match &self.0 {
            Kind::ContentType(content_type) => content_type.as_deref(),
            Kind::Status(_) => None,
        }
    }

    /// Reports whether the status is the reason, so that the body cannot be a stream.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.0, Kind::Status(_))
    }

    /// Adds the response's headers, as [`Refused::with_headers`] does.
    #[must_use]
    pub fn with_headers<'h>(self, headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Self {
        match self.0 {
            Kind::Status(refused) => Self(Kind::Status(Box::new((*refused).with_headers(headers)))),
            kind @ Kind::ContentType(_) => Self(kind),
        }
    }

    /// Returns the number of bytes to keep of the body's beginning.
    #[must_use]
    pub fn max_body(&self) -> usize {
        match self.0 {
            Kind::ContentType(_) => Error::EVIDENCE,
            Kind::Status(_) => Refused::MAX_BODY,
        }
    }

    /// Returns the error, with the body's beginning.
    ///
    /// It is [`Error::Refused`] because of the status, or else [`Error::NotAnEventStream`].
    #[must_use]
    pub fn error(&self, body: &[u8]) -> Error {
        match &self.0 {
            Kind::ContentType(content_type) => {
                Error::not_an_event_stream(content_type.as_deref(), body)
            }
            Kind::Status(refused) => {
                Error::Refused(Box::new(Refused::clone(refused).with_body(body)))
            }
        }
    }
}

impl Saved for Evidence {
    fn save(&self, to: &mut Writer) {
        match &self.0 {
            Kind::ContentType(content_type) => {
                to.byte(0);
                content_type.save(to);
            }
            Kind::Status(refused) => {
                to.byte(1);
                refused.save(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self(match from.byte()? {
            0 => Kind::ContentType(Saved::load(from)?),
            1 => Kind::Status(Saved::load(from)?),
            _ => return Err(Fault::Damaged("evidence")),
        }))
    }
}
