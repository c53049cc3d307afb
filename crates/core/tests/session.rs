//! The session as a value of the caller's.

use deltawire::{Accumulator, Error, Outcome, Session, Update, chat, completions};

#[test]
fn everything_goes_to_another_thread_an_update_too() {
    fn is<T: Send + Sync>() {}
    is::<chat::Session>();
    is::<Session<completions::Completions>>();
    is::<Accumulator<chat::Chat>>();
    is::<Update<'_>>();
    is::<Outcome<chat::ChatCompletion>>();
    is::<Error>();
}
