//! The table of the documentation is made of the rows.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::rows;

const BEGIN: &str = "<!-- The table begins: `DELTAWIRE_WRITE_DOCS=1 cargo test -p deltawire-faults --test matrix` writes it. -->\n";
const END: &str = "<!-- The table ends. -->\n";

/// Text as code in a table's cell: long runs of one character are shortened.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let mut run = 1;
        while characters.peek() == Some(&character) {
            characters.next();
            run += 1;
        }
        match run {
            ..=20 => out.extend(std::iter::repeat_n(character, run)),
            _ => out.extend([&*format!("{character}{character}{character}…")]),
        }
    }
    // What repeats in pairs, too: a shortened cell needs no more than its beginning.
    if out.chars().count() > 260 {
        out = out.chars().take(200).chain(['…']).collect();
    }
    let out = out.replace('|', "\\|").replace('*', "…").replace("……", "…");
    if out.contains('`') { format!("`` {out} ``") } else { format!("`{out}`") }
}

fn cell<T: AsRef<str>>([ureq, reqwest]: &[T; 2], show: impl Fn(&str) -> String) -> String {
    let (ureq, reqwest) = (ureq.as_ref(), reqwest.as_ref());
    let shown = |text: &str| if text.is_empty() { "–".into() } else { show(text) };
    if ureq == reqwest {
        shown(ureq)
    } else {
        format!("ureq: {}<br>reqwest: {}", shown(ureq), shown(reqwest))
    }
}

fn table() -> String {
    let mut out = String::new();
    let mut count = 0;
    for (title, rows) in rows::all() {
        let _ = write!(
            out,
            "\n### {title}\n\n| fault | ends as | the error says | kept |\n|---|---|---|---|\n"
        );
        for row in rows {
            let kept = cell(&row.kept, |text| match text.strip_suffix('*') {
                Some(text) => format!("`{text:?}` or a beginning of it"),
                None => format!("`{text:?}`"),
            });
            let ends = cell(&row.end, |end| format!("`{end}`"));
            let _ =
                writeln!(out, "| {} | {ends} | {} | {kept} |", row.fault, cell(&row.said, code));
            count += 1;
        }
    }
    format!("{BEGIN}\n{count} rows, each run over both adapters.\n{out}\n{END}")
}

#[test]
fn the_documentation_quotes_the_rows() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md");
    let page = std::fs::read_to_string(&path).expect("docs/reliability.md");
    let (before, rest) = page.split_once(BEGIN).expect("a mark where the table begins");
    let (_, after) = rest.split_once(END).expect("a mark where the table ends");
    let wanted = format!("{before}{}{after}", table());
    if std::env::var_os("DELTAWIRE_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).expect("a page that can be written");
        return;
    }
    let first = wanted.lines().zip(page.lines()).find(|(wanted, is)| wanted != is);
    assert!(
        page == wanted,
        "docs/reliability.md is not what the rows say; DELTAWIRE_WRITE_DOCS=1 writes it; the first line that differs: {first:?}"
    );
}
