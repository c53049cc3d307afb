//! The table as Markdown.

use std::fmt::Write;

use deltawire_benches::machine;

use crate::readers::Reader;
use crate::run::{Cell, Plan, Report};

/// The command that makes the record again.
const COMMAND: &str = "cargo run --release -p deltawire-benches --bin load";

/// The places of the readers in a round.
const BYTES: usize = 0;
const DELTAWIRE: usize = 1;
const USUAL: usize = 2;

/// Everything that was measured.
pub(crate) struct Record {
    pub(crate) plan: Plan,
    /// The arguments.
    pub(crate) said: Vec<String>,
    pub(crate) cells: Vec<Cell>,
}

impl Record {
    /// Returns true if every token came and every text was the one that was sent.
    pub(crate) fn is_whole(&self) -> bool {
        let reports = |cell: &Cell, reader| (cell.lost(reader), cell.errors(reader));
        self.cells.iter().all(|cell| (0..3).all(|reader| reports(cell, reader) == (0, 0)))
    }

    pub(crate) fn markdown(&self) -> String {
        let arguments = if self.said.is_empty() {
            String::new()
        } else {
            format!(" -- {}", self.said.join(" "))
        };
        let mut text = format!(
            "# {}, {}: many streams at once\n\n`{COMMAND}{arguments}`: {}, {} cores; {} rounds in which all took turns, tokens for {:?} each. What is measured stands in `benches/README.md`.\n\n{}.\n\n",
            machine::date(),
            machine::cpu(),
            machine::rustc(),
            std::thread::available_parallelism().map_or(0, usize::from),
            self.plan.rounds,
            self.plan.time,
            machine::versions(&[
                "reqwest",
                "hyper",
                "tokio",
                "eventsource-stream",
                "async-openai",
                "serde_json"
            ]),
        );
        text.push_str(concat!(
            "| streams | a token every | client | tokens | lost | errors | resident, KiB a stream | beyond bytes only | CPU, ms per 1,000 chunks | of it decode and fold | late p50, ms | late p99, ms |\n",
            "|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        ));
        for cell in &self.cells {
            for reader in 0..3 {
                cell.row(&mut text, reader);
            }
        }
        text.push_str("\nMedians of the rounds; *lost* and *errors* are sums. *Beyond bytes only* and *decode and fold*, timed around the readers, are the medians of the differences to that client in the same round.\n\n");
        for cell in &self.cells {
            cell.notes(&mut text);
        }
        text
    }
}

impl Cell {
    fn row(&self, text: &mut String, reader: usize) {
        let beyond = |value: fn(&Cell, &Report) -> f64| {
            if reader == BYTES {
                "—".to_owned()
            } else {
                format!("{:.2}", self.beyond(reader, value))
            }
        };
        let _ = writeln!(
            text,
            "| {} | {:?} | {} | {} | {} | {} | {:.1} | {} | {:.2} | {} | {:.2} | {:.2} |",
            self.streams,
            self.interval,
            Reader::ALL[reader].title(),
            self.reports(reader).map(|report| report.tokens).sum::<u64>(),
            self.lost(reader),
            self.errors(reader),
            self.median(reader, Self::memory),
            beyond(Self::memory),
            self.median(reader, Self::processor),
            beyond(Self::reading),
            self.median(reader, |_, report| report.p50 as f64 / 1e3),
            self.median(reader, |_, report| report.p99 as f64 / 1e3),
        );
    }

    fn notes(&self, text: &mut String) {
        let rate = self.streams as f64 / self.interval.as_secs_f64();
        let _ = write!(
            text,
            "- {} streams, {rate:.0} chunks a second, {} tokens each: decode and fold, deltawire to the usual, {:.2}.",
            self.streams,
            self.tokens,
            self.beyond(DELTAWIRE, Self::reading) / self.beyond(USUAL, Self::reading)
        );
        let server = |value: fn(&Report) -> u64| {
            median(self.rounds.iter().flatten().map(|report| value(report) as f64))
        };
        let _ = write!(
            text,
            " The server: {:.2} ms per 1,000 chunks, {:.2} ms late at p99.",
            server(|report| report.server.processor_ns)
                / (self.streams as u64 * self.tokens) as f64
                / 1e3,
            server(|report| report.server.p99) / 1e3
        );
        for (interval, why) in &self.refused {
            let _ = write!(text, " Every {interval:?} does not hold: {why}.");
        }
        let errors = self.rounds.iter().flatten().filter_map(|report| report.first_error.as_ref());
        for error in errors {
            let _ = write!(text, " Error: {error}.");
        }
        text.push('\n');
    }

    fn reports(&self, reader: usize) -> impl Iterator<Item = &Report> {
        self.rounds.iter().map(move |round| &round[reader])
    }

    fn lost(&self, reader: usize) -> u64 {
        let sent = self.streams as u64 * self.tokens;
        self.reports(reader).map(|report| sent.saturating_sub(report.tokens)).sum()
    }

    fn errors(&self, reader: usize) -> u64 {
        self.reports(reader).map(|report| report.errors).sum()
    }

    /// KiB a stream beyond what the process had before its first.
    fn memory(&self, report: &Report) -> f64 {
        report.resident.saturating_sub(report.idle) as f64 / 1024.0 / self.streams as f64
    }

    /// Milliseconds of the processor for 1,000 chunks.
    fn processor(&self, report: &Report) -> f64 {
        report.processor_ns as f64 / 1e3 / report.measured as f64
    }

    /// The same above the HTTP stack.
    fn reading(&self, report: &Report) -> f64 {
        report.reading_ns / 1e3 / report.measured as f64
    }

    fn median(&self, reader: usize, value: impl Fn(&Self, &Report) -> f64) -> f64 {
        median(self.reports(reader).map(|report| value(self, report)))
    }

    fn beyond(&self, reader: usize, value: impl Fn(&Self, &Report) -> f64) -> f64 {
        median(
            self.rounds
                .iter()
                .map(|round| value(self, &round[reader]) - value(self, &round[BYTES])),
        )
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}
