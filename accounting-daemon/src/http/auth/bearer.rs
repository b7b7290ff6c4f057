//! Access tokens: who shows one, until it runs out or is revoked.

use super::{Auth, Caller, Denied, hash_of, lock, remembered::REMEMBERED_MS};
use crate::store::{Disk, Grant, GrantKind, Owner, StoreError, TokenHash};

impl Auth {
    /// Who an access token was given to.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) async fn bearer(&self, token: &str) -> Result<Caller, Denied> {
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
}

/// Who an access token lets in, and until when.
fn owner_of(store: &Disk, hash: &TokenHash, wall: i64) -> Result<Option<(Caller, i64)>, StoreError> {
    let live = |grant: &Grant| grant.kind == GrantKind::Access && wall < grant.expires;
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
