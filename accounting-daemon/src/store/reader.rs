//! The tables that redemptions look into, open from one commit to the next: opening them anew for each code would cost
//! more than the look.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{Database, ReadOnlyTable, ReadableDatabase, TableError};

use super::{
    admissions::Admissions,
    schema::{BALANCES, CODES, FACTORS, TOKENS},
};

/// The tables as the last commit left them.
pub(super) struct Tables {
    pub(super) tokens: ReadOnlyTable<u64, &'static [u8]>,
    pub(super) balances: ReadOnlyTable<u64, &'static [u8]>,
    pub(super) codes: ReadOnlyTable<&'static str, u64>,
    /// `None` in a store that an earlier program left, before the first commit.
    pub(super) factors: Option<ReadOnlyTable<u64, &'static [u8]>>,
    pub(super) admissions: Admissions,
}

/// The tables, once somebody has asked.
#[derive(Default)]
pub(super) struct Reader(Mutex<Option<Tables>>);

impl Reader {
    /// Works with the tables.
    pub(super) fn with<T, E>(
        &self,
        database: &Database,
        failed: impl FnOnce(redb::Error) -> E,
        work: impl FnOnce(&Tables) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut open = self.open();
        let tables = match open.take() {
            Some(tables) => tables,
            None => Tables::open(database).map_err(failed)?,
        };
        // Kept only where it did not fail or panic.
        let done = work(&tables)?;
        *open = Some(tables);
        Ok(done)
    }

    /// Forgets them: before a write, which could not use their pages again, and after it, since they show what was.
    pub(super) fn forget(&self) {
        self.open().take();
    }

    fn open(&self) -> MutexGuard<'_, Option<Tables>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn open(database: &Database) -> Result<Self, redb::Error> {
        let transaction = database.begin_read()?;
        Ok(Self {
            tokens: transaction.open_table(TOKENS)?,
            balances: transaction.open_table(BALANCES)?,
            codes: transaction.open_table(CODES)?,
            factors: match transaction.open_table(FACTORS) {
                Err(TableError::TableDoesNotExist(_)) => None,
                table => Some(table?),
            },
            admissions: Admissions::open(&transaction)?,
        })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}
