//! Everybody's way through the same bytes: [`decode`] to events, [`fold`] and [`responses`] to the
//! answer, [`partial`] through JSON that is still coming.

pub mod decode;
pub mod fold;
pub mod partial;
pub mod responses;
