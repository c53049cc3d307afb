//! Runs one row of the table: `slopes NAME SIZE`. Without a size it makes nothing, and
//! without a name it lists the rows.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        for row in deltawire_slopes::rows() {
            println!("{}", row.name);
        }
        return ExitCode::SUCCESS;
    };
    let size = arguments.next().and_then(|size| size.parse().ok()).unwrap_or(0);
    let Some(row) = deltawire_slopes::rows().into_iter().find(|row| row.name == name) else {
        eprintln!("slopes: no row {name:?}");
        return ExitCode::FAILURE;
    };
    let input = (row.make)(size);
    (row.run)(&input);
    println!("{}", input.len());
    ExitCode::SUCCESS
}
