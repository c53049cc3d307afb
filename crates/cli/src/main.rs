//! The program `deltawire`: `deltawire --help` says how it is called.

use std::process::ExitCode;

fn main() -> ExitCode {
    deltawire_cli::main()
}
