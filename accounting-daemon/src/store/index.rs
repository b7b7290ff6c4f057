//! The indexes of tokens: kept in the transaction that writes the token, and touched only where a key changed.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};
use uuid::Uuid;

use super::{
    codec::{Damaged, Reader, Row},
    devices::{Devices, Merge, mac_key},
    schema::{BOOKINGS, COUNTS, LOCATIONS, TOKENS, UNIQUE_IDS, VISITORS},
};
use crate::{
    ledger::{Token, TokenId},
    mac::Mac,
};

/// Numbers of tokens that are counted together: the count of each block says where a page begins without a walk.
pub(super) const BLOCK: u64 = 1024;

/// Stands for all locations in [`COUNTS`]; no location has this number.
pub(super) const EVERYWHERE: u64 = 0;

/// What a token is found by, besides its number and its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    id: TokenId,
    unique_id: Uuid,
    location: u64,
    mac: Option<Mac>,
    booking: Option<Uuid>,
    visitor: Option<Uuid>,
}

impl Keys {
    /// Reads the keys of an encoded token; the rest of it is passed over.
    pub(super) fn of(row: &[u8]) -> Result<Self, Damaged> {
        let mut from = Reader::of(row, Token::VERSION)?;
        let (id, unique_id, location) = (from.u64()?, from.uuid()?, from.u64()?);
        from.skip_text()?;
        from.option(Reader::skip_text)?;
        from.u32()?;
        from.option(Reader::i64)?;
        from.option(Reader::i64)?;
        from.option(Reader::u32)?;
        Ok(Self {
            id,
            unique_id,
            location,
            mac: from.option(Reader::mac)?,
            booking: from.option(Reader::uuid)?,
            visitor: from.option(Reader::uuid)?,
        })
    }
}

#[cfg(feature = "fuzz")]
impl From<&Token> for Keys {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id,
            unique_id: token.unique_id,
            location: token.business_id,
            mac: token.mac_address,
            booking: token.booking_guid,
            visitor: token.visitor_guid,
        }
    }
}

/// The indexes in a transaction.
pub(super) struct Indexes<'t> {
    unique_ids: Table<'t, u128, u64>,
    /// Written at the end, in the order of the table.
    unique_changes: BTreeMap<u128, Option<TokenId>>,
    locations: Table<'t, (u64, u64), ()>,
    devices: Devices<'t>,
    bookings: Table<'t, (u128, u64), ()>,
    visitors: Table<'t, (u128, u64), ()>,
    counts: Table<'t, (u64, u64), u64>,
    /// Changes of the counts, written at the end: many tokens of a transaction share a block.
    changes: BTreeMap<(u64, u64), i64>,
}

impl<'t> Indexes<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            unique_ids: transaction.open_table(UNIQUE_IDS)?,
            unique_changes: BTreeMap::new(),
            locations: transaction.open_table(LOCATIONS)?,
            devices: Devices::open(transaction)?,
            bookings: transaction.open_table(BOOKINGS)?,
            visitors: transaction.open_table(VISITORS)?,
            counts: transaction.open_table(COUNTS)?,
            changes: BTreeMap::new(),
        })
    }

    /// A token was written or removed: `before` and `after` are its rows. Where something else knows the device better,
    /// `device` is what that says.
    pub(super) fn moved(
        &mut self,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
        device: Option<Option<Mac>>,
    ) -> Result<(), redb::Error> {
        let keys = |row: Option<&[u8]>| -> Result<Option<Keys>, redb::Error> {
            let keys = row.map(Keys::of).transpose().map_err(|_| damaged("tokens"))?;
            Ok(keys.map(|keys| Keys {
                mac: device.unwrap_or(keys.mac),
                ..keys
            }))
        };
        let (before, after) = (keys(before)?, keys(after)?);
        if before == after {
            return Ok(());
        }
        let (old, new) = (before.as_ref(), after.as_ref());
        changed(
            old,
            new,
            |keys| Some(keys.unique_id.as_u128()),
            |key, id, there| {
                self.unique_changes.insert(key, there.then_some(id));
                Ok(())
            },
        )?;
        changed(
            old,
            new,
            |keys| Some(keys.location),
            |key, id, there| {
                for location in [EVERYWHERE, key] {
                    *self.changes.entry((location, id / BLOCK)).or_default() += if there { 1 } else { -1 };
                }
                put(&mut self.locations, (key, id), there)
            },
        )?;
        changed(
            old,
            new,
            |keys| keys.mac.map(mac_key),
            |key, id, there| {
                self.devices.put(key, id, there);
                Ok(())
            },
        )?;
        changed(
            old,
            new,
            |keys| keys.booking.map(|guid| guid.as_u128()),
            |key, id, there| put(&mut self.bookings, (key, id), there),
        )?;
        changed(
            old,
            new,
            |keys| keys.visitor.map(|guid| guid.as_u128()),
            |key, id, there| put(&mut self.visitors, (key, id), there),
        )
    }

    /// A token was used by another device than before, or is another's.
    pub(super) fn device(&mut self, token: TokenId, before: Option<Mac>, after: Option<Mac>) {
        if before != after {
            for (mac, there) in [(before, false), (after, true)] {
                if let Some(mac) = mac {
                    self.devices.put(mac_key(mac), token, there);
                }
            }
        }
    }

    /// Writes what is written once for all tokens of a transaction.
    pub(super) fn finish(mut self, merge: &mut Merge) -> Result<(), redb::Error> {
        self.finish_some()?;
        self.devices.finish(merge)
    }

    fn finish_some(&mut self) -> Result<(), redb::Error> {
        for (unique_id, token) in std::mem::take(&mut self.unique_changes) {
            match token {
                Some(token) => self.unique_ids.insert(unique_id, token)?,
                None => self.unique_ids.remove(unique_id)?,
            };
        }
        for (key, by) in std::mem::take(&mut self.changes) {
            let held = self.counts.get(key)?.map_or(0, |row| row.value());
            match held.saturating_add_signed(by) {
                0 => self.counts.remove(key)?,
                count => self.counts.insert(key, count)?,
            };
        }
        Ok(())
    }
}

fn damaged(table: &str) -> redb::Error {
    redb::Error::Corrupted(format!("a damaged row in table {table}"))
}

/// Tells an index which key of a token went and which came, where they differ.
fn changed<K: PartialEq>(
    before: Option<&Keys>,
    after: Option<&Keys>,
    key: impl Fn(&Keys) -> Option<K>,
    mut tell: impl FnMut(K, TokenId, bool) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let (old, new) = (before.and_then(&key), after.and_then(&key));
    if old == new {
        return Ok(());
    }
    if let (Some(keys), Some(old)) = (before, old) {
        tell(old, keys.id, false)?;
    }
    if let (Some(keys), Some(new)) = (after, new) {
        tell(new, keys.id, true)?;
    }
    Ok(())
}

pub(super) fn put<K: redb::Key + 'static>(
    table: &mut Table<'_, (K, u64), ()>,
    key: (K::SelfType<'_>, u64),
    there: bool,
) -> Result<(), redb::Error>
where
    (K, u64): for<'k> redb::Key<SelfType<'k> = (K::SelfType<'k>, u64)>,
{
    if there {
        table.insert(key, ())?;
    } else {
        table.remove(key)?;
    }
    Ok(())
}

/// Builds the indexes of a store that has none.
pub(super) fn build(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let tokens = transaction.open_table(TOKENS)?;
    let mut indexes = Indexes::open(transaction)?;
    for row in tokens.iter()? {
        let (_, row) = row?;
        indexes.moved(None, Some(row.value()), None)?;
    }
    indexes.finish_some()?;
    indexes.devices.build()
}
