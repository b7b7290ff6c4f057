//! Giving tokens to those who signed in, and new ones for a refresh token.

use zeroize::Zeroizing;

use super::{Auth, Denied, draw_secret, hash_of};
use crate::store::{Accounts, Client, Grant, GrantKind, Owner, StoreError, TokenHash, User, fold_email};

/// Tokens in plain text: nobody else knows them. Has no `Debug`.
pub(in crate::http) struct Given {
    pub(in crate::http) access: Zeroizing<String>,
    /// Seconds.
    pub(in crate::http) expires_in: u64,
    /// `None` for programs, which have their secret.
    pub(in crate::http) refresh: Option<Zeroizing<String>>,
}

/// Why nothing was given for a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::http) enum NotGiven {
    /// It is not one, ran out, was used, or belongs to another client.
    #[error("the refresh token is wrong, expired or used")]
    Wrong,
    #[error(transparent)]
    Denied(#[from] Denied),
}

/// Tokens that are drawn but not kept yet.
struct Drawn {
    given: Given,
    access: TokenHash,
    refresh: Option<TokenHash>,
    grant: Grant,
    refresh_expires: i64,
}

impl Auth {
    /// Gives tokens to a user who has signed in, and has not been changed since. `client_id` is what they call the program
    /// that they use.
    ///
    /// # Errors
    /// [`Denied`].
    pub(in crate::http) async fn give_user(&self, user: User, client_id: String) -> Result<Given, Denied> {
        let owner = user.owner();
        let same = move |accounts: &Accounts<'_>| {
            let same =
                |now: User| now.password_hash == user.password_hash && !now.disabled && !now.must_reset;
            Ok(accounts.user(&user.email)?.is_some_and(same))
        };
        self.give(owner, client_id, same).await
    }

    /// Gives an access token to a client that has signed in, and has not been changed since.
    ///
    /// # Errors
    /// [`Denied`].
    pub(in crate::http) async fn give_client(&self, client: Client) -> Result<Given, Denied> {
        let (owner, client_id) = (client.owner(), client.id.clone());
        let same = move |accounts: &Accounts<'_>| Ok(accounts.client(&client.id)? == Some(client));
        self.give(owner, client_id, same).await
    }

    async fn give(
        &self,
        owner: Owner,
        client_id: String,
        same: impl FnOnce(&Accounts<'_>) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<Given, Denied> {
        let mut family = [0; 16];
        getrandom::fill(&mut family).map_err(|_| Denied::Failed)?;
        let drawn = self.draw(owner, client_id, family)?;
        let keep = move |accounts: &Accounts<'_>| {
            if !same(accounts)? {
                return Ok(None);
            }
            drawn.keep(accounts)?;
            Ok(Some(drawn.given))
        };
        let given = self.ask(move |store| store.change(keep)).await?;
        given.ok_or(Denied::Unauthenticated)
    }

    /// Gives new tokens for a refresh token, once; whoever shows it again ends all that followed from it.
    ///
    /// # Errors
    /// [`NotGiven`].
    pub(in crate::http) async fn refresh(
        &self,
        token: &str,
        client_id: Option<String>,
    ) -> Result<Given, NotGiven> {
        let (hash, wall) = (hash_of(token), (self.clock)().wall);
        let known = self.ask(move |store| store.grant(&hash)).await?;
        let Some(known) = known.filter(|grant| grant.kind != GrantKind::Access) else {
            return Err(NotGiven::Wrong);
        };
        let drawn = self.draw(known.owner, known.client_id, known.family)?;
        let given = self
            .ask(move |store| {
                store.change(|accounts| follow(accounts, &hash, client_id.as_deref(), wall, drawn))
            })
            .await?;
        given.ok_or(NotGiven::Wrong)
    }

    fn draw(&self, owner: Owner, client_id: String, family: [u8; 16]) -> Result<Drawn, Denied> {
        let issued = (self.clock)().wall;
        let after = |lifetime: std::time::Duration| {
            issued.saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX))
        };
        let (access_text, access) = draw_secret()?;
        let refresh = match &owner {
            Owner::User(_) => Some(draw_secret()?),
            Owner::Client(_) => None,
        };
        let (refresh_text, refresh) = refresh.unzip();
        Ok(Drawn {
            given: Given {
                access: access_text,
                expires_in: self.config.access_token_lifetime.as_secs(),
                refresh: refresh_text,
            },
            access,
            refresh,
            grant: Grant {
                owner,
                kind: GrantKind::Access,
                family,
                client_id,
                issued,
                expires: after(self.config.access_token_lifetime),
            },
            refresh_expires: after(self.config.refresh_token_lifetime),
        })
    }
}

impl Drawn {
    fn keep(&self, accounts: &Accounts<'_>) -> Result<(), StoreError> {
        accounts.give(&self.access, &self.grant)?;
        if let Some(refresh) = &self.refresh {
            let grant = Grant {
                kind: GrantKind::Refresh,
                expires: self.refresh_expires,
                ..self.grant.clone()
            };
            accounts.give(refresh, &grant)?;
        }
        Ok(())
    }
}

/// Spends a refresh token. In one transaction: of two who show it at once, one is given tokens.
fn follow(
    accounts: &Accounts<'_>,
    hash: &TokenHash,
    client_id: Option<&str>,
    wall: i64,
    drawn: Drawn,
) -> Result<Option<Given>, StoreError> {
    let Some(shown) = accounts.grant(hash)? else {
        return Ok(None);
    };
    if shown.kind == GrantKind::Spent {
        accounts.revoke_family(&shown.owner, &shown.family)?;
        return Ok(None);
    }
    let Owner::User(email) = &shown.owner else {
        return Ok(None);
    };
    let named = |client_id: &str| client_id == shown.client_id || fold_email(client_id) == *email;
    let user = accounts.user(email)?;
    let lets = user.is_some_and(|user| !user.disabled && !user.must_reset);
    if !lets || shown.kind != GrantKind::Refresh || wall >= shown.expires || !client_id.is_none_or(named) {
        return Ok(None);
    }
    accounts.spend(hash, &shown)?;
    drawn.keep(accounts)?;
    Ok(Some(drawn.given))
}
