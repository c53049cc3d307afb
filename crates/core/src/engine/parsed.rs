//! Texts that are JSON, parsed while they are folded: the arguments of tool calls, and content where it is held to a schema.
//!
//! Only where [`Options`](crate::Options) ask for it. It comes after folding, whichever way a chunk was folded, and takes what is new of a text from the text itself: so it knows nothing of
//! chunks, and folding nothing of it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde_json::Value;

use crate::json::Text;
use deltawire_partial::{Error, Parser, Told as Event};

use super::state::{Part, State};
use super::update::Change;

/// One thing that the last chunk changed in a parsed text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParsedRecord {
    /// Place in `State::choices`.
    choice: usize,
    /// The tool call; none for the choice's content.
    call: Option<usize>,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Changed(Event),
    /// It stopped being JSON.
    NotJson,
}

impl State {
    /// Parses what the last chunk appended.
    #[inline]
    pub(crate) fn parse(&mut self) {
        if self.options.parse_arguments.is_some() || self.options.parse_content.is_some() {
            self.parse_appended();
        }
    }

    fn parse_appended(&mut self) {
        for record in &self.records {
            let Some(choice) = self.choices.get_mut(record.choice) else { continue };
            let (parser, text, options, call) = match record.part {
                Part::Content => (&mut choice.parser, choice.content.as_ref(), self.options.parse_content, None),
                Part::ToolCall | Part::Arguments => match choice.tool_calls.get_mut(record.call) {
                    // Its input is free text.
                    Some(call) if call.is_custom() => continue,
                    Some(call) => {
                        (&mut call.parser, Some(&call.arguments), self.options.parse_arguments, Some(record.call))
                    }
                    None => continue,
                },
                _ => continue,
            };
            let (Some(options), Some(text)) = (options, text) else { continue };
            let parser = parser.get_or_insert_with(|| Box::new(Parser::with_options(options)));
            catch_up(parser, text, |what| self.parsed.push(ParsedRecord { choice: record.choice, call, what }));
        }
    }

    /// What a record stands for.
    pub(crate) fn parsed_change(&self, record: &ParsedRecord) -> Option<Change<'_>> {
        let choice = self.choices.get(record.choice)?;
        let (index, call) = (choice.index, record.call);
        let parser = match call {
            Some(call) => choice.tool_calls.get(call)?.parser.as_ref()?,
            None => choice.parser.as_ref()?,
        };
        Some(match &record.what {
            What::Changed(event) => Change::Parsed { choice: index, call, change: parser.change(event) },
            What::NotJson => Change::NotJson { choice: index, call, error: *parser.error()? },
        })
    }

    /// The parser of a tool call's arguments, or of a choice's content.
    pub(crate) fn parser(&self, choice: u64, call: Option<usize>) -> Option<&Parser> {
        let choice = &self.choices[self.position(choice)?];
        match call {
            Some(call) => choice.tool_calls.get(call)?.parser.as_deref(),
            None => choice.parser.as_deref(),
        }
    }
}

/// Feeds a parser what it has not seen of a text.
fn catch_up(parser: &mut Parser, text: &Text, mut note: impl FnMut(What)) {
    if parser.error().is_some() {
        return;
    }
    let mut rest = unseen(parser, text.as_str());
    loop {
        match parser.advance(&mut rest) {
            Ok(true) => note(What::Changed(parser.last_change())),
            Ok(false) => return,
            Err(_) => return note(What::NotJson),
        }
    }
}

fn unseen<'t>(parser: &Parser, text: &'t str) -> &'t str {
    usize::try_from(parser.offset()).ok().and_then(|seen| text.get(seen..)).unwrap_or_default()
}

/// What a text that is over was parsed to; `None` if it was not to be parsed.
pub(crate) fn finished(parser: Option<Box<Parser>>, text: &str) -> Option<Result<Value, Error>> {
    let mut parser = parser?;
    let rest = unseen(&parser, text);
    let result = parser.feed(rest).and_then(|()| parser.finish().map(drop));
    Some(result.map(|()| parser.value().unwrap_or_default()))
}

/// What the last chunk changed in parsed texts.
pub(crate) type ParsedRecords = Vec<ParsedRecord>;
