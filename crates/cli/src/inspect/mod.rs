//! The page that shows exchanges as they happen.
//!
//! ```text
//! recorder ─▶ Feeder ─▶ Store ─▶ server ─▶ page.html
//! files ───────────────▶ ▲
//!                        └ Exchange: the recording, and Trace: its events, changes and State
//! ```
//!
//! The page is one file without a build step. It asks the server for what it shows, so that it
//! holds no more of 50,000 events than four numbers each.

mod fold;
mod guard;
mod live;
mod server;
mod store;

pub use server::serve;
pub use store::{Feeder, MAX_BYTES, Store};
