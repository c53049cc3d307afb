//! An executable without a tokenizer, for its size.

use deltawire_benches::tokenizers::report;

fn main() {
    report("none", &[]);
}
