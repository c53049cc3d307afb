//! Measures everything once and writes it down:
//! `cargo run --release -p deltawire-benches --bin table`.
//!
//! The tables go to the terminal and, with a plot beside them, to `benches/record/<date>-<cpu>.md`.
//! With `--quick` it takes seconds, means little and is not written down.

mod cells;
mod plot;
mod record;
mod timing;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use deltawire_benches::machine;
use record::Record;
use timing::Effort;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--quick") => true,
        Some(other) => {
            return Err(format!("unknown argument {other:?}: there is only --quick").into());
        }
    };
    let milliseconds = Duration::from_millis;
    let effort = if quick {
        Effort { rounds: 2, turn: Duration::from_micros(300), budget: milliseconds(10) }
    } else {
        Effort { rounds: 25, turn: milliseconds(4), budget: milliseconds(500) }
    };
    let record = Record {
        decode: cells::decode(effort),
        drip: cells::drip(effort),
        fold: cells::fold(effort),
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
