//! The end of a body as the transfer tells it, over ureq.
//!
//! The fault matrix has a row for each lie of a length and each break. Here is what it has no row
//! for: breaks within the chunked coding at every chunk, and framings that must not show.

use deltawire::{End, How};

use crate::client::{folded, recording, server, stream, transport};

#[test]
fn no_framing_and_no_size_of_a_write_shows() {
    let server = server();
    for name in ["one-plus-one", "count-legacy", "mock-llm-surrogates", "nginx-recut"] {
        let recording = recording(name);
        let whole = folded(recording, &recording.body(), How::Clean);
        for framing in ["chunked", "length", "close", "http10"] {
            for write in ["", "; write=1", "; write=64"] {
                let faults = format!("framing={framing}{write}");
                assert_eq!(stream(&server, recording, &faults).unwrap(), whole, "{name} {faults}");
            }
        }
    }
}

#[test]
fn a_cut_inside_the_chunked_coding_is_a_broken_connection() {
    let server = server();
    for name in ["one-plus-one", "nginx-recut", "tiny-reasoning"] {
        let recording = recording(name);
        let body = recording.body();
        // Each read was recorded as one chunk of the transfer.
        let mut start = 0;
        for read in &recording.reads {
            let end = start + read.bytes.len();
            for (fault, came) in [("size", start), ("crlf", end)] {
                for within in [start, end - 1] {
                    let faults = format!("cut={within}@{fault}");
                    let seen = stream(&server, recording, &faults).unwrap();
                    let how = if seen.end == End::Done {
                        How::Clean
                    } else {
                        How::from(transport(&seen))
                    };
                    assert_eq!(seen, folded(recording, &body[..came], how), "{name} {faults}");
                    assert_eq!(seen.end == End::Done, came == body.len(), "{name} {faults}");
                }
            }
            start = end;
        }
    }
}

#[test]
fn the_last_chunk_matters_only_without_done() {
    let (server, recording) = (server(), recording("one-plus-one"));
    let third = recording.reads[..2].iter().map(|read| read.bytes.len()).sum::<usize>();
    for (faults, end, kind, text) in [
        ("cut=end", End::Done, "", "\n\n2"),
        ("cut=last-crlf", End::Done, "", "\n\n2"),
        ("no-done; cut=end", End::Truncated, "transport", "\n\n2"),
        // "0\r\n" says that the body is whole, and ureq takes its word.
        ("no-done; cut=last-crlf", End::DoneWithoutSentinel, "", "\n\n2"),
        (&format!("chunk-size=-9999@{third}"), End::Truncated, "", "\n\n"),
    ] {
        let seen = stream(&server, recording, faults).unwrap();
        assert_eq!((seen.end, seen.kind(), seen.text.as_str()), (end, kind, text), "{faults}");
    }
}
