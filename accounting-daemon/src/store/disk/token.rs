//! One token as it reads: its row, its balance, and the session that shows both; and what was changed of it.

use super::Disk;
use crate::{
    ledger::{Adjustment, SecondFactor, Token, TokenBalance, TokenId},
    store::{
        StoreError, admissions::shown, balances::joined, codec::Row as _, reader::Tables, schema::ADJUSTMENTS,
    },
};

impl Disk {
    /// The token with this number, for callers that may wait for the disk but not for a store that is opened anew: then
    /// `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn token_at_once(&self, id: TokenId) -> Option<Result<Option<Token>, StoreError>> {
        self.held
            .with_at_once(|database| self.read(database, |tables| self.find(tables, id)))
    }

    /// The changes of what a token is good for, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn adjustments(&self, token: TokenId) -> Result<Vec<Adjustment>, StoreError> {
        self.held.with(|database| {
            let table = self.table(database, ADJUSTMENTS)?;
            let mut found = Vec::new();
            let of_token = (token, 0)..=(token, u64::MAX);
            for row in self.did("read the adjustments", table.range(of_token))? {
                let (_, bytes) = self.did("read the adjustments", row)?;
                found.push(Adjustment::decode(bytes.value()).map_err(|_| self.damaged("adjustments"))?);
            }
            Ok(found)
        })
    }

    pub(super) fn find(&self, tables: &Tables, id: TokenId) -> Result<Option<Token>, StoreError> {
        let Some(token) = self.did("read a token", tables.tokens.get(id))? else {
            return Ok(None);
        };
        let balance = self.did("read a balance", tables.balances.get(id))?;
        let token = joined(token.value(), balance.as_ref().map(redb::AccessGuard::value));
        let mut token = token.map_err(|_| self.damaged("tokens"))?;
        let shown = tables.admissions.show(&mut token, &self.hints);
        self.did("read a session", shown)?;
        Ok(Some(token))
    }

    pub(super) fn find_balance(
        &self,
        tables: &Tables,
        id: TokenId,
    ) -> Result<Option<TokenBalance>, StoreError> {
        let mut balance = match self.did("read a balance", tables.balances.get(id))? {
            Some(row) => TokenBalance::decode(row.value()).map_err(|_| self.damaged("balances"))?,
            // Nobody has used it yet.
            None => match self.did("read a token", tables.tokens.get(id))? {
                Some(row) => {
                    let token = Token::decode(row.value());
                    token.map_err(|_| self.damaged("tokens"))?.balance()
                }
                None => return Ok(None),
            },
        };
        let session = self.did("read a session", tables.admissions.of(id, &self.hints))?;
        if let Some(session) = session {
            shown(&mut balance, &session);
        }
        Ok(Some(balance))
    }

    pub(super) fn find_factor(
        &self,
        tables: &Tables,
        token: TokenId,
    ) -> Result<Option<SecondFactor>, StoreError> {
        let Some(factors) = &tables.factors else {
            return Ok(None);
        };
        let row = self.did("read what must be given besides a code", factors.get(token))?;
        row.map(|row| SecondFactor::decode(row.value()))
            .transpose()
            .map_err(|_| self.damaged("factors"))
    }
}
