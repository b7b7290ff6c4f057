//! Slots of a shared array: who has which, and when one may be given away again.

use std::mem;

/// Hands out the numbers `first..end`, each to one holder at a time.
///
/// The programs in the kernel may still be using a slot for a moment after the map entry that pointed at it is gone.
/// So a slot that was given back rests until a grace period has passed. The period is waited for only when nothing
/// else is left, and then for all that rest at once.
#[derive(Debug)]
pub(super) struct Slots {
    /// The lowest number never handed out.
    fresh: u32,
    end: u32,
    free: Vec<u32>,
    resting: Vec<u32>,
}

impl Slots {
    /// Numbers from `first` up to, not including, `end`; `used` says by number which have a holder already, nobody uses the
    /// rest.
    pub(super) fn new(first: u32, end: u32, used: &[bool]) -> Self {
        let last = used.iter().rposition(|used| *used);
        let fresh = last
            .and_then(|last| u32::try_from(last + 1).ok())
            .unwrap_or(first);
        let is_free = |slot: &u32| used.get(*slot as usize) != Some(&true);
        Self {
            fresh: fresh.max(first),
            end,
            free: (first..fresh).rev().filter(is_free).collect(),
            resting: Vec::new(),
        }
    }

    /// A slot that nobody uses. `grace` waits until the kernel has let go of everything given back before the call.
    pub(super) fn take(&mut self, grace: impl FnOnce()) -> Option<u32> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        if self.fresh < self.end {
            let slot = self.fresh;
            self.fresh += 1;
            return Some(slot);
        }
        if !self.resting.is_empty() {
            grace();
            self.free = mem::take(&mut self.resting);
        }
        self.free.pop()
    }

    /// Gives a slot back, once nothing new can find it.
    pub(super) fn give(&mut self, slot: u32) {
        debug_assert!(!self.free.contains(&slot) && !self.resting.contains(&slot));
        self.resting.push(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slot_given_back_rests_until_the_grace_period() {
        let mut slots = Slots::new(2, 4, &[]);
        assert_eq!(slots.take(|| panic!("no need to wait")), Some(2));
        slots.give(2);
        assert_eq!(slots.take(|| panic!("3 is still fresh")), Some(3));
        let mut waited = false;
        assert_eq!(slots.take(|| waited = true), Some(2));
        assert!(waited);
        assert_eq!(slots.take(|| panic!("nothing rests")), None);
    }

    #[test]
    fn slots_in_use_are_not_handed_out() {
        let mut slots = Slots::new(0, 5, &[false, true, false, true]);
        let taken: Vec<u32> = std::iter::from_fn(|| slots.take(|| ())).collect();
        assert_eq!(taken, [0, 2, 4]);
    }

    proptest! {
        #[test]
        fn no_slot_has_two_holders(used in proptest::collection::btree_set(2u32..12, 0..6),
                                   gives in proptest::collection::vec(any::<bool>(), 0..60)) {
            let by_number: Vec<bool> = (0..12).map(|slot| used.contains(&slot)).collect();
            let mut slots = Slots::new(2, 12, &by_number);
            let mut held: Vec<u32> = used.into_iter().collect();
            for give in gives {
                if give && !held.is_empty() {
                    slots.give(held.remove(0));
                } else if let Some(slot) = slots.take(|| ()) {
                    prop_assert!((2..12).contains(&slot) && !held.contains(&slot));
                    held.push(slot);
                } else {
                    prop_assert_eq!(held.len(), 10);
                }
            }
        }
    }
}
