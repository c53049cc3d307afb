//! A client: holds N streams on one thread, checks every text, and measures itself meanwhile.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use reqwest::Client;
use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::Error;
use crate::histogram::Histogram;
use crate::process;
use crate::readers::Reader;
use crate::schedule::{Schedule, now, until};
use crate::stopwatch::{Stopwatch, Timed};
use crate::traffic::Traffic;

/// Fewer than the listener's backlog, so that no connection has to ask twice.
const CONNECTING: usize = 64;

/// Between the last connection and the first token.
const BREATH: u64 = 300_000;

/// The window in which processor time is measured, in parts of the tokens: everything has grown by
/// then, and nothing ends yet.
const WINDOW: [f64; 2] = [0.15, 0.9];

/// `load client READER ADDRESS STREAMS INTERVAL TOKENS`: prints what it measured.
pub(crate) fn client(args: &[String]) -> Result<(), Error> {
    let [name, address, streams, interval, tokens] = args else {
        return Err("a client has five arguments".into());
    };
    let reader =
        Reader::ALL.into_iter().find(|reader| reader.name() == name).ok_or("no such reader")?;
    let planned = Schedule {
        start: 0,
        interval: interval.parse()?,
        tokens: tokens.parse()?,
        streams: streams.parse()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!(
        "{}",
        runtime.block_on(LocalSet::new().run_until(hold(reader, address.clone(), planned)))?
    );
    Ok(())
}

/// The part that all streams of a client share.
struct Shared {
    http: Client,
    address: String,
    schedule: Cell<Schedule>,
    connecting: Semaphore,
    /// The number of streams that have their response's head, or never will.
    connected: Cell<u64>,
    all_connected: Notify,
    tokens: Cell<u64>,
    late: RefCell<Histogram>,
    stopwatch: Rc<Stopwatch>,
    failures: RefCell<Vec<String>>,
}

async fn hold(
    reader: Reader,
    address: String,
    planned: Schedule,
) -> Result<serde_json::Value, Error> {
    let shared = Rc::new(Shared {
        http: Client::builder().no_proxy().pool_max_idle_per_host(0).build()?,
        address,
        schedule: Cell::new(planned),
        connecting: Semaphore::new(CONNECTING),
        connected: Cell::new(0),
        all_connected: Notify::new(),
        tokens: Cell::new(0),
        late: RefCell::default(),
        stopwatch: Rc::default(),
        failures: RefCell::default(),
    });
    let traffic = Rc::new(Traffic::new());
    let idle = process::resident()?;

    let streams: Vec<_> = (0..planned.streams)
        .map(|number| {
            tokio::task::spawn_local(stream(
                Rc::clone(&shared),
                Rc::clone(&traffic),
                reader,
                number,
            ))
        })
        .collect();
    while shared.connected.get() < planned.streams {
        shared.all_connected.notified().await;
    }
    let schedule = Schedule { start: now() + BREATH, ..planned };
    shared.schedule.set(schedule);
    let Schedule { start, interval, tokens, streams: count } = schedule;
    let go = format!("http://{}/go/{start}/{interval}/{tokens}/{count}", shared.address);
    shared.http.get(go).send().await?;

    let [begin, end] = WINDOW.map(|part| schedule.due(0, (tokens as f64 * part) as u64));
    sleep(until(begin)).await;
    let (processor, seen) = (process::processor_time()?, shared.tokens.get());
    shared.stopwatch.restart();
    sleep(until(end)).await;
    let processor = process::processor_time()? - processor;
    let (reading, measured) = (shared.stopwatch.nanoseconds(), shared.tokens.get() - seen);
    let resident = process::resident()?;

    for stream in streams {
        stream.await?;
    }
    let (late, failures) = (shared.late.borrow(), shared.failures.borrow());
    Ok(json!({
        "tokens": shared.tokens.get(),
        "errors": failures.len(),
        "first_error": failures.first(),
        "idle": idle,
        "resident": resident,
        "processor_ns": u64::try_from(processor.as_nanos())?,
        "reading_ns": reading,
        "measured": measured,
        "p50": late.quantile(0.5),
        "p99": late.quantile(0.99),
    }))
}

/// Holds one stream from its request to its end.
async fn stream(shared: Rc<Shared>, traffic: Rc<Traffic>, reader: Reader, number: u64) {
    let response = {
        let _permit = shared.connecting.acquire().await;
        shared.http.get(format!("http://{}/stream/{number}", shared.address)).send().await
    };
    shared.connected.set(shared.connected.get() + 1);
    shared.all_connected.notify_one();
    let mut token = 0;
    let arrived = || {
        let late = now().saturating_sub(shared.schedule.get().due(number, token));
        shared.late.borrow_mut().add(late);
        shared.tokens.set(shared.tokens.get() + 1);
        token += 1;
    };
    let tokens = shared.schedule.get().tokens;
    let timed = |body| Timed { body, stopwatch: Rc::clone(&shared.stopwatch) };
    let read = match response {
        Ok(response) => {
            let response = http::Response::<reqwest::Body>::from(response).map(timed);
            shared.stopwatch.time(reader.read(response, tokens, arrived)).await
        }
        Err(error) => Err(error.into()),
    };
    let failure = match read {
        Err(error) => format!("stream {number}: {error}"),
        Ok(Some(text)) if text != traffic.text(number, tokens) => {
            format!("stream {number}: another text than was sent")
        }
        Ok(_) => return,
    };
    shared.failures.borrow_mut().push(failure);
}
