//! Everybody's way through the same bytes: [`decode`] to events, [`fold`] and [`apis`] to the
//! answer, [`partial`] through JSON that is still coming.

pub mod apis;
pub mod decode;
pub mod fold;
pub mod partial;
