//! The lines of a record on the machine and the crates that it was made with.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Crates with the versions that the lock file has; those it does not have are left out.
#[must_use]
pub fn versions(crates: &[&str]) -> String {
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &&str| {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
        Some(format!("{name} {}", entry.split('"').next()?))
    };
    crates.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

/// The processor's name; where nobody tells, its architecture.
#[must_use]
pub fn cpu() -> String {
    let linux = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = linux
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(':').nth(1));
    match name {
        Some(name) => name.trim().to_owned(),
        None => said("sysctl", &["-n", "machdep.cpu.brand_string"])
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
    }
}

/// The compiler that is at hand: with cargo, the one that compiled this.
#[must_use]
pub fn rustc() -> String {
    said("rustc", &["--version"]).unwrap_or_else(|| "an unknown rustc".to_owned())
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Today, in UTC, as `2026-07-31`.
#[must_use]
pub fn date() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut days = since.as_secs() / 86_400;
    let mut year = 1970;
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

/// A processor's name as part of a file's.
#[must_use]
pub fn slug(name: &str) -> String {
    let words = name
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}
