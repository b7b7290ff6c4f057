//! The store on disk: one redb file, one write transaction a commit, on disk in two phases before it returns.

mod engine;
mod token;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableHandle as _, WriteTransaction};

use super::{
    AuditRetention, StoreError,
    admissions::Hints,
    codec::Row,
    devices::Merge,
    file,
    held::{Held, Source},
    reader::{Reader, Tables},
    schema,
};

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

    /// One transaction, durable when it returns.
    pub(super) fn write(
        &self,
        rows: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        self.transact(|transaction| {
            self.did("write", rows(&transaction))?;
            self.did("commit", transaction.commit())
        })
    }

    /// The same for work that may refuse; nothing is written then.
    pub(super) fn deciding<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let decided = self.transact(|transaction| match work(&transaction) {
            Ok(done) => {
                self.did("commit", transaction.commit())?;
                Ok(Ok(done))
            }
            Err(refused) => Ok(Err(refused)),
        });
        decided?
    }

    fn transact<T>(
        &self,
        work: impl FnOnce(WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.reader.forget();
        let done = self.held.with_writes(|database| {
            let mut transaction = self.did("begin a transaction", database.begin_write())?;
            transaction.set_two_phase_commit(true);
            work(transaction)
        });
        self.reader.forget();
        done
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

    /// Every row of a table, by number.
    pub(super) fn all<R: Row>(
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

/// Whether this program can use the store; what is known of it besides begins anew.
fn prepare(name: &str, database: &Database, hints: &Hints) -> Result<(), StoreError> {
    schema::prepare(name, database)?;
    let load = || hints.load(&database.begin_read()?);
    load().map_err(|error| StoreError::of(name, "read the admissions", error))
}
