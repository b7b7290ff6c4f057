//! Looking through a copy: a backup that cannot be restored is none.

use std::path::Path;

use redb::{
    Builder, Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError,
};

use super::CACHE_BYTES;
use crate::{
    ledger::{Adjustment, Session, Token, TokenBalance, UsageRecord},
    store::{
        StoreError,
        codec::{Damaged, Row},
        file,
        probation::Probation,
        schema::{self, ADJUSTMENTS, BALANCES, CODES, SESSIONS, TOKENS, USAGE},
    },
};

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Tokens.
    pub tokens: u64,
    /// Sessions that were open.
    pub sessions: u64,
    /// Usage records.
    pub usage: u64,
}

/// Looks through a store that nobody uses: every page, every row, and whether each code leads to its token. The file stays
/// as it is.
///
/// # Errors
/// [`StoreError`] that says what is wrong with it.
pub fn count(path: &Path) -> Result<Counted, StoreError> {
    let shown = path.display().to_string();
    let probation = Probation::new(file::backend(path)?)
        .map_err(|error| StoreError::of(&shown, "read", redb::Error::Io(error)))?;
    let unsound = |reason: String| StoreError::Open {
        path: shown.clone(),
        reason,
        advice: "it is damaged or no store: take another backup",
    };
    let look = || {
        let database = Builder::new()
            .set_check_integrity_on_open(true)
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(probation.clone())
            .map_err(|error| unsound(error.to_string()))?;
        schema::prepare(&shown, &database)?;
        let counted = count_rows(&shown, &database);
        probation.seal();
        counted
    };
    // A damaged file makes redb panic where it trusts what it reads.
    let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(look));
    looked.unwrap_or_else(|_| Err(unsound("its pages contradict one another".to_owned())))
}

fn count_rows(shown: &str, database: &Database) -> Result<Counted, StoreError> {
    let failed = |error: redb::Error| StoreError::of(shown, "read", error);
    let transaction = database.begin_read().map_err(|error| failed(error.into()))?;
    let damaged = |table| StoreError::Damaged {
        path: shown.to_owned(),
        table,
    };
    let counted = Counted {
        tokens: rows::<u64, Token>(&transaction, TOKENS)
            .map_err(failed)?
            .ok_or_else(|| damaged("tokens"))?,
        sessions: rows::<u64, Session>(&transaction, SESSIONS)
            .map_err(failed)?
            .ok_or_else(|| damaged("sessions"))?,
        usage: rows::<u64, UsageRecord>(&transaction, USAGE)
            .map_err(failed)?
            .ok_or_else(|| damaged("usage"))?,
    };
    rows::<(u64, u64), Adjustment>(&transaction, ADJUSTMENTS)
        .map_err(failed)?
        .ok_or_else(|| damaged("adjustments"))?;
    // A store of an older version has none.
    let kept = match transaction.open_table(BALANCES) {
        Err(TableError::TableDoesNotExist(_)) => Some(0),
        _ => rows::<u64, TokenBalance>(&transaction, BALANCES).map_err(failed)?,
    };
    kept.ok_or_else(|| damaged("balances"))?;
    let codes = codes(&transaction).map_err(failed)?;
    if codes != Some(counted.tokens) {
        return Err(damaged("codes"));
    }
    Ok(counted)
}

/// How many rows a table has; `None` when one does not read back.
fn rows<K: redb::Key + 'static, R: Row>(
    transaction: &ReadTransaction,
    table: TableDefinition<'_, K, &'static [u8]>,
) -> Result<Option<u64>, redb::Error> {
    let mut count = 0;
    for row in transaction.open_table(table)?.iter()? {
        let decoded: Result<R, Damaged> = R::decode(row?.1.value());
        if decoded.is_err() {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

/// How many codes there are; `None` when one leads nowhere, or to a token with another code.
fn codes(transaction: &ReadTransaction) -> Result<Option<u64>, redb::Error> {
    let tokens = transaction.open_table(TOKENS)?;
    let mut count = 0;
    for row in transaction.open_table(CODES)?.iter()? {
        let (code, id) = row?;
        let token = tokens
            .get(id.value())?
            .and_then(|row| Token::decode(row.value()).ok());
        if token.is_none_or(|token| token.code.folded().as_str() != code.value()) {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}
