//! Who is asking: HTTP Basic against the accounts of the store.
//!
//! argon2id runs one check at a time and not for each request: credentials that passed are remembered for five minutes.
//! Failures have budgets for each account and each address.

mod account;
mod basic;
mod budget;
mod caller;
mod local;
mod remembered;
mod stored;

use std::{net::IpAddr, sync::Arc, time::Duration};

use argon2::{Argon2, PasswordVerifier};
use hyper::header::HeaderValue;
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

pub use account::{Account, Accounts, AccountsError, FirstStartError, OneTimePassword, first_start};
use basic::Credentials;
use budget::Budgets;
pub use caller::{Caller, Rights, Role, UnknownRole};
pub(super) use local::Local;
use remembered::Remembered;

use super::Clock;
use crate::metrics::{Metrics, SignIn};

/// How long a check of credentials may wait for its turn.
const TURN: Duration = Duration::from_secs(10);

/// What an unknown account is compared with, so that it takes as long as a known one.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credentials, or wrong ones.
    #[error("credentials are missing or wrong")]
    Unauthenticated,
    /// The caller is known and lacks the role.
    #[error("the role is missing")]
    Forbidden,
    /// Somebody at the Unix socket who is neither root nor of the daemon's own user and group.
    #[error(
        "this socket is for root and the daemon's own user and group, and you are user {user}, group {group}: use sudo, \
         or sign in with credentials"
    )]
    Stranger {
        /// The number of the user.
        user: u32,
        /// The number of the group.
        group: u32,
    },
    /// The budget of failures is spent.
    #[error("too many failed attempts to sign in")]
    Throttled {
        /// Seconds until the next attempt is heard.
        retry_after_s: u64,
    },
    /// Too many wait for their check.
    #[error("too many attempts to sign in at once")]
    Busy,
    /// The store or the source of random numbers failed.
    #[error("credentials could not be checked")]
    Failed,
}

/// Checks credentials.
pub struct Auth {
    accounts: Arc<dyn Accounts>,
    clock: Clock,
    metrics: Arc<Metrics>,
    remembered: std::sync::Mutex<Remembered>,
    /// Held by the one check that is running: then budgets are exact, equal credentials of parallel requests are
    /// checked once, and at most one check's 19 MiB are in use.
    budgets: Mutex<Budgets>,
    waiting: Semaphore,
}

impl Auth {
    /// Attempts that may wait for their check at once.
    const WAITING_MAX: usize = 256;

    /// Makes the checker of the accounts of a store.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub fn new(
        accounts: Arc<dyn Accounts>,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, getrandom::Error> {
        Ok(Self {
            accounts,
            clock,
            metrics,
            remembered: std::sync::Mutex::new(Remembered::new()?),
            budgets: Mutex::new(Budgets::default()),
            waiting: Semaphore::new(Self::WAITING_MAX),
        })
    }

    /// The clock that it reads.
    pub(super) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    /// Forgets all credentials that passed; to be called when an account changes.
    pub fn forget(&self) {
        self.remembered().clear();
    }

    /// Who the credentials of an `Authorization` header belong to.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn authenticate(&self, header: Option<&HeaderValue>, peer: IpAddr) -> Result<Caller, Denied> {
        let credentials = header
            .and_then(Credentials::read)
            .ok_or(Denied::Unauthenticated)?;
        if let Some(caller) = self.recall(&credentials) {
            return Ok(caller);
        }
        let _place = self.waiting.try_acquire().map_err(|_| Denied::Busy)?;
        let turn = tokio::time::timeout(TURN, self.budgets.lock());
        let mut budgets = turn.await.map_err(|_| Denied::Busy)?;
        // While this request waited, another may have passed with the same credentials.
        if let Some(caller) = self.recall(&credentials) {
            return Ok(caller);
        }
        if let Some(retry_after_s) = budgets.refuses(&credentials.email, peer, self.now()) {
            self.metrics.signed_in(SignIn::Throttled);
            return Err(Denied::Throttled { retry_after_s });
        }
        let account = self.account(&credentials)?;
        // Counted beforehand: who hangs up during the check has used an attempt all the same.
        budgets.failed(&credentials.email, peer, self.now());
        let hash = account
            .as_ref()
            .map_or(NOBODY, |account| &account.password_hash)
            .to_owned();
        let right = verify(credentials.password.clone(), hash).await?;
        let Some(account) = account.filter(|_| right) else {
            self.metrics.signed_in(SignIn::Failed);
            return Err(Denied::Unauthenticated);
        };
        budgets.passed(&credentials.email, peer);
        self.metrics.signed_in(SignIn::Passed);
        self.remembered().keep(&credentials, &account.email, self.now());
        Ok(Caller::administrator(account.email))
    }

    fn recall(&self, credentials: &Credentials) -> Option<Caller> {
        let now = self.now();
        let email = self.remembered().find(credentials, now)?;
        Some(Caller::administrator(email))
    }

    fn account(&self, credentials: &Credentials) -> Result<Option<Account>, Denied> {
        match self.accounts.administrator() {
            Ok(account) => {
                Ok(account.filter(|account| account.email.eq_ignore_ascii_case(&credentials.email)))
            }
            Err(error) => {
                tracing::error!(%error, "an account could not be read");
                Err(Denied::Failed)
            }
        }
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        (self.clock)().monotonic
    }
}

/// Compares in constant time, on a thread that may be kept busy.
async fn verify(password: Zeroizing<String>, hash: String) -> Result<bool, Denied> {
    let check = move || {
        Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok()
    };
    tokio::task::spawn_blocking(check)
        .await
        .map_err(|_| Denied::Failed)
}

#[cfg(test)]
mod tests;
