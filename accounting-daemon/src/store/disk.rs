//! The store on disk: one redb file, one write transaction a commit, on disk in two phases before it returns.

mod engine;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableHandle as _, WriteTransaction};

use super::{
    AuditRetention, StoreError,
    admissions::{Hints, shown},
    balances::joined,
    codec::Row,
    devices::Merge,
    file,
    held::{Held, Source},
    reader::{Reader, Tables},
    schema::{self, ADJUSTMENTS, META, META_FLOOR, META_NEXT_TOKEN, PRUNED, USAGE},
};
use crate::ledger::{Adjustment, SecondFactor, Token, TokenBalance, TokenId, UsageRecord};

/// The redb file `accounting.redb` in the data folder. Clones share it.
#[derive(Clone, Debug)]
pub struct Disk {
    held: Arc<Held>,
    reader: Arc<Reader>,
    retention: AuditRetention,
    merge: Arc<Mutex<Merge>>,
    hints: Arc<Hints>,
}

impl Disk {
    /// Opens the store in a folder, or makes both. Every page is verified; a file that cannot be used stays as it is.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be made, another daemon has the file, or it is damaged or newer.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = file::make(folder)?;
        let shown = path.display().to_string();
        Self::on(shown, Box::new(move || file::backend(&path)))
    }

    /// Opens the store on whatever `backend` makes; it is called again for each [`Store::reopen`]. `shown` names the
    /// store in errors.
    ///
    /// # Errors
    /// As [`Disk::open`].
    pub fn over<B: StorageBackend>(
        shown: impl Into<String>,
        backend: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Self::on(shown.into(), Box::new(move || Ok(Box::new(backend()))))
    }

    /// The same on a file that may be empty.
    pub(super) fn over_file(
        shown: String,
        backend: impl Fn() -> Result<Box<dyn StorageBackend>, StoreError> + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        Self::on(shown, Box::new(backend))
    }

    fn on(shown: String, source: Source) -> Result<Self, StoreError> {
        let name = shown.clone();
        let hints = Hints::default();
        let held = Held::new(shown, source, |database| prepare(&name, database, &hints))?;
        held.with_writes(|database| schema::upgrade(&name, database))?;
        Ok(Self {
            held: Arc::new(held),
            reader: Arc::default(),
            retention: AuditRetention::default(),
            merge: Arc::default(),
            hints: Arc::new(hints),
        })
    }

    /// The same store with another retention of the audit.
    #[must_use]
    pub fn keeping(self, retention: AuditRetention) -> Self {
        Self { retention, ..self }
    }

    /// The same store, whose index by device is merged after so much.
    #[cfg(test)]
    pub(super) fn merging(self, limits: super::devices::Limits) -> Self {
        let merge = Arc::new(Mutex::new(Merge::limited(limits)));
        Self { merge, ..self }
    }

    /// Whether every page reads back as it was written and belongs to somebody; `false` when something had to be
    /// repaired.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be repaired, or somebody is using the store.
    pub fn check_integrity(&self) -> Result<bool, StoreError> {
        self.reader.forget();
        self.held.with_all(Database::check_integrity)
    }

    /// How many tokens were ever made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens_made(&self) -> Result<u64, StoreError> {
        self.held.with(|database| {
            let row = self.did(
                "read the numbers",
                self.table(database, META)?.get(META_NEXT_TOKEN),
            )?;
            Ok(row.and_then(|row| number(row.value())).map_or(0, |next| next - 1))
        })
    }

    /// The time below which no clock is trusted that nobody keeps in step, in wall clock milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn floor(&self) -> Result<Option<i64>, StoreError> {
        self.held.with(|database| {
            let row = self.did("read the floor", self.table(database, META)?.get(META_FLOOR))?;
            row.map(|row| time(row.value()).ok_or_else(|| self.damaged("meta")))
                .transpose()
        })
    }

    /// The usage records of released sessions, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn usage(&self) -> Result<Vec<UsageRecord>, StoreError> {
        self.held.with(|database| self.all(database, USAGE, "usage"))
    }

    /// Milliseconds that the usage records of a token were charged that were too old to be kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pruned(&self, token: TokenId) -> Result<u64, StoreError> {
        self.held.with(|database| {
            let row = self.did("read a sum", self.table(database, PRUNED)?.get(token))?;
            Ok(row.map_or(0, |row| row.value()))
        })
    }

    /// The changes of what a token is good for, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn adjustments(&self, token: TokenId) -> Result<Vec<Adjustment>, StoreError> {
        self.held.with(|database| {
            let table = self.table(database, ADJUSTMENTS)?;
            let mut found = Vec::new();
            let of_token = (token, 0)..=(token, u64::MAX);
            for row in self.did("read the adjustments", table.range(of_token))? {
                let (_, bytes) = self.did("read the adjustments", row)?;
                found.push(Adjustment::decode(bytes.value()).map_err(|_| self.damaged("adjustments"))?);
            }
            Ok(found)
        })
    }

    /// One transaction, durable when it returns.
    pub(super) fn write(
        &self,
        rows: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        self.reader.forget();
        let done = self.held.with_writes(|database| {
            let mut transaction = self.did("begin a transaction", database.begin_write())?;
            transaction.set_two_phase_commit(true);
            self.did("write", rows(&transaction))?;
            self.did("commit", transaction.commit())
        });
        self.reader.forget();
        done
    }

    /// One transaction, durable when it returns; nothing is written when `work` fails.
    pub(super) fn deciding<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        self.reader.forget();
        let done = self.held.with_writes(|database| {
            let mut transaction = self.did("begin a transaction", database.begin_write())?;
            transaction.set_two_phase_commit(true);
            match work(&transaction) {
                Ok(done) => {
                    self.did("commit", transaction.commit())?;
                    Ok(Ok(done))
                }
                Err(error) => Ok(Err(error)),
            }
        });
        self.reader.forget();
        done?
    }

    /// Which tokens are shown by their sessions.
    pub(super) fn hints(&self) -> &Hints {
        &self.hints
    }

    fn merge(&self) -> MutexGuard<'_, Merge> {
        self.merge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the audit is kept.
    pub(super) fn retention(&self) -> AuditRetention {
        self.retention
    }

    /// Reads the database.
    pub(super) fn reading<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.held.with(work)
    }

    /// Reads what no redemption needs.
    pub(super) fn look<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        self.held.with(|database| self.did(action, work(database)))
    }

    /// Works in one read transaction: all tables as they are at this moment.
    pub(super) fn at_once<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.held.with(|database| {
            let transaction = self.did("begin reading", database.begin_read())?;
            work(&transaction)
        })
    }

    pub(super) fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        database: &Database,
        table: redb::TableDefinition<'_, K, V>,
    ) -> Result<redb::ReadOnlyTable<K, V>, StoreError> {
        let transaction = self.did("begin reading", database.begin_read())?;
        self.did("open a table", transaction.open_table(table))
    }

    fn all<R: Row>(
        &self,
        database: &Database,
        table: redb::TableDefinition<'_, u64, &'static [u8]>,
        name: &'static str,
    ) -> Result<Vec<R>, StoreError> {
        let table = self.table(database, table)?;
        let mut rows = Vec::new();
        for row in self.did("read a table", table.iter())? {
            let (_, bytes) = self.did("read a table", row)?;
            rows.push(R::decode(bytes.value()).map_err(|_| self.damaged(name))?);
        }
        Ok(rows)
    }

    fn has(&self, database: &Database, table: &str) -> Result<bool, StoreError> {
        let transaction = self.did("begin reading", database.begin_read())?;
        let mut tables = self.did("list the tables", transaction.list_tables())?;
        Ok(tables.any(|found| found.name() == table))
    }

    fn read<T>(
        &self,
        database: &Database,
        work: impl FnOnce(&Tables) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = |error| StoreError::of(self.held.shown(), "open a table", error);
        self.reader.with(database, failed, work)
    }

    fn find(&self, tables: &Tables, id: TokenId) -> Result<Option<Token>, StoreError> {
        let Some(token) = self.did("read a token", tables.tokens.get(id))? else {
            return Ok(None);
        };
        let balance = self.did("read a balance", tables.balances.get(id))?;
        let token = joined(token.value(), balance.as_ref().map(redb::AccessGuard::value));
        let mut token = token.map_err(|_| self.damaged("tokens"))?;
        let shown = tables.admissions.show(&mut token, &self.hints);
        self.did("read a session", shown)?;
        Ok(Some(token))
    }

    fn find_balance(&self, tables: &Tables, id: TokenId) -> Result<Option<TokenBalance>, StoreError> {
        let mut balance = match self.did("read a balance", tables.balances.get(id))? {
            Some(row) => TokenBalance::decode(row.value()).map_err(|_| self.damaged("balances"))?,
            // Nobody has used it yet.
            None => match self.did("read a token", tables.tokens.get(id))? {
                Some(row) => {
                    let token = Token::decode(row.value());
                    token.map_err(|_| self.damaged("tokens"))?.balance()
                }
                None => return Ok(None),
            },
        };
        let session = self.did("read a session", tables.admissions.of(id, &self.hints))?;
        if let Some(session) = session {
            shown(&mut balance, &session);
        }
        Ok(Some(balance))
    }

    pub(super) fn find_factor(
        &self,
        tables: &Tables,
        token: TokenId,
    ) -> Result<Option<SecondFactor>, StoreError> {
        let Some(factors) = &tables.factors else {
            return Ok(None);
        };
        let row = self.did("read what must be given besides a code", factors.get(token))?;
        row.map(|row| SecondFactor::decode(row.value()))
            .transpose()
            .map_err(|_| self.damaged("factors"))
    }

    pub(super) fn did<T, E: Into<redb::Error>>(
        &self,
        action: &'static str,
        result: Result<T, E>,
    ) -> Result<T, StoreError> {
        result.map_err(|error| StoreError::of(self.held.shown(), action, error.into()))
    }

    pub(super) fn damaged(&self, table: &'static str) -> StoreError {
        StoreError::Damaged {
            path: self.held.shown().to_owned(),
            table,
        }
    }
}

impl Disk {
    /// The token with this number, for callers that may wait for the disk but not for a store that is opened anew: then
    /// `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn token_at_once(&self, id: TokenId) -> Option<Result<Option<Token>, StoreError>> {
        self.held
            .with_at_once(|database| self.read(database, |tables| self.find(tables, id)))
    }
}

/// Whether this program can use the store; what is known of it besides begins anew.
fn prepare(name: &str, database: &Database, hints: &Hints) -> Result<(), StoreError> {
    schema::prepare(name, database)?;
    let load = || hints.load(&database.begin_read()?);
    load().map_err(|error| StoreError::of(name, "read the admissions", error))
}

/// A time in `META`.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_le_bytes)
}

/// A number in `META`.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}
