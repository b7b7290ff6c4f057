//! Usage records: kept under their numbers, found by number and by token.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadOnlyTable, ReadableDatabase, ReadableTable, Table, WriteTransaction};

use super::{
    Disk, StoreError,
    codec::Row,
    part::{LOOKED_AT_MAX, Part},
    schema::{PRUNED, TOKENS, USAGE, USAGE_OF_TOKENS},
};
use crate::{
    ledger::{Cause, SessionId, Token, TokenId, UsageRecord},
    mac::Mac,
};

/// Which records are asked for; `None`: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageFilter {
    /// Those of this token.
    pub token: Option<TokenId>,
    /// Those of this address.
    pub mac: Option<Mac>,
    /// Those in this zone.
    pub zone: Option<u16>,
    /// Those that ended for this cause.
    pub cause: Option<Cause>,
    /// Released not before (wall clock milliseconds).
    pub from: Option<i64>,
    /// Released not after.
    pub to: Option<i64>,
    /// Those of tokens of these locations. Records of deleted tokens have no location any more.
    pub locations: Option<BTreeSet<u64>>,
}

impl UsageFilter {
    fn takes(&self, record: &UsageRecord) -> bool {
        self.token.is_none_or(|token| record.token == token)
            && self.mac.is_none_or(|mac| record.device.mac == mac)
            && self.zone.is_none_or(|zone| record.device.zone == zone)
            && self.cause.is_none_or(|cause| record.cause == cause)
            && self.from.is_none_or(|from| record.released_on >= from)
            && self.to.is_none_or(|to| record.released_on <= to)
    }
}

/// Both tables, open in a transaction.
pub(super) struct UsageTables<'t> {
    records: Table<'t, u64, &'static [u8]>,
    of_tokens: Table<'t, (u64, u64), ()>,
}

impl<'t> UsageTables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            records: transaction.open_table(USAGE)?,
            of_tokens: transaction.open_table(USAGE_OF_TOKENS)?,
        })
    }

    pub(super) fn keep(&mut self, record: &UsageRecord) -> Result<(), redb::Error> {
        self.records.insert(record.id, record.encode().as_slice())?;
        self.of_tokens.insert((record.token, record.id), ())?;
        Ok(())
    }

    /// Answers the record; `None` where there is none, or it cannot be read.
    pub(super) fn forget(&mut self, id: SessionId) -> Result<Option<UsageRecord>, redb::Error> {
        let before = self.records.remove(id)?;
        let record = before.and_then(|row| UsageRecord::decode(row.value()).ok());
        if let Some(record) = &record {
            self.of_tokens.remove((record.token, id))?;
        }
        Ok(record)
    }
}

/// Finds the records of a store that did not look for them by token.
pub(super) fn build(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let records = transaction.open_table(USAGE)?;
    let mut of_tokens = transaction.open_table(USAGE_OF_TOKENS)?;
    for row in records.iter()? {
        let (id, bytes) = row?;
        // A damaged record is told when it is read.
        if let Ok(record) = UsageRecord::decode(bytes.value()) {
            of_tokens.insert((record.token, id.value()), ())?;
        }
    }
    Ok(())
}

/// The locations of tokens, each read once.
struct Locations<'d> {
    disk: &'d Disk,
    tokens: ReadOnlyTable<u64, &'static [u8]>,
    found: BTreeMap<TokenId, Option<u64>>,
}

impl Locations<'_> {
    /// `None` for a token that was deleted.
    fn of(&mut self, token: TokenId) -> Result<Option<u64>, StoreError> {
        if let Some(found) = self.found.get(&token) {
            return Ok(*found);
        }
        let row = self.disk.did("read a token", self.tokens.get(token))?;
        let found = row.map(|row| Token::decode(row.value()).map(|token| token.business_id));
        let found = found.transpose().map_err(|_| self.disk.damaged("tokens"))?;
        self.found.insert(token, found);
        Ok(found)
    }
}

impl Disk {
    /// The usage records of released sessions, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn usage(&self) -> Result<Vec<UsageRecord>, StoreError> {
        self.reading(|database| self.all(database, USAGE, "usage"))
    }

    /// Milliseconds that the usage records of a token were charged that were too old to be kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pruned(&self, token: TokenId) -> Result<u64, StoreError> {
        self.reading(|database| {
            let row = self.did("read a sum", self.table(database, PRUNED)?.get(token))?;
            Ok(row.map_or(0, |row| row.value()))
        })
    }

    /// Some usage records, by number, in a transaction of their own: at most `size` with greater numbers than `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn usage_part(
        &self,
        filter: &UsageFilter,
        after: SessionId,
        size: usize,
    ) -> Result<Part<UsageRecord>, StoreError> {
        let did = "read the usage records";
        self.reading(|database| {
            let read = self.did("begin reading", database.begin_read())?;
            let table = self.did(did, read.open_table(USAGE))?;
            let decode = |bytes: &[u8]| UsageRecord::decode(bytes).map_err(|_| self.damaged("usage"));
            let Some(first) = after.checked_add(1) else {
                return Ok(Part {
                    records: Vec::new(),
                    next: None,
                });
            };
            let numbers: Box<dyn Iterator<Item = Result<u64, redb::StorageError>>> = match filter.token {
                Some(token) => {
                    let of_tokens = self.did(did, read.open_table(USAGE_OF_TOKENS))?;
                    let range = self.did(did, of_tokens.range((token, first)..=(token, u64::MAX)))?;
                    Box::new(range.map(|row| row.map(|(key, _)| key.value().1)))
                }
                None => {
                    let range = self.did(did, table.range(first..))?;
                    Box::new(range.map(|row| row.map(|(key, _)| key.value())))
                }
            };
            let mut locations = Locations {
                disk: self,
                tokens: self.did(did, read.open_table(TOKENS))?,
                found: BTreeMap::new(),
            };
            let (mut records, mut last) = (Vec::new(), after);
            for (looked_at, number) in numbers.enumerate() {
                let number = self.did(did, number)?;
                if records.len() == size || looked_at == LOOKED_AT_MAX {
                    let next = Some(last);
                    return Ok(Part { records, next });
                }
                last = number;
                let Some(row) = self.did(did, table.get(number))? else {
                    continue;
                };
                let record = decode(row.value())?;
                let seen = match &filter.locations {
                    None => true,
                    Some(seen) => locations
                        .of(record.token)?
                        .is_some_and(|location| seen.contains(&location)),
                };
                if seen && filter.takes(&record) {
                    records.push((number, record));
                }
            }
            Ok(Part { records, next: None })
        })
    }
}
