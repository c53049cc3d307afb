//! Measures everything once and writes it down:
//! `cargo run --release -p deltawire-benches --bin table`.
//!
//! The tables go to the terminal and, with a plot beside them, to `benches/record/<date>-<cpu>.md`.
//! With `--quick` it takes seconds, means little and is not written down. `--shapes` prints the
//! table of shapes only, `--recordings DIR` the same table for the event streams in a folder,
//! `--dialects` the table of the APIs other than completions, and `--drip` that of long lines.

mod cells;
mod plot;
mod record;
mod timing;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deltawire_benches::corpora::Corpus;
use deltawire_benches::machine;
use deltawire_benches::shapes::shapes;
use record::Record;
use timing::Effort;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mut quick, mut only, mut dialects, mut drip) = (false, None, false, false);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--quick" => quick = true,
            "--shapes" => only = Some(shapes()),
            "--dialects" => dialects = true,
            "--drip" => drip = true,
            "--recordings" => {
                let folder = arguments.next().ok_or("--recordings wants a folder")?;
                only = Some(recordings(Path::new(&folder))?);
            }
            other => {
                let known = "--quick, --shapes, --dialects, --drip and --recordings DIR";
                return Err(format!("unknown argument {other:?}: there are {known}").into());
            }
        }
    }
    let milliseconds = Duration::from_millis;
    let effort = if quick {
        Effort { rounds: 2, turn: Duration::from_micros(300), budget: milliseconds(10) }
    } else {
        Effort { rounds: 25, turn: milliseconds(4), budget: milliseconds(500) }
    };
    // Short turns fall between what else the machine does.
    let short =
        if quick { effort } else { Effort { rounds: 100, turn: milliseconds(1), ..effort } };
    if only.is_some() || dialects || drip {
        let mut text = String::new();
        if drip {
            record::drip_table(&mut text, &cells::drip(effort));
        }
        if let Some(corpora) = only {
            record::shapes_table(&mut text, &cells::shapes(&corpora, effort));
        }
        if dialects {
            record::dialects_table(&mut text, &cells::dialects(short));
        }
        print!("{text}");
        return Ok(());
    }
    let record = Record {
        decode: cells::decode(effort),
        drip: cells::drip(effort),
        fold: cells::fold(effort),
        shapes: cells::shapes(&shapes(), effort),
        dialects: cells::dialects(short),
    };
    if quick {
        print!("{}", record.markdown(effort.rounds, None));
        return Ok(());
    }
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| "benches".into(), PathBuf::from)
        .join("record");
    std::fs::create_dir_all(&folder)?;
    let name = format!("{}-{}", machine::date(), machine::slug(&machine::cpu()));
    let picture = format!("{name}.svg");
    let text = record.markdown(effort.rounds, Some(&picture));
    std::fs::write(folder.join(format!("{name}.md")), &text)?;
    std::fs::write(folder.join(picture), plot::svg(&record)?)?;
    print!("{text}");
    Ok(())
}

/// The event streams in a folder, by name.
fn recordings(folder: &Path) -> Result<Vec<Corpus>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "sse"));
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: no file ends in .sse", folder.display()).into());
    }
    let mut corpora = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match Corpus::of_recording(&name, std::fs::read(&file)?) {
            Some(corpus) => corpora.push(corpus),
            None => eprintln!("{}: left out, not all of it is an answer", file.display()),
        }
    }
    Ok(corpora)
}
