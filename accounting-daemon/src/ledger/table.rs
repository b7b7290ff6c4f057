//! Values in memory, found by a number of theirs and by what is due first, in few bytes each: they lie in chunks that never
//! move, an index finds their places, and a heap of places knows their order.
//!
//! The index has no order; nothing here walks over it.

use hashbrown::HashTable;

use super::due::Kind;

/// Values that are allocated at once.
const CHUNK: usize = 1_024;

/// In place of a place in the heap: it is not there.
const NOWHERE: u32 = u32::MAX;

/// What can be kept.
pub(super) trait Entry {
    /// Numbers that differ only in these lowest bits are alike, and found together.
    const ALIKE_BITS: u32;

    /// The number it is found by; it never changes.
    fn key(&self) -> u64;

    /// What is due of it, and when.
    fn due(&self) -> Option<(u64, Kind)>;

    /// Notes what is due; for [`Table`] alone.
    fn note_due(&mut self, due: Option<(u64, Kind)>);
}

/// The values.
#[derive(Debug)]
pub(super) struct Table<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    /// Places of those of which something is due: a binary heap, the first on top.
    heap: Vec<u32>,
    /// By place, where in the heap it is.
    heaped: Vec<u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            heap: Vec::new(),
            heaped: Vec::new(),
        }
    }
}

impl<T: Entry> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn contains(&self, key: u64) -> bool {
        self.place(key).is_some()
    }

    pub(super) fn get(&self, key: u64) -> Option<&T> {
        self.at(self.place(key)?)
    }

    /// What is due of it is moved with [`Table::set_due`] alone.
    pub(super) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        let place = self.place(key)?;
        at_mut(&mut self.chunks, place)
    }

    /// Where a value lies until it is removed.
    pub(super) fn place(&self, key: u64) -> Option<u32> {
        let is_it = |place: &u32| at(&self.chunks, *place).is_some_and(|value| value.key() == key);
        self.index.find(hash::<T>(key), is_it).copied()
    }

    pub(super) fn at(&self, place: u32) -> Option<&T> {
        at(&self.chunks, place)
    }

    /// The numbers of all that are alike, in their order.
    pub(super) fn alike(&self, key: u64) -> Vec<u64> {
        let places = self.index.iter_hash(hash::<T>(key));
        let keys = places.filter_map(|place| self.at(*place)).map(T::key);
        let mut keys: Vec<u64> = keys
            .filter(|found| found >> T::ALIKE_BITS == key >> T::ALIKE_BITS)
            .collect();
        keys.sort_unstable();
        keys
    }

    /// All, in the order of their places: the same after the same history.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> + '_ {
        self.chunks.iter().flatten().flatten()
    }

    /// All numbers, in their order.
    pub(super) fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<u64> = self.iter().map(T::key).collect();
        keys.sort_unstable();
        keys
    }

    /// Keeps a value, in place of the one with its number; answers where.
    pub(super) fn insert(&mut self, value: T) -> u32 {
        self.remove(value.key());
        let key = value.key();
        let place = self.free.pop().unwrap_or_else(|| {
            let place = u32::try_from(self.heaped.len()).unwrap_or(NOWHERE);
            self.heaped.push(NOWHERE);
            if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
                self.chunks.push(Vec::with_capacity(CHUNK));
            }
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.push(None);
            }
            place
        });
        let (chunk, within) = split(place);
        if let Some(slot) = self.chunks.get_mut(chunk).and_then(|chunk| chunk.get_mut(within)) {
            *slot = Some(value);
        }
        let chunks = &self.chunks;
        let rehash = |place: &u32| at(chunks, *place).map_or(0, |value| hash::<T>(value.key()));
        self.index.insert_unique(hash::<T>(key), place, rehash);
        self.heap_in(place);
        place
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<T> {
        let place = self.place(key)?;
        self.heap_out(place);
        if let Ok(entry) = self.index.find_entry(hash::<T>(key), |found| *found == place) {
            entry.remove();
        }
        self.free.push(place);
        let (chunk, within) = split(place);
        self.chunks.get_mut(chunk)?.get_mut(within)?.take()
    }

    /// Moves what is due of a value.
    pub(super) fn set_due(&mut self, key: u64, due: Option<(u64, Kind)>) {
        let Some(place) = self.place(key) else {
            return;
        };
        self.heap_out(place);
        if let Some(value) = at_mut(&mut self.chunks, place) {
            value.note_due(due);
        }
        self.heap_in(place);
    }

    /// What is due first, with the number of its value. Equal times go by kind, then by number.
    pub(super) fn first(&self) -> Option<(u64, Kind, u64)> {
        self.order(*self.heap.first()?)
    }

    /// Whether any of which something is due up to an instant is wanted.
    pub(super) fn any_due(&self, until: u64, wanted: impl Fn(&T) -> bool) -> bool {
        let mut looked_at = vec![0];
        while let Some(at) = looked_at.pop() {
            let Some(&place) = self.heap.get(at) else {
                continue;
            };
            // Those below come later.
            if self.order(place).is_none_or(|(due, ..)| due > until) {
                continue;
            }
            if self.at(place).is_some_and(&wanted) {
                return true;
            }
            looked_at.extend([2 * at + 1, 2 * at + 2]);
        }
        false
    }

    fn order(&self, place: u32) -> Option<(u64, Kind, u64)> {
        let value = self.at(place)?;
        let (at, kind) = value.due()?;
        Some((at, kind, value.key()))
    }

    fn heap_in(&mut self, place: u32) {
        if self.order(place).is_none() {
            return;
        }
        self.heap.push(place);
        self.rise(self.heap.len() - 1);
    }

    fn heap_out(&mut self, place: u32) {
        let Some(heaped) = self.heaped.get_mut(place as usize) else {
            return;
        };
        let at = std::mem::replace(heaped, NOWHERE) as usize;
        if at >= self.heap.len() {
            return;
        }
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            let at = self.rise(at);
            self.sink(at);
        }
    }

    /// Moves a place up to where it belongs; answers where that is.
    fn rise(&mut self, mut at: usize) -> usize {
        while at > 0 {
            let above = (at - 1) / 2;
            if !self.comes_before(at, above) {
                break;
            }
            self.swap(at, above);
            at = above;
        }
        self.note(at);
        at
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let below = if right < self.heap.len() && self.comes_before(right, left) {
                right
            } else {
                left
            };
            if below >= self.heap.len() || !self.comes_before(below, at) {
                break;
            }
            self.swap(at, below);
            at = below;
        }
        self.note(at);
    }

    fn comes_before(&self, a: usize, b: usize) -> bool {
        match (self.heap.get(a), self.heap.get(b)) {
            (Some(a), Some(b)) => self.order(*a) < self.order(*b),
            _ => false,
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn note(&mut self, at: usize) {
        let place = self.heap.get(at).map(|place| *place as usize);
        if let Some(heaped) = place.and_then(|place| self.heaped.get_mut(place)) {
            *heaped = u32::try_from(at).unwrap_or(NOWHERE);
        }
    }
}

const fn split(place: u32) -> (usize, usize) {
    (place as usize / CHUNK, place as usize % CHUNK)
}

fn at<T>(chunks: &[Vec<Option<T>>], place: u32) -> Option<&T> {
    let (chunk, within) = split(place);
    chunks.get(chunk)?.get(within)?.as_ref()
}

fn at_mut<T>(chunks: &mut [Vec<Option<T>>], place: u32) -> Option<&mut T> {
    let (chunk, within) = split(place);
    chunks.get_mut(chunk)?.get_mut(within)?.as_mut()
}

/// Spreads the bits of a number (splitmix64). Whoever chose numbers that fall together would need a code for each.
fn hash<T: Entry>(key: u64) -> u64 {
    let z = (key >> T::ALIKE_BITS).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Value(u64, Option<(u64, Kind)>);

    impl Entry for Value {
        const ALIKE_BITS: u32 = 2;

        fn key(&self) -> u64 {
            self.0
        }
        fn due(&self) -> Option<(u64, Kind)> {
            self.1
        }
        fn note_due(&mut self, due: Option<(u64, Kind)>) {
            self.1 = due;
        }
    }

    const KINDS: [Kind; 3] = [Kind::Idle, Kind::Expired, Kind::Depleted];

    proptest! {
        /// The table against maps that are in order.
        #[test]
        fn it_finds_what_ordered_maps_find(steps in proptest::collection::vec((0u8..4, 0u64..24, 0u64..9), 0..200)) {
            let mut table = Table::default();
            let mut values: BTreeMap<u64, Value> = BTreeMap::new();
            for (what, key, at) in steps {
                let due = (at > 0).then(|| (at, KINDS[usize::try_from(at % 3).unwrap()]));
                match what {
                    0 => prop_assert_eq!(table.remove(key), values.remove(&key)),
                    1 => {
                        table.set_due(key, due);
                        if let Some(value) = values.get_mut(&key) {
                            value.1 = due;
                        }
                    }
                    _ => {
                        table.insert(Value(key, due));
                        values.insert(key, Value(key, due));
                    }
                }
                prop_assert_eq!(table.keys(), values.keys().copied().collect::<Vec<_>>());
                prop_assert_eq!(table.get(key), values.get(&key));
                let queue: BTreeSet<_> = values.values().filter_map(|v| v.1.map(|(at, kind)| (at, kind, v.0))).collect();
                prop_assert_eq!(table.first(), queue.first().copied());
                let alike: Vec<u64> = values.keys().copied().filter(|other| other >> 2 == key >> 2).collect();
                prop_assert_eq!(table.alike(key), alike);
                let ready = queue.iter().any(|(due, kind, _)| *due <= at && *kind != Kind::Idle);
                let wanted = |value: &Value| value.1.is_some_and(|(_, kind)| kind != Kind::Idle);
                prop_assert_eq!(table.any_due(at, wanted), ready);
            }
        }
    }
}
