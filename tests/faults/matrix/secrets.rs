//! The key of a request shows nowhere: no error, no `Debug` output, no JSON, no log of the replay
//! server, no recording.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use deltawire::sse::Reconnect;
use deltawire_faults::{Adapter, KEY, Request};
use deltawire_replay::{Script, Server, Speed, recordings};

use crate::bytes;
use crate::rows;

/// The key, in whole and without its prefix, and as a list of bytes as `Debug` prints one.
fn spellings() -> Vec<String> {
    let bytes = |hex: bool| {
        let byte = |byte: u8| if hex { format!("{byte:x}") } else { byte.to_string() };
        KEY.bytes().map(byte).collect::<Vec<_>>().join(", ")
    };
    vec![KEY.into(), KEY["sk-".len()..].into(), "Bearer ".into(), bytes(false), bytes(true)]
}

#[track_caller]
fn hides_the_key(text: &str, what: &str) {
    for secret in spellings() {
        assert!(!text.contains(&secret), "{what} shows {secret:?}");
    }
}

#[test]
fn no_fault_of_the_matrix_shows_the_key_in_anything_that_can_be_printed() {
    let rows: Vec<_> = rows::all().into_iter().flat_map(|(_, rows)| rows).collect();
    let (next, printed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = || {
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            for adapter in Adapter::ALL {
                let (seen, log) = row.run(adapter, true);
                assert!(!seen.printed.is_empty(), "{} over {adapter:?} printed nothing", row.fault);
                let all = [&*seen.printed, &seen.said, &seen.outcome.to_string(), &log].concat();
                hides_the_key(&all, &format!("{} over {adapter:?}", row.fault));
                printed.fetch_add(all.len(), Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(run))));
    assert!(printed.into_inner() > 100_000);
}

#[test]
fn the_key_was_sent_all_the_same_and_the_log_says_that_one_was() {
    for adapter in Adapter::ALL {
        let script = Script::start([bytes::events(bytes::DONE)]).expect("a server");
        let _ = Request::to(script.url()).send(adapter);
        let server = Server::builder().speed(Speed::AT_ONCE).start().expect("a server");
        let mut request = Request::to(format!("{}/chat/completions", server.base_url()));
        // Azure's, Anthropic's and Google's headers for a key, and a cookie.
        for name in ["api-key", "x-api-key", "x-goog-api-key", "proxy-authorization", "cookie"] {
            request.headers.push((name, KEY.into()));
        }
        let _ = request.send(adapter);
        for logged in [script.requests(), server.requests()] {
            assert_eq!(logged[0].header("authorization"), Some("[redacted]"), "{adapter:?}");
            hides_the_key(&format!("{logged:?}"), "the log");
        }
        assert_eq!(server.requests()[0].header("cookie"), Some("[redacted]"));
    }
}

#[test]
fn a_key_in_the_query_is_not_logged() {
    for adapter in Adapter::ALL {
        let script = Script::start([b"HTTP/1.1 503 \r\ncontent-length: 0\r\n\r\n".to_vec()])
            .expect("a server");
        let mut request = Request::to(format!("{}?key={KEY}", script.url()));
        request.print = true;
        let seen = request.send(adapter);
        hides_the_key(&[seen.printed, format!("{:?}", script.requests())].concat(), "a refusal");
    }
}

#[test]
fn event_sources_show_no_key() {
    let authorization = format!("Bearer {KEY}");
    let refused = || b"HTTP/1.1 401 \r\ncontent-length: 4\r\n\r\nnope".to_vec();
    let json = || bytes::answer("application/json", "{}");
    let mut few = Reconnect::default();
    few.max_reconnects = Some(2);
    let broken = || Script::broken_stream("id: 1\ndata: hello\n\n");
    for answers in [
        vec![refused()],
        vec![json()],
        vec![broken(), refused()],
        vec![Vec::new(), refused()],
        vec![],
    ] {
        let mut printed = String::new();
        let script = Script::start(answers.clone()).expect("a server");
        let request =
            ureq::http::Request::get(script.url()).header("authorization", &authorization).body(());
        let mut source =
            deltawire_ureq::EventSource::new(deltawire_ureq::agent(), request.expect("a request"))
                .with_sleep(|_| true)
                .with_reconnect(few);
        for event in source.by_ref().take(10) {
            let _ = write!(printed, "{event:?}");
            if let Err(error) = event {
                let _ = write!(printed, "{error}{error:#?}");
            }
        }
        let _ = write!(printed, "{source:?}{:?}{:?}", source.closed(), script.requests());

        let script = Script::start(answers).expect("a server");
        let (client, url) =
            (reqwest::Client::builder().no_proxy().build().expect("a client"), script.url());
        let request = http::Request::get(url)
            .header("authorization", &authorization)
            .body(())
            .expect("a request");
        let connect = move |request: http::Request<()>| {
            let client = client.clone();
            async move {
                let sent = client.execute(request.map(|()| "").try_into()?).await?;
                Ok::<http::Response<reqwest::Body>, reqwest::Error>(sent.into())
            }
        };
        let mut source =
            deltawire_async::EventSource::new(request, connect, |_| async {}).with_reconnect(few);
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(async {
                for _ in 0..10 {
                    let Some(event) = source.next().await else { break };
                    let _ = write!(printed, "{event:?}");
                    if let Err(error) = event {
                        let _ = write!(printed, "{error}{error:#?}");
                    }
                }
            });
        let _ = write!(printed, "{source:?}{:?}", script.requests());
        assert!(printed.len() > 500, "{printed}");
        hides_the_key(&printed, "an event source");
    }
}

#[test]
fn no_recording_holds_a_key() {
    for recording in recordings::all() {
        let text = recording.to_jsonl();
        hides_the_key(&text, &recording.name);
        for secret in ["sk-", "authorization", "api-key", "api_key", "cookie"] {
            assert!(!text.to_ascii_lowercase().contains(secret), "{}: {secret}", recording.name);
        }
    }
}
