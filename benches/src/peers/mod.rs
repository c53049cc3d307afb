//! Everybody's way through the same bytes: [`decode`] to events, [`fold`] to the answer.

pub mod decode;
pub mod fold;
