//! The body of a response, and the changes to it: events left out or added, smaller pieces.
//!
//! Each byte keeps its time; an event that is added comes at the time of the one before it.

use std::fmt;
use std::iter;
use std::ops::Range;
use std::time::Duration;

use crate::fault::Faults;

/// A part of a body with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) at: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// The comment by which DeepSeek's servers keep a silent connection open.
///
/// Theirs has no blank line after it.
const COMMENT: &[u8] = b": keep-alive\n\n";

const INJECTED: &[u8] =
    b"data: {\"error\":{\"message\":\"The server had an error while processing your request\",\
                          \"type\":\"server_error\",\"param\":null,\"code\":\"server_error\"}}\n\n";

/// A body, of which nothing is made before it is sent.
///
/// A silence can hold any number of comments, and a write can be a single byte. Both are made piece
/// by piece, so that neither memory nor the time before the first piece depends on their number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Sequence {
    parts: Vec<Part>,
    /// The size of the largest piece, above zero.
    piece_size: Option<usize>,
    /// The number of bytes after which the body ends, whatever is left.
    end_after: Option<u64>,
}

/// A piece that comes so many times, with a gap between one and the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    first: Piece,
    times: u64,
    gap: Duration,
}

impl Sequence {
    /// Makes a body of these pieces.
    pub(crate) fn new(pieces: Vec<Piece>) -> Self {
        let once = |first| Part { first, times: 1, gap: Duration::ZERO };
        // A chunk without data would end the body.
        let parts = pieces.into_iter().filter(|piece| !piece.bytes.is_empty()).map(once).collect();
        Sequence { parts, ..Sequence::default() }
    }

    /// Cuts each piece into ones of at most this many bytes.
    pub(crate) fn in_pieces_of(mut self, size: usize) -> Self {
        self.piece_size = Some(size);
        self
    }

    /// Ends the body after so many bytes.
    pub(crate) fn ending_after(mut self, bytes: u64) -> Self {
        self.end_after = Some(bytes);
        self
    }

    /// Adds comments to the silences between blocks.
    ///
    /// In the middle of a line a comment would be part of it.
    pub(crate) fn with_comments(mut self, gap: Duration) -> Self {
        let mut out = Vec::new();
        let mut tail = Vec::new();
        let mut last = Duration::ZERO;
        for part in self.parts {
            let at = part.first.at;
            if tail.is_empty()
                || [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"].iter().any(|end| tail.ends_with(end))
            {
                out.extend(comments(last, at, gap));
            }
            last = at;
            tail.extend_from_slice(&part.first.bytes);
            tail.drain(..tail.len().saturating_sub(4));
            out.push(part);
        }
        self.parts = out;
        self
    }

    /// Returns the number of bytes.
    pub(crate) fn len(&self) -> u64 {
        self.whole().min(self.end_after.unwrap_or(u64::MAX))
    }

    /// Returns true if the body ends before its last piece would have.
    pub(crate) fn is_cut_short(&self) -> bool {
        self.end_after.is_some_and(|bytes| bytes <= self.whole())
    }

    fn whole(&self) -> u64 {
        let bytes = |part: &Part| (part.first.bytes.len() as u64).saturating_mul(part.times);
        self.parts.iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// Returns the pieces, each made when it is asked for.
    pub(crate) fn into_pieces(self) -> impl Iterator<Item = Piece> {
        let size = self.piece_size.unwrap_or(usize::MAX);
        let pieces = self.parts.into_iter().flat_map(Part::into_pieces);
        let pieces = pieces.flat_map(move |piece| split(piece, size));
        pieces.scan(self.end_after.unwrap_or(u64::MAX), |left, mut piece| {
            piece.bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= piece.bytes.len() as u64;
            (!piece.bytes.is_empty()).then_some(piece)
        })
    }
}

impl Part {
    fn into_pieces(self) -> impl Iterator<Item = Piece> {
        let Part { first, times, gap } = self;
        let next = move |piece: &Piece| {
            Some(Piece { at: piece.at.saturating_add(gap), bytes: piece.bytes.clone() })
        };
        (0..times).zip(iter::successors(Some(first), next)).map(|(_, piece)| piece)
    }
}

/// Returns the comments that fit between two times, if any.
fn comments(from: Duration, to: Duration, gap: Duration) -> Option<Part> {
    let silence = to.checked_sub(from)?.as_nanos().checked_sub(1)?;
    let times = u64::try_from(silence / gap.as_nanos()).unwrap_or(u64::MAX);
    let first = Piece { at: from.saturating_add(gap), bytes: COMMENT.to_vec() };
    (times > 0).then_some(Part { first, times, gap })
}

/// Cuts a piece into ones of at most `size` bytes.
fn split(piece: Piece, size: usize) -> impl Iterator<Item = Piece> {
    let mut from = 0_usize;
    iter::from_fn(move || {
        let to = from.saturating_add(size).min(piece.bytes.len());
        let bytes = piece.bytes[from..to].to_vec();
        from = to;
        (!bytes.is_empty()).then_some(Piece { at: piece.at, bytes })
    })
}

/// Edits an event stream as the faults and the request ask for.
///
/// Usage is left out if the request did not ask for it. Returns the last time if the stream now
/// ends early.
pub(crate) fn edit(
    pieces: Vec<Piece>,
    faults: &Faults,
    include_usage: bool,
) -> (Sequence, Option<Duration>) {
    let body: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    let (edits, ends_early) = edits(&body, faults, include_usage);
    let mut pieces = apply(pieces, &edits);
    let last = pieces.last().map_or(Duration::ZERO, |piece| piece.at);
    if let Some(extra) = &faults.extra {
        pieces.push(Piece { at: last, bytes: extra.clone().into_bytes() });
    }
    let mut sequence = Sequence::new(pieces);
    if let Some(gap) = faults.comments_gap {
        sequence = sequence.with_comments(gap);
    }
    (sequence, ends_early.then_some(last))
}

/// The place in a stream after which it is resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// The event with this `sequence_number`, as in OpenAI's Responses.
    Number(u64),
    /// The event whose `id` line has this text.
    Id(String),
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "event {number}"),
            Self::Id(id) => write!(f, "the event {id:?}"),
        }
    }
}

/// Drops the events up to the place after which a stream is resumed.
///
/// The rest comes at the times that it would have after that event. Returns `None` if no event has
/// a number or ID to go by, or not this one.
pub(crate) fn resumed(pieces: Vec<Piece>, after: &After) -> Option<Vec<Piece>> {
    let body: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
    let mut has_number = false;
    let is_before = |block: &Block| match after {
        After::Number(after) => {
            let number = block.number(&body);
            has_number |= number.is_some();
            number.is_some_and(|number| number <= *after)
        }
        After::Id(id) => block.id(&body).is_some_and(|own| own == id.as_bytes()),
    };
    let last = blocks(&body).into_iter().filter(is_before).last();
    let start = match (last, after) {
        (Some(block), _) => block.0.end,
        // Such a client has not seen the first event.
        (None, After::Number(_)) if has_number => 0,
        (None, _) => return None,
    };
    let mut before = 0;
    let mut rest = Vec::new();
    let mut begun_at = Duration::ZERO;
    for Piece { at, bytes } in pieces {
        let dropped = start.saturating_sub(before).min(bytes.len());
        before += bytes.len();
        if dropped > 0 {
            begun_at = at;
        }
        if dropped < bytes.len() {
            rest.push(Piece { at: at.saturating_sub(begun_at), bytes: bytes[dropped..].to_vec() });
        }
    }
    Some(rest)
}

/// A change of the body: `insert` in place of the bytes of the range.
struct Edit {
    range: Range<usize>,
    insert: &'static [u8],
}

fn edits(body: &[u8], faults: &Faults, include_usage: bool) -> (Vec<Edit>, bool) {
    let mut edits = Vec::new();
    let mut insert_at = |at: usize, insert: &'static [u8]| {
        edits.push(Edit { range: at..at, insert });
    };
    let mut events = 0;
    let mut removed: Vec<Range<usize>> = Vec::new();
    let mut last_byte = None;

    let error = |events: usize| faults.error.filter(|error| error.after == events);
    if let Some(error) = error(0) {
        insert_at(0, INJECTED);
        last_byte = (!error.goes_on).then_some(0);
    }
    for block in blocks(body) {
        if last_byte.is_some() {
            break;
        }
        let Some(data) = block.data(body) else {
            continue;
        };
        if (!include_usage && is_usage_only(&data))
            || (faults.no_done && data.trim_ascii() == b"[DONE]")
        {
            removed.push(block.0);
            continue;
        }
        events += 1;
        if let Some(error) = error(events) {
            insert_at(block.0.end, INJECTED);
            last_byte = (!error.goes_on).then_some(block.0.end);
        } else if faults.comments_every.is_some_and(|every| events % every == 0) {
            insert_at(block.0.end, COMMENT);
        }
    }
    removed.extend(last_byte.map(|at| at..body.len()));
    edits.extend(removed.into_iter().map(|range| Edit { range, insert: b"" }));
    // Stable: what is put in at a place stays before what goes from there on.
    edits.sort_by_key(|edit| edit.range.start);
    (edits, last_byte.is_some())
}

/// Returns true for a chunk with usage and without choices.
///
/// OpenAI sends one last if `include_usage` was asked for, llama.cpp one for each choice.
fn is_usage_only(data: &[u8]) -> bool {
    let Ok(chunk) = serde_json::from_slice::<serde_json::Value>(data) else {
        return false;
    };
    let no_choices =
        chunk.get("choices").and_then(|choices| choices.as_array()).is_some_and(Vec::is_empty);
    no_choices && chunk.get("usage").is_some_and(|usage| !usage.is_null())
}

fn apply(pieces: Vec<Piece>, edits: &[Edit]) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    let mut edits = edits.iter().peekable();
    let mut start = 0;
    let mut removed_to = 0;
    let last = pieces.len().saturating_sub(1);
    for (index, piece) in pieces.into_iter().enumerate() {
        let end = start + piece.bytes.len();
        let mut done = start.max(removed_to).min(end);
        // What is put in after the last byte of a piece belongs to it, so that it has its time.
        while let Some(edit) = edits.next_if(|edit| edit.range.start <= end || index == last) {
            let at = edit.range.start.max(done).min(end);
            out.push(Piece { at: piece.at, bytes: piece.bytes[done - start..at - start].to_vec() });
            out.push(Piece { at: piece.at, bytes: edit.insert.to_vec() });
            removed_to = removed_to.max(edit.range.end);
            done = at.max(removed_to).min(end);
        }
        out.push(Piece { at: piece.at, bytes: piece.bytes[done - start..].to_vec() });
        start = end;
    }
    // A body without a byte has no piece to put anything into.
    if out.is_empty() {
        out.extend(edits.map(|edit| Piece { at: Duration::ZERO, bytes: edit.insert.to_vec() }));
    }
    out.retain(|piece| !piece.bytes.is_empty());
    out
}

/// A blank line and the lines before it. With a data line it is an event.
struct Block(Range<usize>);

impl Block {
    fn data(&self, body: &[u8]) -> Option<Vec<u8>> {
        let lines = body[self.0.clone()].split(|&byte| byte == b'\n' || byte == b'\r');
        let data: Vec<&[u8]> = lines.filter_map(|line| line.strip_prefix(b"data:")).collect();
        (!data.is_empty()).then(|| data.join(&b'\n'))
    }
}

impl Block {
    /// Returns the `sequence_number` of the event.
    fn number(&self, body: &[u8]) -> Option<u64> {
        let data: serde_json::Value = serde_json::from_slice(&self.data(body)?).ok()?;
        data.get("sequence_number")?.as_u64()
    }

    /// Returns the last `id` of the block.
    fn id<'b>(&self, body: &'b [u8]) -> Option<&'b [u8]> {
        let lines = body[self.0.clone()].split(|&byte| byte == b'\n' || byte == b'\r');
        let id = lines.filter_map(|line| line.strip_prefix(b"id:")).next_back()?;
        Some(id.strip_prefix(b" ").unwrap_or(id))
    }
}

/// Returns the blocks of an event stream.
///
/// Bytes after the last blank line are a block too: a reader may see a `[DONE]` there.
fn blocks(body: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut start, mut line, mut at) = (0, 0, 0);
    while at < body.len() {
        let end_of_line = match &body[at..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => {
                at += 1;
                continue;
            }
        };
        let blank = at == line;
        at += end_of_line;
        line = at;
        if blank {
            blocks.push(Block(start..at));
            start = at;
        }
    }
    if start < body.len() {
        blocks.push(Block(start..body.len()));
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
    const ERROR: &str = "data: {\"error\":{\"message\":\"The server had an error while processing your request\",\"type\":\"server_error\",\"param\":null,\"code\":\"server_error\"}}\n\n";

    fn pieces(parts: &[&str]) -> Vec<Piece> {
        let piece = |(i, part): (usize, &&str)| Piece {
            at: Duration::from_secs(i as u64),
            bytes: part.as_bytes().to_vec(),
        };
        parts.iter().enumerate().map(piece).collect()
    }

    fn edited(pieces: Vec<Piece>, faults: &Faults, include_usage: bool) -> Vec<Piece> {
        edit(pieces, faults, include_usage).0.into_pieces().collect()
    }

    fn text(pieces: &[Piece]) -> String {
        pieces.iter().map(|piece| String::from_utf8_lossy(&piece.bytes)).collect()
    }

    /// Checks that the body changes in the same way however it is cut.
    fn edits_to(body: &str, faults: &str, include_usage: bool, expected: &str) {
        let faults: Faults = faults.parse().unwrap();
        for size in [1, 2, 3, 7, body.len().max(1)] {
            let cut = Sequence::new(pieces(&[body])).in_pieces_of(size).into_pieces().collect();
            let edited = edited(cut, &faults, include_usage);
            assert_eq!(text(&edited), expected, "reads of {size}");
            assert!(edited.iter().all(|piece| !piece.bytes.is_empty()));
        }
    }

    #[test]
    fn events_are_left_out_and_put_in() {
        let three = "data: 1\n\ndata: 2\n\n: c\n\ndata: [DONE]\n\n";
        let usage = format!("data: 1\n\n{USAGE}data: [DONE]\n\n");
        for (body, faults, include_usage, expected) in [
            (three, "", false, three.to_owned()),
            (&usage, "", true, usage.clone()),
            (&usage, "", false, "data: 1\n\ndata: [DONE]\n\n".into()),
            (&usage.replace('\n', "\r\n"), "", false, "data: 1\r\n\r\ndata: [DONE]\r\n\r\n".into()),
            (&usage.replace('\n', "\r"), "", false, "data: 1\r\rdata: [DONE]\r\r".into()),
            (
                "data: {\"choices\":[],\"usage\":null}\n\n",
                "",
                false,
                "data: {\"choices\":[],\"usage\":null}\n\n".into(),
            ),
            (
                "data: {\"choices\":[{}],\"usage\":{}}\n\n",
                "",
                false,
                "data: {\"choices\":[{}],\"usage\":{}}\n\n".into(),
            ),
            (three, "no-done", false, "data: 1\n\ndata: 2\n\n: c\n\n".into()),
            ("data: 1\n\ndata: [DONE]", "no-done", false, "data: 1\n\n".into()),
            (&usage, "no-done", false, "data: 1\n\n".into()),
            (three, "error=0", false, ERROR.into()),
            (three, "error=0+", false, format!("{ERROR}{three}")),
            (three, "error=1", false, format!("data: 1\n\n{ERROR}")),
            (
                three,
                "error=1+",
                false,
                format!("data: 1\n\n{ERROR}data: 2\n\n: c\n\ndata: [DONE]\n\n"),
            ),
            (three, "error=9", false, three.into()),
            (&usage, "error=1+", false, format!("data: 1\n\n{ERROR}data: [DONE]\n\n")),
            (
                three,
                "comments=2",
                false,
                "data: 1\n\ndata: 2\n\n: keep-alive\n\n: c\n\ndata: [DONE]\n\n".into(),
            ),
            (three, "extra=x", false, format!("{three}x")),
            ("", "error=0", false, ERROR.into()),
            ("", "extra=x", false, "x".into()),
        ] {
            edits_to(body, faults, include_usage, &expected);
        }
    }

    #[test]
    fn what_is_put_in_comes_at_the_time_of_the_event_before_it() {
        let edited =
            edited(pieces(&["data: 1\n\n", "data: 2\n\n"]), &"error=1+".parse().unwrap(), true);
        let times: Vec<(u64, &[u8])> =
            edited.iter().map(|piece| (piece.at.as_secs(), &*piece.bytes)).collect();
        assert_eq!(times, [(0, &b"data: 1\n\n"[..]), (0, ERROR.as_bytes()), (1, b"data: 2\n\n")]);
    }

    #[test]
    fn comments_fill_a_silence_between_events_but_not_within_one() {
        let comments = |parts: &[&str]| {
            edited(pieces(parts), &"comments=0.4s".parse().unwrap(), true)
                .iter()
                .filter(|piece| piece.bytes == COMMENT)
                .map(|piece| piece.at.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(comments(&["data: 1\n\n", "data: 2\n\n"]), [400, 800]);
        assert_eq!(comments(&["data: 1\r\n\r", "\n", "data: 2\n\n"]), [1400, 1800]);
        assert_eq!(comments(&["data: 1\n", "\ndata: 2", "\n\n"]), [0; 0]);
    }

    #[test]
    fn the_length_and_the_times_of_any_number_of_comments_cost_nothing() {
        let second = Duration::from_secs(1);
        let part = |at, text: &str| Piece { at, bytes: text.into() };
        for (at, gap, times) in [
            (second, second, 0),
            (second + Duration::from_nanos(1), second, 1),
            (second * 2, second, 1),
            (second * 3, second, 2),
            (Duration::from_secs(1_000_000_000_000_000), second, 999_999_999_999_999),
            (Duration::MAX, Duration::from_millis(1), u64::MAX),
        ] {
            let body = Sequence::new(vec![part(at, "data: 1\n\n")]).with_comments(gap);
            let length = (COMMENT.len() as u64).saturating_mul(times).saturating_add(9);
            assert_eq!(body.len(), length, "{at:?} {gap:?}");
            let body = body.in_pieces_of(5).ending_after(31);
            assert_eq!((body.len(), body.is_cut_short()), (length.min(31), length >= 31));
            let sizes: Vec<usize> = body.into_pieces().map(|piece| piece.bytes.len()).collect();
            assert_eq!(sizes.iter().sum::<usize>() as u64, length.min(31), "{sizes:?}");
            assert!(sizes.iter().all(|size| (1..=5).contains(size)), "{sizes:?}");
        }
    }

    #[test]
    fn each_comment_has_its_own_time() {
        let piece = Piece { at: Duration::from_secs(1), bytes: b"data: 1\n\n".to_vec() };
        let body = Sequence::new(vec![piece]).with_comments(Duration::from_millis(300));
        let times: Vec<u128> = body.into_pieces().map(|piece| piece.at.as_millis()).collect();
        assert_eq!(times, [300, 600, 900, 1000]);
    }
}
