//! The file of the store: made under another name first, so that an empty one is never taken for a new one.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
};

use redb::{StorageBackend, backends::FileBackend};

use super::{Disk, StoreError};

/// In the data folder.
pub(super) const NAME: &str = "accounting.redb";

/// Access codes and password hashes are for the daemon alone.
const MODE: u32 = 0o600;

/// Of a folder that is made for it; the group reaches the socket in it.
const FOLDER_MODE: u32 = 0o750;

/// While it is made.
const NAME_NEW: &str = "accounting.redb.new";

/// The path of the store in a folder; makes both where they are missing.
pub(super) fn make(folder: &Path) -> Result<PathBuf, StoreError> {
    let path = folder.join(NAME);
    let made = || -> io::Result<bool> {
        make_folder(folder)?;
        path.try_exists()
    };
    if made().map_err(|error| refused(folder, &error))? {
        return Ok(path);
    }
    let new = folder.join(NAME_NEW);
    let begin = || -> io::Result<()> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => create(&new).map(drop),
        }
    };
    begin().map_err(|error| refused(&new, &error))?;
    let begun = new.clone();
    drop(Disk::over_file(new.display().to_string(), move || open(&begun))?);
    let finish = || -> io::Result<()> {
        fs::rename(&new, &path)?;
        // Else a power cut may take the name away after rows were acknowledged.
        File::open(folder)?.sync_all()
    };
    finish().map_err(|error| refused(&path, &error))?;
    Ok(path)
}

/// Makes the folder of the store where it is missing.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Makes a file for a store, which is not there yet.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)
}

/// Gives a file in the folder to whom the folder belongs: root restores what another user's daemon opens.
pub(super) fn hand_over(path: &Path, folder: &Path) -> io::Result<()> {
    let (file, folder) = (fs::metadata(path)?, fs::metadata(folder)?);
    if (file.uid(), file.gid()) == (folder.uid(), folder.gid()) {
        return Ok(());
    }
    chown(path, Some(folder.uid()), Some(folder.gid()))
}

/// The file as redb's backend; one that is there but empty has lost what it held.
pub(super) fn backend(path: &Path) -> Result<Box<dyn StorageBackend>, StoreError> {
    let backend = open(path)?;
    let length = backend.len().map_err(|error| refused(path, &error))?;
    if length == 0 {
        return Err(StoreError::Open {
            path: path.display().to_string(),
            reason: "it is empty".to_owned(),
            advice: "restore a backup, or move it away to begin anew",
        });
    }
    Ok(backend)
}

fn open(path: &Path) -> Result<Box<dyn StorageBackend>, StoreError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(|error| refused(path, &error))?;
    let backend = FileBackend::new(file).map_err(|error| StoreError::Open {
        path: path.display().to_string(),
        reason: error.to_string(),
        advice: "see that the file is readable and writable for the daemon",
    })?;
    Ok(Box::new(backend))
}

fn refused(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Open {
        path: path.display().to_string(),
        reason: error.to_string(),
        advice: "see that the file is readable and writable for the daemon and the disk is not full",
    }
}
