//! Checking a name and a secret: one at a time, within the budgets of failures, with a one-time code where the user has them.

use std::{net::IpAddr, time::Duration};

use subtle::ConstantTimeEq;
use tokio::sync::MutexGuard;

use super::{Auth, Basic, Caller, Denied, budget::Budgets, hash_of, password, totp};
use crate::{
    metrics::SignIn,
    store::{Client, Disk, User},
};

/// How long a check of credentials may wait for its turn.
const TURN: Duration = Duration::from_secs(10);

/// What besides a password is asked of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Ask<'a> {
    /// A one-time code where the user has them, and a password of their own.
    All {
        /// The code that was given.
        code: Option<&'a str>,
    },
    /// The same, and the password may be one that must be changed.
    EvenLent {
        /// The code that was given.
        code: Option<&'a str>,
    },
    /// Nothing. It is not enough for signing in, but for changing the password, where the code is asked for.
    PasswordOnly,
}

/// Whoever has a name and a secret.
pub(super) enum Account {
    User(Box<User>),
    Client(Client),
}

/// The end of a check.
pub(super) enum Checked {
    /// The same credentials passed while this check waited.
    Before(Caller),
    Now(Account),
}

impl Auth {
    /// The user whose name and password these are.
    ///
    /// # Errors
    /// [`Denied`].
    pub(in crate::http) async fn user(
        &self,
        basic: &Basic,
        ask: Ask<'_>,
        peer: IpAddr,
    ) -> Result<User, Denied> {
        match self.check(basic, ask, peer, || None).await? {
            Checked::Now(Account::User(user)) => Ok(*user),
            Checked::Now(Account::Client(_)) | Checked::Before(_) => Err(Denied::Unauthenticated),
        }
    }

    /// The API client whose number and secret these are.
    ///
    /// # Errors
    /// [`Denied`].
    pub(in crate::http) async fn client(&self, basic: &Basic, peer: IpAddr) -> Result<Client, Denied> {
        match self.check(basic, Ask::All { code: None }, peer, || None).await? {
            Checked::Now(Account::Client(client)) => Ok(client),
            Checked::Now(Account::User(_)) | Checked::Before(_) => Err(Denied::Unauthenticated),
        }
    }

    /// Checks a name and a password, one after the other; `recall` says whether that has become needless.
    pub(super) async fn check(
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
    pub(in crate::http) async fn within_budget<T, E: From<Denied>>(
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

    async fn turn(&self) -> Result<MutexGuard<'_, Budgets>, Denied> {
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
            Ask::EvenLent { code } | Ask::All { code } => code,
        };
        if user.second_factor().is_some() {
            let code = code.ok_or(Denied::TwoFactor)?;
            self.use_code(&user, code).await?;
        }
        if user.must_reset && matches!(ask, Ask::All { .. }) {
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
}
