//! The other APIs: their events many times, in one another, again, with huge numbers and names.

use deltawire::any::Any;
use deltawire::gemini::Gemini;
use deltawire::interactions::Interactions;
use deltawire::messages::Messages;
use deltawire::ollama::Ollama;
use deltawire::responses::Responses;
use deltawire::{Dialect, How, Limits, Options, Session};
use deltawire_partial as partial;

use crate::{Held, Row, numbered, repeat};

/// Folds a stream in reads of so many bytes, and makes the answer.
fn fold<D: Dialect>(options: Options, stream: &str, read: usize) {
    let mut session = Session::<D>::with_options(options);
    for mut read in stream.as_bytes().chunks(read) {
        while session.advance(&mut read).unwrap_or(false) {
            std::hint::black_box(session.update().changes().count());
        }
    }
    std::hint::black_box(session.close(How::Clean));
}

/// Returns options with which the number of calls is not what ends a stream.
fn options() -> Options {
    let mut limits = Limits::default();
    limits.max_tool_calls = usize::MAX;
    Options::new().with_limits(limits)
}

fn all_options() -> Options {
    let lenient = partial::Options::lenient();
    options().with_unknown(true).with_parsed_arguments(lenient).with_parsed_content(lenient)
}

/// A stream: events that begin it, events that are repeated, and events that end it.
///
/// Each is one line. In the repeated ones `#` stands for a number that counts, `~` for one that
/// falls from a huge one, and `%` for one that alternates.
#[derive(Clone, Copy)]
struct Stream {
    name: &'static str,
    begin: &'static str,
    each: &'static str,
    end: &'static str,
}

impl Stream {
    /// Writes the stream at about a size, each event between these two.
    fn write(self, size: usize, (open, close): (&str, &str)) -> String {
        let events = |lines: &str| lines.lines().map(|line| [open, line, close].concat()).collect();
        let (begin, each, end): (String, String, String) =
            (events(self.begin), events(self.each), events(self.end));
        let repeated = numbered(size, |number| {
            let falling = (u64::MAX >> 1) - number as u64 * 1_000_003;
            each.replace('#', &number.to_string())
                .replace('~', &falling.to_string())
                .replace('%', &(number % 2).to_string())
        });
        [begin, repeated, end].concat()
    }

    /// Returns a row of an API whose streams are events.
    fn row<D: Dialect>(self) -> Row {
        let write = move |size| self.write(size, ("data: ", "\n\n"));
        let row = Row::new(self.name, write, |stream| fold::<D>(options(), stream, 4096));
        row.cost(self.cost()).held(Held::DEFAULT)
    }

    /// Returns a row of an API whose streams are lines.
    fn row_of_lines<D: Dialect>(self, read: usize) -> Row {
        let write = move |size| self.write(size, ("", "\n"));
        let row = Row::new(self.name, write, move |stream| fold::<D>(options(), stream, read));
        row.cost(self.cost()).held(Held::DEFAULT)
    }

    fn cost(self) -> u64 {
        if self.each.len() < 50 { MOST_OF_SHORT } else { MOST }
    }
}

/// The most instructions for a byte of an event that is read in full.
const MOST: u64 = 500;

/// The most instructions for a byte where an event or a value in it has a few bytes.
const MOST_OF_SHORT: u64 = 2000;

/// Returns a row with one event of an API, which has many of the same.
fn one<D: Dialect>(
    name: &'static str,
    begin: &'static str,
    each: &'static str,
    end: &'static str,
) -> Row {
    let write = move |size| {
        let mut many = numbered(size, |number| each.replace('#', &number.to_string()) + ",");
        many.pop();
        [begin, &many, end, "\n\n"].concat()
    };
    let row = Row::new(name, write, |stream| fold::<D>(options(), stream, 4096));
    row.cost(MOST_OF_SHORT).held(Held::DEFAULT)
}

/// Returns a row with one event of an API, which has a long text.
fn long<D: Dialect>(name: &'static str, begin: &'static str, end: &'static str) -> Row {
    let write = move |size| [begin, &repeat("word ", size), end, "\n\n"].concat();
    let row = Row::new(name, write, |stream| fold::<D>(options(), stream, 4096));
    row.size(128 << 10).cost(MOST).held(Held::DEFAULT)
}

/// The rows of the APIs other than completions.
#[must_use]
pub fn rows() -> Vec<Row> {
    let parts = [responses(), messages(), gemini(), interactions(), ollama(), any()];
    let sized = |row: Row| if SEARCHED.contains(&row.name) { row.size(64 << 10) } else { row };
    parts.into_iter().flatten().map(sized).collect()
}

/// The rows whose events do little but look a part or a member up, in a map.
///
/// That is logarithmic in what is there, and the logarithm of few grows steeply. So their smallest
/// input is larger.
const SEARCHED: [&str; 4] =
    ["responses/parts", "responses/parts-of-deltas", "responses/commands", "messages/usage"];

const ITEM: &str = r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"a","content":[]}}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed"}}"#;

fn responses() -> Vec<Row> {
    let streams = [
        (
            "responses/items",
            "",
            r#"{"type":"response.output_item.added","output_index":#,"item":{"type":"message","id":"i#"}}
{"type":"response.output_text.delta","output_index":#,"content_index":0,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/calls",
            "",
            r#"{"type":"response.output_item.added","output_index":#,"item":{"type":"function_call","call_id":"i#","name":"f"}}
{"type":"response.function_call_arguments.delta","output_index":#,"delta":"{}"}"#,
            COMPLETED,
        ),
        (
            "responses/huge-indices",
            "",
            r#"{"type":"response.output_text.delta","output_index":~,"content_index":~,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/parts",
            ITEM,
            r#"{"type":"response.content_part.added","output_index":0,"content_index":#,"part":{"type":"output_text"}}
{"type":"response.output_text.delta","output_index":0,"content_index":#,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/parts-of-deltas",
            ITEM,
            r#"{"type":"response.refusal.delta","output_index":0,"content_index":#,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/two-items",
            "",
            r#"{"type":"response.output_text.delta","output_index":%,"content_index":0,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/two-kinds",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}
{"type":"response.refusal.delta","output_index":0,"content_index":1,"delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/one-text",
            "",
            r#"{"type":"response.output_text.delta","sequence_number":#,"item_id":"i","output_index":0,"content_index":0,"delta":"word ","logprobs":[]}"#,
            COMPLETED,
        ),
        (
            "responses/changing-ids",
            "",
            r#"{"type":"response.output_text.delta","sequence_number":#,"item_id":"i#","output_index":0,"content_index":0,"delta":"word "}"#,
            COMPLETED,
        ),
        (
            "responses/ids-without-indices",
            "",
            r#"{"type":"response.output_item.added","item":{"type":"message","id":"i#"}}
{"type":"response.output_text.delta","item_id":"i#","delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/ids-alone",
            "",
            r#"{"type":"response.output_text.delta","item_id":"i#","delta":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/text-done-again",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}
{"type":"response.output_text.done","output_index":0,"content_index":0,"text":"a"}"#,
            COMPLETED,
        ),
        (
            "responses/text-done-after-two-items",
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}"#,
            r#"{"type":"response.output_text.delta","output_index":%,"content_index":0,"delta":"a"}
{"type":"response.output_text.done","output_index":%,"content_index":0,"text":""}"#,
            COMPLETED,
        ),
        (
            "responses/item-done-again",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":#,"delta":"a"}
{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[]}}"#,
            COMPLETED,
        ),
        (
            "responses/item-added-again",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":#,"delta":"a"}
{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}"#,
            COMPLETED,
        ),
        (
            "responses/text-repeated-in-deltas",
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a"}
{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"b"}]}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"bc"}]}}
{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"b"}
{"type":"response.output_text.delta","output_index":%,"content_index":1,"delta":"c"}"#,
            COMPLETED,
        ),
        (
            "responses/parts-counted-from-far",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":~,"delta":"a"}
{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"a"}]}}"#,
            COMPLETED,
        ),
        (
            "responses/call-done-again",
            "",
            r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"1,"}
{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"a","name":"f"}}"#,
            COMPLETED,
        ),
        (
            "responses/annotations",
            ITEM,
            r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":0,"annotation":{"type":"url_citation","index":#}}"#,
            COMPLETED,
        ),
        (
            "responses/annotations-of-parts",
            ITEM,
            r#"{"type":"response.output_text.annotation.added","output_index":0,"content_index":#,"annotation":{"index":#}}"#,
            COMPLETED,
        ),
        (
            "responses/logprobs",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"a","logprobs":[{"token":"a","logprob":-1}]}"#,
            COMPLETED,
        ),
        (
            "responses/commands",
            "",
            r#"{"type":"response.shell_call_command.delta","output_index":0,"command_index":#,"delta":"ls"}"#,
            COMPLETED,
        ),
        (
            "responses/outputs",
            "",
            r#"{"type":"response.shell_call_output_content.delta","output_index":0,"command_index":~,"delta":{"stdout":"a","stderr":"b"}}"#,
            COMPLETED,
        ),
        ("responses/unknown-events", ITEM, r#"{"type":"response.x#","a":[#]}"#, COMPLETED),
        ("responses/unknown-chunks", ITEM, r#"{"a#":#}"#, COMPLETED),
        (
            "responses/envelopes",
            "",
            r#"{"type":"response.in_progress","response":{"id":"a","a#":#,"usage":{"input_tokens":#}}}"#,
            COMPLETED,
        ),
        (
            "responses/created-again",
            ITEM,
            r#"{"type":"response.created","response":{"id":"r","usage":{"input_tokens":#}}}"#,
            COMPLETED,
        ),
        ("responses/errors", ITEM, r#"{"type":"error","code":"a","message":"m#"}"#, COMPLETED),
        (
            "responses/audio",
            ITEM,
            r#"{"type":"response.audio.delta","delta":"aaaa"}
{"type":"response.audio.transcript.delta","delta":"a"}"#,
            COMPLETED,
        ),
    ];
    let mut rows: Vec<Row> = streams
        .into_iter()
        .map(|(name, begin, each, end)| Stream { name, begin, each, end }.row::<Responses>())
        .collect();
    let begin = r#"data: {"type":"response.completed","response":{"output":["#;
    rows.push(one::<Responses>(
        "responses/output-of-calls",
        begin,
        r#"{"type":"function_call","arguments":"1"}"#,
        "]}}",
    ));
    rows.push(one::<Responses>(
        "responses/output-of-parts",
        r#"data: {"type":"response.completed","response":{"output":[{"type":"message","content":["#,
        r#"{"type":"refusal","refusal":""}"#,
        "]}]}}",
    ));
    rows.push(one::<Responses>(
        "responses/output-of-annotations",
        r#"data: {"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"","annotations":["#,
        "{}",
        "]}]}]}}",
    ));
    rows.push(one::<Responses>(
        "responses/members",
        r#"data: {"type":"response.in_progress","response":{"#,
        r#""a#":1"#,
        "}}",
    ));
    for (name, begin, end) in [
        (
            "responses/long-text",
            r#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":""#,
            r#""}"#,
        ),
        (
            "responses/long-item",
            r#"data: {"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":""#,
            r#""}]}}"#,
        ),
        (
            "responses/long-opaque",
            r#"data: {"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","encrypted_content":""#,
            r#""}}"#,
        ),
        (
            "responses/long-output",
            r#"data: {"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":""#,
            r#""}]}]}}"#,
        ),
    ] {
        rows.push(long::<Responses>(name, begin, end));
    }
    let growing = |size| {
        let (mut text, mut sent) = (String::new(), String::new());
        while sent.len() < size {
            text.push_str("word ");
            sent.push_str(&format!(
                "data: {{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{{\"type\":\"message\",\"content\":[{{\"type\":\"output_text\",\"text\":\"{text}\"}}]}}}}\n\n"
            ));
        }
        sent
    };
    let run = |stream: &str| fold::<Responses>(options(), stream, 4096);
    let row = Row::new("responses/growing-item", growing, run);
    rows.push(row.size(64 << 10).cost(MOST).held(Held::DEFAULT));
    let parsed = Stream {
        name: "responses/parsed-arguments",
        begin: r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":"[1"}"#,
        each: r#"{"type":"response.function_call_arguments.delta","output_index":0,"delta":",1"}"#,
        end: COMPLETED,
    };
    let write = move |size| parsed.write(size, ("data: ", "\n\n"));
    let run = |stream: &str| fold::<Responses>(all_options(), stream, 4096);
    rows.push(Row::new(parsed.name, write, run).cost(MOST));
    rows
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":1}}}"#;
const BLOCK: &str = r#"{"type":"message_start","message":{"id":"m","role":"assistant","content":[]}}
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const STOP: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}
{"type":"message_stop"}"#;

fn messages() -> Vec<Row> {
    let streams = [
        (
            "messages/blocks",
            START,
            r#"{"type":"content_block_start","index":#,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":#,"delta":{"type":"text_delta","text":"a"}}
{"type":"content_block_stop","index":#}"#,
            STOP,
        ),
        (
            "messages/calls",
            START,
            r#"{"type":"content_block_start","index":#,"content_block":{"type":"tool_use","id":"t#","name":"f","input":{}}}
{"type":"content_block_delta","index":#,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}
{"type":"message_stop"}"#,
        ),
        (
            "messages/huge-indices",
            START,
            r#"{"type":"content_block_delta","index":~,"delta":{"type":"text_delta","text":"a"}}"#,
            STOP,
        ),
        (
            "messages/same-index",
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a#"}}"#,
            STOP,
        ),
        (
            "messages/started-again",
            BLOCK,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"message_start","message":{"id":"m"}}"#,
            STOP,
        ),
        (
            "messages/interleaved",
            START,
            r#"{"type":"content_block_delta","index":%,"delta":{"type":"text_delta","text":"a"}}"#,
            STOP,
        ),
        (
            "messages/two-kinds",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"a"}}"#,
            STOP,
        ),
        (
            "messages/one-text",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}"#,
            STOP,
        ),
        (
            "messages/input",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"[1"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":",1"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"]"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"tool_use"}}
{"type":"message_stop"}"#,
        ),
        (
            "messages/stopped-again",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1"}}
{"type":"content_block_stop","index":0}"#,
            STOP,
        ),
        (
            "messages/stop-reasons",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"1"}}
{"type":"message_delta","delta":{"stop_reason":"r#"}}"#,
            STOP,
        ),
        (
            "messages/usage",
            START,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":#,"a#":#}}"#,
            STOP,
        ),
        (
            "messages/usage-again",
            START,
            r#"{"type":"message_delta","delta":{},"usage":{"output_tokens":#}}"#,
            STOP,
        ),
        ("messages/members", START, r#"{"type":"message_delta","delta":{"a#":#},"b#":[#]}"#, STOP),
        (
            "messages/unknown-members",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a","a#":#},"b#":#}"#,
            STOP,
        ),
        (
            "messages/unknown-deltas",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"d#","a":#}}"#,
            STOP,
        ),
        (
            "messages/citations",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"type":"c","n":#}}}"#,
            STOP,
        ),
        (
            "messages/signatures",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s#"}}"#,
            STOP,
        ),
        (
            "messages/compactions",
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"compaction"}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","content":"c#"}}"#,
            STOP,
        ),
        ("messages/unknown-events", BLOCK, r#"{"type":"x#","a":[#]}"#, STOP),
        ("messages/pings", BLOCK, r#"{"type":"ping"}"#, STOP),
    ];
    let mut rows: Vec<Row> = streams
        .into_iter()
        .map(|(name, begin, each, end)| Stream { name, begin, each, end }.row::<Messages>())
        .collect();
    for (name, each) in [
        ("messages/whole-texts", r#"{"type":"text","text":""}"#),
        ("messages/whole-calls", r#"{"type":"tool_use","input":{"a":#}}"#),
        ("messages/whole-others", "{}"),
    ] {
        let begin = r#"data: {"type":"message_start","message":{"content":["#;
        rows.push(one::<Messages>(name, begin, each, "]}}"));
    }
    for (name, begin, end) in [
        (
            "messages/long-text",
            r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""#,
            r#""}}"#,
        ),
        (
            "messages/long-input",
            r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{"a":""#,
            r#""}}}"#,
        ),
        (
            "messages/long-signature",
            r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":""#,
            r#""}}"#,
        ),
        (
            "messages/long-whole",
            r#"data: {"type":"message_start","message":{"content":[{"type":"text","text":""#,
            r#""}]}}"#,
        ),
    ] {
        rows.push(long::<Messages>(name, begin, end));
    }
    rows.push(one::<Messages>(
        "messages/whole-citations",
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","citations":["#,
        "{}",
        "]}}",
    ));
    let write = |size| {
        let text = repeat("word ", size / 2);
        let block = format!(
            "data: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{{\"type\":\"x\",\"a\":\"{text}\"}}}}\n\n"
        );
        let delta = "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}\n\n";
        block + &repeat(delta, size / 2)
    };
    let run = |stream: &str| fold::<Messages>(options(), stream, 4096);
    let row = Row::new("messages/deltas-of-a-long-block", write, run);
    rows.push(row.cost(MOST).held(Held::DEFAULT));
    rows
}

fn gemini() -> Vec<Row> {
    const FINISH: &str = r#"{"candidates":[{"finishReason":"STOP"}]}"#;
    const CALL: &str = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]}}]}"#;
    let streams = [
        ("gemini/text", "", r#"{"candidates":[{"content":{"parts":[{"text":"word "}]}}]}"#, FINISH),
        (
            "gemini/thoughts",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b","thought":true}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/signatures",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s#"}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/calls",
            "",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":#}}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/candidates",
            "",
            r#"{"candidates":[{"index":#,"content":{"parts":[{"text":"a"}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/huge-indices",
            "",
            r#"{"candidates":[{"index":~,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
            FINISH,
        ),
        (
            "gemini/finish-reasons",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"R#"}]}"#,
            FINISH,
        ),
        (
            "gemini/paths",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a#","numberValue":1}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/repeated-path",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a","stringValue":"a","willContinue":true}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/paths-back",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a#","stringValue":"a"},{"jsonPath":"$.b","stringValue":"a"}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/replaced-path",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.b","numberValue":1}],"willContinue":true}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a.b#","numberValue":1},{"jsonPath":"$.a.b#.c","numberValue":1}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/deep-paths",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a#.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a","numberValue":1}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/deep-path-again",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a[#]","numberValue":1}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/huge-path-indices",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a[~]","numberValue":1}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/two-paths",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"a","willContinue":true}],"willContinue":true}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.b","numberValue":#},{"jsonPath":"$.a","stringValue":"a","willContinue":true}],"willContinue":true}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/streamed-calls",
            "",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"$.a","stringValue":"a"}],"willContinue":true}},{"functionCall":{}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/call-again-after-its-end",
            CALL,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"partialArgs":[{"jsonPath":"$.a#","stringValue":"a"}]}}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/usage",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":#,"totalTokenCount":#}}"#,
            FINISH,
        ),
        (
            "gemini/usage-members",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"usageMetadata":{"promptTokenCount":1,"a#":#}}"#,
            FINISH,
        ),
        (
            "gemini/metadata",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"groundingMetadata":{"groundingSupports":[{"a":#},{"a":#}]},"citationMetadata":{"citations":[{"b":#}]}}]}"#,
            FINISH,
        ),
        (
            "gemini/metadata-of-many-names",
            "",
            r#"{"candidates":[{"content":{"parts":[],"c#":1},"a#":#}],"b#":#}"#,
            FINISH,
        ),
        (
            "gemini/labels",
            "",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}],"modelVersion":"m#","responseId":"r#","createTime":"t#"}"#,
            FINISH,
        ),
        ("gemini/unknown-events", "", r#"{"a#":#}"#, FINISH),
        (
            "gemini/feedback",
            "",
            r##"{"promptFeedback":{"blockReason":"R#"},"usageMetadata":{"promptTokenCount":#}}"##,
            FINISH,
        ),
    ];
    let mut rows: Vec<Row> = streams
        .into_iter()
        .map(|(name, begin, each, end)| {
            let row = Stream { name, begin, each, end }.row::<Gemini>();
            // Its frame is learned, so little is left but the map of names, which is searched in
            // logarithmic time: the fewer names, the steeper.
            if name == "gemini/usage-members" { row.size(256 << 10) } else { row }
        })
        .collect();
    for (name, each) in [
        ("gemini/parts", r#"{"text":"a"}"#),
        ("gemini/other-parts", "{}"),
        ("gemini/parts-and-thoughts", r#"{"text":""},{"text":"","thought":true}"#),
        ("gemini/call-parts", r#"{"functionCall":{"name":"f"}}"#),
        (
            "gemini/streamed-call-parts",
            r#"{"functionCall":{"name":"f","willContinue":true}},{"functionCall":{"partialArgs":[{"jsonPath":"a","nullValue":0}]}}"#,
        ),
        ("gemini/code-parts", r#"{"executableCode":{"code":"a"}}"#),
    ] {
        let begin = r#"data: {"candidates":[{"content":{"parts":["#;
        rows.push(one::<Gemini>(name, begin, each, "]}}]}"));
    }
    for (name, begin, end) in [
        (
            "gemini/long-text",
            r#"data: {"candidates":[{"content":{"parts":[{"text":""#,
            r#""}]}}]}"#,
        ),
        (
            "gemini/long-args",
            r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":""#,
            r#""}}}]}}]}"#,
        ),
        (
            "gemini/long-partial-arg",
            r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":[{"jsonPath":"a","stringValue":""#,
            r#""}]}}]}}]}"#,
        ),
        (
            "gemini/long-data",
            r#"data: {"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":""#,
            r#""}}]}}]}"#,
        ),
    ] {
        rows.push(long::<Gemini>(name, begin, end));
    }
    rows.push(one::<Gemini>(
        "gemini/candidates-of-one-event",
        r#"data: {"candidates":["#,
        r#"{"index":#,"content":{"parts":[{"text":"a"}]}}"#,
        "]}",
    ));
    for (name, each) in [
        ("gemini/partial-args", r##"{"jsonPath":"a#","nullValue":0}"##),
        ("gemini/deep-partial-args", r##"{"jsonPath":"a#.a.a.a.a.a.a.a.a.a.a.a","nullValue":0}"##),
        ("gemini/partial-args-of-one", r#"{"jsonPath":"a","stringValue":"a"}"#),
        (
            "gemini/partial-args-in-turn",
            r#"{"jsonPath":"a","nullValue":0},{"jsonPath":"a.b","nullValue":0}"#,
        ),
    ] {
        let begin = r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","partialArgs":["#;
        rows.push(one::<Gemini>(name, begin, each, r#"],"willContinue":true}}]}}]}"#));
    }
    rows.push(one::<Gemini>(
        "gemini/args-members",
        r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"#,
        r#""a#":1"#,
        r#"},"willContinue":true}}]}}]}"#,
    ));
    rows
}

const STEP: &str = r#"{"event_type":"step.start","index":0,"step":{"type":"model_output"}}"#;

fn interactions() -> Vec<Row> {
    const COMPLETED: &str =
        r#"{"event_type":"interaction.completed","interaction":{"id":"v","status":"completed"}}"#;
    let streams = [
        (
            "interactions/steps",
            "",
            r#"{"event_type":"step.start","index":#,"step":{"type":"model_output"}}
{"event_type":"step.delta","index":#,"delta":{"type":"text","text":"a"}}
{"event_type":"step.stop","index":#}"#,
            COMPLETED,
        ),
        (
            "interactions/calls",
            "",
            r#"{"event_type":"step.start","index":~,"step":{"type":"function_call","id":"c#","name":"f"}}
{"event_type":"step.delta","index":~,"delta":{"type":"arguments_delta","arguments":"{}"}}"#,
            COMPLETED,
        ),
        (
            "interactions/one-text",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"text","text":"word "}}"#,
            COMPLETED,
        ),
        (
            "interactions/event-ids",
            STEP,
            r#"{"event_type":"step.delta","event_id":"e#","index":0,"delta":{"type":"text","text":"word "}}"#,
            COMPLETED,
        ),
        (
            "interactions/interleaved",
            "",
            r#"{"event_type":"step.delta","index":%,"delta":{"type":"text","text":"a"}}"#,
            COMPLETED,
        ),
        (
            "interactions/elements",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"image","data":"aa"}}
{"event_type":"step.delta","index":0,"delta":{"type":"text","text":"a"}}"#,
            COMPLETED,
        ),
        (
            "interactions/audio",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"audio","data":"aa"}}"#,
            COMPLETED,
        ),
        (
            "interactions/summaries",
            r#"{"event_type":"step.start","index":0,"step":{"type":"thought"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":"a"}}}"#,
            COMPLETED,
        ),
        (
            "interactions/summary-elements",
            r#"{"event_type":"step.start","index":0,"step":{"type":"thought"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"thought_summary","content":{"type":"text","text":"a","b":#}}}"#,
            COMPLETED,
        ),
        (
            "interactions/annotations",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"text_annotation","annotations":[{"n":#}]}}"#,
            COMPLETED,
        ),
        (
            "interactions/members",
            r#"{"event_type":"step.start","index":0,"step":{"type":"code_execution_call"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"code_execution_call","a#":#}}"#,
            COMPLETED,
        ),
        (
            "interactions/code-again",
            r#"{"event_type":"step.start","index":0,"step":{"type":"code_execution_call"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"code_execution_call","arguments":{"code":"a#"}}}"#,
            COMPLETED,
        ),
        (
            "interactions/arguments-again",
            r#"{"event_type":"step.start","index":0,"step":{"type":"function_call","id":"c","name":"f"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"arguments_delta","arguments":"1"}}
{"event_type":"step.delta","index":0,"delta":{"type":"arguments_delta","arguments":{}}}"#,
            COMPLETED,
        ),
        (
            "interactions/stopped-again",
            r#"{"event_type":"step.start","index":0,"step":{"type":"function_call","id":"c","name":"f"}}"#,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"arguments_delta","arguments":"1"}}
{"event_type":"step.stop","index":0}"#,
            COMPLETED,
        ),
        (
            "interactions/usage",
            STEP,
            r#"{"event_type":"step.stop","index":0,"usage":{"total_input_tokens":#}}"#,
            COMPLETED,
        ),
        (
            "interactions/envelopes",
            STEP,
            r#"{"event_type":"interaction.created","interaction":{"id":"v","a#":#}}"#,
            COMPLETED,
        ),
        ("interactions/unknown-events", STEP, r#"{"event_type":"x#","a":[#]}"#, COMPLETED),
        (
            "interactions/unknown-deltas",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"x#","a#":#}}"#,
            COMPLETED,
        ),
        (
            "interactions/contents",
            "",
            r#"{"event_type":"content.start","index":#,"content":{"type":"text"}}
{"event_type":"content.delta","index":#,"delta":{"type":"text","text":"a"}}"#,
            r#"{"event_type":"interaction.complete","interaction":{"id":"v","status":"completed"}}"#,
        ),
    ];
    let mut rows: Vec<Row> = streams
        .into_iter()
        .map(|(name, begin, each, end)| Stream { name, begin, each, end }.row::<Interactions>())
        .collect();
    for (name, each) in [
        ("interactions/whole-steps", "{}"),
        ("interactions/whole-calls", r#"{"type":"function_call","arguments":{}}"#),
        ("interactions/whole-texts", r#"{"type":"text","text":""}"#),
    ] {
        let begin =
            r#"data: {"event_type":"interaction.completed","interaction":{"status":"x","steps":["#;
        rows.push(one::<Interactions>(name, begin, each, "]}}"));
    }
    for (name, begin, end) in [
        (
            "interactions/long-text",
            r#"data: {"event_type":"step.delta","index":0,"delta":{"type":"text","text":""#,
            r#""}}"#,
        ),
        (
            "interactions/long-audio",
            r#"data: {"event_type":"step.delta","index":0,"delta":{"type":"audio","data":""#,
            r#""}}"#,
        ),
        (
            "interactions/long-step",
            r#"data: {"event_type":"step.start","index":0,"step":{"type":"model_output","content":[{"type":"text","text":""#,
            r#""}]}}"#,
        ),
    ] {
        rows.push(long::<Interactions>(name, begin, end));
    }
    rows.push(one::<Interactions>(
        "interactions/whole-elements",
        r#"data: {"event_type":"step.start","index":0,"step":{"type":"model_output","content":["#,
        r#"{"type":"text","text":""}"#,
        "]}}",
    ));
    let write = |size| {
        let text = repeat("word ", size / 2);
        let step = format!(
            "data: {{\"event_type\":\"step.start\",\"index\":0,\"step\":{{\"type\":\"function_call\",\"a\":\"{text}\"}}}}\n\n"
        );
        let delta = "data: {\"event_type\":\"step.delta\",\"index\":0,\"delta\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
        step + &repeat(delta, size / 2)
    };
    let run = |stream: &str| fold::<Interactions>(options(), stream, 4096);
    let row = Row::new("interactions/deltas-of-a-long-step", write, run);
    rows.push(row.cost(MOST).held(Held::DEFAULT));
    rows
}

fn ollama() -> Vec<Row> {
    const DONE: &str = r#"{"done":true,"done_reason":"stop","eval_count":1}"#;
    let streams = [
        (
            "ollama/lines",
            "",
            r#"{"model":"m","created_at":"t#","message":{"role":"assistant","content":"word "},"done":false}"#,
            4096,
        ),
        (
            "ollama/lines-by-byte",
            "",
            r#"{"model":"m","message":{"role":"assistant","content":"word "},"done":false}"#,
            1,
        ),
        (
            "ollama/both",
            "",
            r#"{"message":{"content":"a","thinking":"b"},"response":"a","done":false}"#,
            4096,
        ),
        (
            "ollama/calls",
            "",
            r#"{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":#}}}]},"done":false}"#,
            4096,
        ),
        ("ollama/calls-of-generate", "", r#"{"tool_calls":[{}],"done":false}"#, 4096),
        (
            "ollama/logprobs",
            "",
            r#"{"message":{"content":"a"},"logprobs":[{"token":"a","logprob":-1}],"done":false}"#,
            4096,
        ),
        ("ollama/images", "", r#"{"message":{"images":["aa"]},"done":false}"#, 4096),
        ("ollama/labels", "", r#"{"model":"m#","created_at":"t#","done":false}"#, 4096),
        ("ollama/members", "", r#"{"message":{"content":"a","a#":"b"},"c#":#,"done":false}"#, 4096),
        (
            "ollama/growing-members",
            "",
            r#"{"message":{"content":"a","x":"b","y":[{"index":#,"z":"a"}]},"done":false}"#,
            4096,
        ),
        ("ollama/empty-lines", "", "\r", 4096),
        ("ollama/unknown", "", r#"{"a":#}"#, 4096),
    ];
    let mut rows: Vec<Row> = streams
        .into_iter()
        .map(|(name, begin, each, read)| {
            Stream { name, begin, each, end: DONE }.row_of_lines::<Ollama>(read)
        })
        .collect();
    for (name, read) in [("ollama/long-line", 4096), ("ollama/long-line-in-pieces", 7)] {
        let write = |size| {
            let text = repeat("word ", size);
            format!("{{\"message\":{{\"content\":\"{text}\"}},\"done\":true}}\n")
        };
        let run = move |stream: &str| fold::<Ollama>(options(), stream, read);
        rows.push(Row::new(name, write, run).cost(MOST).held(Held::DEFAULT));
    }
    rows.push(one::<Ollama>(
        "ollama/calls-of-one-line",
        r#"{"message":{"tool_calls":["#,
        "{}",
        r#"]},"done":true}"#,
    ));
    rows.push(one::<Ollama>("ollama/done-members", "{", r#""a#":1"#, r#","done":true}"#));
    rows
}

fn any() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, begin, each, read) in [
        ("any/undecided", "", r#"{"a":#}"#, 4096),
        ("any/undecided-members", "", r#"{"a#":#}"#, 4096),
        ("any/pings", "", r#"{"type":"ping"}"#, 4096),
        ("any/unknown-types", "", r#"{"type":"x#","a":{"choices":[]}}"#, 4096),
        ("any/null", "", "null", 4096),
        ("any/chat", "", r#"{"choices":[{"index":0,"delta":{"content":"word "}}]}"#, 4096),
        ("any/many-choices", "", r#"{"x":[],"choices":[{},{},{},{},{},{},{},{}]}"#, 4096),
        (
            "any/responses",
            ITEM,
            r#"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"word "}"#,
            1,
        ),
        (
            "any/messages",
            BLOCK,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}"#,
            4096,
        ),
        ("any/gemini", "", r#"{"candidates":[{"content":{"parts":[{"text":"word "}]}}]}"#, 4096),
        (
            "any/interactions",
            STEP,
            r#"{"event_type":"step.delta","index":0,"delta":{"type":"text","text":"word "}}"#,
            4096,
        ),
    ] {
        let stream = Stream { name, begin, each, end: "" };
        let write = move |size| stream.write(size, ("data: ", "\n\n"));
        let run = move |text: &str| fold::<Any>(options(), text, read);
        rows.push(Row::new(name, write, run).cost(stream.cost()).held(Held::DEFAULT));
    }
    let lines = Stream {
        name: "any/lines",
        begin: "",
        each: r#"{"a":1,"response":"a","done":false}"#,
        end: "",
    };
    rows.push(lines.row_of_lines::<Any>(3));
    for (name, begin, end) in [
        ("any/long-text", r#"data: {"choices":[{"index":0,"delta":{"content":""#, r#""}}]}"#),
        ("any/long-unknown", r#"data: {"a":""#, r#""}"#),
    ] {
        rows.push(long::<Any>(name, begin, end));
    }
    for (name, unit, read) in [
        ("any/first-line", "{\"a\":", 4096),
        ("any/first-line-in-pieces", "{\"response\":\"word \"}", 3),
        ("any/empty-lines", "\r\n", 1),
        ("any/comments", ": keep-alive\n", 5),
        ("any/comment-without-end", ": keep-alive ", 5),
    ] {
        let run = move |text: &str| fold::<Any>(options(), text, read);
        let row = Row::new(name, move |size| repeat(unit, size), run);
        rows.push(row.cost(MOST).held(Held::DEFAULT));
    }
    rows
}
