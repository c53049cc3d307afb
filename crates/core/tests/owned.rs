//! Owned changes: the same as those that borrow, in every stream of the table.

#[path = "fold/cases/mod.rs"]
mod cases;
#[path = "fold/run.rs"]
mod run;

use deltawire::{Change, Dialect, Options, OwnedChange, OwnedUpdate, Session, Update};
use deltawire::{chat, completions};

fn is_owned<T: Send + Sync + 'static>(_: &T) {}

fn compare(update: Update<'_>, name: &str) -> OwnedUpdate {
    let owned = update.into_owned();
    is_owned(&owned);
    let changes: Vec<_> = update.changes().collect();
    assert_eq!(changes.len(), owned.changes.len(), "{name}");
    for (change, owned) in changes.iter().zip(&owned.changes) {
        let shown = match (change, owned) {
            // The lists are left out.
            (Change::Logprobs { choice, .. }, OwnedChange::Logprobs { choice: owned }) => {
                assert_eq!(choice, owned, "{name}");
                continue;
            }
            // Their JSON is shown otherwise.
            (Change::Parsed { change, .. }, OwnedChange::Parsed { change: owned, .. }) => {
                assert_eq!(&change.path(), owned.path(), "{name}");
                continue;
            }
            _ => format!("{owned:?}"),
        };
        assert_eq!(format!("{change:?}"), shown, "{name}");
    }
    for choice in [0, 1, 2, 7] {
        assert_eq!(update.content(choice), owned.content(choice), "{name}");
    }
    assert_eq!(update.text(), owned.text(), "{name}");
    assert_eq!(
        (update.has_output(), update.has_content(), update.has_choices(), update.is_empty()),
        (owned.has_output, owned.has_content, owned.has_choices, owned.is_empty()),
        "{name}"
    );
    owned
}

fn fold<D: Dialect>(options: Options, stream: &[u8], name: &str) -> usize {
    let mut session = Session::<D>::with_options(options);
    let mut changes = 0;
    // An error ends the stream, and is of no interest here.
    let _ = session.read(stream).for_each(|update| changes += compare(update, name).changes.len());
    changes
}

#[test]
fn owned_changes_are_the_changes() {
    let parsed = |options: Options| {
        options
            .with_parsed_arguments(deltawire_partial::Options::new())
            .with_parsed_content(deltawire_partial::Options::new())
    };
    let mut changes = 0;
    for case in cases::all() {
        for options in [case.options, parsed(case.options)] {
            changes += if case.legacy {
                fold::<completions::Completions>(options, &case.stream, case.name)
            } else {
                fold::<chat::Chat>(options, &case.stream, case.name)
            };
        }
    }
    assert!(changes > 1000, "{changes}");
}

#[test]
fn content_in_several_pieces_is_joined() {
    let parts = r#"[{"type":"text","text":"a"},{"type":"thinking","thinking":"hm"},{"type":"text","text":"b"}]"#;
    let stream =
        format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{parts}}}}}]}}\n\n");
    let mut session = chat::Session::new();
    let mut texts = Vec::new();
    let see = |update: Update<'_>| texts.push(compare(update, "parts").text().into_owned());
    session.read(stream.as_bytes()).for_each(see).unwrap();
    assert_eq!(texts, ["ab"]);
}

#[test]
fn values_that_are_complete_are_owned_too() {
    let stream =
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[{\\\"a\\\":1}]\"}}]}\n\n";
    let options = Options::new().with_parsed_content(deltawire_partial::Options::new());
    let mut session = chat::Session::with_options(options);
    let mut values = Vec::new();
    session
        .read(stream.as_bytes())
        .for_each(|update| {
            for change in update.into_owned().changes {
                if let OwnedChange::Parsed {
                    change: deltawire_partial::OwnedChange::Complete { path, value },
                    ..
                } = change
                {
                    values.push(format!("{path} {value}"));
                }
            }
        })
        .unwrap();
    assert_eq!(values, ["/0/a 1", "/0 {\"a\":1}", " [{\"a\":1}]"]);
}
