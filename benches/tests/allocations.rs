//! The allocations of decoding, folding and reading JSON in pieces, counted: in the steady state
//! nothing but the growth of the answer.

use allocation_counter::measure;
use deltawire::{chat, sse};
use deltawire_benches::corpora;
use deltawire_benches::peers::partial::Document;
use deltawire_benches::reads::ReadSize;
use deltawire_benches::shapes::shapes;

const EVENTS: usize = 10_000;

#[test]
fn decoding_ten_thousand_events_allocates_nothing_once_the_buffers_have_grown() {
    let mut corpora = corpora::decode();
    corpora.push(corpora::plain("plain", EVENTS));
    for corpus in corpora {
        for size in ReadSize::ALL {
            let mut decoder = sse::Decoder::new();
            let mut pass = || {
                let mut events = 0;
                for mut read in corpus.reads(size) {
                    while decoder.decode(&mut read).unwrap().is_some() {
                        events += 1;
                    }
                }
                assert_eq!(events, corpus.events);
            };
            pass();
            let made = measure(pass);
            assert_eq!(made.count_total, 0, "allocations for {} in reads of {size}", corpus.name);
        }
    }
}

#[test]
fn an_event_that_lies_whole_in_its_read_never_makes_a_buffer_grow() {
    let corpus = corpora::plain("plain", EVENTS);
    let mut decoder = sse::Decoder::new();
    let made = measure(|| {
        for mut read in corpus.reads(ReadSize::Event) {
            while decoder.decode(&mut read).unwrap().is_some() {}
        }
    });
    assert_eq!(made.count_total, 0);
}

#[test]
fn folding_ten_thousand_chunks_allocates_only_where_the_answer_doubles() {
    let corpus = corpora::plain("plain", EVENTS);
    // The envelope is kept and the decoder's buffers have grown by then; the finish reason and the
    // token counts are yet to come.
    let steady = 64 << 10;
    let end = corpus.bytes.len() as u64 - (4 << 10);
    for size in ReadSize::ALL {
        let mut fold = chat::Session::new();
        // The first event byte by byte: what holds the beginning of a cut line has grown then too,
        // wherever the first such cut falls.
        let first = corpus.bytes.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
        for byte in corpus.bytes[..first].chunks(1) {
            fold.feed(byte).unwrap();
        }
        let mut reads = corpus.reads(size);
        let mut fold_to = |offset: u64| {
            while fold.decoder().offset() < offset {
                let read = reads.next().unwrap();
                fold.feed(read).unwrap();
            }
            fold.accumulator().text().len()
        };
        let before = fold_to(steady);
        let mut after = 0;
        let made = measure(|| after = fold_to(end));
        let doublings = (after / before).ilog2() + 1;
        assert!(
            made.count_total <= u64::from(doublings),
            "{} allocations in reads of {size}, where the answer doubled {doublings} times",
            made.count_total
        );
    }
}

/// A thousand chunks and more each, with their beginnings and ends; log probabilities, and token
/// counts that change with every chunk, among them.
#[test]
fn a_chunk_of_any_stream_allocates_nothing() {
    for corpus in corpora::fold().into_iter().chain(shapes()) {
        let mut fold = chat::Session::new();
        let made = measure(|| {
            for read in corpus.reads(ReadSize::Event) {
                fold.feed(read).unwrap();
            }
        });
        assert!(
            made.count_total <= 64,
            "{} allocations for {}: only what grows allocates",
            made.count_total,
            corpus.name
        );
    }
}

#[test]
fn a_stream_under_way_costs_less_than_two_kibibytes_besides_its_text() {
    let corpus = corpora::plain("plain", 100);
    let mut held = None;
    let made = measure(|| {
        let mut fold = chat::Session::new();
        // The finish reason, the token counts and `[DONE]` are yet to come.
        for read in corpus.reads(ReadSize::Event).take(100) {
            fold.feed(read).unwrap();
        }
        held = Some(fold);
    });
    let text = held.as_ref().unwrap().accumulator().text().len().next_power_of_two();
    let live =
        usize::try_from(made.bytes_current).unwrap() + size_of::<deltawire_async::ChatStream<()>>();
    assert!(live < 2048 + text, "{live} bytes with room for {text} of text");
}

#[test]
fn an_idle_stream_costs_less_than_a_kibibyte() {
    let mut idle = None;
    let made = measure(|| idle = Some(chat::Session::new()));
    let bytes = made.bytes_total + size_of_val(&idle) as u64;
    assert!(bytes < 1024, "{bytes} bytes for a decoder and an accumulator");
}

#[test]
fn json_in_deltas_of_eight_bytes_allocates_only_where_its_values_double() {
    let document = Document::of(16 << 10);
    let made = measure(|| {
        let mut parser = deltawire_partial::Parser::new();
        for mut delta in document.deltas() {
            while parser.next(&mut delta).unwrap().is_some() {}
        }
    });
    // Two buffers, for 128 KiB of text: each doubles some fifteen times.
    assert!(made.count_total <= 40, "{} allocations", made.count_total);
}
