//! Sessions by age, in four bytes each: the places of their values, in the order of their numbers. Numbers grow, so nearly
//! all are added at the end; chunks keep the others cheap.

/// Places of a chunk, at most.
const CHUNK: usize = 512;

/// The places. What number the value of a place has is told with each call.
#[derive(Debug, Default)]
pub(super) struct Ages(Vec<Vec<u32>>);

impl Ages {
    /// Adds the place of a value that is there by now.
    pub(super) fn insert(&mut self, place: u32, number: u64, number_of: impl Fn(u32) -> u64) {
        let at = self.chunk_of(number, &number_of);
        let last = at + 1 == self.0.len();
        let Some(chunk) = self.0.get_mut(at) else {
            self.begin(place);
            return;
        };
        let within = chunk.partition_point(|other| number_of(*other) < number);
        if chunk.len() < CHUNK {
            chunk.insert(within, place);
        } else if within == CHUNK && last {
            self.begin(place);
        } else {
            let mut later = chunk.split_off(CHUNK / 2);
            if within <= CHUNK / 2 {
                chunk.insert(within, place);
            } else {
                later.insert(within - CHUNK / 2, place);
            }
            self.0.insert(at + 1, later);
        }
    }

    /// Takes out the place of a value that is still there.
    pub(super) fn remove(&mut self, number: u64, number_of: impl Fn(u32) -> u64) {
        let at = self.chunk_of(number, &number_of);
        let Some(chunk) = self.0.get_mut(at) else {
            return;
        };
        if let Ok(within) = chunk.binary_search_by_key(&number, |place| number_of(*place)) {
            chunk.remove(within);
            if chunk.is_empty() {
                self.0.remove(at);
            }
        }
    }

    /// The place of the value with a number.
    pub(super) fn find(&self, number: u64, number_of: impl Fn(u32) -> u64) -> Option<u32> {
        let chunk = self.0.get(self.chunk_of(number, &number_of))?;
        let within = chunk
            .binary_search_by_key(&number, |place| number_of(*place))
            .ok()?;
        chunk.get(within).copied()
    }

    /// The places of values with greater numbers, in their order.
    pub(super) fn after(
        &self,
        number: u64,
        number_of: impl Fn(u32) -> u64,
    ) -> impl Iterator<Item = u32> + '_ {
        let at = self.chunk_of(number, &number_of);
        let within = self.0.get(at).map_or(0, |chunk| {
            chunk.partition_point(|place| number_of(*place) <= number)
        });
        self.0.iter().skip(at).flatten().skip(within).copied()
    }

    /// The chunk in which a number is, or belongs.
    fn chunk_of(&self, number: u64, number_of: impl Fn(u32) -> u64) -> usize {
        let begun = self
            .0
            .partition_point(|chunk| chunk.first().is_some_and(|place| number_of(*place) <= number));
        begun.saturating_sub(1)
    }

    fn begin(&mut self, place: u32) {
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.push(place);
        self.0.push(chunk);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Numbers in order, then some that go and come back, against a map.
        #[test]
        fn they_are_in_order(count in 1u32..2_000, moves in proptest::collection::vec(0u32..2_000, 0..300)) {
            // The number of each place.
            let number = |place: u32| u64::from(place) * 3 + 1;
            let mut ages = Ages::default();
            let mut expected = BTreeMap::new();
            for place in (0..count).filter(|place| place % 5 != 0) {
                ages.insert(place, number(place), number);
                expected.insert(number(place), place);
            }
            for place in moves {
                if expected.remove(&number(place)).is_some() {
                    ages.remove(number(place), number);
                    prop_assert_eq!(ages.find(number(place), number), None);
                } else {
                    ages.insert(place, number(place), number);
                    expected.insert(number(place), place);
                    prop_assert_eq!(ages.find(number(place), number), Some(place));
                }
                let after = number(place);
                let later: Vec<u32> = expected.range(after + 1..).map(|(_, place)| *place).collect();
                prop_assert_eq!(ages.after(after, number).collect::<Vec<_>>(), later);
            }
            prop_assert_eq!(ages.after(0, number).collect::<Vec<_>>(), expected.into_values().collect::<Vec<_>>());
        }
    }
}
