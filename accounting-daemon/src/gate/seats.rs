//! Who was let in: by device to find one, by slot to look at all in the order in which their counts lie in memory.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use accounting_ebpf::layout::Counters;
use hashbrown::HashTable;

use crate::mac::{DeviceId, Mac};

/// Where a device counts, and on which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) slot: u32,
    /// The slot of its token.
    pub(super) token: u32,
    /// What the slot had counted before: only slots of the bypass list are not cleared.
    pub(super) base: Counters,
}

/// No device: all of its bits are zero.
const NOBODY: DeviceId = DeviceId {
    mac: Mac([0; 6]),
    zone: 0,
};

/// The devices that were let in. No two of them have one slot.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// Slots by device.
    index: HashTable<u32>,
    hasher: RandomState,
    /// [`NOBODY`] where no device has the slot: a word each, since a sweep reads them all.
    by_slot: Vec<DeviceId>,
    /// The slots of their tokens, by their own.
    tokens: Vec<u32>,
    /// Of slots whose base is not zero, which are few.
    bases: HashMap<u32, Counters>,
}

impl Seats {
    /// Nobody, with room for so many slots.
    pub(super) fn new(slots: u32) -> Self {
        Self {
            // What is not written to takes no memory.
            by_slot: Vec::with_capacity(slots as usize),
            tokens: Vec::with_capacity(slots as usize),
            ..Self::default()
        }
    }

    pub(super) fn clear(&mut self) {
        self.index.clear();
        self.by_slot.clear();
        self.tokens.clear();
        self.bases.clear();
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<Seat> {
        let is_it = |slot: &u32| self.by_slot.get(*slot as usize) == Some(&device);
        let slot = *self.index.find(self.hasher.hash_one(device), is_it)?;
        let token = *self.tokens.get(slot as usize)?;
        let base = self.base(slot);
        Some(Seat { slot, token, base })
    }

    pub(super) fn insert(&mut self, device: DeviceId, seat: Seat) {
        self.remove(device);
        let place = seat.slot as usize;
        if self.by_slot.len() <= place {
            self.by_slot.resize(place + 1, NOBODY);
            self.tokens.resize(place + 1, 0);
        }
        if let (Some(held), Some(token)) = (self.by_slot.get_mut(place), self.tokens.get_mut(place)) {
            (*held, *token) = (device, seat.token);
        }
        let (by_slot, hasher) = (&self.by_slot, &self.hasher);
        let rehash = |slot: &u32| {
            by_slot
                .get(*slot as usize)
                .map_or(0, |device| hasher.hash_one(device))
        };
        self.index
            .insert_unique(hasher.hash_one(device), seat.slot, rehash);
        if seat.base != Counters::default() {
            self.bases.insert(seat.slot, seat.base);
        }
    }

    pub(super) fn remove(&mut self, device: DeviceId) -> Option<Seat> {
        let seat = self.get(device)?;
        let hash = self.hasher.hash_one(device);
        if let Ok(entry) = self.index.find_entry(hash, |slot| *slot == seat.slot) {
            entry.remove();
        }
        self.bases.remove(&seat.slot);
        if let Some(held) = self.by_slot.get_mut(seat.slot as usize) {
            *held = NOBODY;
        }
        Some(seat)
    }

    /// All, each with its slot, in the order of slots.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (DeviceId, u32)> + '_ {
        self.by_slot
            .iter()
            .zip(0..)
            .filter(|(device, _)| **device != NOBODY)
            .map(|(device, slot)| (*device, slot))
    }

    /// What a slot had counted before its device was let in.
    #[inline]
    pub(super) fn base(&self, slot: u32) -> Counters {
        if self.bases.is_empty() {
            return Counters::default();
        }
        self.bases.get(&slot).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(all, [(device(2), 0), (device(1), 5)]);
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
        assert_eq!(all, [(device(2), 3), (device(1), 4)]);
        assert_eq!((seats.base(3), seats.base(4)), Default::default());
    }
}
