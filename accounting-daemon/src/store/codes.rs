//! Which code leads to which token. Codes lie anywhere in their table, so that looking one up, and writing it all the
//! more, costs a page: what has not changed is left alone, and what has is written at the end, in the order of the table.

use std::collections::BTreeMap;

use redb::{Table, WriteTransaction};

use super::{
    codec::{Damaged, Reader, Row},
    schema::CODES,
};
use crate::ledger::{FoldedCode, Token, TokenId};

/// The table in a transaction.
pub(super) struct Codes<'t> {
    table: Table<'t, &'static str, u64>,
    /// `None`: no token has the code any more.
    changes: BTreeMap<FoldedCode, Option<TokenId>>,
}

impl<'t> Codes<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            table: transaction.open_table(CODES)?,
            changes: BTreeMap::new(),
        })
    }

    /// A token has its code; `before` is its row from before, which has led there since.
    pub(super) fn keep(&mut self, token: &Token, before: Option<&[u8]>) -> Result<(), redb::Error> {
        let before = before.map(code_of).transpose();
        let before =
            before.map_err(|_| redb::Error::Corrupted("a damaged row in table tokens".to_owned()))?;
        let same = before.is_some_and(|code| code == token.code.as_str());
        if same && self.changes.is_empty() {
            return Ok(());
        }
        let code = token.code.folded();
        if !same || self.changes.contains_key(&code) {
            self.changes.insert(code, Some(token.id));
        }
        Ok(())
    }

    /// No token has this code any more.
    pub(super) fn forget(&mut self, code: &FoldedCode) {
        self.changes.insert(code.clone(), None);
    }

    /// Writes what has changed.
    pub(super) fn finish(mut self) -> Result<(), redb::Error> {
        for (code, token) in self.changes {
            match token {
                Some(token) => self.table.insert(code.as_str(), token)?,
                None => self.table.remove(code.as_str())?,
            };
        }
        Ok(())
    }
}

/// The code in the row of a token.
pub(super) fn code_of(row: &[u8]) -> Result<String, Damaged> {
    let mut from = Reader::of(row, Token::VERSION)?;
    from.u64()?;
    from.uuid()?;
    from.u64()?;
    from.text()
}
