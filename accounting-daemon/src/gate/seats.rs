//! Who was let in: by device to find one, by slot to look at all in the order in which their counts lie in memory.

use std::collections::HashMap;

use accounting_ebpf::layout::Counters;

use crate::{ledger::TokenId, mac::DeviceId};

/// Where a device counts, and on which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) slot: u32,
    pub(super) token: TokenId,
    /// What the slot had counted before: only slots of the bypass list are not cleared.
    pub(super) base: Counters,
}

/// The devices that were let in. No two of them have one slot.
#[derive(Debug, Default)]
pub(super) struct Seats {
    slots: HashMap<DeviceId, u32>,
    by_slot: Vec<Option<(DeviceId, TokenId)>>,
    /// Of slots whose base is not zero, which are few.
    bases: HashMap<u32, Counters>,
}

impl Seats {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<Seat> {
        let slot = *self.slots.get(&device)?;
        let (_, token) = (*self.by_slot.get(slot as usize)?)?;
        let base = self.base(slot);
        Some(Seat { slot, token, base })
    }

    pub(super) fn insert(&mut self, device: DeviceId, seat: Seat) {
        self.remove(device);
        let place = seat.slot as usize;
        if self.by_slot.len() <= place {
            self.by_slot.resize(place + 1, None);
        }
        if let Some(held) = self.by_slot.get_mut(place) {
            *held = Some((device, seat.token));
        }
        self.slots.insert(device, seat.slot);
        if seat.base != Counters::default() {
            self.bases.insert(seat.slot, seat.base);
        }
    }

    pub(super) fn remove(&mut self, device: DeviceId) -> Option<Seat> {
        let seat = self.get(device)?;
        self.slots.remove(&device);
        self.bases.remove(&seat.slot);
        if let Some(held) = self.by_slot.get_mut(seat.slot as usize) {
            *held = None;
        }
        Some(seat)
    }

    /// All, by slot.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DeviceId, Seat)> + '_ {
        (0..).zip(&self.by_slot).filter_map(|(slot, held)| {
            let (device, token) = (*held)?;
            let base = self.base(slot);
            Some((device, Seat { slot, token, base }))
        })
    }

    fn base(&self, slot: u32) -> Counters {
        if self.bases.is_empty() {
            return Counters::default();
        }
        self.bases.get(&slot).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn device(last: u8) -> DeviceId {
        DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        }
    }

    fn seat(slot: u32, up_bytes: u64) -> Seat {
        let base = Counters {
            up_bytes,
            ..Counters::default()
        };
        Seat { slot, token: 7, base }
    }

    #[test]
    fn devices_are_found_by_name_and_in_the_order_of_slots() {
        let mut seats = Seats::default();
        seats.insert(device(1), seat(5, 9));
        seats.insert(device(2), seat(0, 0));
        let all: Vec<_> = seats.iter().collect();
        assert_eq!(all, [(device(2), seat(0, 0)), (device(1), seat(5, 9))]);
        assert_eq!(seats.get(device(1)), Some(seat(5, 9)));
        assert_eq!(seats.remove(device(1)), Some(seat(5, 9)));
        assert_eq!((seats.get(device(1)), seats.remove(device(1))), (None, None));
    }

    #[test]
    fn a_device_that_moves_leaves_nothing_at_its_old_slot() {
        let mut seats = Seats::default();
        seats.insert(device(1), seat(3, 9));
        seats.insert(device(1), seat(4, 0));
        seats.insert(device(2), seat(3, 0));
        let all: Vec<_> = seats.iter().collect();
        assert_eq!(all, [(device(2), seat(3, 0)), (device(1), seat(4, 0))]);
    }
}
