//! Every short beginning of a body: it comes to the same in one read and byte by byte.

use deltawire::{Dialect, How, Outcome, Session, any, chat, ollama};

/// The pieces of a beginning: a byte order mark, white space, and what tells the framing.
const PIECES: [&[u8]; 13] = [
    b"\xEF",
    b"\xBB",
    b"\xBF",
    "\u{FEFF}".as_bytes(),
    b"\n",
    b"\r",
    b" ",
    b"{",
    b"[",
    b"d",
    b"data: {",
    b":",
    b"\x1F",
];

/// The rest of a body: an event of chat, or a line of Ollama.
const RESTS: [&str; 2] = [
    "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n",
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"done\":true}\n",
];

const CONTENT_TYPES: [Option<&str>; 2] = [None, Some("application/json")];

fn folded<'b, D: Dialect>(
    content_type: Option<&str>,
    reads: impl IntoIterator<Item = &'b [u8]>,
) -> Outcome<D::Answer> {
    let mut session = Session::<D>::new();
    session.head(200, |name| content_type.filter(|_| name == "content-type"));
    for mut read in reads {
        while let Ok(true) = session.advance(&mut read) {}
    }
    session.close(How::Clean)
}

fn same_byte_by_byte<D>(body: &[u8])
where
    D: Dialect,
    D::Answer: PartialEq + std::fmt::Debug,
{
    for content_type in CONTENT_TYPES {
        let whole = folded::<D>(content_type, [body]);
        let bytes = folded::<D>(content_type, body.chunks(1));
        assert_eq!(whole, bytes, "{content_type:?} {}", body.escape_ascii());
        let two = folded::<D>(content_type, body.chunks(2));
        assert_eq!(whole, two, "{content_type:?} {}", body.escape_ascii());
    }
}

#[test]
fn every_beginning_comes_to_the_same_wherever_it_is_cut() {
    let none = PIECES.len();
    let mut number = 0;
    // Three places, each with a piece or with none.
    for places in 0..(none + 1).pow(3) {
        let picks = (0..3).map(|place| places / (none + 1).pow(place) % (none + 1));
        let pieces: Vec<_> = picks.map(|pick| PIECES.get(pick).copied().unwrap_or(b"")).collect();
        // The same beginning comes only once: what is empty stands behind.
        if pieces.windows(2).any(|pair| pair[0].is_empty() && !pair[1].is_empty()) {
            continue;
        }
        for rest in ["", RESTS[0], RESTS[1]] {
            let body = [&pieces.concat(), rest.as_bytes()].concat();
            same_byte_by_byte::<chat::Chat>(&body);
            same_byte_by_byte::<ollama::Ollama>(&body);
            same_byte_by_byte::<any::Any>(&body);
            number += 1;
        }
    }
    assert_eq!(number, 3 * (1..=3).map(|length| none.pow(length)).sum::<usize>() + 3);
}
