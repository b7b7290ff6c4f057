//! A real browser for the tests of the portal: Debian's Chromium, driven by playwright-core from npm.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::lab::ensure_programs;

/// Programs, each with the Debian package that brings it.
const NEEDED: [(&str, &str); 3] = [("chromium", "chromium"), ("node", "nodejs"), ("npm", "npm")];

/// A browser that can be driven.
#[derive(Debug)]
pub struct Browser {
    folder: PathBuf,
}

impl Browser {
    /// The folder of the scripts, with what they need beside them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The browser's program.
    #[must_use]
    pub fn chromium(&self) -> PathBuf {
        crate::lab::find_program("chromium").unwrap_or_else(|| "/usr/bin/chromium".into())
    }
}

/// Installs what is missing: Debian packages as root, npm packages by their lock file.
///
/// # Errors
/// What cannot be installed, and the command that would.
pub fn prepare() -> Result<Browser> {
    ensure_programs(&NEEDED)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    let lock = std::fs::read(folder.join("package-lock.json")).context("no lock file of npm")?;
    // npm keeps a copy of another form; this one says that it finished, and of which lock.
    let installed = folder.join("node_modules/.installed-lock.json");
    if std::fs::read(&installed).is_ok_and(|other| other == lock) {
        return Ok(Browser { folder });
    }
    eprintln!("browser: npm ci in {}", folder.display());
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    let done = npm.current_dir(&folder).output().context("cannot start npm")?;
    if !done.status.success() {
        bail!(
            "`npm ci` in {} failed, run it where npm's registry can be reached: {}",
            folder.display(),
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    std::fs::write(&installed, lock).with_context(|| format!("cannot write {}", installed.display()))?;
    Ok(Browser { folder })
}
