//! The cost of tiktoken-rs.

use deltawire_benches::tokenizers::report;

fn main() {
    report(
        "tiktoken-rs",
        &[
            ("cl100k_base", |text| tiktoken_rs::cl100k_base_singleton().count_ordinary(text)),
            ("o200k_base", |text| tiktoken_rs::o200k_base_singleton().count_ordinary(text)),
        ],
    );
}
