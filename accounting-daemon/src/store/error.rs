//! What can go wrong with a store, each with the file and the way out.

use std::io::ErrorKind;

/// Why the store did not do as told. Each names the file and the way out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It could not be opened.
    #[error("cannot open the store {path}: {reason}: {advice}")]
    Open {
        /// The file.
        path: String,
        /// What was wrong.
        reason: String,
        /// The way out.
        advice: &'static str,
    },
    /// It was written by a newer version.
    #[error(
        "the store {path} has schema {found}, newer than the {known} this program knows: start the newer version, or restore a backup"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its version.
        found: u64,
        /// The newest known.
        known: u64,
    },
    /// A row does not read back.
    #[error("the store {path} holds a damaged row in table {table}: restore a backup")]
    Damaged {
        /// The file.
        path: String,
        /// The table.
        table: &'static str,
    },
    /// It is not what was written, as redb sees it. Not a byte of it is changed after that.
    #[error("the store {path} is damaged ({reason}): restore a backup")]
    Corrupt {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// A table is missing that its version has.
    #[error(
        "the store {path} lacks the table {table}: a version of this program wrote it that was never finished; start that \
         version, or restore a backup"
    )]
    Unfinished {
        /// The file.
        path: String,
        /// What is missing.
        table: String,
    },
    /// There is no room for what was to be written.
    #[error("the disk of the store {path} is full: make room, the daemon goes on by itself")]
    Full {
        /// The file.
        path: String,
    },
    /// Reading or writing failed.
    #[error("the store {path} failed to {action}: {reason}")]
    Failed {
        /// The file.
        path: String,
        /// What was tried, such as "commit".
        action: &'static str,
        /// What was wrong.
        reason: String,
    },
}

impl StoreError {
    /// What redb met while it did `action` in the store `path`.
    pub(super) fn of(path: &str, action: &'static str, error: redb::Error) -> Self {
        let path = path.to_owned();
        match error {
            redb::Error::Corrupted(reason) => Self::Corrupt { path, reason },
            redb::Error::TableDoesNotExist(table) => Self::Unfinished { path, table },
            redb::Error::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Self::Full { path }
            }
            error => Self::Failed {
                path,
                action,
                reason: error.to_string(),
            },
        }
    }
}
