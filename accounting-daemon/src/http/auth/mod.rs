//! Who is asking: HTTP Basic against the users and API clients of the store, or the access tokens given to them.
//!
//! argon2id runs one check at a time and not for each request: what passed is remembered for five minutes, and forgotten
//! when any account changes. Failures have budgets for each account and each address.

mod budget;
mod caller;
mod credentials;
mod first_start;
mod giving;
mod local;
pub(super) mod password;
mod remembered;
pub(super) mod totp;

use std::{
    net::IpAddr,
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

use budget::Budgets;
pub use caller::{Caller, Rights};
pub(super) use credentials::{Basic, Credentials};
pub use first_start::{FirstStartError, OneTimePassword, first_start};
pub(super) use giving::{Given, NotGiven};
pub(super) use local::Local;
use remembered::{REMEMBERED_MS, Remembered};

pub use crate::store::{Role, UnknownRole};

use super::Clock;
use crate::{
    config::SignInConfig,
    metrics::{Metrics, SignIn},
    store::{Accounts, Client, Disk, GrantKind, Owner, StoreError, TokenHash, User},
};

/// How long a check of credentials may wait for its turn.
const TURN: Duration = Duration::from_secs(10);

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credentials, or wrong ones.
    #[error("credentials are missing or wrong")]
    Unauthenticated,
    /// The password is right, and a one-time code is missing.
    #[error("this account signs in with a one-time code: get an access token at /api/token")]
    TwoFactor,
    /// The password is right, and was only lent.
    #[error("the password must be changed first, by PUT /v1/me/password")]
    MustReset,
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

/// What besides a password is asked of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask<'a> {
    /// A one-time code where the user has them, and a password of their own.
    All {
        /// The code that was given.
        code: Option<&'a str>,
    },
    /// A one-time code where the user has them: none is given. The password may be one that must be changed.
    EvenLent,
    /// Nothing: they are signed in, and show the password once more.
    PasswordOnly,
}

/// Whoever has a name and a secret.
enum Account {
    User(Box<User>),
    Client(Client),
}

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

    /// Who the credentials of an `Authorization` header belong to. `even_lent` takes passwords that must be changed.
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
            Ask::EvenLent
        } else {
            Ask::All { code: None }
        };
        // While this request waits, another may pass with the same credentials.
        let (caller, lent) = match self.check(&basic, ask, peer, recall).await? {
            Checked::Before(caller) => return Ok(caller),
            Checked::Now(Account::User(user)) => (Caller::user(&user), user.must_reset),
            Checked::Now(Account::Client(client)) => (Caller::client(&client), false),
        };
        if !lent {
            let now = self.now();
            let until = now.saturating_add(REMEMBERED_MS);
            lock(&self.memory.passwords).keep(tag, caller.clone(), edition, until, now);
        }
        Ok(caller)
    }

    async fn bearer(&self, token: &str) -> Result<Caller, Denied> {
        let hash = hash_of(token);
        let (found, edition) = {
            let tokens = lock(&self.memory.tokens);
            (tokens.find(&hash, self.now()), tokens.edition())
        };
        if let Some(caller) = found {
            return Ok(caller);
        }
        let wall = (self.clock)().wall;
        let found = self.ask(move |store| owner_of(store, &hash, wall)).await?;
        let (caller, expires) = found.ok_or(Denied::Unauthenticated)?;
        let left = u64::try_from(expires.saturating_sub(wall)).unwrap_or(0);
        let now = self.now();
        let until = now.saturating_add(left.min(REMEMBERED_MS));
        lock(&self.memory.tokens).keep(hash, caller.clone(), edition, until, now);
        Ok(caller)
    }

    /// The user whose name and password these are.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) async fn user(&self, basic: &Basic, ask: Ask<'_>, peer: IpAddr) -> Result<User, Denied> {
        match self.check(basic, ask, peer, || None).await? {
            Checked::Now(Account::User(user)) => Ok(*user),
            Checked::Now(Account::Client(_)) | Checked::Before(_) => Err(Denied::Unauthenticated),
        }
    }

    /// The API client whose number and secret these are.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) async fn client(&self, basic: &Basic, peer: IpAddr) -> Result<Client, Denied> {
        match self.check(basic, Ask::All { code: None }, peer, || None).await? {
            Checked::Now(Account::Client(client)) => Ok(client),
            Checked::Now(Account::User(_)) | Checked::Before(_) => Err(Denied::Unauthenticated),
        }
    }

    /// Checks a name and a password, one after the other; `recall` says whether that has become needless.
    async fn check(
        &self,
        basic: &Basic,
        ask: Ask<'_>,
        peer: IpAddr,
        recall: impl Fn() -> Option<Caller>,
    ) -> Result<Checked, Denied> {
        let mut budgets = self.turn().await?;
        if let Some(caller) = recall() {
            return Ok(Checked::Before(caller));
        }
        self.heard(&budgets, &basic.name, peer)?;
        let account = self.account(&basic.name).await?;
        // Counted beforehand: who hangs up during the check has used an attempt all the same.
        budgets.failed(&basic.name, peer, self.now());
        let passed = self.verify(basic, account, ask).await;
        match passed {
            Ok(account) => {
                budgets.passed(&basic.name, peer);
                self.metrics.signed_in(SignIn::Passed);
                Ok(Checked::Now(account))
            }
            Err(denied) => {
                match denied {
                    Denied::Unauthenticated => self.metrics.signed_in(SignIn::Failed),
                    // The password was right.
                    _ => budgets.passed(&basic.name, peer),
                }
                Err(denied)
            }
        }
    }

    /// Checks something that a user who is signed in may get wrong, within the budget of their failures.
    ///
    /// # Errors
    /// [`Denied::Throttled`], [`Denied::Busy`], or what `check` says.
    pub(super) async fn within_budget<T, E: From<Denied>>(
        &self,
        name: &str,
        peer: IpAddr,
        check: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut budgets = self.turn().await?;
        self.heard(&budgets, name, peer)?;
        budgets.failed(name, peer, self.now());
        let checked = check().await?;
        budgets.passed(name, peer);
        Ok(checked)
    }

    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, Budgets>, Denied> {
        let _place = self.waiting.try_acquire().map_err(|_| Denied::Busy)?;
        let turn = tokio::time::timeout(TURN, self.budgets.lock());
        turn.await.map_err(|_| Denied::Busy)
    }

    fn heard(&self, budgets: &Budgets, name: &str, peer: IpAddr) -> Result<(), Denied> {
        match budgets.refuses(name, peer, self.now()) {
            Some(retry_after_s) => {
                self.metrics.signed_in(SignIn::Throttled);
                Err(Denied::Throttled { retry_after_s })
            }
            None => Ok(()),
        }
    }

    /// Users have an `@` in their names, clients none.
    async fn account(&self, name: &str) -> Result<Option<Account>, Denied> {
        let name = name.to_owned();
        let find = move |store: &Disk| {
            Ok(if name.contains('@') {
                store.user(&name)?.map(|user| Account::User(Box::new(user)))
            } else {
                store.client(&name)?.map(Account::Client)
            })
        };
        self.ask(find).await
    }

    async fn verify(&self, basic: &Basic, account: Option<Account>, ask: Ask<'_>) -> Result<Account, Denied> {
        let user = match account {
            Some(Account::Client(client)) => {
                let right = hash_of(&basic.password).ct_eq(&client.secret_hash);
                return if right.into() {
                    Ok(Account::Client(client))
                } else {
                    Err(Denied::Unauthenticated)
                };
            }
            Some(Account::User(user)) => Some(user),
            // Secrets of clients take no time to check, and neither do those of clients that are not there.
            None if !basic.name.contains('@') => return Err(Denied::Unauthenticated),
            None => None,
        };
        let hash = user
            .as_ref()
            .map_or(password::NOBODY, |user| &user.password_hash)
            .to_owned();
        let right = password::verify(basic.password.clone(), hash).await?;
        let user = user.filter(|user| right && !user.disabled);
        let user = user.ok_or(Denied::Unauthenticated)?;
        let code = match ask {
            Ask::PasswordOnly => return Ok(Account::User(user)),
            Ask::EvenLent => None,
            Ask::All { code } => code,
        };
        if user.second_factor().is_some() {
            let code = code.ok_or(Denied::TwoFactor)?;
            self.use_code(&user, code).await?;
        }
        if user.must_reset && ask != Ask::EvenLent {
            return Err(Denied::MustReset);
        }
        Ok(Account::User(user))
    }

    /// Takes a one-time code, so that it cannot be used again.
    async fn use_code(&self, user: &User, code: &str) -> Result<(), Denied> {
        let (email, code, wall) = (user.email.clone(), code.to_owned(), (self.clock)().wall);
        let used = self.ask(move |store| store.change(|accounts| totp::take(accounts, &email, &code, wall)));
        used.await?.ok_or(Denied::Unauthenticated)
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

/// The end of a check.
enum Checked {
    /// The same credentials passed while this check waited.
    Before(Caller),
    Now(Account),
}

/// SHA-256 of a secret that is random, and therefore needs no slow hash.
pub(super) fn hash_of(secret: &str) -> TokenHash {
    Sha256::digest(secret.as_bytes()).into()
}

/// 256 random bits in URL-safe letters, and their hash.
pub(super) fn draw_secret() -> Result<(Zeroizing<String>, TokenHash), Denied> {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|error| {
        tracing::error!(%error, "the operating system gives no random numbers");
        Denied::Failed
    })?;
    let text = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_ref()));
    let hash = hash_of(&text);
    Ok((text, hash))
}

/// Who an access token lets in, and until when.
fn owner_of(store: &Disk, hash: &TokenHash, wall: i64) -> Result<Option<(Caller, i64)>, StoreError> {
    let live = |grant: &crate::store::Grant| grant.kind == GrantKind::Access && wall < grant.expires;
    let Some(grant) = store.grant(hash)?.filter(live) else {
        return Ok(None);
    };
    let caller = match &grant.owner {
        Owner::User(email) => {
            let user = store.user(email)?.filter(|user| !user.disabled);
            user.map(|user| Caller::user(&user))
        }
        Owner::Client(id) => store.client(id)?.map(|client| Caller::client(&client)),
    };
    Ok(caller.map(|caller| (caller, grant.expires)))
}

fn lock(remembered: &std::sync::Mutex<Remembered>) -> MutexGuard<'_, Remembered> {
    remembered.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod tests;
