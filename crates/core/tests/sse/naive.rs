//! The standard's clause in its most literal reading: the whole stream as one text, then its lines,
//! then their fields.
//!
//! Slow and simple on purpose: what the decoder is compared with has to be right at a glance. It
//! has no limits.

/// The result of a whole stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Interpreted {
    /// Type, data and ID of each event.
    pub(crate) events: Vec<(String, String, String)>,
    /// The last event ID string at the end.
    pub(crate) last_event_id: String,
    /// The reconnection time at the end.
    pub(crate) retry: Option<u64>,
    /// The data of the block at the end that has no blank line, with a last `data:` line that has
    /// no end.
    pub(crate) unfinished: Option<String>,
}

/// Interprets `stream`; `error_lines` makes an event of every `error` field, `stray_lines` one
/// without a type of every line of an unknown field.
pub(crate) fn interpret(stream: &[u8], error_lines: bool, stray_lines: bool) -> Interpreted {
    let decoded = String::from_utf8_lossy(stream);
    let text = decoded.strip_prefix('\u{feff}').unwrap_or(&decoded);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (lines, cut) =
        text.rsplit_once('\n').map_or((None, &*text), |(lines, cut)| (Some(lines), cut));

    let mut out = Interpreted::default();
    let mut id_buffer = String::new();
    let mut event_type = String::new();
    let mut data = String::new();
    for line in lines.into_iter().flat_map(|lines| lines.split('\n')) {
        if line.is_empty() {
            out.last_event_id.clone_from(&id_buffer);
            if let Some(whole) = data.strip_suffix('\n') {
                let named = if event_type.is_empty() { "message" } else { &event_type };
                out.events.push((named.to_owned(), whole.to_owned(), out.last_event_id.clone()));
            }
            data.clear();
            event_type.clear();
            continue;
        }
        // A comment is a field whose name is empty, and so unknown.
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut event_type),
            "data" => data.extend([value, "\n"]),
            "id" if !value.contains('\0') => value.clone_into(&mut id_buffer),
            "retry" if value.chars().all(|c| c.is_ascii_digit()) => {
                out.retry = value.parse().ok().or(out.retry);
            }
            "error" if error_lines => {
                out.events.push(("error".to_owned(), value.to_owned(), out.last_event_id.clone()));
            }
            "id" | "retry" => {}
            _ if stray_lines && !line.starts_with(':') && !line.trim_ascii().is_empty() => {
                out.events.push((String::new(), line.to_owned(), out.last_event_id.clone()));
            }
            _ => {}
        }
    }
    out.unfinished = match cut.strip_prefix("data:") {
        Some(value) => Some(data + value.strip_prefix(' ').unwrap_or(value)),
        None => data.strip_suffix('\n').map(str::to_owned),
    };
    out
}
