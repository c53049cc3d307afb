//! A failure of the transport, with the transport's own error.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::iter::successors;

use super::escaped::Escaped;
use crate::save::saved;

/// A connection that broke, or that timed out.
///
/// It keeps the transport's own error as its [`source`](Error::source), if the adapter had one, so
/// that a `downcast_ref` finds `reqwest::Error`, `hyper::Error` or `std::io::Error`. A clone shares
/// the error. Two failures are equal if they have the same message and both or neither timed out.
/// An error that only repeats its cause's text, like reqwest's when a body times out, is left out
/// of the chain.
///
/// It displays as `the connection failed` or `waited too long`, and leaves the details to its
/// source. The alternate form (`{:#}`) adds the [`message`](Self::message). If there is no source,
/// the plain form adds it too.
#[derive(Clone)]
pub struct TransportError {
    message: String,
    timed_out: bool,
    source: Option<Arc<dyn Error + Send + Sync>>,
    /// The number of errors at the front of the chain that repeat their cause's text.
    repeated: usize,
}

impl TransportError {
    /// Returns the failure that this message describes.
    ///
    /// `timed_out` is true if nothing arrived in time.
    #[must_use]
    pub fn new(message: impl fmt::Display, timed_out: bool) -> Self {
        Self { message: message.to_string(), timed_out, source: None, repeated: 0 }
    }

    /// Returns the failure that an error of the transport reports, and keeps the error.
    ///
    /// The message has the texts of the error and of its causes, each once. hyper and reqwest
    /// describe the failure in the causes; without them all their failures read alike ("error
    /// decoding response body").
    ///
    /// The failure is a time-out if one of these errors is one: a `std::io::Error` of the kind
    /// `TimedOut`, or `WouldBlock` (the read timeout of a socket on Unix); a failure of this type
    /// that timed out; or the errors of reqwest and hyper ("operation timed out"), tokio ("deadline
    /// has elapsed") and tower ("request timed out"). The types of the last three are private or
    /// not known here, so they are recognised by their whole text.
    #[must_use]
    pub fn from_source(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        let (mut message, mut timed_out) = (String::new(), false);
        for error in chain(&*source) {
            let text = error.to_string();
            timed_out |= is_timeout(error, &text);
            // Many errors repeat their cause's text in their own.
            if !message.contains(&text) {
                let separator = if message.is_empty() { "" } else { ": " };
                message.extend([separator, &text]);
            }
        }
        let texts = || chain(&*source).map(ToString::to_string);
        let repeated =
            texts().zip(texts().skip(1)).take_while(|(text, cause)| text == cause).count();
        Self { message, timed_out, source: Some(source.into()), repeated }
    }

    /// Sets whether it timed out, for transports that report it in another way.
    #[must_use]
    pub fn with_timed_out(mut self, timed_out: bool) -> Self {
        self.timed_out = timed_out;
        self
    }

    /// Returns the transport's own message.
    ///
    /// It has the texts of the transport's error and of the causes, each once.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Reports whether the connection failed because nothing arrived in time.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }
}

/// Returns the error and its causes.
///
/// The number of errors is bounded, because an error may be its own cause.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    const CAUSES: usize = 16;
    successors(Some(error), |&error| error.source()).take(CAUSES)
}

/// Reports whether an error with this text is a time-out, without its causes.
fn is_timeout(error: &(dyn Error + 'static), text: &str) -> bool {
    #[cfg(feature = "std")]
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        if matches!(error.kind(), TimedOut | WouldBlock) {
            return true;
        }
    }
    let ours = match error.downcast_ref::<super::Error>() {
        Some(super::Error::Transport(error)) => Some(error),
        _ => error.downcast_ref::<TransportError>(),
    };
    ours.is_some_and(TransportError::timed_out)
        || matches!(text, "operation timed out" | "deadline has elapsed" | "request timed out")
}

impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        (&self.message, self.timed_out) == (&other.message, other.timed_out)
    }
}

impl Eq for TransportError {}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.timed_out { "waited too long" } else { "the connection failed" })?;
        if self.source.is_none() || f.alternate() {
            write!(f, ": {}", Escaped::new(&self.message))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("message", &self.message)
            .field("timed_out", &self.timed_out)
            .field("source", &self.source)
            .finish()
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        chain(self.source.as_deref()?).nth(self.repeated)
    }
}

saved!(TransportError { message, timed_out } but { source, repeated });

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;
    use std::io;

    use super::*;

    /// An error of another crate: its text, and its cause.
    #[derive(Debug)]
    struct Caused(&'static str, Option<Box<Self>>);

    impl fmt::Display for Caused {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Caused {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn a_timeout_is_told_by_whoever_names_it_in_the_chain() {
        let named = |text| Caused("body error", Some(Box::new(Caused(text, None))));
        for (source, timed_out) in [
            (Box::<dyn Error + Send + Sync>::from(named("operation timed out")), true),
            (named("deadline has elapsed").into(), true),
            (named("request timed out").into(), true),
            (named("the operation timed out, or not").into(), false),
            (io::Error::from(io::ErrorKind::TimedOut).into(), true),
            (io::Error::from(io::ErrorKind::WouldBlock).into(), true),
            (io::Error::from(io::ErrorKind::ConnectionReset).into(), false),
            (io::Error::other(named("operation timed out")).into(), true),
            (TransportError::new("x", true).into(), true),
            (TransportError::new("x", false).into(), false),
            (super::super::Error::Transport(TransportError::new("x", true)).into(), true),
            ("operation timed out".into(), true),
        ] {
            let shown = format!("{source:?}");
            assert_eq!(TransportError::from_source(source).timed_out(), timed_out, "{shown}");
        }
        assert!(TransportError::from_source("x").with_timed_out(true).timed_out());
    }

    #[test]
    fn each_thing_is_said_once_and_the_transports_own_error_is_the_source() {
        let chain = Caused("a", Some(Box::new(Caused("b: c", Some(Box::new(Caused("c", None)))))));
        let error = super::super::Error::Transport(TransportError::from_source(chain));
        assert_eq!(error.to_string(), "the connection failed");
        assert_eq!(format!("{error:#}"), "the connection failed: a: b: c");
        assert!(error.source().unwrap().is::<Caused>());
        assert_eq!(error.clone(), error);

        let chain = Caused("a", Some(Box::new(Caused("a", Some(Box::new(Caused("b", None)))))));
        let error = TransportError::from_source(chain);
        assert_eq!(error.message(), "a: b");
        let texts: Vec<_> = super::chain(&error).map(ToString::to_string).collect();
        assert_eq!(texts, ["the connection failed", "a", "b"]);

        let error = super::super::Error::Transport(TransportError::new("gone", false));
        assert_eq!(error.to_string(), "the connection failed: gone");
        assert!(error.source().is_none());
    }

    #[test]
    fn an_error_that_is_its_own_cause_is_read_to_an_end() {
        #[derive(Debug)]
        struct Endless;
        impl fmt::Display for Endless {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("endless")
            }
        }
        impl Error for Endless {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(self)
            }
        }
        assert_eq!(TransportError::from_source(Endless).message(), "endless");
    }
}
