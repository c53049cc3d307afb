//! The target `fold_learned`: folding with learned frames against folding without.

use deltawire::chat::Chat;
use deltawire::completions::Completions;
use deltawire::{Dialect, How, Limits, Options, Session};
use serde::Serialize;

/// Folds a body, three times over so that its chunks repeat, with and without learning: the updates
/// and the outcome are the same. The first byte picks the options.
///
/// # Panics
/// If they are not.
pub fn check(bytes: &[u8]) {
    let Some((&pick, body)) = bytes.split_first() else { return };
    let mut limits = Limits::default();
    if pick & 1 == 1 {
        limits.max_folded = usize::from(pick);
    }
    let mut options = Options::new().with_limits(limits).with_unknown(pick & 2 == 2);
    if pick & 4 == 4 {
        let parsed = deltawire_partial::Options::lenient();
        options = options.with_parsed_arguments(parsed).with_parsed_content(parsed);
    }
    let stream = [body, body, body].concat();
    both::<Chat>(&stream, options);
    both::<Completions>(&stream, options);
}

fn both<E: Dialect<Answer: Serialize>>(stream: &[u8], options: Options) {
    let learned = seen::<E>(stream, options);
    let parsed = seen::<E>(stream, options.with_learning(false));
    assert_eq!(learned, parsed);
}

/// Every update, the error, and the outcome.
fn seen<E: Dialect<Answer: Serialize>>(stream: &[u8], options: Options) -> Vec<String> {
    let mut fold = Session::<E>::with_options(options);
    let mut updates = fold.read(stream);
    let mut seen = Vec::new();
    loop {
        match updates.next() {
            Ok(Some(update)) => seen.push(format!("{update:?}")),
            Ok(None) => break,
            Err(error) => {
                seen.push(error.to_string());
                break;
            }
        }
    }
    drop(updates);
    if let Ok(true) = fold.end(How::Clean) {
        seen.push(format!("{:?}", fold.update()));
    }
    seen.push(serde_json::to_string(&fold.close(How::Clean)).unwrap_or_default());
    seen
}
