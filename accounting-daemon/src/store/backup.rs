//! A copy of the store that is made while it is in use.

mod look;
mod restore;

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
};

use redb::{
    Builder, ReadTransaction, ReadableTable, TableDefinition, TableError, TableHandle, WriteTransaction,
    backends::FileBackend,
};

use super::{
    Disk,
    StoreError,
    // Every table is named there, and here none by itself.
    schema::*,
};

pub use look::{Counted, count};
pub use restore::{Replaced, restore};

/// Pages that redb keeps in memory for a copy, in bytes.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

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

#[cfg(test)]
mod tests;
