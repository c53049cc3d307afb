//! A wait that can be called off.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

/// A flag that is raised once, and wakes all threads that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    raised: Mutex<bool>,
    bell: Condvar,
}

impl Stop {
    pub(crate) fn raise(&self) {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
    }

    pub(crate) fn is_raised(&self) -> bool {
        *self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this time or the flag. Returns true if the flag is raised.
    pub(crate) fn wait_until(&self, time: Instant) -> bool {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        while !*raised {
            let left = time.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            raised = self.bell.wait_timeout(raised, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *raised
    }
}
