//! The oracle of the target `tool_calls`: the table of routes once more, over fragments that never
//! were JSON.
//!
//! A corpus file is the length of the reads (0: all at once), and then two bytes a fragment, so
//! that a few bytes already interleave calls. From the lowest bits, the first has three for the
//! index, three for the ID and two for the name, the second two for where the text stands, two for
//! how it is written, two for the type, one for the choice, and one for a fragment that comes in
//! the same chunk as the one before. The lists below say what each number is.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use deltawire::chat::{Chat, ToolCallKind};
use deltawire::{AnomalyKind, Change, How, Options, Place, Session, TextKind};

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
    (r#""id":"None","#, ""),
    (r#""id":null,"#, ""),
    (r#""id":"\u0061","#, "a"),
    (r#""id":"nul\u006c","#, ""),
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
    /// The ID is the text `null` or `None`.
    placeholder: bool,
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
    name: String,
    call_type: &'static str,
    custom: bool,
    text: String,
}

impl Call {
    fn is_custom(&self) -> bool {
        self.custom || self.call_type == "custom"
    }
}

/// The calls of a choice by arrival, and the call that each index led to last.
#[derive(Debug, Default)]
struct Calls {
    calls: Vec<Call>,
    bound: HashMap<u64, usize>,
}

/// The anomalies of the rules, counted by kind.
type Odd = HashMap<AnomalyKind, u64>;

/// The kinds that are compared.
const KINDS: [AnomalyKind; 10] = [
    AnomalyKind::MissingIndex,
    AnomalyKind::UnknownIndex,
    AnomalyKind::OrphanArguments,
    AnomalyKind::ToolCallIdPlaceholder,
    AnomalyKind::ToolCallIdChanged,
    AnomalyKind::ToolCallIdShared,
    AnomalyKind::ToolCallIndexReused,
    AnomalyKind::ToolCallNameContinued,
    AnomalyKind::ToolCallWithoutName,
    AnomalyKind::SeveralDocuments,
];

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
    choices.values().for_each(|calls| calls.settle(&mut odd));
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
        0 => {
            // A word, the beginning of a list, and the end of one.
            let text = [format!("{number};"), format!("[{number}"), "]".to_owned()];
            let text = text[number % 3].clone();
            (format!("\"{text}\""), text)
        }
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
    let placeholder = id_json.contains('N') || id_json.contains("nul\\");
    let choice = pick(second, 6, 1) as u64;
    (Fragment { choice, index, id, placeholder, name, call_type, custom, text }, json)
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
        let (known, note) = self.place(fragment);
        let is_new = known.is_none();
        let place = known.unwrap_or_else(|| {
            self.calls.push(Call::default());
            self.calls.len() - 1
        });
        let call = &mut self.calls[place];
        if let Some(index) = fragment.index {
            self.bound.insert(index, place);
            call.index = call.index.or(Some(index));
        }
        let mut count = |kind| *odd.entry(kind).or_default() += 1;
        note.into_iter().for_each(&mut count);
        // A call without an index is told by other means, and that is noted once a fragment.
        if call.index.is_none() && note != Some(AnomalyKind::MissingIndex) {
            count(AnomalyKind::MissingIndex);
        }
        if fragment.placeholder {
            count(AnomalyKind::ToolCallIdPlaceholder);
        }
        call.custom |= fragment.custom;
        if call.id.is_empty() {
            call.id = fragment.id;
        }
        if call.call_type.is_empty() {
            call.call_type = fragment.call_type;
        }
        if !fragment.name.is_empty() && call.name != fragment.name {
            if !is_new && !call.name.is_empty() {
                count(AnomalyKind::ToolCallNameContinued);
            }
            call.name += fragment.name;
        }
        call.text += &fragment.text;
    }

    /// The table: the call that the fragment belongs to, or none for a new one, and the anomaly.
    fn place(&self, fragment: &Fragment) -> (Option<usize>, Option<AnomalyKind>) {
        use AnomalyKind as Kind;
        let (has_id, has_name) = (!fragment.id.is_empty(), !fragment.name.is_empty());
        let bound = fragment.index.and_then(|index| self.bound.get(&index).copied());
        let latest = self.calls.len().checked_sub(1);
        let with_id = |place: &usize| has_id && self.calls[*place].id == fragment.id;
        let known = bound.filter(with_id).or((0..self.calls.len()).rev().find(with_id));
        let is_other = |call: &Call| !call.name.is_empty() && call.name != fragment.name;
        if let (Some(known), false) = (known, has_name) {
            return (Some(known), None);
        }
        if let Some(known) = known {
            let call = &self.calls[known];
            let is_its_index = match (fragment.index, call.index) {
                (None, _) => true,
                _ if bound == Some(known) => true,
                (Some(_), None) => bound.is_none(),
                (Some(index), Some(own)) => index == own,
            };
            let is_over = is_other(call) && !call.text.is_empty();
            return if is_its_index && !is_over {
                (Some(known), None)
            } else {
                (None, Some(Kind::ToolCallIdShared))
            };
        }
        if has_id && !has_name {
            let (place, is_position) = match (bound, fragment.index) {
                (Some(bound), _) => (Some(bound), false),
                (None, None) => (latest, true),
                (None, Some(_)) => (None, false),
            };
            let note = match place.map(|place| self.calls[place].id.is_empty()) {
                Some(false) => Some(Kind::ToolCallIdChanged),
                Some(true) if is_position => Some(Kind::MissingIndex),
                _ => None,
            };
            return (place, note);
        }
        if has_id {
            let waits = |place: &usize| {
                self.calls[*place].id.is_empty() && self.calls[*place].name.is_empty()
            };
            let place = bound.filter(waits);
            let reused = bound.is_some() && place.is_none();
            return (place, reused.then_some(Kind::ToolCallIndexReused));
        }
        if has_name {
            if let Some(bound) = bound {
                let call = &self.calls[bound];
                let is_over = is_other(call) && !call.text.is_empty();
                let is_again = call.name == fragment.name
                    && !call.is_custom()
                    && !fragment.custom
                    && documents(&call.text) == (1, true)
                    && documents(&format!("{}{}", call.text, fragment.text)).0 > 1;
                return if is_over || is_again {
                    (None, Some(Kind::ToolCallIndexReused))
                } else {
                    (Some(bound), None)
                };
            }
            return match latest {
                Some(latest) if fragment.index.is_none() && self.calls[latest].name.is_empty() => {
                    (Some(latest), Some(Kind::MissingIndex))
                }
                _ => (None, None),
            };
        }
        match (bound, latest, fragment.index) {
            (Some(bound), _, _) => (Some(bound), None),
            (None, Some(latest), Some(_)) => (Some(latest), Some(Kind::UnknownIndex)),
            (None, Some(latest), None) => (Some(latest), Some(Kind::MissingIndex)),
            (None, None, _) => (None, Some(Kind::OrphanArguments)),
        }
    }

    /// Counts what is odd at the end.
    fn settle(&self, odd: &mut Odd) {
        for call in &self.calls {
            if call.name.is_empty() {
                *odd.entry(AnomalyKind::ToolCallWithoutName).or_default() += 1;
            }
            if !call.is_custom() && documents(&call.text).0 > 1 {
                *odd.entry(AnomalyKind::SeveralDocuments).or_default() += 1;
            }
        }
    }
}

/// Returns how many documents begin in a text, and whether the last is over.
///
/// The texts of these fragments have strings without escapes. A number may go on.
fn documents(text: &str) -> (usize, bool) {
    let (mut begun, mut depth, mut string, mut word) = (0, 0_usize, false, false);
    for character in text.chars() {
        let is_blank = character.is_ascii_whitespace();
        let is_top = depth == 0 && !string;
        if is_top && !is_blank && !(word && !"{[\"".contains(character)) {
            begun += 1;
        }
        word = is_top && !is_blank && !"{[\"".contains(character);
        match character {
            '"' => string = !string,
            '{' | '[' if !string => depth += 1,
            '}' | ']' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (begun, depth == 0 && !string)
}

fn compare(
    choices: &BTreeMap<u64, Calls>,
    odd: &Odd,
    stream: &str,
    options: Options,
    length: usize,
) {
    let mut fold = Session::<Chat>::with_options(options);
    let mut texts: BTreeMap<Place, String> = BTreeMap::new();
    let mut heads: BTreeMap<Place, (String, String)> = BTreeMap::new();
    for read in stream.as_bytes().chunks(length) {
        let mut updates = fold.read(read);
        while let Some(update) = updates.next().expect("all of these are chunks") {
            for change in update.changes() {
                match change {
                    Change::ToolCall { at, id, name } => {
                        let head = (
                            id.unwrap_or_default().to_owned(),
                            name.unwrap_or_default().to_owned(),
                        );
                        heads.insert(at, head);
                    }
                    Change::Text { at, kind: TextKind::Arguments, text } => {
                        texts.entry(at).or_default().push_str(text);
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
            let at = Place::item(*index, place as u32);
            let (id, name) = heads.remove(&at).unwrap_or_default();
            assert_eq!(
                (&*id, &*name),
                (call.id, &*call.name),
                "call {place} of choice {index} in {stream}"
            );
            let text = texts.remove(&at).unwrap_or_default();
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
            (call.id, &*call.name, call_type, call.is_custom(), &*call.text)
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
    for kind in KINDS {
        let of_kind = outcome.anomalies.iter().filter(|anomaly| anomaly.kind == kind);
        let count: u64 = of_kind.map(|anomaly| anomaly.count).sum();
        assert_eq!(count, odd.get(&kind).copied().unwrap_or_default(), "{kind:?} in {stream}");
    }
}
