//! The common part of the benches, the allocation test and the table: the bytes, the reads they
//! come in, and the peers that go through them.
//!
//! [`corpora`], [`shapes`] and [`mixed`] make the streams, [`reads`] cuts them, [`peers`] has
//! everybody's way through them behind one function each, and checks that all arrive at the same.
//! The benches time that; `README.md` says how to read what they print. [`tokenizers`] is about
//! something else: what counting tokens costs.

pub mod corpora;
pub mod machine;
pub mod mixed;
pub mod peers;
pub mod reads;
pub mod shapes;
pub mod tokenizers;
