//! The deadlines that were set, by token. Those of tokens with devices lie by the token's slot; those of tokens without are
//! remembered for a while.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use hashbrown::HashTable;

use super::Deadline;
use crate::ledger::TokenId;

/// A token that has devices.
#[derive(Clone, Copy, Debug, Default)]
struct Seated {
    token: TokenId,
    deadline: Deadline,
    /// 0 where no token has the slot.
    devices: u32,
}

/// The deadlines.
#[derive(Debug)]
pub(super) struct Accounts {
    by_slot: Vec<Seated>,
    /// Slots by token.
    index: HashTable<u32>,
    hasher: RandomState,
    /// Of tokens without devices, each with its place in `idle`.
    resting: BTreeMap<TokenId, (Deadline, u64)>,
    /// Those, the longest idle first.
    idle: BTreeMap<u64, TokenId>,
    /// Numbers the entries of `idle`.
    serial: u64,
    /// How many may rest.
    resting_max: usize,
}

impl Accounts {
    /// None yet; as many as there are slots may rest.
    pub(super) fn new(slots: u32) -> Self {
        Self {
            // What is not written to takes no memory.
            by_slot: Vec::with_capacity(slots as usize),
            index: HashTable::new(),
            hasher: RandomState::new(),
            resting: BTreeMap::new(),
            idle: BTreeMap::new(),
            serial: 0,
            resting_max: slots as usize,
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.by_slot.clear();
        self.index.clear();
        self.resting.clear();
        self.idle.clear();
    }

    /// The slot of a token that has devices.
    pub(super) fn slot(&self, token: TokenId) -> Option<u32> {
        let is_it = |slot: &u32| self.at(*slot).is_some_and(|seated| seated.token == token);
        self.index.find(self.hasher.hash_one(token), is_it).copied()
    }

    /// The deadline of a token that has devices.
    pub(super) fn deadline(&self, token: TokenId) -> Option<Deadline> {
        Some(self.at(self.slot(token)?)?.deadline)
    }

    /// The deadline last set for a token, with devices or without.
    pub(super) fn known(&self, token: TokenId) -> Option<Deadline> {
        let resting = || self.resting.get(&token).map(|(deadline, _)| *deadline);
        self.deadline(token).or_else(resting)
    }

    /// Notes a deadline; answers the slot of a token that has devices.
    pub(super) fn set(&mut self, token: TokenId, deadline: Deadline) -> Option<u32> {
        let slot = self.slot(token);
        match slot.and_then(|slot| self.by_slot.get_mut(slot as usize)) {
            Some(seated) => seated.deadline = deadline,
            None => self.rest(token, deadline),
        }
        slot
    }

    /// Adds a device to a token, in the slot that it has or in one of its own, with the deadline that it had while it rested, if it did.
    pub(super) fn join(&mut self, token: TokenId, slot: u32, deadline: Deadline) {
        let place = slot as usize;
        if self.at(slot).is_none() {
            if let Some((_, serial)) = self.resting.remove(&token) {
                self.idle.remove(&serial);
            }
            if self.by_slot.len() <= place {
                self.by_slot.resize(place + 1, Seated::default());
            }
            if let Some(seated) = self.by_slot.get_mut(place) {
                *seated = Seated {
                    token,
                    deadline,
                    devices: 0,
                };
            }
            let (by_slot, hasher) = (&self.by_slot, &self.hasher);
            let rehash = |slot: &u32| {
                let seated = by_slot.get(*slot as usize);
                seated.map_or(0, |seated| hasher.hash_one(seated.token))
            };
            self.index.insert_unique(hasher.hash_one(token), slot, rehash);
        }
        if let Some(seated) = self.by_slot.get_mut(place) {
            seated.devices += 1;
        }
    }

    /// Takes a device off the token of a slot; answers whether it was the last, and the slot is free.
    pub(super) fn leave(&mut self, slot: u32) -> bool {
        let Some(seated) = self.by_slot.get_mut(slot as usize) else {
            return false;
        };
        seated.devices = seated.devices.saturating_sub(1);
        if seated.devices > 0 {
            return false;
        }
        let Seated { token, deadline, .. } = std::mem::take(seated);
        let hash = self.hasher.hash_one(token);
        if let Ok(entry) = self.index.find_entry(hash, |found| *found == slot) {
            entry.remove();
        }
        self.rest(token, deadline);
        true
    }

    /// Remembers a token without devices, and forgets the one that has been idle longest when they grow too many.
    fn rest(&mut self, token: TokenId, deadline: Deadline) {
        self.serial += 1;
        if let Some((_, before)) = self.resting.insert(token, (deadline, self.serial)) {
            self.idle.remove(&before);
        }
        self.idle.insert(self.serial, token);
        if self.idle.len() > self.resting_max
            && let Some((_, oldest)) = self.idle.pop_first()
        {
            self.resting.remove(&oldest);
        }
    }

    fn at(&self, slot: u32) -> Option<&Seated> {
        self.by_slot
            .get(slot as usize)
            .filter(|seated| seated.devices > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_slot_while_it_has_devices() {
        let mut accounts = Accounts::new(8);
        assert_eq!(accounts.set(7, 100), None);
        assert_eq!((accounts.known(7), accounts.deadline(7)), (Some(100), None));
        accounts.join(7, 3, 100);
        accounts.join(7, 3, 100);
        assert_eq!((accounts.slot(7), accounts.deadline(7)), (Some(3), Some(100)));
        assert_eq!(accounts.set(7, 50), Some(3));
        assert!(!accounts.leave(3));
        assert_eq!(accounts.deadline(7), Some(50));
        assert!(accounts.leave(3), "the last one");
        assert_eq!((accounts.slot(7), accounts.known(7)), (None, Some(50)));
        accounts.set(8, 9);
        accounts.join(8, 3, 9);
        assert_eq!((accounts.slot(7), accounts.slot(8)), (None, Some(3)));
    }

    #[test]
    fn many_tokens_are_found_and_those_without_devices_are_bounded() {
        let mut accounts = Accounts::new(100);
        for token in 1..=100 {
            accounts.set(token, token * 10);
            accounts.join(token, u32::try_from(token).unwrap() - 1, token * 10);
        }
        for token in 1..=100 {
            assert_eq!(accounts.deadline(token), Some(token * 10));
            assert_eq!(accounts.slot(token), Some(u32::try_from(token).unwrap() - 1));
        }
        for token in 200..=300 {
            accounts.set(token, 1);
        }
        assert_eq!((accounts.known(200), accounts.known(201)), (None, Some(1)));
    }
}
