//! The event source, rule by rule.
//!
//! Each test is the story of one source: the things it is told, and the action that follows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use deltawire::sse::{self, Action, Closed, EventSource, Limits, Reconnect, Wait};
use deltawire::{Error, Evidence, Refused};
use proptest::prelude::*;

/// A source in the middle of its story.
struct Story {
    source: EventSource,
}

fn get() -> Story {
    Story { source: EventSource::new() }
}

fn post() -> Story {
    Story { source: EventSource::new().with_method("POST") }
}

fn with(change: impl FnOnce(&mut Reconnect)) -> EventSource {
    let mut reconnect = Reconnect::default();
    change(&mut reconnect);
    EventSource::new().with_reconnect(reconnect)
}

fn headers(content_type: Option<&'static str>) -> impl Fn(&str) -> Option<&'static str> {
    move |name| if name == "content-type" { content_type } else { None }
}

/// Returns the time of the next wait, and the ends it is chosen between.
fn wait(source: &EventSource) -> (Duration, Duration, Duration) {
    let Action::Wait(wait) = source.action() else { panic!("no wait: {:?}", source.action()) };
    (wait.time, wait.at_least, wait.at_most)
}

fn milliseconds(wait: Wait) -> (u64, u64) {
    let [at_least, at_most] =
        [wait.at_least, wait.at_most].map(|time| u64::try_from(time.as_millis()).unwrap());
    (at_least, at_most)
}

impl Story {
    /// Asserts that the next thing is to connect, with this ID unless it is empty.
    #[track_caller]
    fn connects(self, id: &str) -> Self {
        assert_eq!(self.source.action(), Action::Connect);
        let mut expected = vec![("accept", "text/event-stream"), ("cache-control", "no-cache")];
        expected.extend((!id.is_empty()).then_some(("last-event-id", id)));
        assert_eq!(self.source.headers().collect::<Vec<_>>(), expected);
        self
    }

    /// Begins a stream.
    #[track_caller]
    fn opens(mut self) -> Self {
        let header = headers(Some("text/event-stream"));
        self.source.answered(200, &header);
        assert_eq!(self.source.action(), Action::Read);
        assert!(Evidence::wanted(&self.source, 200, header).is_none());
        self
    }

    /// Answers with a response of whose body nothing is wanted.
    #[track_caller]
    fn answers_without_a_body(self, status: u16) -> Self {
        let story = self.answers(status, None);
        assert!(Evidence::wanted(&story.source, status, headers(None)).is_none());
        story
    }

    /// Answers with the head of a response.
    fn answers(mut self, status: u16, content_type: Option<&'static str>) -> Self {
        self.source.answered(status, headers(content_type));
        self
    }

    /// Decodes these bytes, in reads of several sizes, to events with this data.
    #[track_caller]
    fn gets(mut self, bytes: &str, events: &[&str]) -> Self {
        let whole = self.source.clone();
        for size in [1, 2, 3, bytes.len().max(1)] {
            self.source = whole.clone();
            let mut seen = Vec::new();
            for read in bytes.as_bytes().chunks(size) {
                let mut input = read;
                while let Some(event) = self.source.decode(&mut input).unwrap() {
                    seen.push(event.data.to_owned());
                }
                assert!(input.is_empty());
            }
            assert_eq!(seen, events, "in reads of {size}");
            assert_eq!(self.source.action(), Action::Read);
        }
        self
    }

    /// Asserts the last event ID string.
    #[track_caller]
    fn knows(self, id: &str) -> Self {
        assert_eq!(self.source.last_event_id(), id);
        self
    }

    fn ends(mut self) -> Self {
        self.source.ended();
        self
    }

    fn fails(mut self) -> Self {
        self.source.failed();
        self
    }

    /// Asserts that the next thing is a wait with these ends in milliseconds; waits.
    #[track_caller]
    fn waits(mut self, at_least: u64, at_most: u64) -> Self {
        let Action::Wait(wait) = self.source.action() else {
            panic!("no wait: {:?}", self.source.action())
        };
        assert_eq!(milliseconds(wait), (at_least, at_most));
        assert_eq!(wait.time, wait.at_least, "no seed, and the shortest");
        self.source.waited();
        self
    }

    /// Asserts that the source is closed for this reason and that nothing opens it.
    #[track_caller]
    fn stops(mut self, closed: &Closed) {
        assert_eq!(self.source.action(), Action::Stop(closed));
        assert_eq!(self.source.closed(), Some(closed));
        assert_eq!(self.source.is_finished(), !closed.is_error());
        assert_eq!(
            self.source.take_error().as_ref(),
            Some(closed).filter(|closed| closed.is_error())
        );
        assert!(self.source.is_finished());
        self.source.waited();
        self.source.failed();
        self.source.ended();
        self.source.answered(200, headers(Some("text/event-stream")));
        self.source.give_up();
        self.source.close();
        let mut late = &b"data: late\n\n"[..];
        assert_eq!(self.source.decode(&mut late), Ok(None));
        assert!(late.is_empty());
        assert_eq!(self.source.action(), Action::Stop(closed));
        assert_eq!((self.source.take_error(), self.source.is_finished()), (None, true));
    }

    /// Plays a connection that works, and connects again with this ID.
    #[track_caller]
    fn after(self, bytes: &str, events: &[&str], id: &str) -> Self {
        self.opens().gets(bytes, events).ends().waits(3000, 6000).connects(id)
    }
}

#[test]
fn a_stream_that_ends_or_breaks_is_asked_for_again() {
    get()
        .connects("")
        .opens()
        .gets("data: a\n\n", &["a"])
        .ends()
        .waits(3000, 6000)
        .connects("")
        .opens();
    get()
        .connects("")
        .opens()
        .gets("data: a\n\n", &["a"])
        .fails()
        .waits(3000, 6000)
        .connects("")
        .opens();
    get().connects("").fails().waits(3000, 6000).connects("").opens();
}

/// A connection that ends before its head came has no stream that could end.
#[test]
fn an_end_before_the_head_is_a_failure() {
    get().ends().waits(3000, 6000).connects("").opens();
    post().ends().stops(&Closed::Failed);
}

#[test]
fn the_status_204_stops_it() {
    get().connects("").answers(204, None).stops(&Closed::NoContent);
    get()
        .after("id: 1\ndata: a\n\n", &["a"], "1")
        .answers(204, Some("text/event-stream"))
        .stops(&Closed::NoContent);
}

#[test]
fn every_other_status_fails_it() {
    for status in [
        100, 201, 202, 205, 206, 301, 307, 400, 401, 404, 407, 408, 425, 429, 500, 502, 503, 504,
        599, 0,
    ] {
        get().answers(status, Some("text/event-stream")).stops(&Closed::Status(status));
        get().after("data: a\n\n", &["a"], "").answers(status, None).stops(&Closed::Status(status));
    }
}

#[test]
fn every_other_content_type_fails_it() {
    let others = [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/json"),
        Some("text/event-stream2"),
        Some("x-text/event-stream"),
    ];
    for other in others {
        get().answers(200, other).stops(&Closed::ContentType(other.map(Into::into)));
    }
    let same = [
        "TEXT/Event-Stream",
        "text/event-stream; charset=utf-8",
        " text/event-stream ;x",
        "text/event-stream;",
    ];
    for same in same {
        get().answers(200, Some(same)).gets("data: a\n\n", &["a"]);
    }
}

#[test]
fn the_id_string_goes_with_the_next_request() {
    get().after("id: 1\ndata: a\n\nid: 2\ndata: b\n\n", &["a", "b"], "2").after(
        "data: c\n\n",
        &["c"],
        "2",
    );
    // Any text but control characters.
    for id in ["0", " ", "a b", "é€😀", "\u{FEFF}", "\u{80}", "a\tb"] {
        get().after(&format!("id: {id}\ndata: a\n\n"), &["a"], id);
    }
}

#[test]
fn a_block_without_data_sets_the_id_string() {
    get().after("id: 7\n\n", &[], "7").after("id: 8\nevent: x\n\ndata: a\n\n", &["a"], "8");
}

#[test]
fn an_empty_id_clears_the_id_string_and_one_with_nul_is_none() {
    get().after("id: 1\ndata: a\n\nid\ndata: b\n\n", &["a", "b"], "");
    get().after("id: 1\n\n", &[], "1").after("id:\n\n", &[], "").after("data: a\n\n", &["a"], "");
    get().after("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", &["a", "b"], "1");
}

#[test]
fn a_cut_block_counts_nowhere() {
    let cut = [
        "id: 2",
        "id: 2\n",
        "id: 2\ndata: b",
        "id: 2\ndata: b\n",
        "id: 2\ndata: b\nevent: x",
        "event: x\ndata",
        ":",
    ];
    for cut in cut {
        get()
            .after(&format!("id: 1\ndata: a\n\n{cut}"), &["a"], "1")
            .opens()
            .gets("data: c\n\n", &["c"])
            .knows("1");
        // The blank line that the next stream begins with does not complete it.
        get()
            .after(&format!("id: 1\ndata: a\n\n{cut}"), &["a"], "1")
            .opens()
            .gets("\n\n", &[])
            .knows("1");
    }
}

/// By the letter of the standard it takes effect with its line.
#[test]
fn the_retry_of_a_cut_block_counts() {
    get().opens().gets("data: a\nretry: 1000\nda", &[]).ends().waits(1000, 2000);
    get().opens().gets("retry: 1000", &[]).ends().waits(3000, 6000);
}

#[test]
fn each_stream_may_begin_with_a_byte_order_mark() {
    let marked = "\u{FEFF}data: a\n\n";
    get().after(marked, &["a"], "").after(marked, &["a"], "").after(
        "data: b\n\n\u{FEFF}data: c\n\n",
        &["b"],
        "",
    );
    // Cut inside the mark, then begun anew.
    let mut story = get().opens();
    assert_eq!(story.source.decode(&mut &b"\xEF\xBB"[..]), Ok(None));
    story
        .ends()
        .waits(3000, 6000)
        .opens()
        .gets(marked, &["a"])
        .ends()
        .waits(3000, 6000)
        .opens()
        .gets("\u{BF}data\n\n", &[]);
}

/// In one stream the LF would be half of a line end, and not a blank line.
#[test]
fn a_cr_ending_one_stream_does_not_swallow_the_lf_beginning_the_next() {
    get().after("data: a\r\r", &["a"], "").opens().gets("\ndata: b\n\n", &["b"]);
    let mut story = get().after("data: a\r", &[], "").opens();
    let mut input = &b"\n"[..];
    assert_eq!(story.source.decode(&mut input), Ok(None));
    story = story.gets("data: b\n\n", &["b"]);
    story.ends().waits(3000, 6000);
}

#[test]
fn the_servers_retry_is_the_reconnection_time() {
    for (line, time) in [
        ("retry: 1000", 1000),
        ("retry:1000", 1000),
        ("retry: 0002000", 2000),
        ("retry: 600000", 600_000),
        ("retry: 0", 500),
        ("retry: 499", 500),
        ("retry: 501", 501),
        ("retry", 3000),
        ("retry: ", 3000),
        ("retry: -1", 3000),
        ("retry: +1000", 3000),
        ("retry: 1.5", 3000),
        ("retry: 1000 ", 3000),
        ("retry:  1000", 3000),
        ("retry: 1e3", 3000),
        ("retry: ٣", 3000),
        ("retry: 99999999999999999999999999", 3000),
        ("Retry: 1000", 3000),
    ] {
        // A time beyond the longest wait is waited as it is.
        let at_most = (2 * time).min(60_000).max(time);
        let story = get().opens().gets(&format!("{line}\n\n"), &[]);
        assert_eq!(story.source.reconnection_time(), Duration::from_millis(time), "{line}");
        story
            .ends()
            .waits(time, at_most)
            .opens()
            .gets("data: a\n\n", &["a"])
            .fails()
            .waits(time, at_most);
    }
    let story = get().opens().gets("retry: 18446744073709551615\n\n", &[]).ends();
    let forever = Duration::from_millis(u64::MAX);
    assert_eq!(wait(&story.source), (forever, forever, forever));
    // An invalid one changes nothing.
    get().opens().gets("retry: 1000\nretry: 2000\nretry: x\n\n", &[]).ends().waits(2000, 4000);
}

#[test]
fn failures_in_a_row_double_the_wait_up_to_the_longest() {
    let source = with(|reconnect| reconnect.default_time = Duration::from_secs(1));
    let mut story = Story { source };
    for (at_least, at_most) in
        [(1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (30, 60), (30, 60), (30, 60)]
            .map(|(a, b)| (a * 1000, b * 1000))
    {
        story = story.connects("").fails().waits(at_least, at_most);
    }
    // A server that says something, if only a comment, and is lost again.
    story =
        story.opens().gets(": hello\n\n", &[]).fails().waits(1000, 2000).fails().waits(2000, 4000);
    // A server that sets another time.
    story.opens().gets("retry: 700\n\n", &[]).ends().waits(700, 1400).fails().waits(1400, 2800);
}

#[test]
fn a_head_alone_is_not_a_connection_that_works() {
    get()
        .opens()
        .ends()
        .waits(3000, 6000)
        .opens()
        .ends()
        .waits(6000, 12_000)
        .opens()
        .fails()
        .waits(12_000, 24_000);
    // A read of nothing is nothing.
    let mut story = get().fails().waits(3000, 6000).opens();
    assert_eq!(story.source.decode(&mut &b""[..]), Ok(None));
    story.ends().waits(6000, 12_000).opens().gets("\n", &[]).ends().waits(3000, 6000);
}

#[test]
fn a_long_run_of_failures_overflows_nothing() {
    let mut source = with(|reconnect| {
        reconnect.max_wait = Duration::MAX;
        reconnect.default_time = Duration::from_millis(1);
    })
    .with_seed(0);
    for _ in 0..10_000 {
        source.failed();
        let (time, at_least, at_most) = wait(&source);
        assert!(at_least <= time && time <= at_most);
        source.waited();
    }
}

#[test]
fn a_shortest_time_beyond_the_longest_wait_is_waited() {
    let source = with(|reconnect| {
        reconnect.min_time = Duration::from_secs(10);
        reconnect.max_wait = Duration::from_secs(1);
    });
    Story { source }.fails().waits(10_000, 10_000).fails().waits(10_000, 10_000);
}

#[test]
fn a_seed_spreads_the_waits_and_the_same_seed_spreads_them_alike() {
    let times = |seed| {
        let mut source = EventSource::new().with_seed(seed);
        let mut next = || {
            source.failed();
            let (time, at_least, at_most) = wait(&source);
            assert!(at_least <= time && time < at_most);
            source.waited();
            // How far between the two ends, in thousandths.
            (time - at_least).as_millis() * 1000 / (at_most - at_least).as_millis()
        };
        [(); 1000].map(|()| next())
    };
    let first = times(1);
    assert_eq!(first, times(1));
    for seed in [0, 2, u64::MAX] {
        let same = first.iter().zip(times(seed)).filter(|(a, b)| *a == b).count();
        assert!(same < 20, "{same} of 1000 are the same with the seed {seed}");
    }
    let mean = first.iter().sum::<u128>() / 1000;
    assert!((450..550).contains(&mean), "{mean}");
    let tenths: std::collections::HashSet<_> = first.iter().map(|time| time / 100).collect();
    assert_eq!(tenths.len(), 10);
}

#[test]
fn it_gives_up_after_as_many_reconnects_as_it_was_told() {
    let source = || with(|reconnect| reconnect.max_reconnects = Some(2));
    let gave_up = Closed::GaveUp { reconnects: 2 };
    let story = || Story { source: source() };
    story().fails().waits(3000, 6000).fails().waits(6000, 12_000).fails().stops(&gave_up);
    // After a stream that worked the count begins anew, and two reconnects are left again.
    let worked = story()
        .fails()
        .waits(3000, 6000)
        .fails()
        .waits(6000, 12_000)
        .opens()
        .gets(":\n", &[])
        .ends();
    worked.waits(3000, 6000).opens().ends().waits(6000, 12_000).fails().stops(&gave_up);
    let source = with(|reconnect| reconnect.max_reconnects = Some(0));
    Story { source }
        .opens()
        .gets("data: a\n\n", &["a"])
        .ends()
        .stops(&Closed::GaveUp { reconnects: 0 });
}

#[test]
fn a_request_that_is_not_a_get_is_never_sent_again() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "HEAD", "get", ""] {
        let story = || Story { source: EventSource::new().with_method(method) };
        story()
            .connects("")
            .opens()
            .gets("id: 1\ndata: a\n\n", &["a"])
            .ends()
            .stops(&Closed::Ended);
        story()
            .connects("")
            .opens()
            .gets("id: 1\ndata: a\n\n", &["a"])
            .fails()
            .stops(&Closed::Failed);
        story().connects("").opens().ends().stops(&Closed::Ended);
        story().connects("").fails().stops(&Closed::Failed);
        story().connects("").answers(204, None).stops(&Closed::NoContent);
        story().connects("").answers(429, None).stops(&Closed::Status(429));
    }
    let mut reconnect = Reconnect::default();
    reconnect.busy_statuses = true;
    let busy = EventSource::new().with_reconnect(reconnect).with_method("POST");
    Story { source: busy }.answers(503, None).stops(&Closed::Status(503));
}

#[test]
fn a_post_is_sent_again_if_the_caller_allows_it() {
    let source = with(|reconnect| reconnect.resend = true).with_method("POST");
    Story { source }
        .after("id: 1\ndata: a\n\n", &["a"], "1")
        .fails()
        .waits(6000, 12_000)
        .connects("1");
}

#[test]
fn a_busy_status_is_a_failed_connection_if_the_caller_says_so() {
    let source = || with(|reconnect| reconnect.busy_statuses = true);
    for status in [429, 500, 502, 503, 504] {
        Story { source: source() }
            .answers(status, Some("text/html"))
            .waits(3000, 6000)
            .connects("")
            .opens();
    }
    for status in [400, 401, 404, 408, 501, 505] {
        Story { source: source() }.answers(status, None).stops(&Closed::Status(status));
    }
    for (retry_after, wait) in [
        ("1", (3000, 6000)),
        ("4", (4000, 6000)),
        (" 100 ", (100_000, 100_000)),
        ("0", (3000, 6000)),
        ("-5", (3000, 6000)),
        ("99999999999999999999999", (3000, 6000)),
        ("Wed, 21 Oct 2026 07:28:00 GMT", (3000, 6000)),
    ] {
        let mut source = source();
        source.answered(503, |name| (name == "retry-after").then_some(retry_after));
        Story { source }.waits(wait.0, wait.1).connects("").fails().waits(6000, 12_000);
    }
}

#[test]
fn a_futile_connection_closes_it() {
    let given_up = |mut story: Story| {
        story.source.give_up();
        story.stops(&Closed::Failed);
    };
    given_up(get());
    given_up(get().opens());
    given_up(get().fails());
}

#[test]
fn the_caller_closes_it_at_any_time() {
    for mut story in
        [get(), get().opens(), get().fails(), get().opens().gets("data: a\n\n", &["a"]).ends()]
    {
        story.source.close();
        story.stops(&Closed::ByCaller);
    }
}

#[test]
fn a_source_that_is_not_closed_has_no_error_to_take() {
    for mut story in [get(), get().opens(), get().fails(), post().opens()] {
        assert_eq!((story.source.take_error(), story.source.is_finished()), (None, false));
        // The question takes nothing from a later error.
        story.source.give_up();
        story.stops(&Closed::Failed);
    }
}

#[test]
fn a_caller_who_closes_it_hears_no_error_any_more() {
    let mut source = get().answers(404, None).source;
    source.close();
    assert_eq!((source.take_error(), source.is_finished()), (None, true));
    assert_eq!(source.closed(), Some(&Closed::Status(404)), "the reason stays");
}

#[test]
fn an_event_beyond_the_limits_is_an_error_and_closes_nothing() {
    let mut limits = Limits::default();
    limits.max_line = 10;
    let mut source = EventSource::new().with_last_event_id("0").with_limits(limits);
    assert_eq!(source.last_event_id(), "0");
    source.answered(200, headers(Some("text/event-stream")));
    let mut input = &b"id: 1\ndata: too long\n\ndata: b\n\n"[..];
    assert_eq!(source.decode(&mut input), Err(sse::Error::LineTooLong { max: 10, offset: 6 }));
    assert_eq!(source.action(), Action::Read);
    assert_eq!(
        source.decode(&mut input).unwrap().map(|event| (event.data, event.id)),
        Some(("b", "0"))
    );
    let mut story = Story { source }.ends().waits(3000, 6000).connects("0").opens();
    // The offset counts from the beginning of each stream.
    let mut input = &b"data: too long\n\n"[..];
    assert_eq!(
        story.source.decode(&mut input),
        Err(sse::Error::LineTooLong { max: 10, offset: 0 })
    );
}

#[test]
fn a_stream_read_elsewhere_goes_on_after_its_last_event() {
    let source = EventSource::new().with_last_event_id("41");
    Story { source }
        .connects("41")
        .opens()
        .gets("data: a\n\n", &["a"])
        .knows("41")
        .ends()
        .waits(3000, 6000)
        .connects("41");
    let source = EventSource::new().with_last_event_id("");
    Story { source }.connects("");
}

#[test]
fn an_id_that_the_request_has_is_where_the_stream_goes_on() {
    let story = |id: &[u8]| Story { source: EventSource::for_request("GET", Some(id)) };
    story(b"41").connects("41").after("data: a\n\n", &["a"], "41").after("id: 42\n\n", &[], "42");
    story(b"41").after("id\ndata: a\n\n", &["a"], "");
    story("é".as_bytes()).connects("é");
    story(b"a\xFFb").connects("a\u{FFFD}b");
    story(b"").connects("");
    Story { source: EventSource::for_request("GET", None) }.connects("").after("", &[], "");
    let post = EventSource::for_request("POST", Some(b"41"));
    Story { source: post }.connects("41").opens().ends().stops(&Closed::Ended);
}

#[test]
fn a_response_that_closes_it_is_an_error_with_the_beginning_of_its_body() {
    let says = |source: &EventSource, status, content_type, body: &[u8]| {
        Evidence::wanted(source, status, headers(content_type)).unwrap().error(body).to_string()
    };
    let json = br#"{"error":{"message":"no such key","type":"t"}}"#;
    for status in [202, 401, 404, 429, 500, 503, 0] {
        for story in [get(), post(), get().after("data: a\n\n", &["a"], "")] {
            let source = story.answers(status, None).source;
            let expected = format!(
                r#"the server refused the request with status {status}: no such key (type "t")"#
            );
            assert_eq!(says(&source, status, None, json), expected);
        }
    }
    for (content_type, body, message) in [
        (
            Some("text/html"),
            &b"<html>log in</html>"[..],
            r#"the body is no event stream but "text/html"; it begins "<html>log in</html>""#,
        ),
        (None, b"data: a\n\n", r#"the body is no event stream; it begins "data: a\n\n""#),
        (
            Some("application/json"),
            json,
            r#"the body is no event stream but "application/json": no such key (type "t")"#,
        ),
    ] {
        let source = get().answers(200, content_type).source;
        assert_eq!(says(&source, 200, content_type, body), message);
    }
}

#[test]
fn a_refusal_has_the_headers_that_say_more() {
    let header = |name: &str| match name {
        "retry-after" => Some("7"),
        "x-request-id" => Some("r-1"),
        _ => None,
    };
    let mut source = EventSource::new();
    source.answered(503, header);
    let error = Evidence::wanted(&source, 503, header).unwrap().error(b"busy");
    let expected =
        r#"the server refused the request with status 503: "busy"; retry after "7"; request "r-1""#;
    assert_eq!(error.to_string(), expected);
}

#[test]
fn no_more_of_a_body_is_asked_for_and_kept_than_is_evidence() {
    for (status, content_type, max) in
        [(500, None, Refused::MAX_BODY), (200, Some("text/html"), Error::EVIDENCE)]
    {
        let source = get().answers(status, content_type).source;
        let evidence = Evidence::wanted(&source, status, headers(content_type)).unwrap();
        assert_eq!(evidence.max_body(), max);
        let kept = match evidence.error(&vec![b'<'; 2 * max]) {
            Error::Refused(refused) => refused.body.len(),
            Error::NotAnEventStream { beginning, .. } => beginning.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(kept, max);
    }
}

#[test]
fn nobody_reads_the_body_of_a_204_or_of_a_busy_server_that_is_asked_again() {
    get().answers_without_a_body(204).stops(&Closed::NoContent);
    let source = with(|reconnect| {
        reconnect.busy_statuses = true;
        reconnect.max_reconnects = Some(1);
    });
    let source =
        Story { source }.answers_without_a_body(503).waits(3000, 6000).answers(502, None).source;
    let error = Evidence::wanted(&source, 502, headers(None)).unwrap().error(b"last");
    assert_eq!(error.to_string(), r#"the server refused the request with status 502: "last""#);
    Story { source }.stops(&Closed::GaveUp { reconnects: 1 });
}

#[test]
fn a_source_that_no_response_closed_has_no_evidence() {
    for close in
        [EventSource::close, EventSource::give_up, EventSource::failed, |_: &mut EventSource| ()]
    {
        let mut source = post().source;
        close(&mut source);
        assert!(Evidence::wanted(&source, 404, headers(None)).is_none(), "{source:?}");
    }
    let source = EventSource::new().with_last_event_id("\u{1}");
    assert!(Evidence::wanted(&source, 404, headers(None)).is_none());
}

/// A server would begin anew without the ID, and events would come twice unseen.
#[test]
fn an_id_that_no_header_can_carry_closes_it_before_the_request() {
    for id in ["\u{1}", "a\u{1b}[31m", "\u{7f}"] {
        let story =
            get().opens().gets(&format!("id: {id}\ndata: a\n\n"), &["a"]).ends().waits(3000, 6000);
        story.stops(&Closed::LastEventId(id.into()));
        // An ID that the server replaces in time does no harm.
        get().after(&format!("id: {id}\ndata: a\n\nid: 2\n\n"), &["a"], "2");
    }
    for id in ["\n", "1\r\nx-evil: 1", "\0"] {
        let source = EventSource::new().with_last_event_id(id);
        Story { source }.stops(&Closed::LastEventId(id.into()));
    }
}

#[test]
fn late_words_of_a_connection_that_is_over_change_nothing() {
    let mut story = get().opens().gets("id: 1\ndata: a\n\n", &["a"]).fails();
    let waiting = format!("{:?}", story.source.action());
    story.source.failed();
    story.source.ended();
    story.source.answered(500, headers(None));
    let mut late = &b"id: 2\ndata: late\n\n"[..];
    assert_eq!(story.source.decode(&mut late), Ok(None));
    assert_eq!((format!("{:?}", story.source.action()), late.len()), (waiting, 0));
    let story = story.waits(3000, 6000).connects("1").opens();
    // A head or the end of a wait says nothing to a source that reads.
    let mut story = story.answers(204, None);
    story.source.waited();
    story.gets("data: b\n\n", &["b"]).knows("1");
}

#[test]
fn each_reason_says_what_happened_in_one_line() {
    for (closed, message, is_error) in [
        (Closed::ByCaller, "the event source was closed by its caller", false),
        (Closed::NoContent, "the server has no more events (status 204)", false),
        (Closed::Ended, "the stream ended and its request is not sent again", false),
        (Closed::Failed, "the connection failed and is not made again", true),
        (Closed::Status(503), "the server answered with status 503, not 200", true),
        (
            Closed::ContentType(None),
            "the response has no content type, not text/event-stream",
            true,
        ),
        (
            Closed::ContentType(Some("text/html\n\u{1b}".into())),
            r#"the response has the content type "text/html\n\u{1b}", not text/event-stream"#,
            true,
        ),
        (
            Closed::GaveUp { reconnects: 3 },
            "gave up after 3 reconnects in a row without a byte",
            true,
        ),
        (
            Closed::LastEventId(format!("{}\u{1}", "x".repeat(50))),
            r#"the last event ID "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… has a control character, which no header can carry"#,
            true,
        ),
    ] {
        assert_eq!((closed.to_string().as_str(), closed.is_error()), (message, is_error));
    }
}

#[derive(Debug, Clone)]
enum Told {
    Answered(u16, bool),
    Bytes(Vec<u8>),
    Ended,
    Failed,
    Waited,
    Close,
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => (
            prop_oneof![6 => Just(200), 1 => Just(204), 1 => Just(503), 1 => any::<u16>()],
            prop::bool::weighted(0.9),
        )
            .prop_map(|(status, typed)| Told::Answered(status, typed)),
        4 => prop::collection::vec(prop::sample::select(b"id: 1retry0\r\n\n\ndata".to_vec()), 0..30).prop_map(Told::Bytes),
        3 => Just(Told::Ended),
        3 => Just(Told::Failed),
        4 => Just(Told::Waited),
        1 => Just(Told::Close),
    ]
}

proptest! {
    /// Holds for any words in any order.
    ///
    /// A connection is made only after a wait, no wait is shorter than the reconnection time, a
    /// closed source stays closed, and a POST is sent once.
    #[test]
    fn no_order_of_words_connects_without_a_wait(
        post in any::<bool>(),
        busy in any::<bool>(),
        words in prop::collection::vec(told(), 0..60),
    ) {
        let method = if post { "POST" } else { "GET" };
        let mut source = with(|reconnect| reconnect.busy_statuses = busy).with_method(method);
        let mut connected = false;
        for word in words {
            let before = format!("{:?}", source.action());
            match &word {
                Told::Answered(status, typed) => {
                    source.answered(*status, headers(typed.then_some("text/event-stream")));
                }
                Told::Bytes(bytes) => {
                    let mut input = &bytes[..];
                    while source.decode(&mut input).unwrap().is_some() {}
                }
                Told::Ended => source.ended(),
                Told::Failed => source.failed(),
                Told::Waited => source.waited(),
                Told::Close => source.close(),
            }
            match source.action() {
                Action::Connect => prop_assert!(before.starts_with("Connect") || before.starts_with("Wait")),
                Action::Read => {
                    let opened = before.starts_with("Connect");
                    prop_assert!(opened || before == "Read");
                    prop_assert!(!(post && opened && connected));
                    connected = true;
                }
                Action::Wait(wait) => {
                    prop_assert!(!post);
                    prop_assert!(wait.at_least >= Duration::from_millis(500));
                    prop_assert!(wait.at_most >= wait.at_least);
                    let reconnection_time = source.reconnection_time();
                    prop_assert!(before.starts_with("Wait") || wait.at_least >= reconnection_time);
                }
                Action::Stop(_) => {}
            }
            if before.starts_with("Stop") {
                prop_assert_eq!(format!("{:?}", source.action()), before);
            }
        }
    }
}
