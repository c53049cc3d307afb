//! The rows, by where the fault is.

mod head;
mod in_band;
mod odd;
mod refused;
mod silence;
mod transfer;
mod wrong_body;

use crate::row::Row;

/// A title of the table, and the rows below it.
pub(crate) type Group = (&'static str, Vec<Row>);

/// Every row.
pub(crate) fn all() -> Vec<Group> {
    vec![
        ("Before there is an answer", head::rows()),
        ("Refused", refused::rows()),
        ("Another body than an event stream", wrong_body::rows()),
        ("The transfer breaks, or lies", transfer::rows()),
        ("Silence", silence::rows()),
        ("In the stream", in_band::rows()),
        ("Odd, and huge", odd::rows()),
    ]
}

/// Runs the rows of a group, many at a time since some wait; fails with all that is not as they
/// say.
fn check(rows: &[Row]) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let run = || {
        let take = || rows.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        std::iter::from_fn(take).flat_map(Row::differences).collect::<Vec<_>>()
    };
    let found: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("rows do not panic")).collect()
    });
    assert!(found.is_empty(), "{}", found.join("\n"));
}
