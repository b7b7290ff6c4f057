//! Walks over many tokens, a stretch at a time.

use std::{collections::BTreeSet, ops::RangeInclusive};

use redb::{ReadOnlyTable, ReadTransaction, TableDefinition};
use uuid::Uuid;

use super::{Among, Direction};
use crate::{
    ledger::{Token, TokenId},
    store::{
        Disk, StoreError,
        admissions::Admissions,
        balances::{joined, walk},
        codec::Damaged,
        devices::of_device,
        schema::{BALANCES, BOOKINGS, CODES, LOCATIONS, TOKENS, UNIQUE_IDS, VISITORS},
    },
};

/// Some tokens of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// In the order of the walk.
    pub tokens: Vec<Token>,
    /// The number after which the walk goes on; `None` at its end.
    pub next: Option<TokenId>,
}

impl Disk {
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
}

/// The numbers of at most so many tokens within a range, in the order of the walk.
fn numbers(
    read: &ReadTransaction,
    among: &Among,
    ids: &RangeInclusive<u64>,
    rows_max: usize,
    direction: Direction,
) -> Result<Vec<TokenId>, redb::Error> {
    let of_guid = |table: TableDefinition<'_, (u128, u64), ()>, guid: &Uuid| {
        let key = guid.as_u128();
        let range = (key, *ids.start())..=(key, *ids.end());
        of_key(&read.open_table(table)?, range, rows_max, direction)
    };
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
        Among::Booking(guid) => of_guid(BOOKINGS, guid),
        Among::Visitor(guid) => of_guid(VISITORS, guid),
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

pub(super) fn of_locations(
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
