//! Devices that are judged without a session, as the API keeps them: with a note, and until when.

use redb::{Database, ReadableTable, WriteTransaction};

use super::{
    Disk, StoreError,
    codec::{Damaged, Reader, Row, Writer},
    schema::LISTS,
};
use crate::mac::DeviceId;

/// A list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListKind {
    /// Its devices always pass.
    Bypass,
    /// Its devices never pass, whatever else is said of them.
    Block,
}

/// A device on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// On which one.
    pub kind: ListKind,
    /// The device.
    pub device: DeviceId,
    /// Why.
    pub note: Option<String>,
    /// Wall clock milliseconds from which it is on the list no more; `None`: for good.
    pub until: Option<i64>,
}

impl ListKind {
    /// Its name in paths and in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Block => "block",
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Bypass => 0,
            Self::Block => 1,
        }
    }
}

/// The row of an entry.
pub(super) fn key(kind: ListKind, device: DeviceId) -> (u8, u64) {
    (kind.number(), device.to_number())
}

impl Row for ListEntry {
    fn write(&self, out: &mut Writer) {
        out.u8(self.kind.number());
        out.device(self.device);
        out.option(self.note.as_deref(), Writer::text);
        out.option(self.until, Writer::i64);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let kind = match from.u8()? {
            0 => ListKind::Bypass,
            1 => ListKind::Block,
            _ => return Err(Damaged),
        };
        Ok(Self {
            kind,
            device: from.device()?,
            note: from.option(Reader::text)?,
            until: from.option(Reader::i64)?,
        })
    }
}

/// Keeps an entry.
pub(super) fn keep(transaction: &WriteTransaction, entry: &ListEntry) -> Result<(), redb::Error> {
    let mut lists = transaction.open_table(LISTS)?;
    lists.insert(key(entry.kind, entry.device), entry.encode().as_slice())?;
    Ok(())
}

/// Forgets one.
pub(super) fn forget(
    transaction: &WriteTransaction,
    kind: ListKind,
    device: DeviceId,
) -> Result<(), redb::Error> {
    transaction.open_table(LISTS)?.remove(key(kind, device))?;
    Ok(())
}

impl Disk {
    /// All entries.
    pub(super) fn lists_of(&self, database: &Database) -> Result<Vec<ListEntry>, StoreError> {
        let did = "read the lists of devices";
        let table = self.table(database, LISTS)?;
        let mut entries = Vec::new();
        for row in self.did(did, table.iter())? {
            let (_, bytes) = self.did(did, row)?;
            entries.push(ListEntry::decode(bytes.value()).map_err(|_| self.damaged("lists"))?);
        }
        Ok(entries)
    }
}
