//! The resources of this process, as Linux tells them.

use std::fs;
use std::time::Duration;

use crate::Error;

/// The processor time of all threads that live, user and system, to the nanosecond.
/// (`/proc/self/stat` counts in hundredths of a second.)
pub(crate) fn processor_time() -> Result<Duration, Error> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += text.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Resident memory in bytes, counted page by page. (`statm` and `status` run behind by what each
/// thread has not handed in.)
pub(crate) fn resident() -> Result<u64, Error> {
    let text = fs::read_to_string("/proc/self/smaps_rollup")?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("Rss:")).ok_or("smaps_rollup has no Rss")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
