//! A second fold of Gemini's streams, over values and without any care for cost.
//!
//! It knows well-behaved streams: no index is missing beside others, and no path goes back. What it
//! does not know it refuses.

#![allow(unreachable_pub, reason = "a library that includes this one shows what is public here")]

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Folds the data of events into the answer, or returns `None` if nothing is known of the stream.
pub fn fold(events: &[String]) -> Option<Value> {
    let (mut answer, mut candidates) = (Map::new(), BTreeMap::new());
    for event in events {
        let event: Value = serde_json::from_str(event).ok()?;
        for (name, value) in event.as_object()? {
            match name.as_str() {
                "candidates" => {
                    for candidate in value.as_array()? {
                        let index = candidate["index"].as_u64().unwrap_or(0);
                        fold_candidate(candidates.entry(index).or_default(), candidate)?;
                    }
                }
                "usageMetadata" => {
                    let usage = answer.entry("usageMetadata").or_insert(json!({}));
                    let usage = usage.as_object_mut()?;
                    let value = value.as_object()?;
                    if value.keys().any(|name| name.ends_with("TokenCount")) {
                        usage.retain(|name, _| !name.contains("Token"));
                    }
                    usage.extend(value.clone());
                }
                _ => _ = answer.insert(name.clone(), value.clone()),
            }
        }
    }
    if !candidates.is_empty() {
        let candidates = candidates.into_values().map(Value::Object).collect();
        answer.insert("candidates".into(), candidates);
    }
    Some(Value::Object(answer))
}

fn fold_candidate(folded: &mut Map<String, Value>, candidate: &Value) -> Option<()> {
    let parts = candidate["content"]["parts"].as_array().cloned().unwrap_or_default();
    for (name, value) in candidate.as_object()? {
        if name != "content" {
            folded.insert(name.clone(), value.clone());
        }
    }
    if parts.iter().any(|part| part["text"] != "") && candidate.get("finishReason").is_none() {
        folded.remove("finishReason");
    }
    if let Some(role) = candidate["content"].get("role") {
        folded.entry("content").or_insert(json!({}))["role"] = role.clone();
    }
    for part in parts {
        let content = folded.entry("content").or_insert(json!({}));
        let list = content.as_object_mut()?.entry("parts").or_insert(json!([]));
        fold_part(list.as_array_mut()?, part)?;
    }
    Some(())
}

fn fold_part(parts: &mut Vec<Value>, mut part: Value) -> Option<()> {
    let is_plain = |part: &Value| {
        let members = part.as_object();
        part["text"].is_string()
            && members
                .into_iter()
                .flat_map(Map::keys)
                .all(|name| name == "text" || name == "thought")
    };
    if let Some(last) = parts.last_mut() {
        if is_plain(last) && is_plain(&part) && last.get("thought") == part.get("thought") {
            let text = |part: &Value| part["text"].as_str().unwrap_or_default().to_owned();
            last["text"] = (text(last) + &text(&part)).into();
            return Some(());
        }
        let is_more = |call: &Value| {
            let id = call.get("id").filter(|id| last["functionCall"].get("id") == Some(id));
            call.get("name").is_none() || id.is_some()
        };
        if part.get("functionCall").is_some_and(is_more) {
            let call = last.get_mut("functionCall").filter(|call| call.is_object())?;
            return put_args(call, &part["functionCall"]["partialArgs"]);
        }
    }
    if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
        call.remove("willContinue");
        let args = call.remove("partialArgs").unwrap_or_default();
        put_args(&mut part["functionCall"], &args)?;
    }
    parts.push(part);
    Some(())
}

fn put_args(call: &mut Value, args: &Value) -> Option<()> {
    for arg in args.as_array().into_iter().flatten() {
        let path = arg["jsonPath"].as_str()?.replace("['", ".");
        let path = path.replace("']", "").replace('[', ".[");
        let mut value = &mut call["args"];
        for step in path.split('.').skip(1) {
            value = match step.strip_prefix('[') {
                Some(index) => {
                    let index: usize = index.trim_end_matches(']').parse().ok()?;
                    if value.is_null() {
                        *value = json!([]);
                    }
                    let list = value.as_array_mut()?;
                    if list.len() == index {
                        list.push(Value::Null);
                    }
                    list.get_mut(index)?
                }
                None if value.is_null() || value.is_object() => &mut value[step],
                None => return None,
            };
        }
        *value = match (&arg["stringValue"], &*value) {
            (Value::String(piece), Value::String(text)) => (text.clone() + piece).into(),
            (Value::String(piece), _) => piece.clone().into(),
            _ => arg.get("numberValue").or(arg.get("boolValue")).cloned().unwrap_or_default(),
        };
    }
    Some(())
}
