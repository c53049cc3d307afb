//! The recordings that come with the crate.
//!
//! `recordings/README.md` says what each of them is, and where it came from.

use std::sync::OnceLock;

use crate::recording::Recording;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        const SOURCES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../recordings/", $name, ".jsonl")))),*];
    };
}

embedded!(
    "count-to-100",
    "count-to-100-later",
    "one-plus-one",
    "count-legacy",
    "smollm2-sky",
    "smollm2-completion",
    "smollm2-poem-n2",
    "smollm2-logprobs",
    "smollm2-json",
    "smollm2-multilingual",
    "smollm2-no-call",
    "smollm2-max-tokens",
    "tiny-tools",
    "tiny-reasoning",
    "tiny-killed",
    "tiny-usage",
    "lcp-interrupted",
    "lcp-empty",
    "lcp-empty-cut",
    "litellm-n2",
    "litellm-dead-backend",
    "mock-llm-surrogates",
    "aimock-tools",
    "nginx-recut",
    "smollm2-responses",
    "smollm2-messages",
    "aimock-responses",
    "aimock-messages",
    "aimock-gemini",
    "aimock-gemini-tools",
);

/// Returns all recordings of the crate, in the order in which they are searched.
///
/// They are parsed once, at the first call.
#[must_use]
pub fn all() -> &'static [Recording] {
    static PARSED: OnceLock<Vec<Recording>> = OnceLock::new();
    // Each of them parses, or the test below fails.
    PARSED.get_or_init(|| {
        SOURCES.iter().filter_map(|(_, text)| Recording::parse(text).ok()).collect()
    })
}

/// Returns the recording of the crate that has this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Recording> {
    all().iter().find(|recording| recording.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_parses_under_its_file_name_and_writes_itself_back_to_the_byte() {
        for (name, text) in SOURCES {
            let recording =
                Recording::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(recording.name, *name);
            assert_eq!(recording.to_jsonl(), *text, "{name}");
        }
        assert_eq!(all().len(), SOURCES.len());
    }

    #[test]
    fn every_file_of_the_folder_is_embedded() {
        let mut files: Vec<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/recordings"))
                .unwrap()
                .filter_map(|entry| {
                    entry.unwrap().file_name().to_str()?.strip_suffix(".jsonl").map(str::to_owned)
                })
                .collect();
        let mut names: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
        files.sort_unstable();
        names.sort_unstable();
        assert_eq!(files, names);
    }

    #[test]
    fn a_recording_holds_a_tool_call_exactly_if_it_says_so() {
        for recording in all() {
            let says = recording.what.contains("tool call") && !recording.what.contains("no tool");
            let body = String::from_utf8_lossy(&recording.body()).into_owned();
            assert_eq!(body.contains(r#""tool_calls":[{"#), says, "{}", recording.name);
        }
    }

    #[test]
    fn no_recording_holds_a_key() {
        for (name, text) in SOURCES {
            let text = text.to_lowercase();
            for word in ["authorization", "bearer ", "api-key", "api_key", "sk-"] {
                assert!(!text.contains(word), "{name} contains {word:?}");
            }
        }
    }
}
