//! The oracle of the target `tool_calls`: the rules once more, over a
//! list of fragments that never was JSON.
//!
//! A corpus file is the length of the reads (0: all at once), and then two bytes a fragment, so
//! that a few bytes already interleave calls. From the lowest bits, the first has three for the
//! index, three for the ID and two for the name, the second two for where the text stands, two for
//! how it is written, two for the type, one for the choice, and one for a fragment that comes in
//! the same chunk as the one before. The lists below say what each number is.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use deltawire::chat::{Chat, ToolCallKind};
use deltawire::{AnomalyKind, Change, How, Options, Session, TextKind};

/// The ways to send an index, each with its meaning.
const INDICES: [(&str, Option<u64>); 8] = [
    ("", None),
    (r#""index":0,"#, Some(0)),
    (r#""index":1,"#, Some(1)),
    (r#""index":2,"#, Some(2)),
    (r#""index":-1,"#, None),
    (r#""index":null,"#, None),
    (r#""index":9,"#, Some(9)),
    (r#""index":18446744073709551614,"#, Some(u64::MAX - 1)),
];
/// The same for the ID. Written in two ways it is one.
const IDS: [(&str, &str); 8] = [
    ("", ""),
    (r#""id":"a","#, "a"),
    (r#""id":"b","#, "b"),
    (r#""id":"c","#, "c"),
    (r#""id":"","#, ""),
    (r#""id":null,"#, ""),
    (r#""id":"\u0061","#, "a"),
    (r#""id":"d","#, "d"),
];
/// The same for the name, which stands in the function or in the custom tool.
const NAMES: [(&str, &str); 4] =
    [("", ""), (r#""name":"f","#, "f"), (r#""name":"g","#, "g"), (r#""name":"","#, "")];
const TYPES: [(&str, &str); 4] = [
    ("", ""),
    (r#""type":"function","#, "function"),
    (r#""type":"custom","#, "custom"),
    (r#""type":"","#, ""),
];
/// More than this many fragments are not looked at: what routing gets wrong it gets wrong with few,
/// and the limit of calls is not its business.
const MOST: usize = 400;

/// A fragment as a server means it; `""` is none.
struct Fragment {
    choice: u64,
    index: Option<u64>,
    id: &'static str,
    name: &'static str,
    call_type: &'static str,
    custom: bool,
    text: String,
}

/// A call as it should come out.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: &'static str,
    name: &'static str,
    call_type: &'static str,
    custom: bool,
    text: String,
}

/// The calls of a choice by arrival, and what each index means now.
#[derive(Debug, Default)]
struct Calls {
    calls: Vec<Call>,
    meant: HashMap<u64, usize>,
}

/// The faults of fragments, counted.
#[derive(Debug, Default, PartialEq)]
struct Odd {
    strays: u64,
    orphans: u64,
}

/// Fragments of tool calls end up in the calls that the rules say: whole and in reads, learned and
/// parsed, in the updates and in the completion.
///
/// # Panics
/// If they do not.
pub fn check(bytes: &[u8]) {
    let Some((&length, pairs)) = bytes.split_first() else { return };
    let mut choices: BTreeMap<u64, Calls> = BTreeMap::new();
    let mut odd = Odd::default();
    let mut stream = String::new();
    let mut chunk: Vec<(u64, String)> = Vec::new();
    for (number, pair) in pairs.chunks_exact(2).take(MOST).enumerate() {
        let (fragment, json) = read(pair[0], pair[1], number);
        if pair[1] & 0x80 == 0 {
            send(&mut stream, &mut chunk);
        }
        chunk.push((fragment.choice, json));
        choices.entry(fragment.choice).or_default().take(&fragment, &mut odd);
    }
    send(&mut stream, &mut chunk);
    let length = if length == 0 { stream.len().max(1) } else { length.into() };
    for (options, length) in [
        (Options::new(), stream.len().max(1)),
        (Options::new(), length),
        (Options::new().with_learning(false), length),
    ] {
        compare(&choices, &odd, &stream, options, length);
    }
}

/// A fragment, and the JSON of it.
fn read(first: u8, second: u8, number: usize) -> (Fragment, String) {
    let pick = |byte: u8, from: u8, mask: u8| usize::from(byte >> from & mask);
    let (index_json, index) = INDICES[pick(first, 0, 7)];
    let (id_json, id) = IDS[pick(first, 3, 7)];
    let (name_json, name) = NAMES[pick(first, 6, 3)];
    let (type_json, call_type) = TYPES[pick(second, 4, 3)];
    let (text_json, text) = match pick(second, 2, 3) {
        0 => (format!(r#""{number};""#), format!("{number};")),
        1 => (format!(r#""\n\u003{}\ud83d\ude00;""#, number % 10), format!("\n{}😀;", number % 10)),
        2 => (format!(r#"{{ "n" : [{number}, " "] }}"#), format!(r#"{{"n":[{number}," "]}}"#)),
        _ => ("null".to_owned(), String::new()),
    };
    let place = pick(second, 0, 3);
    let (custom, holder, member) =
        if place == 2 { (true, "custom", "input") } else { (false, "function", "arguments") };
    // Neither a function nor a custom tool: nothing can have a name or a text.
    let (inside, name, text) = if place == 3 {
        (r#""function":null"#.to_owned(), "", String::new())
    } else {
        (format!(r#""{holder}":{{{name_json}"{member}":{text_json}}}"#), name, text)
    };
    let json = format!("{{{index_json}{id_json}{type_json}{inside}}}");
    (Fragment { choice: pick(second, 6, 1) as u64, index, id, name, call_type, custom, text }, json)
}

/// Writes a chunk with what is due: neighbours of one choice in one list.
fn send(stream: &mut String, chunk: &mut Vec<(u64, String)>) {
    if chunk.is_empty() {
        return;
    }
    let choices = chunk.chunk_by(|(one, _), (next, _)| one == next).map(|fragments| {
        let calls: Vec<_> = fragments.iter().map(|(_, json)| json.as_str()).collect();
        format!(r#"{{"index":{},"delta":{{"tool_calls":[{}]}}}}"#, fragments[0].0, calls.join(","))
    });
    let choices: Vec<_> = choices.collect();
    writeln!(stream, "data: {{\"choices\":[{}]}}\n", choices.join(","))
        .expect("a string takes all");
    chunk.clear();
}

impl Calls {
    fn take(&mut self, fragment: &Fragment, odd: &mut Odd) {
        let place = self.place(fragment, odd);
        let call = &mut self.calls[place];
        call.custom |= fragment.custom;
        for (kept, sent) in [
            (&mut call.id, fragment.id),
            (&mut call.name, fragment.name),
            (&mut call.call_type, fragment.call_type),
        ] {
            if kept.is_empty() {
                *kept = sent;
            }
        }
        call.text += &fragment.text;
    }

    /// The rules, in their order: the ID, the index, the name.
    fn place(&mut self, fragment: &Fragment, odd: &mut Odd) -> usize {
        let meant = fragment.index.and_then(|index| self.meant.get(&index).copied());
        if !fragment.id.is_empty() {
            if let Some(known) = self.calls.iter().position(|call| call.id == fragment.id) {
                return self.number(known, fragment.index);
            }
            return match meant {
                Some(place) if self.calls[place].id.is_empty() => place,
                _ => self.begin(fragment),
            };
        }
        if let Some(place) = meant {
            return place;
        }
        let Some(latest) = self.calls.len().checked_sub(1) else {
            odd.orphans += u64::from(fragment.name.is_empty());
            return self.begin(fragment);
        };
        let named = !fragment.name.is_empty();
        match fragment.index {
            Some(_) if named => self.begin(fragment),
            Some(_) => {
                odd.strays += 1;
                latest
            }
            None if named && !self.calls[latest].name.is_empty() => self.begin(fragment),
            None => latest,
        }
    }

    fn begin(&mut self, fragment: &Fragment) -> usize {
        self.calls.push(Call { index: fragment.index, ..Call::default() });
        let place = self.calls.len() - 1;
        self.meant.extend(fragment.index.map(|index| (index, place)));
        place
    }

    /// A call that had no index has the first that comes with its ID, which means that call if it
    /// meant none.
    fn number(&mut self, place: usize, index: Option<u64>) -> usize {
        if let (None, Some(index)) = (self.calls[place].index, index) {
            self.calls[place].index = Some(index);
            self.meant.entry(index).or_insert(place);
        }
        place
    }
}

fn compare(
    choices: &BTreeMap<u64, Calls>,
    odd: &Odd,
    stream: &str,
    options: Options,
    length: usize,
) {
    let mut fold = Session::<Chat>::with_options(options);
    let mut texts: BTreeMap<(u64, usize), String> = BTreeMap::new();
    let mut heads: BTreeMap<(u64, usize), (String, String)> = BTreeMap::new();
    for read in stream.as_bytes().chunks(length) {
        let mut input = read;
        while let Some(update) = fold.push(&mut input).expect("all of these are chunks") {
            for change in update.changes() {
                match change {
                    Change::ToolCall { at, id, name } => {
                        let head = (
                            id.unwrap_or_default().to_owned(),
                            name.unwrap_or_default().to_owned(),
                        );
                        heads.insert((at.choice, at.item as usize), head);
                    }
                    Change::Text { at, kind: TextKind::Arguments, text } => {
                        texts.entry((at.choice, at.item as usize)).or_default().push_str(text);
                    }
                    other => panic!("{other:?} in {stream}"),
                }
            }
        }
    }
    let outcome = fold.close(How::Clean);
    assert_eq!(outcome.answer.choices.len(), choices.len(), "{stream}");
    for (choice, (index, expected)) in outcome.answer.choices.iter().zip(choices) {
        assert_eq!(choice.index, *index);
        for (place, call) in expected.calls.iter().enumerate() {
            let (id, name) = heads.remove(&(*index, place)).unwrap_or_default();
            assert_eq!(
                (&*id, &*name),
                (call.id, call.name),
                "call {place} of choice {index} in {stream}"
            );
            let text = texts.remove(&(*index, place)).unwrap_or_default();
            assert_eq!(text, call.text, "call {place} of choice {index} in {stream}");
        }
        // By index, those without one last, else by arrival.
        let mut expected: Vec<_> = expected.calls.iter().collect();
        expected.sort_by_key(|call| (call.index.is_none(), call.index));
        let calls = &choice.message.tool_calls;
        let folded = calls.iter().map(|call| {
            let kind = call.kind == ToolCallKind::Custom;
            (
                call.id.as_deref().unwrap_or_default(),
                &*call.name,
                &*call.call_type,
                kind,
                &*call.arguments,
            )
        });
        let expected = expected.into_iter().map(|call| {
            let none = if call.custom { "custom" } else { "function" };
            let call_type = if call.call_type.is_empty() { none } else { call.call_type };
            (call.id, call.name, call_type, call.custom || call_type == "custom", &*call.text)
        });
        assert_eq!(
            folded.collect::<Vec<_>>(),
            expected.collect::<Vec<_>>(),
            "choice {index} in {stream}"
        );
    }
    assert!(
        heads.is_empty() && texts.is_empty(),
        "updates of calls that are none: {heads:?} {texts:?}"
    );
    let count = |kind| outcome.anomalies.iter().filter(|a| a.kind == kind).map(|a| a.count).sum();
    let counted = Odd {
        strays: count(AnomalyKind::UnknownIndex),
        orphans: count(AnomalyKind::OrphanArguments),
    };
    assert_eq!(counted, *odd, "in {stream}");
}
