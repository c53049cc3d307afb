//! The answers of Redis, as the values of this crate.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use crate::error::LogError;
use crate::log::{Entry, EntryKind, Fence, Status};

fn corrupt(what: impl std::fmt::Debug) -> LogError {
    LogError::Corrupt(format!("{what:?}").chars().take(200).collect())
}

/// Returns the bytes of a string.
fn bytes(value: Value) -> Result<Vec<u8>, LogError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        other => Err(corrupt(other)),
    }
}

fn text(value: Value) -> Result<String, LogError> {
    String::from_utf8(bytes(value)?).map_err(corrupt)
}

fn number(value: Value) -> Result<u64, LogError> {
    let text = text(value)?;
    text.parse().map_err(|_| corrupt(text))
}

fn array(value: Value) -> Result<Vec<Value>, LogError> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        other => Err(corrupt(other)),
    }
}

/// Returns what follows the word at the beginning of a script's answer, or the error it names.
pub(super) fn answer(value: Value) -> Result<Option<std::vec::IntoIter<Value>>, LogError> {
    let mut values = array(value)?.into_iter();
    let word = text(values.next().unwrap_or_default())?;
    match &*word {
        "ok" => Ok(Some(values)),
        "no" => Ok(None),
        "missing" => Err(LogError::NotFound),
        "exists" => Err(LogError::Exists),
        "fenced" => Err(LogError::Fenced),
        "ended" => Err(LogError::Ended),
        "lost" => Err(LogError::Lost { last: number(values.next().unwrap_or_default())? }),
        _ => Err(corrupt(word)),
    }
}

/// Returns the rest of the answer of a script that cannot answer no.
pub(super) fn done(value: Value) -> Result<std::vec::IntoIter<Value>, LogError> {
    answer(value)?.ok_or_else(|| corrupt("no"))
}

/// Returns the next value as a number.
pub(super) fn next_number(values: &mut std::vec::IntoIter<Value>) -> Result<u64, LogError> {
    number(values.next().unwrap_or_default())
}

/// Returns the next value as a text, if there is one.
pub(super) fn next_text(
    values: &mut std::vec::IntoIter<Value>,
) -> Result<Option<String>, LogError> {
    match values.next() {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => text(value).map(Some),
    }
}

/// Returns the next value as the bytes of a string, if there is one.
pub(super) fn next_bytes(
    values: &mut std::vec::IntoIter<Value>,
) -> Result<Option<Vec<u8>>, LogError> {
    match values.next() {
        None | Some(Value::Nil) => Ok(None),
        Some(value) => bytes(value).map(Some),
    }
}

/// Returns the values of a reply that is an array.
pub(super) fn values(value: Value) -> Result<std::vec::IntoIter<Value>, LogError> {
    Ok(array(value)?.into_iter())
}

/// Returns the state that the script `STATUS` answers with.
pub(super) fn status(value: Value) -> Result<Status, LogError> {
    let mut values = done(value)?;
    let generation = next_text(&mut values)?.unwrap_or_default();
    let generation = generation.parse().map_err(|_| corrupt(generation))?;
    let epoch = next_number(&mut values)?;
    let mut status = Status::new(Fence { generation, epoch });
    status.first = next_number(&mut values)?;
    status.last = next_number(&mut values)?;
    let end = next_text(&mut values)?;
    status.end = end.map(|end| serde_json::from_str(&end).map_err(|_| corrupt(end))).transpose()?;
    status.stop = next_text(&mut values)?;
    status.owner = next_text(&mut values)?;
    let snapshot = next_text(&mut values)?;
    status.snapshot =
        snapshot.map(|number| number.parse().map_err(|_| corrupt(number))).transpose()?;
    // -2 without the key.
    if let Some(Value::Int(left @ 1..)) = values.next() {
        status.lease = Some(Duration::from_millis(left.unsigned_abs()));
    }
    Ok(status)
}

/// Returns the entries of `XRANGE`, and of one stream of `XREAD`.
pub(super) fn entries(value: Value) -> Result<Vec<Entry>, LogError> {
    array(value)?.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Result<Entry, LogError> {
    let mut parts = array(value)?.into_iter();
    let id = text(parts.next().unwrap_or_default())?;
    let number = id.strip_suffix("-0").and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| corrupt(id))?;
    let mut fields = array(parts.next().unwrap_or_default())?.into_iter();
    let letter = bytes(fields.next().unwrap_or_default())?;
    let kind = EntryKind::of_letter(&letter).ok_or_else(|| corrupt(letter))?;
    let bytes = Bytes::from(bytes(fields.next().unwrap_or_default())?);
    Ok(Entry { number, kind, bytes })
}

/// The entries of a stream, and its key.
pub(super) type Batch = (String, Arc<[Entry]>);

/// Returns the entries of `XREAD` by their keys.
pub(super) fn streams(value: Value) -> Result<Vec<Batch>, LogError> {
    let streams = match value {
        // The protocol's version 3 has a map where version 2 has pairs.
        Value::Map(streams) => streams,
        other => {
            let pairs = array(other)?.into_iter().map(|pair| {
                let mut parts = array(pair)?.into_iter();
                Ok((parts.next().unwrap_or_default(), parts.next().unwrap_or_default()))
            });
            pairs.collect::<Result<_, LogError>>()?
        }
    };
    let streams = streams.into_iter().map(|(key, value)| Ok((text(key)?, entries(value)?.into())));
    streams.collect()
}
