//! The open database and the one place where a panic of redb is caught: a damaged file makes it panic where it trusts
//! what it reads.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        PoisonError, RwLock, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{Builder, Database, DatabaseError, StorageBackend, StorageError};

use super::{StoreError, probation::Probation};

/// Pages that redb keeps in memory, in bytes. What is left out is in the kernel's cache of the file, a system call away;
/// without a limit every token that nobody uses would lie in memory once the file was verified.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Makes the backend under a store, each time that it is opened.
pub(super) type Source = Box<dyn Fn() -> Result<Box<dyn StorageBackend>, StoreError> + Send + Sync>;

/// A database that can be closed and opened again under all who share it.
pub(super) struct Held {
    shown: String,
    source: Source,
    open: RwLock<Option<Open>>,
}

struct Open {
    database: Database,
    probation: Probation,
    damaged: AtomicBool,
}

impl Held {
    /// Opens what `source` makes; `check` says whether this program can use it. `shown` names it in errors.
    pub(super) fn new(
        shown: String,
        source: Source,
        check: impl FnOnce(&Database) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let held = Self {
            shown,
            source,
            open: RwLock::new(None),
        };
        held.reopen(check)?;
        held.with_writes(|_| Ok(()))?;
        Ok(held)
    }

    /// The name of the store in errors.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Closes the database and opens it anew, every page verified. Until `check` has agreed, and before something is to be
    /// written, the file is not touched.
    pub(super) fn reopen(
        &self,
        check: impl FnOnce(&Database) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        close(open.take());
        let failed = |error: std::io::Error| self.refused(&DatabaseError::Storage(StorageError::Io(error)));
        let probation = Probation::new((self.source)()?).map_err(failed)?;
        let created = contained(|| {
            Builder::new()
                .set_check_integrity_on_open(true)
                .set_cache_size(CACHE_BYTES)
                .create_with_backend(probation.clone())
        });
        let database = match created {
            Ok(Ok(database)) => database,
            Ok(Err(error)) => return Err(self.refused(&error)),
            Err(panic) => return Err(self.corrupt(panic)),
        };
        let found = Open {
            database,
            probation,
            damaged: AtomicBool::new(false),
        };
        let checked = contained(|| check(&found.database)).unwrap_or_else(|panic| Err(self.corrupt(panic)));
        match &checked {
            Ok(()) => *open = Some(found),
            Err(_) => {
                found.probation.seal();
                close(Some(found));
            }
        }
        checked
    }

    /// Works with the database. A panic on the way, or damage that redb reports, seals it.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        self.with_open(open.as_ref(), work)
    }

    /// The same where nobody has to be waited for; `None` while the database is opened anew.
    pub(super) fn with_at_once<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let open = match self.open.try_read() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(open)) => open.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(self.with_open(open.as_ref(), work))
    }

    fn with_open<T>(
        &self,
        open: Option<&Open>,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let open = open.ok_or_else(|| StoreError::Failed {
            path: self.shown.clone(),
            action: "use it",
            reason: "it could not be opened again".to_owned(),
        })?;
        if open.damaged.load(Ordering::Acquire) {
            return Err(self.corrupt("found before".to_owned()));
        }
        let done = contained(|| work(&open.database)).unwrap_or_else(|panic| Err(self.corrupt(panic)));
        if matches!(done, Err(StoreError::Corrupt { .. })) {
            open.damaged.store(true, Ordering::Release);
            open.probation.seal();
        }
        done
    }

    /// The same for work that writes.
    pub(super) fn with_writes<T>(
        &self,
        work: impl FnOnce(&Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(open) = self.open.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let passed = open.probation.pass();
            passed.map_err(|error| StoreError::of(&self.shown, "write", redb::Error::Io(error)))?;
        }
        self.with(work)
    }

    /// Works with the database alone, for what needs it whole.
    pub(super) fn with_all<T>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, DatabaseError>,
    ) -> Result<T, StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let open = open
            .as_mut()
            .ok_or_else(|| self.corrupt("it is closed".to_owned()))?;
        match contained(|| work(&mut open.database)) {
            Ok(done) => done.map_err(|error| self.refused(&error)),
            Err(panic) => Err(self.corrupt(panic)),
        }
    }

    fn corrupt(&self, reason: String) -> StoreError {
        StoreError::Corrupt {
            path: self.shown.clone(),
            reason,
        }
    }

    fn refused(&self, error: &DatabaseError) -> StoreError {
        let advice = match error {
            DatabaseError::DatabaseAlreadyOpen => "stop the other daemon that uses this `data` folder",
            DatabaseError::Storage(StorageError::Io(io))
                if !matches!(
                    io.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ) =>
            {
                "see that the file is readable and writable for the daemon and the disk is not full"
            }
            _ => "the file is damaged or no store: restore a backup, or move it away to begin anew",
        };
        StoreError::Open {
            path: self.shown.clone(),
            reason: error.to_string(),
            advice,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        close(self.open.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

fn close(open: Option<Open>) {
    // A database that failed before may panic once more on its way out.
    let _ = contained(|| drop(open));
}

/// What the work gives, or the words of its panic.
fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        words.unwrap_or_else(|| "a panic without words".to_owned())
    })
}
