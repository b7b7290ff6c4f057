//! The audit: who changed what, when and from where, with what it was before and after.
//!
//! It has no passwords, hashes or secrets, and access codes shortened (see [`shortened`]). It is bounded: each new record
//! takes away a few of the oldest that are too many or too old.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, net::IpAddr};

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::{
    Disk, StoreError,
    codec::{Damaged, Reader, Row, Writer},
    meta::number,
    part::{LOOKED_AT_MAX, Part},
    schema::{AUDIT, META, META_NEXT_AUDIT},
};

/// Records that a new one takes away at most.
const PRUNED_MAX: usize = 16;

/// Characters of an access code that the audit shows.
const CODE_SHOWN: usize = 2;

/// How somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// A person, over HTTP.
    User,
    /// An API client, over HTTP.
    Client,
    /// The command line on the gateway itself.
    Cli,
    /// The daemon by itself.
    Daemon,
}

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The e-mail address of a user, the number of a client, the account of the operating system.
    pub name: String,
    /// How they came in.
    pub via: Via,
    /// Where they came from, when it was over the network.
    pub address: Option<IpAddr>,
}

/// One change by somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Wall clock milliseconds.
    pub on: i64,
    /// Who.
    pub by: Actor,
    /// What was done, such as `token.edit`.
    pub action: Cow<'static, str>,
    /// What it was done to: a kind and a name, such as `token/7`.
    pub object: String,
    /// JSON of the object before; `None` when it is new.
    pub before: Option<String>,
    /// JSON of the object after; `None` when it is gone.
    pub after: Option<String>,
}

/// How much of the audit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRetention {
    /// Milliseconds.
    pub period: i64,
    /// Records.
    pub records_max: u64,
}

/// Which records are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// By this name, without case.
    pub who: Option<String>,
    /// On this object, or on any of this kind.
    pub object: Option<String>,
    /// Not before (wall clock milliseconds).
    pub from: Option<i64>,
    /// Not after.
    pub to: Option<i64>,
}

impl Via {
    const ALL: [Self; 4] = [Self::User, Self::Client, Self::Cli, Self::Daemon];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Client => "Client",
            Self::Cli => "Cli",
            Self::Daemon => "Daemon",
        }
    }
}

impl Actor {
    /// The daemon itself.
    #[must_use]
    pub fn daemon() -> Self {
        Self {
            name: "daemon".to_owned(),
            via: Via::Daemon,
            address: None,
        }
    }
}

impl Default for AuditRetention {
    fn default() -> Self {
        Self {
            period: 365 * 24 * 60 * 60 * 1000,
            records_max: 1_000_000,
        }
    }
}

impl AuditFilter {
    fn takes(&self, record: &AuditRecord) -> bool {
        let same = |wanted: &String, found: &str| wanted.eq_ignore_ascii_case(found);
        self.who.as_ref().is_none_or(|who| same(who, &record.by.name))
            && self.object.as_ref().is_none_or(|object| {
                let kind = record.object.split('/').next().unwrap_or_default();
                same(object, &record.object) || same(object, kind)
            })
            && self.from.is_none_or(|from| record.on >= from)
            && self.to.is_none_or(|to| record.on <= to)
    }
}

/// An access code as the audit may show it: its first characters.
#[must_use]
pub fn shortened(code: &str) -> String {
    code.chars().take(CODE_SHOWN).chain("...".chars()).collect()
}

/// Keeps records and takes away what is too much or too old by then.
pub(super) fn keep(
    transaction: &WriteTransaction,
    records: &[&AuditRecord],
    retention: AuditRetention,
) -> Result<(), redb::Error> {
    let Some(last) = records.last() else { return Ok(()) };
    let mut meta = transaction.open_table(META)?;
    let mut audit = transaction.open_table(AUDIT)?;
    let next = meta.get(META_NEXT_AUDIT)?.and_then(|row| number(row.value()));
    let mut next = next.unwrap_or(1);
    for record in records {
        audit.insert(next, record.encode().as_slice())?;
        next += 1;
    }
    meta.insert(META_NEXT_AUDIT, next.to_le_bytes().as_slice())?;
    for _ in 0..PRUNED_MAX.saturating_mul(records.len()) {
        let Some((oldest, on)) = audit.first()?.map(|(key, row)| {
            (
                key.value(),
                AuditRecord::decode(row.value()).map(|record| record.on),
            )
        }) else {
            break;
        };
        let old = on.is_ok_and(|on| on < last.on.saturating_sub(retention.period));
        if !old && audit.len()? <= retention.records_max {
            break;
        }
        audit.remove(oldest)?;
    }
    Ok(())
}

impl Disk {
    /// A part of the audit, newest first: at most `size` records with lower numbers than `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(
        &self,
        filter: &AuditFilter,
        after: Option<u64>,
        size: usize,
    ) -> Result<Part<AuditRecord>, StoreError> {
        self.reading(|database| {
            let table = self.table(database, AUDIT)?;
            let mut records = Vec::new();
            let rows = self.did("read the audit", table.range(..after.unwrap_or(u64::MAX)))?;
            for (looked_at, row) in rows.rev().enumerate() {
                let (key, bytes) = self.did("read the audit", row)?;
                if records.len() == size || looked_at == LOOKED_AT_MAX {
                    return Ok(Part {
                        records,
                        next: Some(key.value() + 1),
                    });
                }
                let record = AuditRecord::decode(bytes.value()).map_err(|_| self.damaged("audit"))?;
                if filter.takes(&record) {
                    records.push((key.value(), record));
                }
            }
            Ok(Part { records, next: None })
        })
    }
}

impl Row for AuditRecord {
    fn write(&self, out: &mut Writer) {
        out.i64(self.on);
        out.text(&self.by.name);
        let via = Via::ALL.iter().position(|via| *via == self.by.via);
        out.u8(u8::try_from(via.unwrap_or_default()).unwrap_or_default());
        out.addresses(self.by.address.as_slice());
        out.text(&self.action);
        out.text(&self.object);
        out.option(self.before.as_deref(), Writer::text);
        out.option(self.after.as_deref(), Writer::text);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            on: from.i64()?,
            by: Actor {
                name: from.text()?,
                via: *Via::ALL.get(usize::from(from.u8()?)).ok_or(Damaged)?,
                address: from.addresses()?.pop(),
            },
            action: from.text()?.into(),
            object: from.text()?,
            before: from.option(Reader::text)?,
            after: from.option(Reader::text)?,
        })
    }
}
