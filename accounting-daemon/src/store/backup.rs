//! Copies of the store: made while it is in use, looked through, and put back in its place.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    TableHandle, WriteTransaction, backends::FileBackend,
};

use super::{
    Disk,
    StoreError,
    codec::{Damaged, Row},
    file,
    probation::Probation,
    // Every table is named there, and here none by itself.
    schema::{self, *},
};
use crate::ledger::{Adjustment, Session, Token, TokenBalance, UsageRecord};

/// While it is put in place.
const NAME_RESTORED: &str = "accounting.redb.restored";

/// Pages that redb keeps in memory for a copy, in bytes.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tokens.
    pub tokens: u64,
    /// Sessions that were open.
    pub sessions: u64,
    /// Usage records.
    pub usage: u64,
}

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// What the store holds.
    pub counted: Counted,
    /// Where the store before it went; `None` where there was none.
    pub kept: Option<PathBuf>,
}

impl Disk {
    /// Copies the store as it is at this moment into a new file, durable when this returns. Commits go on meanwhile; for
    /// as long the file grows with each, since the pages that are read stay.
    ///
    /// # Errors
    /// [`StoreError`]; there is then no such file.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let made = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path);
        let file = made.map_err(|error| StoreError::Open {
            path: path.display().to_string(),
            reason: error.to_string(),
            advice: "see that the daemon may make files in that folder, and the disk is not full",
        })?;
        let copied = self.copy(path, file);
        if copied.is_err() {
            // Half a copy looks like a whole one.
            let _ = fs::remove_file(path);
        }
        copied
    }

    fn copy(&self, path: &Path, file: File) -> Result<(), StoreError> {
        let shown = path.display().to_string();
        let target = database(file)
            .and_then(|backend| {
                Ok(Builder::new()
                    .set_cache_size(CACHE_BYTES)
                    .create_with_backend(backend)?)
            })
            .map_err(|error| StoreError::of(&shown, "make it", error))?;
        self.at_once(|source| {
            let forgotten = self.did("read the tables", forgotten(source))?;
            if let Some(name) = forgotten {
                return Err(StoreError::Failed {
                    path: shown.clone(),
                    action: "copy",
                    reason: format!("the table {name} is not known"),
                });
            }
            let copy = || -> Result<(), redb::Error> {
                let mut transaction = target.begin_write()?;
                transaction.set_two_phase_commit(true);
                copy_all(source, &transaction)?;
                Ok(transaction.commit()?)
            };
            copy().map_err(|error| StoreError::of(&shown, "copy", error))
        })
    }
}

fn database(file: File) -> Result<FileBackend, redb::Error> {
    Ok(FileBackend::new(file)?)
}

/// A table that no copy would have.
fn forgotten(source: &ReadTransaction) -> Result<Option<String>, redb::Error> {
    let mut known: Vec<&str> = Vec::new();
    macro_rules! name {
        ($($table:ident)*) => { $(known.push($table.name());)* };
    }
    every_table!(name);
    let found = source.list_tables()?.map(|table| table.name().to_owned());
    let mut found = found.filter(|name| !known.contains(&name.as_str()));
    Ok(found.next())
}

fn copy_all(source: &ReadTransaction, target: &WriteTransaction) -> Result<(), redb::Error> {
    macro_rules! copy {
        ($($table:ident)*) => { $(copy_table(source, target, $table)?;)* };
    }
    every_table!(copy);
    Ok(())
}

fn copy_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    source: &ReadTransaction,
    target: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let mut target = target.open_table(table)?;
    let source = match source.open_table(table) {
        // A store from before there was such a table.
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        source => source?,
    };
    for row in source.iter()? {
        let (key, value) = row?;
        target.insert(key.value(), value.value())?;
    }
    Ok(())
}

/// Looks through a store that nobody uses: every page, every row, and whether each code leads to its token. The file stays
/// as it is.
///
/// # Errors
/// [`StoreError`] that says what is wrong with it.
pub fn count(path: &Path) -> Result<Counted, StoreError> {
    let shown = path.display().to_string();
    let probation = Probation::new(file::backend(path)?)
        .map_err(|error| StoreError::of(&shown, "read", redb::Error::Io(error)))?;
    let unsound = |reason: String| StoreError::Open {
        path: shown.clone(),
        reason,
        advice: "it is damaged or no store: take another backup",
    };
    let look = || {
        let database = Builder::new()
            .set_check_integrity_on_open(true)
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(probation.clone())
            .map_err(|error| unsound(error.to_string()))?;
        schema::prepare(&shown, &database)?;
        let counted = count_rows(&shown, &database);
        probation.seal();
        counted
    };
    // A damaged file makes redb panic where it trusts what it reads.
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
    looked.unwrap_or_else(|_| Err(unsound("its pages contradict one another".to_owned())))
}

fn count_rows(shown: &str, database: &Database) -> Result<Counted, StoreError> {
    let failed = |error: redb::Error| StoreError::of(shown, "read", error);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let damaged = |table| StoreError::Damaged {
        path: shown.to_owned(),
        table,
    };
    let counted = Counted {
        tokens: rows::<u64, Token>(&transaction, TOKENS)
            .map_err(failed)?
            .ok_or_else(|| damaged("tokens"))?,
        sessions: rows::<u64, Session>(&transaction, SESSIONS)
            .map_err(failed)?
            .ok_or_else(|| damaged("sessions"))?,
        usage: rows::<u64, UsageRecord>(&transaction, USAGE)
            .map_err(failed)?
            .ok_or_else(|| damaged("usage"))?,
    };
    rows::<(u64, u64), Adjustment>(&transaction, ADJUSTMENTS)
        .map_err(failed)?
        .ok_or_else(|| damaged("adjustments"))?;
    // A store of an older version has none.
    let kept = match transaction.open_table(BALANCES) {
        Err(TableError::TableDoesNotExist(_)) => Some(0),
        _ => rows::<u64, TokenBalance>(&transaction, BALANCES).map_err(failed)?,
    };
    kept.ok_or_else(|| damaged("balances"))?;
    let codes = codes(&transaction).map_err(failed)?;
    if codes != Some(counted.tokens) {
        return Err(damaged("codes"));
    }
    Ok(counted)
}

/// How many rows a table has; `None` when one does not read back.
fn rows<K: redb::Key + 'static, R: Row>(
    transaction: &ReadTransaction,
    table: TableDefinition<'_, K, &'static [u8]>,
) -> Result<Option<u64>, redb::Error> {
    let mut count = 0;
    for row in transaction.open_table(table)?.iter()? {
        let decoded: Result<R, Damaged> = R::decode(row?.1.value());
        if decoded.is_err() {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

/// How many codes there are; `None` when one leads nowhere, or to a token with another code.
fn codes(transaction: &ReadTransaction) -> Result<Option<u64>, redb::Error> {
    let tokens = transaction.open_table(TOKENS)?;
    let mut count = 0;
    for row in transaction.open_table(CODES)?.iter()? {
        let (code, id) = row?;
        let token = tokens
            .get(id.value())?
            .and_then(|row| Token::decode(row.value()).ok());
        if token.is_none_or(|token| token.code.folded().as_str() != code.value()) {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

/// Puts a copy of a backup in the place of the store in a folder, whose daemon must be stopped. The backup is looked
/// through first; the store that was there is kept beside it, with `suffix` at the end of its name.
///
/// # Errors
/// [`StoreError`]; the store is then as it was.
pub fn restore(backup: &Path, folder: &Path, suffix: &str) -> Result<Replaced, StoreError> {
    let path = folder.join(file::NAME);
    let refused = |path: &Path, reason: &dyn std::fmt::Display| StoreError::Open {
        path: path.display().to_string(),
        reason: reason.to_string(),
        advice: "see that both the backup and the folder can be read and written, and the disk is not full",
    };
    file::make_folder(folder).map_err(|error| refused(folder, &error))?;
    // Held until the end, so that no daemon starts on what is about to go.
    let held = hold(&path)?;
    let copy = folder.join(NAME_RESTORED);
    let begin = || -> io::Result<()> {
        remove(&copy)?;
        let mut target = file::create(&copy)?;
        let mut source = File::open(backup)?;
        io::copy(&mut source, &mut target)?;
        file::hand_over(&copy, folder)?;
        target.sync_all()
    };
    begin().map_err(|error| refused(backup, &error))?;
    let counted = count(&copy).inspect_err(|_| drop(remove(&copy)))?;
    let kept = held
        .is_some()
        .then(|| folder.join(format!("{}.{suffix}", file::NAME)));
    let finish = || -> io::Result<()> {
        if let Some(kept) = &kept {
            fs::hard_link(&path, kept)?;
        }
        fs::rename(&copy, &path)?;
        // Else a power cut may bring the names of before back.
        File::open(folder)?.sync_all()
    };
    finish().map_err(|error| refused(&path, &error))?;
    drop(held);
    Ok(Replaced { counted, kept })
}

/// Locks the store as a daemon does, whatever is in it; `None` where there is none.
fn hold(path: &Path) -> Result<Option<File>, StoreError> {
    let refused =
        |error: io::Error| StoreError::of(&path.display().to_string(), "open", redb::Error::Io(error));
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error)),
    };
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::Open {
            path: path.display().to_string(),
            reason: "it is in use".to_owned(),
            advice: "stop the daemon first",
        }),
        Err(TryLockError::Error(error)) => Err(refused(error)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
