//! The comparison of two streams.
