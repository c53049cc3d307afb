//! Texts that are JSON, parsed while they are folded.
//!
//! The parser sits beside the text that it reads and takes what is new of it from the text itself,
//! after folding. So it does not matter how an event was folded, and folding knows nothing of it.
//! Without the feature `partial` everything here is empty.

#[cfg(feature = "partial")]
pub(crate) use on::{Parsed, ParsedRecord, finished};

#[cfg(not(feature = "partial"))]
pub(crate) use off::{Parsed, ParsedRecord};

#[cfg(feature = "partial")]
mod on {
    use alloc::boxed::Box;

    use deltawire_partial::{Error, Parser, Told};
    use serde_json::Value;

    use crate::engine::change::Change;
    use crate::engine::options::Options;
    use crate::engine::place::{Place, TextKind};

    /// The parser of a text, if the text is parsed.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Parsed(Option<Box<Parser>>);

    /// One thing that the last event changed in a parsed text.
    #[derive(Debug, Clone, Copy)]
    pub(crate) enum ParsedRecord {
        Changed(Told),
        NotJson,
    }

    impl Parsed {
        /// Makes a parser for a text of this kind, if the options ask for one.
        pub(crate) fn begin(&mut self, kind: TextKind, options: &Options) {
            let options = match kind {
                TextKind::Arguments => options.parse_arguments,
                TextKind::Content => options.parse_content,
                _ => None,
            };
            if let (None, Some(options)) = (&self.0, options) {
                self.0 = Some(Box::new(Parser::with_options(options)));
            }
        }

        /// Parses what the parser has not seen of its text.
        pub(crate) fn advance(&mut self, text: &str, mut record: impl FnMut(ParsedRecord)) {
            let Some(parser) = self.0.as_mut().filter(|parser| parser.error().is_none()) else {
                return;
            };
            let mut rest = unseen(parser, text);
            loop {
                match parser.advance(&mut rest) {
                    Ok(true) => record(ParsedRecord::Changed(parser.last_change())),
                    Ok(false) => return,
                    Err(_) => return record(ParsedRecord::NotJson),
                }
            }
        }

        /// Returns the change that a record stands for.
        pub(crate) fn change(
            &self,
            record: &ParsedRecord,
            at: Place,
            kind: TextKind,
        ) -> Option<Change<'_>> {
            let parser = self.0.as_ref()?;
            Some(match record {
                ParsedRecord::Changed(told) => {
                    Change::Parsed { at, kind, change: parser.change(told) }
                }
                ParsedRecord::NotJson => Change::NotJson { at, kind, error: *parser.error()? },
            })
        }

        pub(crate) fn parser(&self) -> Option<&Parser> {
            self.0.as_deref()
        }
    }

    fn unseen<'t>(parser: &Parser, text: &'t str) -> &'t str {
        let seen = usize::try_from(parser.offset()).ok();
        seen.and_then(|seen| text.get(seen..)).unwrap_or_default()
    }

    /// Returns the value of a text that is over, or why it is not JSON; `None` if it is not parsed.
    pub(crate) fn finished(parsed: Parsed, text: &str) -> Option<Result<Value, Error>> {
        let mut parser = parsed.0?;
        let rest = unseen(&parser, text);
        let result = parser.feed(rest).and_then(|()| parser.finish().map(drop));
        Some(result.map(|()| parser.value().unwrap_or_default()))
    }
}

#[cfg(not(feature = "partial"))]
mod off {
    use crate::engine::change::Change;
    use crate::engine::options::Options;
    use crate::engine::place::{Place, TextKind};

    #[derive(Debug, Clone, Default)]
    pub(crate) struct Parsed(());

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum ParsedRecord {}

    impl Parsed {
        pub(crate) fn begin(&mut self, _: TextKind, _: &Options) {}

        pub(crate) fn change(
            &self,
            record: &ParsedRecord,
            _: Place,
            _: TextKind,
        ) -> Option<Change<'_>> {
            match *record {}
        }
    }
}
