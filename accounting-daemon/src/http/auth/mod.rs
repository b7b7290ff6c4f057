//! Who is asking: HTTP Basic against the users and API clients of the store, or the access tokens given to them.
//!
//! argon2id runs one check at a time and not for each request: what passed is remembered for five minutes, and forgotten
//! when any account changes. Failures have budgets for each account and each address.

mod bearer;
mod budget;
mod caller;
mod check;
mod credentials;
mod denied;
mod first_start;
mod giving;
mod local;
pub(super) mod password;
mod remembered;
mod secret;
pub(super) mod totp;

use std::{
    net::IpAddr,
    sync::{Arc, MutexGuard, PoisonError},
};

use hyper::header::HeaderValue;
use tokio::sync::{Mutex, Semaphore};

use budget::Budgets;
pub use caller::{Caller, Rights};
pub(super) use check::Ask;
use check::{Account, Checked};
pub(super) use credentials::{Basic, Credentials};
pub use denied::Denied;
pub use first_start::{FirstStartError, OneTimePassword, first_start};
pub(super) use giving::{Given, NotGiven};
pub(super) use local::Local;
use remembered::{REMEMBERED_MS, Remembered};
pub(super) use secret::{draw_secret, hash_of};

pub use crate::store::{Role, UnknownRole};

use super::Clock;
use crate::{
    config::SignInConfig,
    metrics::Metrics,
    store::{Accounts, Disk, StoreError},
};

/// Who was let in, by password and by access token.
struct Memory {
    passwords: std::sync::Mutex<Remembered>,
    tokens: std::sync::Mutex<Remembered>,
}

/// Checks credentials.
pub struct Auth {
    store: Disk,
    clock: Clock,
    metrics: Arc<Metrics>,
    config: SignInConfig,
    memory: Arc<Memory>,
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
        store: Disk,
        clock: Clock,
        metrics: Arc<Metrics>,
        config: SignInConfig,
    ) -> Result<Self, getrandom::Error> {
        let budgets = Budgets::new(config.account_failures_max, config.address_failures_max);
        Ok(Self {
            store,
            clock,
            metrics,
            config,
            memory: Arc::new(Memory {
                passwords: std::sync::Mutex::new(Remembered::new()?),
                tokens: std::sync::Mutex::new(Remembered::new()?),
            }),
            budgets: Mutex::new(budgets),
            waiting: Semaphore::new(Self::WAITING_MAX),
        })
    }

    /// The clock that it reads.
    pub(super) fn clock(&self) -> Clock {
        Arc::clone(&self.clock)
    }

    /// Changes accounts in one transaction, and forgets everybody who was let in, even when nobody waits for it any more.
    ///
    /// # Errors
    /// What `work` says, the store's, or [`Denied::Failed`].
    pub(super) async fn change<T, E>(
        &self,
        work: impl FnOnce(&Accounts<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + From<Denied> + Send + 'static,
    {
        let (store, memory) = (self.store.clone(), Arc::clone(&self.memory));
        let changed = tokio::task::spawn_blocking(move || {
            let changed = store.change(work);
            memory.forget();
            changed
        });
        changed.await.map_err(|_| Denied::Failed)?
    }

    /// Who the credentials of an `Authorization` header belong to. `even_lent` takes passwords that must be changed, and
    /// those of users with one-time codes by themselves: whoever lets them change theirs asks for the code.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn authenticate(
        &self,
        header: Option<&HeaderValue>,
        peer: IpAddr,
        even_lent: bool,
    ) -> Result<Caller, Denied> {
        match header.and_then(Credentials::read) {
            Some(Credentials::Basic(basic)) => self.basic(basic, peer, even_lent).await,
            Some(Credentials::Bearer(token)) => self.bearer(&token).await,
            None => Err(Denied::Unauthenticated),
        }
    }

    async fn basic(&self, basic: Basic, peer: IpAddr, even_lent: bool) -> Result<Caller, Denied> {
        let (tag, edition) = {
            let passwords = lock(&self.memory.passwords);
            (passwords.tag(&basic), passwords.edition())
        };
        let recall = || lock(&self.memory.passwords).find(&tag, self.now());
        if let Some(caller) = recall() {
            return Ok(caller);
        }
        let ask = if even_lent {
            Ask::PasswordOnly
        } else {
            Ask::All { code: None }
        };
        // While this request waits, another may pass with the same credentials.
        let (caller, half) = match self.check(&basic, ask, peer, recall).await? {
            Checked::Before(caller) => return Ok(caller),
            Checked::Now(Account::User(user)) => {
                let half = user.must_reset || user.second_factor().is_some();
                (Caller::user(&user), half)
            }
            Checked::Now(Account::Client(client)) => (Caller::client(&client), false),
        };
        // What is not enough everywhere is not remembered.
        if !half {
            let now = self.now();
            let until = now.saturating_add(REMEMBERED_MS);
            lock(&self.memory.passwords).keep(tag, caller.clone(), edition, until, now);
        }
        Ok(caller)
    }

    /// Asks the store on a thread that may wait for it.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Denied> {
        let store = self.store.clone();
        let asked = tokio::task::spawn_blocking(move || work(&store)).await;
        asked.map_err(|_| Denied::Failed)?.map_err(|error| {
            tracing::error!(%error, "accounts could not be read or written");
            Denied::Failed
        })
    }

    /// Wall clock milliseconds.
    pub(super) fn wall(&self) -> i64 {
        (self.clock)().wall
    }

    fn now(&self) -> u64 {
        (self.clock)().monotonic
    }
}

impl Memory {
    fn forget(&self) {
        lock(&self.passwords).clear();
        lock(&self.tokens).clear();
    }
}

fn lock(remembered: &std::sync::Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests;
