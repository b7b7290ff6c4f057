//! The balances of tokens, apart from the tokens: rows of a few bytes, of tokens that were used. Where there is one, it is
//! newer than what the token's row says of the same.

use std::{cmp::Ordering, collections::BTreeMap, iter::Peekable};

use redb::{AccessGuard, ReadableTable, StorageError, WriteTransaction};

use super::{
    codec::{Damaged, Row},
    lookup::Direction,
    schema::{BALANCES, RUNS, SESSIONS, TOKENS},
};
use crate::ledger::{Metering, Session, Token, TokenBalance, TokenId};

/// A row of a table by number.
type Found<'t> = Result<(AccessGuard<'t, u64>, AccessGuard<'t, &'static [u8]>), StorageError>;

/// A token of both rows.
pub(super) fn joined(token: &[u8], balance: Option<&[u8]>) -> Result<Token, Damaged> {
    let mut token = Token::decode(token)?;
    if let Some(row) = balance {
        token.set_balance(TokenBalance::decode(row)?);
    }
    Ok(token)
}

/// The tokens of a walk over both tables in the same direction.
pub(super) fn walk<'t>(
    tokens: impl Iterator<Item = Found<'t>>,
    balances: impl Iterator<Item = Found<'t>>,
    direction: Direction,
) -> impl Iterator<Item = Result<Result<Token, Damaged>, redb::Error>> {
    let mut balances = balances.peekable();
    tokens.map(move |row| {
        let (id, token) = row?;
        let balance = of(&mut balances, id.value(), direction)?;
        Ok(joined(token.value(), balance.as_ref().map(AccessGuard::value)))
    })
}

/// The balance of the next token of a walk, where it has one.
fn of<'t, I: Iterator<Item = Found<'t>>>(
    balances: &mut Peekable<I>,
    id: TokenId,
    direction: Direction,
) -> Result<Option<AccessGuard<'t, &'static [u8]>>, redb::Error> {
    let comes_first = |row: &Found<'t>| {
        row.as_ref().is_ok_and(|(found, _)| {
            let order = found.value().cmp(&id);
            order
                == match direction {
                    Direction::Ascending => Ordering::Less,
                    Direction::Descending => Ordering::Greater,
                }
        })
    };
    while balances.next_if(comes_first).is_some() {}
    let is_it = |row: &Found<'t>| row.as_ref().map_or(true, |(found, _)| found.value() == id);
    let row = balances.next_if(is_it).transpose()?;
    Ok(row.map(|(_, balance)| balance))
}

/// Writes the balances of the tokens that are in use in a store that did not keep them apart: it did not say at what rate
/// they run down. All others may stay where they are.
pub(super) fn build(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let tokens = transaction.open_table(TOKENS)?;
    let mut balances = transaction.open_table(BALANCES)?;
    let mut running: BTreeMap<TokenId, u32> = BTreeMap::new();
    for row in transaction.open_table(SESSIONS)?.iter()? {
        // A damaged row is told when it is read.
        if let Ok(session) = Session::decode(row?.1.value()) {
            *running.entry(session.token).or_default() += u32::from(!session.parked);
        }
    }
    for row in transaction.open_table(RUNS)?.iter()? {
        running.entry(row?.0.value()).or_default();
    }
    for (id, running) in running {
        let token = tokens.get(id)?.and_then(|row| Token::decode(row.value()).ok());
        let Some(mut balance) = token.map(|token| token.balance()) else {
            continue;
        };
        balance.draws = match (balance.metering, &balance.run) {
            (Metering::ConnectedTime, _) => running,
            (Metering::ElapsedTime, Some(run)) => u32::from(!run.paused),
            (Metering::ElapsedTime, None) => 0,
        };
        balances.insert(id, balance.encode().as_slice())?;
    }
    Ok(())
}
