//! How often a device may post: a table of fixed size, so that however many devices come, it does not grow.
//!
//! The budgets of wrong codes are the ledger's; this keeps one device from filling the engine's mailbox.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::mac::DeviceId;

/// Places in the table; devices that meet in one share it.
const PLACES: usize = 8_192;

/// Posts that a device may do at once.
const BURST: u64 = 20;

/// Milliseconds until another one is allowed.
const EACH_MS: u64 = 250;

/// When each place is full again, in milliseconds of the monotonic clock (a virtual scheduling time).
pub(super) struct Ration {
    full_at: Mutex<Box<[u64]>>,
    hasher: RandomState,
}

impl Default for Ration {
    fn default() -> Self {
        Self {
            full_at: Mutex::new(vec![0; PLACES].into()),
            hasher: RandomState::new(),
        }
    }
}

impl Ration {
    /// Whether this device may post now.
    pub(super) fn take(&self, device: DeviceId, now: u64) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the place in the table matters"
        )]
        let place = self.hasher.hash_one(device) as usize % PLACES;
        let mut table = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(full_at) = table.get_mut(place) else {
            return false;
        };
        let after = now.max(*full_at) + EACH_MS;
        let allowed = after <= now + BURST * EACH_MS;
        if allowed {
            *full_at = after;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn device(number: u64) -> DeviceId {
        let [.., a, b, c, d] = number.to_be_bytes();
        let mac = Mac([2, 0, a, b, c, d]);
        DeviceId { mac, zone: 0 }
    }

    #[test]
    fn a_device_has_its_burst_and_then_its_rate() {
        let ration = Ration::default();
        let taken = |at: u64, tries: u64| (0..tries).filter(|_| ration.take(device(1), at)).count();
        assert_eq!(taken(1_000_000, 100), 20);
        assert_eq!(taken(1_000_249, 5), 0);
        assert_eq!(taken(1_000_500, 5), 2);
        assert_eq!(taken(2_000_000, 100), 20);
    }

    #[test]
    fn a_million_devices_do_not_grow_it() {
        let ration = Ration::default();
        for number in 0..1_000_000 {
            ration.take(device(number), 5_000);
        }
        assert_eq!(ration.full_at.lock().unwrap().len(), PLACES);
    }
}
