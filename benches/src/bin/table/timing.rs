//! The clock: best of many rounds, all competitors taking turns, so that what disturbs the machine
//! disturbs everybody.

use std::time::{Duration, Instant};

/// The time to spend on measuring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// The number of turns for everybody.
    pub(crate) rounds: usize,
    /// The least time of a turn.
    pub(crate) turn: Duration,
    /// The time of one competitor in one cell. The slow ones have fewer turns.
    pub(crate) budget: Duration,
}

/// The seconds that one pass of each takes at best.
pub(crate) fn best(competitors: &[Box<dyn Fn() + '_>], effort: Effort) -> Vec<f64> {
    let first: Vec<Duration> = competitors.iter().map(|pass| time(pass, 1)).collect();
    let passes: Vec<u32> = first.iter().map(|&once| passes(once, effort.turn)).collect();
    let mut best = vec![f64::INFINITY; competitors.len()];
    let mut spent = vec![Duration::ZERO; competitors.len()];
    for round in 0..effort.rounds {
        for position in 0..competitors.len() {
            // Whoever comes after the one with the largest footprint is not always the same.
            let turn = (position + round) % competitors.len();
            if round >= 2 && spent[turn] > effort.budget {
                continue;
            }
            let taken = time(&competitors[turn], passes[turn]);
            spent[turn] += taken;
            best[turn] = best[turn].min(taken.as_secs_f64() / f64::from(passes[turn]));
        }
    }
    best
}

fn passes(once: Duration, turn: Duration) -> u32 {
    let once = once.as_nanos().max(1);
    u32::try_from(turn.as_nanos().div_ceil(once)).unwrap_or(u32::MAX).max(1)
}

fn time(pass: &dyn Fn(), passes: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..passes {
        pass();
    }
    start.elapsed()
}
