//! Frames cut anywhere, empty ones among them, pending anywhere, futures dropped anywhere: nothing
//! shows.

use bytes::Bytes;
use deltawire::chat::Chat;
use deltawire_async::{ChatStream, Events};
use deltawire_replay::recordings;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::body::{Scripted, Step, data, on_both};
use crate::seen::{bodies, expected, read, read_cancelled};

/// A body, and how it comes.
fn script() -> impl Strategy<Value = (Vec<u8>, Vec<Step>, Option<&'static str>)> {
    let mut whole = bodies();
    whole.extend(
        ["one-plus-one", "tiny-tools", "smollm2-multilingual"]
            .map(|name| recordings::find(name).unwrap().body()),
    );
    (
        proptest::sample::select(whole),
        vec((0_usize..200, 0_u8..6), 1..40),
        proptest::option::of((Just("reset by peer"), any::<prop::sample::Index>())),
    )
        .prop_map(|(mut body, cuts, fail)| {
            if let Some((_, at)) = fail {
                body.truncate(at.index(body.len() + 1));
            }
            let (mut rest, mut steps) = (&body[..], Vec::new());
            for (size, what) in cuts.iter().cycle() {
                match what {
                    0 => steps.push(Step::Pending),
                    1 => steps.extend([Step::Pending, Step::Pending]),
                    _ => {}
                }
                let (now, later) = rest.split_at(rest.len().min(*size));
                steps.push(data(now));
                rest = later;
                // A cycle of empty frames only gets nowhere.
                if rest.is_empty() || cuts.iter().all(|(size, _)| *size == 0) {
                    steps.push(data(rest));
                    break;
                }
            }
            steps.push(Step::Trailers);
            steps.extend(fail.map(|(message, _)| Step::Fail(message)));
            (body, steps, fail.map(|(message, _)| message))
        })
}

/// The events by the core, over the whole body.
fn expected_events(body: &[u8]) -> Vec<deltawire::sse::OwnedEvent> {
    let mut decoder = deltawire::sse::Decoder::new();
    let (mut input, mut events) = (body, Vec::new());
    while let Some(event) = decoder.decode(&mut input).unwrap() {
        events.push(event.into_owned());
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_cut_no_pause_and_no_dropped_future_shows((body, steps, broken) in script()) {
        let wanted = expected::<Chat>(&body, broken);
        let make = || ChatStream::from_body(Scripted::new(steps.clone()));
        prop_assert_eq!(on_both(|| read(make())), wanted.clone());
        prop_assert_eq!(read_cancelled(make()).0, wanted);
    }

    #[test]
    fn no_cut_and_no_pause_shows_in_the_events((body, steps, broken) in script()) {
        let (events, error) = on_both(|| async {
            let mut stream = Events::from_body(Scripted::new(steps.clone()));
            let (mut events, mut error) = (Vec::new(), None);
            while let Some(event) = stream.next().await {
                match event {
                    Ok(event) => events.push(event.into_owned()),
                    Err(failed) => error = Some(format!("{failed:#}")),
                }
            }
            (events, error)
        });
        prop_assert_eq!(events, expected_events(&body));
        prop_assert_eq!(error, broken.map(|message| format!("the connection failed: {message}")));
    }
}

#[test]
fn a_frame_may_be_any_buffer() {
    // Two pieces that do not lie side by side.
    let body = recordings::find("one-plus-one").unwrap().body();
    let (first, second) = body.split_at(body.len() / 2);
    let frame = || bytes::Buf::chain(Bytes::copy_from_slice(first), Bytes::copy_from_slice(second));
    let seen = on_both(|| read(ChatStream::from_body(http_body_util::Full::new(frame()))));
    assert_eq!(seen, expected::<Chat>(&body, None));
}
