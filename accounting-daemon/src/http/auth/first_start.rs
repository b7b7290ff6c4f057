//! The administrator that the first start makes.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::password;
use crate::{
    config::{AdministratorConfig, CODE_ALPHABET},
    http::codes,
    store::{Disk, StoreError, User},
};

/// Characters of a generated password: 99 bits.
const PASSWORD_CHARACTERS: usize = 20;

/// A password that was generated and is shown once.
pub struct OneTimePassword {
    /// Whose it is.
    pub email: String,
    /// In plain text.
    pub password: Zeroizing<String>,
}

/// Why the first start made no administrator.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file of the first password cannot be read.
    #[error(
        "`administrator.password_file` {path} cannot be read: {source}: create it, or remove the setting"
    )]
    PasswordFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no password.
    #[error(
        "`administrator.password_file` {path} must hold one line with {} to {} bytes",
        password::BYTES_MIN,
        password::BYTES_MAX
    )]
    Password {
        /// The file.
        path: PathBuf,
    },
    /// The operating system has no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The password could not be hashed.
    #[error("the password could not be hashed: {0}")]
    Hash(argon2::password_hash::Error),
}

/// Makes the administrator when there is nobody at all. Answers the password if it was generated: nobody else knows it.
///
/// # Errors
/// [`FirstStartError`].
pub fn first_start(
    store: &Disk,
    config: &AdministratorConfig,
) -> Result<Option<OneTimePassword>, FirstStartError> {
    if !store.users(None, 1)?.is_empty() {
        return Ok(None);
    }
    let (password, generated) = match &config.password_file {
        Some(path) => (read_password(path)?, false),
        None => (
            codes::draw(CODE_ALPHABET, PASSWORD_CHARACTERS, getrandom::fill)?,
            true,
        ),
    };
    let password = Zeroizing::new(password);
    let hash = password::hash_now(&password).map_err(FirstStartError::Hash)?;
    let administrator = User::administrator(&config.email, hash);
    store.change(|accounts| accounts.set_user(&administrator))?;
    let email = config.email.clone();
    Ok(generated.then_some(OneTimePassword { email, password }))
}

fn read_password(path: &Path) -> Result<String, FirstStartError> {
    let unreadable = |source| FirstStartError::PasswordFile {
        path: path.to_owned(),
        source,
    };
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(unreadable)?;
    file.take(password::BYTES_MAX as u64 + 2)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if password::check(line).is_err() {
        let path = path.to_owned();
        return Err(FirstStartError::Password { path });
    }
    Ok(line.to_owned())
}
