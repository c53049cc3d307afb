//! Every shape of chunks is learned, and folds to what the peers find.

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
