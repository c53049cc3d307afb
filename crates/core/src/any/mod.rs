//! Any of the APIs: the first events tell which one it is.
//!
//! [`Session`] folds a stream of whatever API it knows, and the [`Answer`] says which it was. A
//! caller who knows the API takes its own module, whose answer has a type of its own.
//!
//! ```
//! use deltawire::any::{self, Api};
//!
//! let body = br#"data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}
//!
//! data: {"type":"response.completed","response":{"id":"resp_1","status":"completed"}}
//!
//! "#;
//! let answer = any::fold(body).into_complete()?;
//! assert_eq!((answer.api(), &*answer.text()), (Some(Api::Responses), "Hi"));
//! # Ok::<(), deltawire::Incomplete<any::Answer>>(())
//! ```

mod answer;
mod api;
mod fold;

pub use answer::Answer;
pub use api::{Api, UnknownApi};
#[cfg(feature = "std")]
pub use fold::ReadStream;
pub use fold::{Accumulator, Any, AnyEvent, Session, fold, session};
