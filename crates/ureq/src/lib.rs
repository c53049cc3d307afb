//! deltawire
