//! Tool calls from the outside: which call of the answer a change is about.

use deltawire::{Change, How, Place, chat};

fn chunk(choice: u64, delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":{choice},\"delta\":{{{delta}}}}}]}}\n\n")
}

#[test]
fn a_place_finds_its_call_wherever_the_answer_has_it() {
    // The second call of choice 3 arrives first.
    let call = |index: u64, id: &str| {
        chunk(3, &format!(r#""tool_calls":[{{"index":{index},"id":"{id}","function":{{}}}}]"#))
    };
    let body = [call(1, "call_b"), call(0, "call_a")].concat();
    let mut session = chat::Session::new();
    let mut places = Vec::new();
    let see = |update: deltawire::Update<'_>| {
        for change in update.changes() {
            if let Change::ToolCall { at, id: Some(id), .. } = change {
                places.push((at, id.to_owned()));
            }
        }
    };
    session.read(body.as_bytes()).for_each(see).unwrap();
    let answer = session.close(How::Clean).answer;
    let ids = answer.choices[0].message.tool_calls.iter().map(|call| call.id.as_deref());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("call_a"), Some("call_b")]);
    assert_eq!(places.len(), 2);
    for (at, id) in places {
        assert_eq!(answer.tool_call(at).unwrap().id.as_deref(), Some(&*id));
        assert_eq!(answer.choices[0].message.tool_call(at.item), answer.tool_call(at));
    }
    assert_eq!(answer.tool_call(Place::item(3, 2)), None);
    assert_eq!(answer.tool_call(Place::item(0, 0)), None);
}

#[test]
fn calls_that_differ_in_their_item_only_are_equal() {
    let calls = |first: &str, second: &str| {
        let call = |index: &str| format!(r#"{{"index":{index},"id":"c{index}"}}"#);
        let calls = format!(r#""tool_calls":[{},{}]"#, call(first), call(second));
        chat::fold(chunk(0, &calls).as_bytes()).answer
    };
    let (in_order, reversed) = (calls("0", "1"), calls("1", "0"));
    assert_eq!(in_order, reversed);
    let items = |answer: &chat::ChatCompletion| {
        let calls = answer.choices[0].message.tool_calls.iter();
        calls.map(|call| call.item.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (items(&in_order), items(&reversed)),
        (vec!["0".into(), "1".into()], vec!["1".into(), "0".into()])
    );
    let json = serde_json::to_string(&in_order).unwrap();
    assert!(!json.contains("item"), "{json}");
}
