//! The fault matrix: a table of what goes wrong between a client and a server of streamed
//! completions, and for each what the user gets and keeps.
//!
//! A row is run over both adapters, against a server on loopback. `docs/reliability.md` quotes the
//! rows, and a test holds it to that:
//! `DELTAWIRE_WRITE_DOCS=1 cargo test -p deltawire-faults --test matrix` writes them there.

mod bytes;
mod docs;
mod done;
mod row;
mod rows;
mod secrets;
