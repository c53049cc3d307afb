//! Streams that are made up, and what they must come to: known because it is known what was put in.

#![allow(dead_code, reason = "each test file that includes this one needs another part of it")]

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One thing that a server says, as numbers that any generator can make: what, to which choice,
/// with which text, in which spelling.
pub(crate) type Step<'t> = (u8, u8, &'t str, u8);

/// A stream, and what it must come to.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// The body.
    pub(crate) stream: Vec<u8>,
    /// The data of its events.
    pub(crate) events: Vec<String>,
    choices: BTreeMap<u8, Choice>,
    usage: Value,
    done: bool,
}

#[derive(Debug, Default)]
struct Choice {
    role: bool,
    texts: BTreeMap<&'static str, String>,
    /// Arguments by index.
    calls: BTreeMap<u8, String>,
    finish: Option<String>,
}

impl Plan {
    pub(crate) fn new<'t>(steps: impl IntoIterator<Item = Step<'t>>) -> Self {
        let mut plan = Self::default();
        for step in steps {
            plan.step(step);
        }
        plan
    }

    /// The outcome's end and what must be in its completion.
    pub(crate) fn expected(&self) -> (&'static str, Value) {
        let choices = self.choices.iter().map(|(index, choice)| {
            let calls = choice.calls.iter().map(|(index, arguments)| {
                json!({"id": format!("c{index}"), "type": "function", "function": {"name": "f", "arguments": arguments}})
            });
            let calls: Vec<_> = calls.collect();
            let calls = if calls.is_empty() { Value::Null } else { json!(calls) };
            let mut message = json!({"role": "assistant", "tool_calls": calls});
            for part in ["content", "reasoning_content", "refusal"] {
                message[part] = json!(choice.texts.get(part));
            }
            json!({"index": index, "message": message, "finish_reason": choice.finish})
        });
        let choices: Vec<_> = choices.collect();
        let finished =
            !self.choices.is_empty() && self.choices.values().all(|choice| choice.finish.is_some());
        let end = match (self.done, finished) {
            _ if self.chunks() == 0 => "empty",
            (true, true) => "done",
            (true, false) => "done_without_finish_reason",
            (false, true) => "done_without_sentinel",
            (false, false) => "truncated",
        };
        (end, json!({"choices": choices, "usage": self.usage}))
    }

    fn chunks(&self) -> usize {
        self.events.iter().filter(|data| data.starts_with('{')).count()
    }

    fn step(&mut self, (what, choice, text, style): Step<'_>) {
        if self.done {
            return;
        }
        let choice = choice % 3;
        match what % 26 {
            0..=7 => self.text("content", choice, text, style),
            8 => self.text("reasoning_content", choice, text, style),
            9 => self.text("refusal", choice, text, style),
            10 | 11 => self.cut_pair(choice, text, style),
            12..=15 => self.call(choice, text, style),
            16 => {
                let reason = ["stop", "length", "tool_calls", "x"][usize::from(style % 4)];
                self.choices.entry(choice).or_default().finish = Some(reason.to_owned());
                self.delta(choice, "", &format!(r#","finish_reason":"{reason}""#), style);
            }
            17 => {
                // Counts of zero say nothing where others came before.
                if style != 0 || self.usage.is_null() {
                    self.usage = json!({"total_tokens": style});
                }
                self.chunk(&format!(r#""choices":[],"usage":{{"total_tokens":{style}}}"#), 0);
            }
            18 => {
                self.choices.entry(choice).or_default().role = true;
                self.delta(choice, r#""role":"assistant""#, "", style);
            }
            19 => self.stream.extend_from_slice(b": a comment {\"choices\"\n\n"),
            20 => self.delta(choice, r#""content":null"#, r#","finish_reason":null"#, style),
            21 => self.delta(choice, "", "", style),
            22 => {
                let empty = r#","logprobs":null,"unknown":[1,{"delta":"x"}]"#;
                self.delta(choice, "", empty, style);
            }
            23 => {
                self.add("content", choice, text);
                self.choices.entry(choice).or_default().finish = Some("stop".to_owned());
                let content = format!(r#""content":"{}""#, spelled(text, style));
                self.delta(choice, &content, r#","finish_reason":"stop""#, 0);
            }
            24 => self.stream.extend_from_slice(b":\r\n\r\nid: 7\r\nretry: 5\r\n\r\n"),
            _ if style % 4 == 0 => {
                self.done = true;
                self.data("[DONE]".to_owned());
            }
            _ => self.data(["", "null", "  "][usize::from(style % 3)].to_owned()),
        }
    }

    fn add(&mut self, part: &'static str, choice: u8, text: &str) {
        self.choices.entry(choice).or_default().texts.entry(part).or_default().push_str(text);
    }

    fn text(&mut self, part: &'static str, choice: u8, text: &str, style: u8) {
        self.add(part, choice, text);
        // Both names, some of the time.
        let name = if part == "reasoning_content" && style & 8 != 0 { "reasoning" } else { part };
        self.delta(choice, &format!(r#""{name}":"{}""#, spelled(text, style)), "", style >> 4);
    }

    /// A text written in UTF-16 units, cut between any two of them into two chunks.
    fn cut_pair(&mut self, choice: u8, text: &str, style: u8) {
        self.add("content", choice, text);
        let units: Vec<_> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let (before, behind) = units.split_at(usize::from(style) % (units.len() + 1));
        self.delta(choice, &format!(r#""content":"{}""#, before.concat()), "", 0);
        self.delta(choice, &format!(r#""content":"{}""#, behind.concat()), "", 0);
    }

    /// A fragment of a call, which begins the call if it is the first.
    fn call(&mut self, choice: u8, text: &str, style: u8) {
        let index = style % 3;
        let calls = &mut self.choices.entry(choice).or_default().calls;
        let known = calls.contains_key(&index);
        calls.entry(index).or_default().push_str(text);
        let arguments = spelled(text, style >> 2);
        let fragment = if known && style & 0x20 == 0 {
            format!(r#"{{"index":{index},"function":{{"arguments":"{arguments}"}}}}"#)
        } else {
            format!(
                r#"{{"index":{index},"id":"c{index}","type":"function","function":{{"name":"f","arguments":"{arguments}"}}}}"#
            )
        };
        self.delta(choice, &format!(r#""tool_calls":[{fragment}]"#), "", 0);
    }

    fn delta(&mut self, choice: u8, delta: &str, beside: &str, style: u8) {
        self.choices.entry(choice).or_default();
        let members = match style % 4 {
            0 | 1 => format!(r#""choices":[{{"index":{choice},"delta":{{{delta}}}{beside}}}]"#),
            2 => format!(
                r#""choices" : [ {{ "delta" : {{ {delta} }} , "index" : {choice} {beside} }} ]"#
            ),
            _ => format!(
                r#""choices":[{{"delta":{{{delta}}},"unknown":null,"index":{choice}{beside}}}]"#
            ),
        };
        self.chunk(&members, style);
    }

    fn chunk(&mut self, members: &str, style: u8) {
        let data = match style % 16 {
            5 => format!(r#"{{"obfuscation":"{style}abc",{members}}}"#),
            6 => format!(r#"{{{members},"obfuscation":"{}"}}"#, "x".repeat(style.into())),
            7 => format!(r#"{{"unknown":{{"choices":{style}}},{members}}}"#),
            _ => format!(r#"{{"id":"a","created":5,{members}}}"#),
        };
        self.data(data);
    }

    fn data(&mut self, data: String) {
        let line_end = ["\n", "\r\n", "\r"][data.len() % 3];
        self.stream.extend_from_slice(format!("data: {data}{line_end}{line_end}").as_bytes());
        self.events.push(data);
    }
}

/// Returns the inside of a JSON string that means `text`, in one of its spellings.
pub(crate) fn spelled(text: &str, style: u8) -> String {
    if style & 1 == 0 {
        let json = serde_json::to_string(text).expect("a string is JSON");
        return json[1..json.len() - 1].to_owned();
    }
    let mut spelled = String::new();
    for character in text.chars() {
        if style & 2 == 0 && character.is_alphanumeric() {
            spelled.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                spelled.push_str(&format!("\\u{unit:04X}"));
            }
        }
    }
    spelled
}

/// The same chunks, each with a member of its own: no two look alike.
pub(crate) fn each_another(events: &[String]) -> Vec<String> {
    let other = |(number, data): (usize, &String)| match data.strip_prefix('{') {
        Some("}") => format!(r#"{{"nonce":{number}}}"#),
        Some(rest) => format!(r#"{{"nonce":{number},{rest}"#),
        None => data.clone(),
    };
    events.iter().enumerate().map(other).collect()
}
