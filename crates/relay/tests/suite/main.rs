//! One suite for all logs: a reader cannot tell them apart.
//!
//! Each case runs on a `MemoryLog`, and on a `RedisLog` if there is a redis-server, which the case
//! starts and stops by itself, or if `REDIS_URL` names one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use deltawire_relay::{
    End, Event, Log, MemoryLog, Producer, ReadError, Reader, Relay, Settings, StreamId, Times,
};

mod cursors;
mod ends;
mod flaky;
#[cfg(feature = "redis")]
mod keys;
mod outages;
mod pipes;
#[cfg(feature = "redis")]
#[path = "../support/redis.rs"]
mod server;
mod times;

/// A store, and whatever it needs to run.
struct World {
    memory: Option<Arc<MemoryLog>>,
    #[cfg(feature = "redis")]
    url: String,
    #[cfg(feature = "redis")]
    prefix: String,
    #[cfg(feature = "redis")]
    /// It stops when it is dropped.
    _server: Option<server::Redis>,
}

impl World {
    fn memory() -> Self {
        Self {
            memory: Some(Arc::default()),
            #[cfg(feature = "redis")]
            url: String::new(),
            #[cfg(feature = "redis")]
            prefix: String::new(),
            #[cfg(feature = "redis")]
            _server: None,
        }
    }

    #[cfg(feature = "redis")]
    fn redis() -> Option<Self> {
        let prefix = format!("test-{}", StreamId::random().unwrap());
        if let Ok(url) = std::env::var("REDIS_URL") {
            return Some(Self { memory: None, url, prefix, _server: None });
        }
        let server = server::Redis::start(&[])?;
        Some(Self { memory: None, url: server.url(), prefix, _server: Some(server) })
    }

    /// Returns the log as another process sees it: with connections of its own.
    fn log(&self) -> Arc<dyn Log> {
        match &self.memory {
            Some(memory) => memory.clone(),
            #[cfg(feature = "redis")]
            None => {
                let log = deltawire_relay::RedisLog::open(&self.url).unwrap();
                Arc::new(log.with_prefix(&self.prefix))
            }
            #[cfg(not(feature = "redis"))]
            None => unreachable!("there is no other log"),
        }
    }

    /// Returns a relay with times that no slow machine exceeds.
    fn relay(&self) -> Relay {
        Relay::shared(self.log()).with_settings(settings())
    }
}

fn settings() -> Settings {
    let times = Times {
        heartbeat: Duration::from_millis(100),
        lease: Duration::from_secs(20),
        expiry: Duration::from_secs(60),
        retention: Duration::from_secs(60),
    };
    Settings { times, queue: 16, ..Settings::default() }
}

/// Times that pass within a test.
fn short() -> Settings {
    let times = Times {
        heartbeat: Duration::from_millis(100),
        lease: Duration::from_millis(1200),
        expiry: Duration::from_millis(2400),
        retention: Duration::from_millis(2000),
    };
    Settings { times, ..settings() }
}

fn id(name: &str) -> StreamId {
    name.parse().unwrap()
}

/// Returns the data of the events up to the end, and the end.
async fn read_all(reader: &mut Reader) -> Result<(Vec<String>, End), ReadError> {
    use deltawire_relay::deltawire_async::AsEvent as _;
    let mut seen = Vec::new();
    while let Some(event) = next(reader).await {
        let event: Event = event?;
        assert_eq!(event.as_event().id, event.cursor().to_string());
        match event.end() {
            Some(end) => {
                assert!(next(reader).await.is_none(), "something follows the end");
                return Ok((seen, end.clone()));
            }
            None => seen.push(event.as_event().data.to_owned()),
        }
    }
    panic!("a reader ended without an end after {seen:?}");
}

/// Returns the next event, or fails if none comes for long.
async fn next(reader: &mut Reader) -> Option<Result<Event, ReadError>> {
    tokio::time::timeout(Duration::from_secs(30), reader.next()).await.expect("a reader hangs")
}

/// Writes events with these numbers as data.
async fn write(producer: &mut Producer, numbers: std::ops::Range<u64>) {
    for number in numbers {
        producer.append(number.to_string()).await.unwrap();
    }
}

fn numbers(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

macro_rules! on_each_log {
    ($($module:ident: $($case:ident),+;)+) => {
        mod memory {
            $(mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$module::$case(crate::World::memory()).await;
                }
            )+ })+
        }

        #[cfg(feature = "redis")]
        mod redis {
            $(mod $module { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(world) = crate::World::redis() {
                        crate::$module::$case(world).await;
                    }
                }
            )+ })+
        }
    };
}

on_each_log! {
    cursors: every_event_comes_once_and_in_order_to_each_reader,
        a_reader_needs_no_notice_of_what_comes,
        a_reader_goes_on_after_any_cursor,
        a_cursor_that_does_not_fit_is_a_typed_answer,
        a_late_reader_takes_the_snapshot_and_the_rest,
        a_trimmed_stream_is_never_replayed_as_if_it_were_whole,
        a_stream_of_an_owner_is_not_found_by_others;
    ends: one_of_many_becomes_the_producer,
        a_name_that_is_used_again_has_another_generation,
        an_old_producer_is_refused,
        every_end_is_an_entry,
        a_dropped_producer_ends_its_stream,
        a_lost_producer_is_declared_lost_once,
        a_stop_is_not_a_disconnect;
    times: a_model_that_thinks_keeps_its_lease,
        a_running_stream_does_not_expire,
        an_ended_stream_is_kept_for_its_retention;
    outages: an_append_without_an_answer_is_written_once,
        a_slow_log_holds_the_producer_up,
        a_producer_that_stops_in_an_outage_says_so,
        a_producer_that_goes_on_in_an_outage_is_live_and_not_resumable,
        a_slow_live_client_is_cut_off_and_goes_on_with_the_log,
        entries_that_the_log_lost_are_an_error_of_the_reader;
    pipes: the_bytes_are_kept_as_they_came,
        a_reader_folds_the_same_answer_from_any_cursor,
        a_snapshot_and_the_rest_fold_to_the_same_answer,
        a_refused_request_is_an_end_with_an_error,
        a_stopped_pipe_keeps_what_was_folded,
        a_stream_goes_through_an_event_body;
}
