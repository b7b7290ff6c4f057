//! Folders of a lab.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The first of the usual folders that is not held in memory.
pub(super) fn real_disk() -> Result<PathBuf> {
    const TMPFS: u64 = 0x0102_1994;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    for folder in [PathBuf::from("/var/tmp"), target] {
        if let Ok(system) = rustix::fs::statfs(&folder)
            && u64::try_from(system.f_type) != Ok(TMPFS)
        {
            return folder
                .canonicalize()
                .context("cannot resolve the folder for data");
        }
    }
    bail!(
        "the data must lie on a real disk: /var/tmp is in memory, so set CARGO_TARGET_DIR to a folder on disk"
    )
}

/// Makes a folder that nobody else may look into; its parent must be there.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().mode(0o700).create(folder);
    made.with_context(|| format!("cannot make {}", folder.display()))
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
