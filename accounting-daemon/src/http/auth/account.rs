//! Accounts as the store keeps them, and the one that the first start makes.

use std::{
    error::Error,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use argon2::{Argon2, PasswordHasher};
use zeroize::Zeroizing;

use crate::{
    config::{AdministratorConfig, CODE_ALPHABET},
    http::codes,
};

/// Characters of a generated password: 99 bits.
const PASSWORD_CHARACTERS: usize = 20;

/// The longest first password in bytes.
const PASSWORD_BYTES_MAX: u64 = 1024;

/// An account. Its `Debug` shows no hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The name to sign in with, compared without case.
    pub email: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
}

/// Where accounts are kept. Calls may wait for a read of the store, not longer.
pub trait Accounts: Send + Sync {
    /// The administrator, where there is one.
    ///
    /// # Errors
    /// The store failed.
    fn administrator(&self) -> Result<Option<Account>, AccountsError>;

    /// Makes or replaces the administrator; durable when it returns.
    ///
    /// # Errors
    /// The store failed, and nothing was changed.
    fn set_administrator(&self, account: &Account) -> Result<(), AccountsError>;
}

/// The store of accounts failed.
#[derive(Debug, thiserror::Error)]
#[error("the accounts in the store could not be read or written: {0}")]
pub struct AccountsError(#[source] pub Box<dyn Error + Send + Sync>);

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
    /// See [`AccountsError`].
    #[error(transparent)]
    Accounts(#[from] AccountsError),
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
    #[error("`administrator.password_file` {path} must hold one line with 8 to {PASSWORD_BYTES_MAX} bytes")]
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

/// Makes the administrator when there is none. Answers the password if it was generated: nobody else knows it.
///
/// # Errors
/// [`FirstStartError`].
pub fn first_start(
    accounts: &dyn Accounts,
    config: &AdministratorConfig,
) -> Result<Option<OneTimePassword>, FirstStartError> {
    if accounts.administrator()?.is_some() {
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
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(FirstStartError::Hash)?;
    accounts.set_administrator(&Account {
        email: config.email.clone(),
        password_hash: hash.to_string(),
    })?;
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
    file.take(PASSWORD_BYTES_MAX + 2)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let fits = (8..=PASSWORD_BYTES_MAX).contains(&(line.len() as u64));
    if !fits || line.chars().any(char::is_control) {
        let path = path.to_owned();
        return Err(FirstStartError::Password { path });
    }
    Ok(line.to_owned())
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("email", &self.email)
            .finish_non_exhaustive()
    }
}
