//! What was given to those who signed in: access tokens and refresh tokens, known by their SHA-256 only.
//!
//! Each owner has a bounded number; with each new one the oldest are looked at, and those that have run out go.

use redb::ReadableTable;

use super::{
    Disk, StoreError,
    account::Owner,
    accounts::Accounts,
    codec::{Damaged, Reader, Row, Writer},
    schema::{GRANTS, GRANTS_BY_OWNER},
};

/// Rows of an owner at most: access tokens, refresh tokens, and refresh tokens that were used.
const PER_OWNER_MAX: usize = 1_000;

/// Of the oldest rows of an owner, how many are looked at with each new one.
const LOOKED_AT: usize = 16;

/// SHA-256 of a token.
pub type TokenHash = [u8; 32];

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// Signing in.
    Access,
    /// Getting the next pair of tokens, once.
    Refresh,
    /// Nothing any more: who shows it has what somebody else has used.
    Spent,
}

/// A token that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is.
    pub owner: Owner,
    /// What it is good for.
    pub kind: GrantKind,
    /// One for each time that somebody signed in; its refresh tokens follow from one another.
    pub family: [u8; 16],
    /// The `client_id` that was named.
    pub client_id: String,
    /// Wall clock milliseconds of when it was given.
    pub issued: i64,
    /// Wall clock milliseconds at which it runs out.
    pub expires: i64,
}

impl Disk {
    /// The token with this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn grant(&self, hash: &TokenHash) -> Result<Option<Grant>, StoreError> {
        self.reading(|database| {
            let table = self.table(database, GRANTS)?;
            let row = self.did("read a token", table.get(hash))?;
            row.map(|row| Grant::decode(row.value()))
                .transpose()
                .map_err(|_| self.damaged("grants"))
        })
    }
}

impl Accounts<'_> {
    /// The token with this hash.
    ///
    /// # Errors
    /// [`StoreError`], as for all that follow.
    pub fn grant(&self, hash: &TokenHash) -> Result<Option<Grant>, StoreError> {
        let table = self.did(self.transaction.open_table(GRANTS))?;
        let row = self.did(table.get(hash))?;
        row.map(|row| Grant::decode(row.value()))
            .transpose()
            .map_err(|_| self.disk.damaged("grants"))
    }

    /// Keeps a token. The oldest of its owner go when they have run out or are too many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn give(&self, hash: &TokenHash, grant: &Grant) -> Result<(), StoreError> {
        let owned = self.owned(&grant.owner)?;
        for (nth, (_, old)) in owned.iter().take(LOOKED_AT).enumerate() {
            let expired = self.grant(old)?.is_none_or(|old| old.expires <= grant.issued);
            if expired || owned.len() - nth >= PER_OWNER_MAX {
                self.forget(&grant.owner, &owned[nth..=nth])?;
            }
        }
        self.put(hash, grant)?;
        let key = grant.owner.key();
        let mut index = self.did(self.transaction.open_table(GRANTS_BY_OWNER))?;
        self.did(index.insert((key.as_str(), grant.issued, hash), ()))?;
        Ok(())
    }

    /// Makes a refresh token useless but known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spend(&self, hash: &TokenHash, grant: &Grant) -> Result<(), StoreError> {
        let spent = Grant {
            kind: GrantKind::Spent,
            ..grant.clone()
        };
        self.put(hash, &spent)
    }

    /// Takes back all that was given to somebody.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke(&self, owner: &Owner) -> Result<(), StoreError> {
        let owned = self.owned(owner)?;
        self.forget(owner, &owned)
    }

    /// Takes back the refresh tokens that follow from one sign-in; access tokens run out by themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn revoke_family(&self, owner: &Owner, family: &[u8; 16]) -> Result<(), StoreError> {
        for owned in self.owned(owner)? {
            let grant = self.grant(&owned.1)?;
            if grant.is_some_and(|grant| grant.family == *family && grant.kind != GrantKind::Access) {
                self.forget(owner, &[owned])?;
            }
        }
        Ok(())
    }

    fn put(&self, hash: &TokenHash, grant: &Grant) -> Result<(), StoreError> {
        let mut table = self.did(self.transaction.open_table(GRANTS))?;
        self.did(table.insert(hash, grant.encode().as_slice()))?;
        Ok(())
    }

    /// When the tokens of somebody were given, and their hashes; oldest first.
    fn owned(&self, owner: &Owner) -> Result<Vec<(i64, TokenHash)>, StoreError> {
        let key = owner.key();
        let index = self.did(self.transaction.open_table(GRANTS_BY_OWNER))?;
        let first = (key.as_str(), i64::MIN, &[0; 32]);
        let last = (key.as_str(), i64::MAX, &[u8::MAX; 32]);
        let mut owned = Vec::new();
        for row in self.did(index.range(first..=last))? {
            let (key, _) = self.did(row)?;
            let (_, issued, hash) = key.value();
            owned.push((issued, *hash));
        }
        Ok(owned)
    }

    fn forget(&self, owner: &Owner, owned: &[(i64, TokenHash)]) -> Result<(), StoreError> {
        let key = owner.key();
        let mut table = self.did(self.transaction.open_table(GRANTS))?;
        let mut index = self.did(self.transaction.open_table(GRANTS_BY_OWNER))?;
        for (issued, hash) in owned {
            self.did(table.remove(hash))?;
            self.did(index.remove((key.as_str(), *issued, hash)))?;
        }
        Ok(())
    }
}

impl Row for Grant {
    fn write(&self, out: &mut Writer) {
        out.text(&self.owner.key());
        out.u8(match self.kind {
            GrantKind::Access => 0,
            GrantKind::Refresh => 1,
            GrantKind::Spent => 2,
        });
        out.bytes(&self.family);
        out.text(&self.client_id);
        out.i64(self.issued);
        out.i64(self.expires);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            owner: Owner::of_key(&from.text()?).ok_or(Damaged)?,
            kind: match from.u8()? {
                0 => GrantKind::Access,
                1 => GrantKind::Refresh,
                2 => GrantKind::Spent,
                _ => return Err(Damaged),
            },
            family: from.array()?,
            client_id: from.text()?,
            issued: from.i64()?,
            expires: from.i64()?,
        })
    }
}
