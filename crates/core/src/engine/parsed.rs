//! Texts that are JSON, parsed while they are folded.
//!
//! A parser stands beside its text, and reads the new part from the text itself, after folding. So
//! it does not matter how an event was folded, and folding does not know the parser. Without the
//! feature `partial` everything here is empty.
//!
//! [`Limits::max_parsed_values`](crate::Limits::max_parsed_values) bounds what the parsers of a
//! stream hold. The changes of an event are not recorded, but read from the parser on request: see
//! [`ParsedRecord`].

#[cfg(feature = "partial")]
pub(crate) use on::{Parsed, ParsedRecord};

#[cfg(not(feature = "partial"))]
pub(crate) use off::{Parsed, ParsedRecord};

#[cfg(feature = "partial")]
mod on {
    use alloc::boxed::Box;

    use deltawire_partial::{Error, Limit, Mark, Parser, Repair};

    use crate::engine::anomaly::AnomalyKind;
    use crate::engine::change::Change;
    use crate::engine::options;
    use crate::engine::place::{Place, TextKind};

    /// The number of values that a parser counts as.
    ///
    /// Its own fields and its first buffers are as large as that.
    const PARSER: usize = 16;

    /// The parser of a text, if the text is parsed.
    #[derive(Debug, Clone, Default)]
    pub(crate) enum Parsed {
        #[default]
        Off,
        On(Box<Parser>),
        /// The parsers of the stream have reached their limit, so the text is not parsed.
        Refused,
    }

    /// The last event's changes in a parsed text: everything after a mark.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct ParsedRecord {
        since: Mark,
        /// The text stopped being JSON.
        failed: bool,
    }

    impl Parsed {
        /// Parses what the parser has not seen of its text, if the options ask for it.
        ///
        /// `values` is the number of values of all parsers. Calls `repaired` for each departure
        /// from JSON that was accepted.
        pub(crate) fn advance(
            &mut self,
            (kind, text): (TextKind, &str),
            options: &options::Options,
            values: &mut usize,
            mut repaired: impl FnMut(AnomalyKind, u64),
        ) -> Option<ParsedRecord> {
            let parse = match kind {
                TextKind::Arguments => options.parse_arguments,
                TextKind::Content => options.parse_content,
                _ => None,
            }?;
            let room = options.limits.max_parsed_values.saturating_sub(*values);
            if matches!(self, Self::Off) {
                if room < PARSER {
                    *self = Self::Refused;
                    return Some(ParsedRecord { since: Parser::new().mark(), failed: true });
                }
                *values += PARSER;
                *self = Self::On(Box::new(Parser::with_options(parse)));
            }
            let Self::On(parser) = self else { return None };
            let unseen = usize::try_from(parser.offset()).ok().and_then(|seen| text.get(seen..))?;
            if unseen.is_empty() || parser.error().is_some() {
                return None;
            }
            let (since, nodes, repairs) = (parser.mark(), parser.nodes(), *parser.repairs());
            let room = options.limits.max_parsed_values.saturating_sub(*values);
            parser.set_max_nodes(parse.limits.max_nodes.min(nodes + room));
            let failed = parser.feed(unseen).is_err();
            *values += parser.nodes() - nodes;
            if *parser.repairs() != repairs {
                for (repair, count) in parser.repairs().iter() {
                    let new = count - repairs.count(repair);
                    if new > 0 {
                        repaired(anomaly(repair), new);
                    }
                }
            }
            Some(ParsedRecord { since, failed })
        }

        /// Returns the changes of a record.
        pub(crate) fn changes(
            &self,
            record: &ParsedRecord,
            at: Place,
            kind: TextKind,
        ) -> impl Iterator<Item = Change<'_>> + use<'_> {
            let changes = self.parser().map(|parser| parser.changes_since(record.since));
            let failed = if record.failed { self.error() } else { None };
            let changes = changes.into_iter().flatten();
            changes
                .map(move |change| Change::Parsed { at, kind, change })
                .chain(failed.map(|error| Change::NotJson { at, kind, error }))
        }

        pub(crate) fn parser(&self) -> Option<&Parser> {
            match self {
                Self::On(parser) => Some(parser),
                Self::Off | Self::Refused => None,
            }
        }

        /// Reports whether the text is not parsed, because of the limit.
        pub(crate) fn is_refused(&self) -> bool {
            matches!(self, Self::Refused)
        }

        /// Returns the parser of a text that was refused, or else one that has read nothing.
        pub(crate) fn restored(is_refused: bool) -> Self {
            if is_refused { Self::Refused } else { Self::Off }
        }

        fn error(&self) -> Option<Error> {
            match self {
                Self::On(parser) => parser.error().copied(),
                Self::Off => None,
                Self::Refused => Some(Error::limit(Limit::Nodes, 0)),
            }
        }
    }

    fn anomaly(repair: Repair) -> AnomalyKind {
        match repair {
            Repair::Fence => AnomalyKind::JsonFence,
            Repair::TrailingComma => AnomalyKind::JsonTrailingComma,
            Repair::ThinkBlock => AnomalyKind::JsonThinkBlock,
            Repair::ControlCharacter => AnomalyKind::JsonControlCharacter,
            Repair::UnknownEscape => AnomalyKind::JsonUnknownEscape,
            // Text before or after the value, and what may be added.
            _ => AnomalyKind::JsonText,
        }
    }
}

#[cfg(not(feature = "partial"))]
mod off {
    use crate::engine::change::Change;
    use crate::engine::place::{Place, TextKind};

    #[derive(Debug, Clone, Default)]
    pub(crate) struct Parsed(());

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum ParsedRecord {}

    impl Parsed {
        pub(crate) fn is_refused(&self) -> bool {
            false
        }

        pub(crate) fn restored(_: bool) -> Self {
            Self::default()
        }

        pub(crate) fn changes(
            &self,
            _: &ParsedRecord,
            _: Place,
            _: TextKind,
        ) -> core::iter::Empty<Change<'_>> {
            core::iter::empty()
        }
    }
}
