//! The code of the project's README, compiled and run.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// Compiles and runs the programs of the guide, which is a part of the core.
macro_rules! guide {
    ($($name:ident, $file:literal;)*) => {$(
        #[cfg(doctest)]
        #[doc = include_str!(concat!("../../crates/core/guide/", $file))]
        struct $name;
    )*};
}

guide! {
    Printing, "printing.md";
    Apis, "apis.md";
    Conversation, "conversation.md";
    Tools, "tools.md";
    Structured, "structured.md";
    Proxy, "proxy.md";
    Usage, "usage.md";
    Retries, "retries.md";
    Resuming, "resuming.md";
    Cancellation, "cancellation.md";
    Testing, "testing.md";
    Migrating, "migrating.md";
}
