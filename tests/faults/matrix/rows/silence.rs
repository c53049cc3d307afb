//! A stall at each phase, told by the adapters' stall limits; and by the HTTP stack's own timeout.

use std::time::Duration;

use deltawire::StallLimits;

use crate::row::{Answer, Row, row};

const LIMIT: Duration = Duration::from_millis(800);

pub(crate) fn rows() -> Vec<Row> {
    let recorded = |fault: &str, faults: &str| {
        let limits = StallLimits::new().with_bytes(LIMIT);
        // Without a timeout of its own a blocked read of ureq does not wake up; see
        // `Reader::stalls`.
        let tick = Duration::from_millis(1000);
        row(fault, Answer::Recorded("one-plus-one", faults.into())).stalls(limits).timeout(tick)
    };
    let stalled =
        |row: Row| row.ends("stalled").says("the stream stalled: no bytes for T s (limit 0.8 s)");
    let timeout = |row: Row| row.stalls(StallLimits::new()).timeout(LIMIT).ends("truncated");
    vec![
        recorded("silence before the first byte", "stall=0:6")
            .ends("stalled")
            .says("the stream stalled: no bytes yet after T s (limit 0.8 s)"),
        stalled(recorded("silence within an event", "stall=500:6")).keeps("\n\n"),
        stalled(recorded("silence between two events", "stall=422:6")).keeps("\n\n"),
        stalled(recorded("silence after the finish reason", "stall=825:6")).keeps("\n\n2"),
        stalled(recorded("silence within `[DONE]`", "stall=835:6")).keeps("\n\n2"),
        recorded("silence after `[DONE]`, before its line end", "stall=837:6")
            .says("the stream stalled: no bytes for T s (limit 0.8 s)")
            .keeps("\n\n2"),
        recorded("silence after `[DONE]`", "stall=839:6").keeps("\n\n2"),
        recorded("a connection left open after the end", "linger=6").keeps("\n\n2"),
        timeout(recorded("silence within an event, and the stack's timeout", "stall=500:6"))
            .says_each(
                "waited too long: timeout: per read",
                "waited too long: request or response body error: operation timed out",
            )
            .keeps("\n\n"),
        row(
            "a body of a refusal that never ends",
            Answer::Recorded("one-plus-one", "status=503; stall=5:6".into()),
        )
        .timeout(LIMIT)
        .ends("refused")
        .says(r#"the server refused the request with status 503: "{\"err""#),
    ]
}

#[test]
fn a_silent_server_is_told_apart_from_a_slow_one_and_what_came_is_kept() {
    super::check(&rows());
}
