//! How many writes a caller may make a minute, where that is limited at all.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Callers that are remembered at most; when there are more, those who could write again long ago are forgotten, and then all.
const CALLERS_MAX: usize = 16_384;

const MINUTE_MS: u64 = 60_000;

/// The budgets of writes: a minute's worth at once, then evenly spread.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Milliseconds between two writes; `None`: no limit.
    pause: Option<u64>,
    /// When the budget of each caller is whole again (monotonic milliseconds).
    whole: Mutex<HashMap<String, u64>>,
}

impl Throttle {
    /// `per_minute` 0: no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            pause: MINUTE_MS.checked_div(per_minute.into()).map(|pause| pause.max(1)),
            whole: Mutex::default(),
        }
    }

    /// Takes one write from a caller's budget; the seconds to wait where nothing is left.
    pub(super) fn take(&self, caller: &str, now: u64) -> Option<u64> {
        let pause = self.pause?;
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.len() >= CALLERS_MAX && !whole.contains_key(caller) {
            whole.retain(|_, at| *at > now);
            if whole.len() >= CALLERS_MAX {
                whole.clear();
            }
        }
        let at = whole.entry(caller.to_owned()).or_insert(now);
        let after = (*at).max(now) + pause;
        let wait = after.saturating_sub(now + MINUTE_MS);
        if wait > 0 {
            return Some(wait.div_ceil(1000));
        }
        *at = after;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_holds_as_many_writes_as_configured() {
        let throttle = Throttle::new(60);
        for _ in 0..60 {
            assert_eq!(throttle.take("a", 5), None);
        }
        assert_eq!(throttle.take("a", 5), Some(1));
        assert_eq!(throttle.take("b", 5), None, "each caller has a budget");
        assert_eq!(throttle.take("a", 1_005), None);
        assert_eq!(throttle.take("a", 1_005), Some(1));
    }

    #[test]
    fn no_limit_is_the_default_and_callers_are_bounded() {
        let throttle = Throttle::new(0);
        assert!((0..10_000).all(|_| throttle.take("a", 0).is_none()));
        let throttle = Throttle::new(1);
        for caller in 0..CALLERS_MAX + 10 {
            assert_eq!(throttle.take(&caller.to_string(), 0), None);
        }
        assert!(throttle.whole.lock().unwrap().len() <= CALLERS_MAX);
    }
}
