//! Putting a backup in the place of the store.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::look::{Counted, count};
use crate::store::{StoreError, file};

/// While it is put in place.
const NAME_RESTORED: &str = "accounting.redb.restored";

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// What the store holds.
    pub counted: Counted,
    /// Where the store before it went; `None` where there was none.
    pub kept: Option<PathBuf>,
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
