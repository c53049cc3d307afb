//! The table of the documentation is made of the rows.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::rows;

const BEGIN: &str =
    "<!-- The table begins: `DELTAWIRE_WRITE_DOCS=1 cargo test -p deltawire-faults --test matrix` writes it. -->\n";
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
    if ureq == reqwest { shown(ureq) } else { format!("ureq: {}<br>reqwest: {}", shown(ureq), shown(reqwest)) }
}

fn table() -> String {
    let mut out = String::new();
    let mut count = 0;
    for (title, rows) in rows::all() {
        let _ = write!(out, "\n### {title}\n\n| fault | ends as | the error says | kept |\n|---|---|---|---|\n");
        for row in rows {
            let kept = cell(&row.kept, |text| match text.strip_suffix('*') {
                Some(text) => format!("`{text:?}` or a beginning of it"),
                None => format!("`{text:?}`"),
            });
            let ends = cell(&row.end, |end| format!("`{end}`"));
            let _ = writeln!(out, "| {} | {ends} | {} | {kept} |", row.fault, cell(&row.said, code));
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

/// How many tests stand in a file, or in the files of a folder.
fn tests(path: &Path) -> usize {
    if path.is_dir() {
        let files = std::fs::read_dir(path).expect("a folder that can be read");
        return files.map(|file| tests(&file.expect("a file").path())).sum();
    }
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| line.trim() == "#[test]").count()
}

#[test]
fn the_tests_that_the_documentation_names_are_there_in_that_number() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/reliability.md")).expect("docs/reliability.md");
    let mut named = 0;
    // `path` (number)
    for (at, _) in page.match_indices("` (") {
        let path = page[..at].rsplit('`').next().expect("a beginning");
        let number: String = page[at + 3..].chars().take_while(char::is_ascii_digit).collect();
        let Ok(number) = number.parse::<usize>() else { continue };
        let there = tests(&root.join(path));
        assert!(there >= number, "docs/reliability.md names {number} tests of {path}, which has {there}");
        named += 1;
    }
    assert!(named >= 20, "{named}");
}

#[test]
fn each_fuzz_target_is_documented_and_those_that_are_named_are_there() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let [fuzzing, reliability] = ["fuzzing", "reliability"]
        .map(|page| std::fs::read_to_string(root.join(format!("docs/{page}.md"))).expect("a page of docs"));
    let files = std::fs::read_dir(root.join("fuzz/fuzz_targets")).expect("a folder that can be read");
    let targets: Vec<String> = files
        .map(|file| file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let (table, _) = fuzzing.split_once("## Recorded runs").expect("the runs behind the table of targets");
    for target in &targets {
        assert!(table.contains(&format!("`{target}`")), "docs/fuzzing.md does not say what {target} holds");
    }
    for (at, _) in reliability.match_indices("the fuzz target") {
        let end = reliability[at..].find([';', '|', '.']).map_or(reliability.len(), |end| at + end);
        let named: Vec<&str> = reliability[at..end].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{}", &reliability[at..end]);
        for name in named {
            assert!(
                targets.iter().any(|target| target == name),
                "docs/reliability.md names {name}, which is no fuzz target"
            );
        }
    }
}
