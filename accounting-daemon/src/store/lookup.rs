//! Reading tokens beside the engine, each time in a short transaction of its own, so that whoever reads for long keeps neither
//! pages nor the store from those who write.

mod stretch;

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadTransaction, ReadableDatabase, ReadableTableMetadata};
use uuid::Uuid;

use super::{
    Disk, StoreError,
    index::{BLOCK, EVERYWHERE},
    schema::{CODES, COUNTS, LOCATIONS, TOKENS},
};
use crate::{
    ledger::{FoldedCode, TokenId},
    mac::Mac,
};

pub use stretch::Stretch;
use stretch::of_locations;

/// Which tokens are walked over, always in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    /// Every one.
    All,
    /// Those with these numbers, where they exist.
    Ids(BTreeSet<TokenId>),
    /// The one with this code.
    Code(FoldedCode),
    /// The one with this UUID.
    UniqueId(Uuid),
    /// Those of a device.
    Mac(Mac),
    /// Those of a booking.
    Booking(Uuid),
    /// Those of a visitor.
    Visitor(Uuid),
    /// Those of these locations.
    Locations(BTreeSet<u64>),
}

/// Which way a walk goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest number on.
    #[default]
    Ascending,
    /// From the highest number on.
    Descending,
}

impl Disk {
    /// How many tokens there are, where that takes no walk: among all, and among those of locations.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count(&self, among: &Among) -> Result<Option<u64>, StoreError> {
        self.snapshot(|read| match among {
            Among::All => Ok(Some(read.open_table(TOKENS)?.len()?)),
            Among::Locations(locations) => {
                let counts = read.open_table(COUNTS)?;
                let mut sum = 0;
                for location in locations {
                    for row in counts.range((*location, 0)..=(*location, u64::MAX))? {
                        sum += row?.1.value();
                    }
                }
                Ok(Some(sum))
            }
            _ => Ok(None),
        })
    }

    /// The number of the token before which `skip` others come; only among all, and among those of locations. `None`
    /// beyond the last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn nth(&self, among: &Among, skip: u64, direction: Direction) -> Result<Option<TokenId>, StoreError> {
        let everywhere = BTreeSet::from([EVERYWHERE]);
        let locations = match among {
            Among::All => &everywhere,
            Among::Locations(locations) => locations,
            _ => return Ok(None),
        };
        self.snapshot(|read| {
            let counts = read.open_table(COUNTS)?;
            let mut blocks = BTreeMap::<u64, u64>::new();
            for location in locations {
                for row in counts.range((*location, 0)..=(*location, u64::MAX))? {
                    let (key, count) = row?;
                    *blocks.entry(key.value().1).or_default() += count.value();
                }
            }
            let mut skip = skip;
            let mut blocks: Vec<(u64, u64)> = blocks.into_iter().collect();
            if direction == Direction::Descending {
                blocks.reverse();
            }
            for (block, count) in blocks {
                if skip >= count {
                    skip -= count;
                    continue;
                }
                let ids = block * BLOCK..=block * BLOCK + (BLOCK - 1);
                let mut found = match among {
                    Among::Locations(locations) => of_locations(
                        &read.open_table(LOCATIONS)?,
                        locations,
                        &ids,
                        usize::MAX,
                        direction,
                    )?,
                    _ => {
                        let tokens = read.open_table(TOKENS)?;
                        tokens
                            .range(ids)?
                            .map(|row| Ok(row?.0.value()))
                            .collect::<Result<Vec<_>, redb::Error>>()?
                    }
                };
                found.sort_unstable();
                if direction == Direction::Descending {
                    found.reverse();
                }
                return Ok(usize::try_from(skip)
                    .ok()
                    .and_then(|place| found.get(place).copied()));
            }
            Ok(None)
        })
    }

    /// Which of these codes tokens have, by their place in the list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn codes_in_use(&self, codes: &[FoldedCode]) -> Result<Vec<usize>, StoreError> {
        self.snapshot(|read| {
            let table = read.open_table(CODES)?;
            let mut used = Vec::new();
            for (place, code) in codes.iter().enumerate() {
                if table.get(code.as_str())?.is_some() {
                    used.push(place);
                }
            }
            Ok(used)
        })
    }

    fn snapshot<T>(
        &self,
        work: impl FnOnce(ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        self.reading(|database| {
            let _reading = self.hints().reading();
            let transaction = self.did("begin reading", database.begin_read())?;
            self.did("read", work(transaction))
        })
    }
}
