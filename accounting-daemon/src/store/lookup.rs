//! Reading tokens beside the engine: look-ups by index, and walks over many in stretches, each a short transaction of its
//! own, so that whoever reads for long keeps neither pages nor the store from those who write.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
};

use redb::{ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTableMetadata};
use uuid::Uuid;

use super::{
    Disk, StoreError,
    admissions::Admissions,
    balances::{joined, walk},
    codec::Damaged,
    devices::of_device,
    index::{BLOCK, EVERYWHERE},
    schema::{BALANCES, BOOKINGS, CODES, COUNTS, LOCATIONS, TOKENS, UNIQUE_IDS, VISITORS},
};
use crate::{
    ledger::{FoldedCode, Token, TokenId},
    mac::Mac,
};

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

/// Some tokens of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// In the order of the walk.
    pub tokens: Vec<Token>,
    /// The number after which the walk goes on; `None` at its end.
    pub next: Option<TokenId>,
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

    /// At most `rows_max` tokens of a walk, those that come after a number; from the beginning without one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stretch(
        &self,
        among: &Among,
        after: Option<TokenId>,
        direction: Direction,
        rows_max: usize,
    ) -> Result<Stretch, StoreError> {
        let ids = match (after, direction) {
            (None, _) => 0..=u64::MAX,
            (Some(u64::MAX), Direction::Ascending) | (Some(0), Direction::Descending) => {
                return Ok(Stretch::default());
            }
            (Some(after), Direction::Ascending) => after + 1..=u64::MAX,
            (Some(after), Direction::Descending) => 0..=after - 1,
        };
        let (rows, next) = self.snapshot(|read| {
            let tokens = read.open_table(TOKENS)?;
            let balances = read.open_table(BALANCES)?;
            let admissions = Admissions::open(&read)?;
            let shown = |mut token: Result<Token, Damaged>| {
                if let Ok(token) = &mut token {
                    admissions.show(token, self.hints())?;
                }
                Ok::<_, redb::Error>(token)
            };
            if *among == Among::All {
                let (range, used) = (tokens.range(ids.clone())?, balances.range(ids.clone())?);
                let rows: Vec<_> = match direction {
                    Direction::Ascending => walk(range, used, direction)
                        .take(rows_max)
                        .map(|token| shown(token?))
                        .collect::<Result<_, _>>()?,
                    Direction::Descending => walk(range.rev(), used.rev(), direction)
                        .take(rows_max)
                        .map(|token| shown(token?))
                        .collect::<Result<_, _>>()?,
                };
                let last = rows.last().and_then(|row| row.as_ref().ok());
                let next = last.map(|token| token.id).filter(|_| rows.len() == rows_max);
                return Ok((rows, next));
            }
            let numbers = numbers(&read, among, &ids, rows_max, direction)?;
            let next = numbers.last().copied().filter(|_| numbers.len() == rows_max);
            let mut rows = Vec::new();
            for id in numbers {
                if let Some(row) = tokens.get(id)? {
                    let balance = balances.get(id)?;
                    let balance = balance.as_ref().map(redb::AccessGuard::value);
                    rows.push(shown(joined(row.value(), balance))?);
                }
            }
            Ok((rows, next))
        })?;
        let tokens: Vec<Token> = rows
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|_| self.damaged("tokens"))?;
        Ok(Stretch { tokens, next })
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

/// The numbers of at most so many tokens within a range, in the order of the walk.
fn numbers(
    read: &ReadTransaction,
    among: &Among,
    ids: &RangeInclusive<u64>,
    rows_max: usize,
    direction: Direction,
) -> Result<Vec<TokenId>, redb::Error> {
    let (first, last) = (*ids.start(), *ids.end());
    let one = |id: Option<u64>| id.filter(|id| ids.contains(id)).into_iter().collect();
    match among {
        Among::All => Ok(Vec::new()),
        Among::Ids(wanted) => Ok(ordered(wanted.range(ids.clone()).copied(), rows_max, direction)),
        Among::Code(code) => Ok(one(read
            .open_table(CODES)?
            .get(code.as_str())?
            .map(|row| row.value()))),
        Among::UniqueId(guid) => {
            let row = read.open_table(UNIQUE_IDS)?.get(guid.as_u128())?;
            Ok(one(row.map(|row| row.value())))
        }
        Among::Mac(mac) => of_device(read, *mac, ids, rows_max, direction),
        Among::Booking(guid) => {
            let key = guid.as_u128();
            of_key(
                &read.open_table(BOOKINGS)?,
                (key, first)..=(key, last),
                rows_max,
                direction,
            )
        }
        Among::Visitor(guid) => {
            let key = guid.as_u128();
            of_key(
                &read.open_table(VISITORS)?,
                (key, first)..=(key, last),
                rows_max,
                direction,
            )
        }
        Among::Locations(locations) => {
            of_locations(&read.open_table(LOCATIONS)?, locations, ids, rows_max, direction)
        }
    }
}

fn ordered(
    ids: impl DoubleEndedIterator<Item = TokenId>,
    rows_max: usize,
    direction: Direction,
) -> Vec<TokenId> {
    match direction {
        Direction::Ascending => ids.take(rows_max).collect(),
        Direction::Descending => ids.rev().take(rows_max).collect(),
    }
}

fn of_locations(
    table: &ReadOnlyTable<(u64, u64), ()>,
    locations: &BTreeSet<u64>,
    ids: &RangeInclusive<u64>,
    rows_max: usize,
    direction: Direction,
) -> Result<Vec<TokenId>, redb::Error> {
    let mut found = Vec::new();
    for location in locations {
        let range = (*location, *ids.start())..=(*location, *ids.end());
        found.extend(of_key(table, range, rows_max, direction)?);
        found.sort_unstable();
        if direction == Direction::Descending {
            found.reverse();
        }
        found.truncate(rows_max);
    }
    Ok(found)
}

fn of_key<K: redb::Key + 'static>(
    table: &ReadOnlyTable<(K, u64), ()>,
    range: RangeInclusive<(K, u64)>,
    rows_max: usize,
    direction: Direction,
) -> Result<Vec<TokenId>, redb::Error>
where
    (K, u64): for<'k> redb::Key<SelfType<'k> = (K, u64)> + std::borrow::Borrow<(K, u64)>,
{
    let range = table.range(range)?;
    let id = |row: Result<(redb::AccessGuard<'_, (K, u64)>, _), redb::StorageError>| {
        Ok::<_, redb::Error>(row?.0.value().1)
    };
    match direction {
        Direction::Ascending => range.take(rows_max).map(id).collect(),
        Direction::Descending => range.rev().take(rows_max).map(id).collect(),
    }
}
