//! Passwords that are read from a file, and those that are made here.

use std::{io::Read as _, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use zeroize::Zeroizing;

use crate::{cli::files, config::CODE_ALPHABET, http::draw};

/// Characters of a generated password: 99 bits.
const PASSWORD_CHARACTERS: usize = 20;

/// The largest file of a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 1024;

#[derive(Debug, Args)]
pub(super) struct Password {
    /// Take the password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Password {
    /// The password, where a file is named.
    pub(super) fn read(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let mut text = Zeroizing::new(String::new());
        files::open(path)?
            .take(PASSWORD_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("{} holds no password in its first line", path.display());
        }
        Ok(Some(Zeroizing::new(line.to_owned())))
    }
}

/// Draws a password.
pub(super) fn generated() -> anyhow::Result<Zeroizing<String>> {
    let password = draw(CODE_ALPHABET, PASSWORD_CHARACTERS, getrandom::fill);
    Ok(Zeroizing::new(
        password.context("the operating system gives no random numbers")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "secret words\nmore\n").unwrap();
        let password = Password {
            password_file: Some(path.clone()),
        };
        assert_eq!(password.read().unwrap().unwrap().as_str(), "secret words");
        std::fs::write(&path, "\n").unwrap();
        assert!(password.read().is_err());
        assert_eq!(
            generated()
                .unwrap()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .count(),
            20
        );
    }
}
