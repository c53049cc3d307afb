//! What the choices of a gate have in common: the names of spans, what is to be handed out, and how much waits.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::channel::Piece;
use super::kind::Kind;
use super::span::SpanId;

#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The number of the next span.
    pub(crate) next: u64,
    pub(crate) to_judge: VecDeque<SpanId>,
    /// Spans that are to be judged, handed out or not, and have no verdict.
    pub(crate) undecided: usize,
    /// What is released and not taken.
    pub(crate) ready: VecDeque<Ready>,
    /// Characters in spans that are not released.
    pub(crate) ahead: usize,
    /// Characters that are kept and not taken.
    pub(crate) unreleased: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) choice: u64,
    pub(crate) kind: Kind,
    pub(crate) piece: Piece,
    pub(crate) released: Duration,
}
