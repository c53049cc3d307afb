//! The tables as Markdown, and what they were measured on.

use std::fmt::Write;

use deltawire_benches::machine::{cpu, date, rustc};
use deltawire_benches::peers::fold::USUAL;

use crate::cells::{DialectRow, Row, ShapeRow, Table};

/// The command that makes the record again.
pub(crate) const COMMAND: &str = "cargo run --release -p deltawire-benches --bin table";

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) decode: Table,
    pub(crate) drip: Table,
    pub(crate) fold: Table,
    pub(crate) shapes: (Vec<&'static str>, Vec<ShapeRow>),
    pub(crate) dialects: Vec<DialectRow>,
}

impl Record {
    /// The whole record. `rounds` is how many were measured, `plot` the name of the picture beside
    /// it.
    pub(crate) fn markdown(&self, rounds: usize, plot: Option<&str>) -> String {
        let mut text = format!(
            "# {}, {}\n\n`{COMMAND}`: {}; best of {rounds} rounds in which all took turns. What is measured stands in `benches/README.md`.\n\ndeltawire with {}. Peers, with their default features: {}.\n\n",
            date(),
            cpu(),
            rustc(),
            if cfg!(feature = "simdutf8") { "`std` and `simdutf8`" } else { "`std` only" },
            versions()
        );
        if let Some(plot) = plot {
            let _ = writeln!(text, "![The tables below as dots on a logarithmic scale]({plot})\n");
        }
        self.decode_table(&mut text);
        drip_table(&mut text, &self.drip);
        self.fold_table(&mut text);
        shapes_table(&mut text, &self.shapes);
        dialects_table(&mut text, &self.dialects);
        text
    }

    fn decode_table(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "## Decode: bytes to events\n\nGB/s. Geometric mean of *ours / fastest peer*: **{:.2}**; least: **{:.2}**.\n",
            mean(self.decode.rows.iter().map(Row::ahead)),
            self.decode.rows.iter().map(Row::ahead).fold(f64::INFINITY, f64::min)
        );
        header(
            text,
            "stream | reads of | limit | with UTF-8 | deltawire",
            &self.decode,
            "ours / fastest peer | ours / limit | ours / with UTF-8",
        );
        for row in &self.decode.rows {
            cells(text, row, Row::speed);
            let _ = writeln!(
                text,
                " **{:.2}** | {:.2} | {:.2} |",
                row.ahead(),
                row.of_limit(),
                row.of_limit_of_text()
            );
        }
    }

    fn fold_table(&self, text: &mut String) {
        let usual = self.fold.peers.iter().position(|&peer| peer == USUAL);
        let _ = writeln!(text, "\n## Session: bytes to the answer\n\nNanoseconds a chunk.\n");
        header(
            text,
            "stream | reads of | deltawire",
            &self.fold,
            "fastest pairing / ours | usual pairing / ours",
        );
        for row in &self.fold.rows {
            cells(text, row, Row::per_event);
            let against_usual =
                usual.and_then(|usual| row.peers[usual]).map(|seconds| seconds / row.ours);
            let _ = writeln!(
                text,
                " **{:.2}** | {:.2} |",
                row.ahead(),
                against_usual.unwrap_or(f64::NAN)
            );
        }
        let _ = writeln!(text, "\nThe usual pairing is {USUAL}.");
    }
}

/// The table of long lines.
pub(crate) fn drip_table(text: &mut String, drip: &Table) {
    text.push_str("\n## Drip: one long line\n\nNanoseconds a byte. Left out: those that go through the line again with every read.\n\n");
    header(
        text,
        "stream | reads of | limit | with UTF-8 | deltawire",
        drip,
        "ours / fastest peer (speed)",
    );
    for row in &drip.rows {
        cells(text, row, |row, seconds| seconds * 1e9 / row.bytes as f64);
        let _ = writeln!(text, " **{:.2}** |", row.ahead());
    }
}

/// The table of shapes or of recordings.
///
/// Rows are summed up by the reads' size.
pub(crate) fn shapes_table(text: &mut String, (peers, rows): &(Vec<&str>, Vec<ShapeRow>)) {
    let usual = peers.iter().position(|&peer| peer == USUAL);
    let _ = writeln!(
        text,
        "\n## Shapes: bytes to the answer, by server\n\nNanoseconds a chunk. *Parsed* is ours without learning. A star says that the pairing does not read the reasoning, which is all text there.\n"
    );
    let _ = writeln!(
        text,
        "| stream | reads of | deltawire | parsed | not parsed | fastest pairing | its time | fastest / ours | usual / ours |\n|---|---|--:|--:|--:|---|--:|--:|--:|"
    );
    for ShapeRow { row, parsed, learned, without_reasoning } in rows {
        let times = row.peers.iter().enumerate().filter_map(|(at, time)| Some((at, (*time)?)));
        let Some((fastest, time)) = times.min_by(|one, other| one.1.total_cmp(&other.1)) else {
            continue;
        };
        let star = if without_reasoning.contains(&fastest) { "*" } else { "" };
        let usual = usual.and_then(|usual| row.peers[usual]);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} % | {}{star} | {} | **{:.2}** | {} |",
            row.corpus,
            row.size,
            digits(row.per_event(row.ours)),
            digits(row.per_event(*parsed)),
            learned * 100.0,
            peers[fastest],
            digits(row.per_event(time)),
            row.ahead(),
            usual.map_or("—".into(), |usual| format!("{:.2}", usual / row.ours)),
        );
    }
    let _ = writeln!(text);
    let mut sizes: Vec<_> = rows.iter().map(|row| row.row.size).collect();
    sizes.dedup();
    sizes.sort_by_key(ToString::to_string);
    sizes.dedup();
    for size in sizes {
        let of_size = || rows.iter().filter(|row| row.row.size == size).map(|row| &row.row);
        let ahead = || of_size().map(Row::ahead);
        let whole = |time: fn(&Row) -> f64| of_size().map(time).sum::<f64>();
        let _ = writeln!(
            text,
            "In reads of {size}: least {:.2}, geometric mean **{:.2}**, best {:.2}; all together {:.2}.",
            ahead().fold(f64::INFINITY, f64::min),
            mean(ahead()),
            ahead().fold(0.0, f64::max),
            whole(|row| row.ahead() * row.ours) / whole(|row| row.ours),
        );
    }
}

/// The table of the APIs other than completions, each with the times of its peers.
pub(crate) fn dialects_table(text: &mut String, rows: &[DialectRow]) {
    let _ = writeln!(
        text,
        "\n## Dialects: bytes to the answer, by API\n\nNanoseconds an event. *Parsed* is ours without learning. In the streams that are mixed no event is like the one before it.\n"
    );
    let _ = writeln!(
        text,
        "| stream | reads of | deltawire | parsed | not parsed | fastest pairing | its time | fastest / ours | all pairings |\n|---|---|--:|--:|--:|---|--:|--:|---|"
    );
    for DialectRow { row, peers, parsed, learned, .. } in rows {
        let times = row.peers.iter().enumerate().filter_map(|(at, time)| Some((at, (*time)?)));
        let Some((fastest, time)) = times.clone().min_by(|one, other| one.1.total_cmp(&other.1))
        else {
            continue;
        };
        let all: Vec<String> = times
            .map(|(at, time)| format!("{} {}", peers[at], digits(row.per_event(time))))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} % | {} | {} | **{:.2}** | {} |",
            row.corpus,
            row.size,
            digits(row.per_event(row.ours)),
            digits(row.per_event(*parsed)),
            learned * 100.0,
            peers[fastest],
            digits(row.per_event(time)),
            row.ahead(),
            all.join(", "),
        );
    }
    let _ = writeln!(text);
    for (name, is_mixed) in [("deltas of text", false), ("events that are parsed in full", true)] {
        let of_kind = || rows.iter().filter(|row| row.is_mixed == is_mixed).map(|row| &row.row);
        let _ = writeln!(
            text,
            "With {name}: least {:.2}, geometric mean **{:.2}**, best {:.2}.",
            of_kind().map(Row::ahead).fold(f64::INFINITY, f64::min),
            mean(of_kind().map(Row::ahead)),
            of_kind().map(Row::ahead).fold(0.0, f64::max),
        );
    }
}

fn header(text: &mut String, before: &str, table: &Table, after: &str) {
    let columns = format!("{before} | {} | {after}", table.peers.join(" | "));
    let rules = columns.split(" | ").enumerate().map(|(n, _)| if n < 2 { "---" } else { "--:" });
    let _ = writeln!(text, "| {columns} |\n|{}|", rules.collect::<Vec<_>>().join("|"));
}

fn cells(text: &mut String, row: &Row, unit: impl Fn(&Row, f64) -> f64) {
    let _ = write!(text, "| {} | {} |", row.corpus, row.size);
    let all = row
        .limit
        .into_iter()
        .chain(row.limit_of_text)
        .map(Some)
        .chain([Some(row.ours)])
        .chain(row.peers.iter().copied());
    for seconds in all {
        let _ = match seconds {
            Some(seconds) => write!(text, " {} |", digits(unit(row, seconds))),
            None => write!(text, " — |"),
        };
    }
}

/// Three digits that mean something.
fn digits(value: f64) -> String {
    let before_the_point = value.log10().floor() as i32 + 1;
    format!("{value:.*}", usize::try_from(3 - before_the_point).unwrap_or_default().min(4))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = values.map(f64::ln).collect();
    (logarithms.iter().sum::<f64>() / logarithms.len() as f64).exp()
}

/// The peers as the lock file has them.
fn versions() -> String {
    const PEERS: [&str; 8] = [
        "sse-stream",
        "sse-core",
        "sseer",
        "sse-parse",
        "eventsource-stream",
        "async-openai",
        "openai-interface",
        "serde_json",
    ];
    let measured = |name: &&str| *name != "openai-interface" || cfg!(feature = "openai-interface");
    deltawire_benches::machine::versions(&PEERS.into_iter().filter(measured).collect::<Vec<_>>())
}
