//! Where this repository is.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The repository's root: the directory above this crate.
///
/// # Errors
///
/// When the sources are gone since this was compiled.
pub(crate) fn root() -> Result<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    above
        .canonicalize()
        .with_context(|| format!("{}: run xtask where its sources are", above.display()))
}
