//! Every shape of chunks and every dialect's deltas are learned, and fold to what the peers find.

use deltawire_benches::peers::apis::{self, apis};
use deltawire_benches::peers::fold::{self, Readable};
use deltawire_benches::reads::ReadSize;
use deltawire_benches::shapes::shapes;

#[test]
fn every_shape_takes_the_fast_path() {
    for corpus in shapes() {
        for size in [ReadSize::Bytes(16 << 10), ReadSize::Event, ReadSize::Bytes(100)] {
            let learned = fold::learned(corpus.reads(size));
            // The first event sets things, and so does the first change of what is learned to
            // change; the last has the finish reason.
            assert!(learned > 0.99, "{}: {learned} in reads of {size}", corpus.name);
        }
    }
}

#[test]
fn every_peer_that_reads_a_shape_finds_the_same_text() {
    for corpus in shapes() {
        for peer in fold::competitors() {
            let readable = fold::reads(&peer, &corpus, ReadSize::Event);
            let is_ours = peer.name == "deltawire";
            assert!(!is_ours || readable == Readable::All, "{}", corpus.name);
        }
    }
}

#[test]
fn every_dialects_deltas_take_the_fast_path() {
    for api in apis() {
        let corpus = (api.corpus)();
        for size in [ReadSize::Bytes(16 << 10), ReadSize::Event, ReadSize::Bytes(100)] {
            let learned = (api.learned)(corpus.reads(size));
            assert!(learned > 0.98, "{}: {learned} in reads of {size}", corpus.name);
        }
    }
}

#[test]
fn every_event_of_the_mixed_streams_is_parsed() {
    for api in apis() {
        let corpus = (api.mixed)();
        let learned = (api.learned)(corpus.reads(ReadSize::Bytes(16 << 10)));
        assert!(learned == 0.0, "{}: {learned}", corpus.name);
    }
}

#[test]
fn every_peer_finds_the_same_in_every_dialect() {
    for api in apis() {
        for corpus in [(api.corpus)(), (api.mixed)()] {
            for size in [ReadSize::Bytes(16 << 10), ReadSize::Event] {
                apis::check(&api, &corpus, size);
            }
        }
    }
}

#[test]
fn every_dialects_streams_are_whole() {
    for api in apis() {
        for corpus in [(api.corpus)(), (api.mixed)()] {
            let (end, anomalies) = (api.ended)(corpus.reads(ReadSize::Event));
            assert!(end.is_complete(), "{} ends as {end:?}", corpus.name);
            assert!(anomalies.is_empty(), "{}: {anomalies:?}", corpus.name);
        }
    }
}
