//! Tokens and sessions in a transaction that writes: rows, codes and indexes together.

use std::collections::BTreeMap;

use redb::{AccessGuard, ReadableTable, Table, WriteTransaction};

use super::{
    Write,
    admissions::{Hints, Seats, shown, shows_the_same},
    codec::Row,
    codes::Codes,
    devices::Merge,
    index::Indexes,
    schema::{BALANCES, RUNS, TOKENS},
    token_rows::device_of_balance,
};
use crate::{
    ledger::{FoldedCode, Session, SessionId, Token, TokenBalance, TokenId},
    mac::Mac,
};

/// The tables.
pub(super) struct Tokens<'t> {
    rows: Table<'t, u64, &'static [u8]>,
    balances: Table<'t, u64, &'static [u8]>,
    runs: Table<'t, u64, ()>,
    codes: Codes<'t>,
    indexes: Indexes<'t>,
    seats: Seats<'t>,
}

/// What a commit says of a token.
#[derive(Default)]
struct Said<'w> {
    updates: usize,
    opened: Vec<&'w Session>,
    more: bool,
}

/// The sessions of tokens of which a commit says nothing but an update and that one session.
pub(super) fn first_seats(writes: &[Write]) -> BTreeMap<TokenId, &Session> {
    let mut said = BTreeMap::<TokenId, Said<'_>>::new();
    for write in writes {
        match write {
            Write::Update(balance) => said.entry(balance.id).or_default().updates += 1,
            Write::Open(session) => said.entry(session.token).or_default().opened.push(session),
            Write::Create(token) | Write::Edit(token) => said.entry(token.id).or_default().more = true,
            Write::Delete(token) => said.entry(*token).or_default().more = true,
            Write::Release(record) | Write::EndRun(record) => {
                said.entry(record.token).or_default().more = true;
            }
            // They do not say whose they are.
            Write::Void(_) | Write::Unrelease(_) => return BTreeMap::new(),
            _ => {}
        }
    }
    let mut seats = BTreeMap::new();
    for (token, said) in said {
        if let [session] = said.opened.as_slice()
            && said.updates == 1
            && !said.more
        {
            seats.insert(token, *session);
        }
    }
    seats
}

impl<'t> Tokens<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, hints: &'t Hints) -> Result<Self, redb::Error> {
        Ok(Self {
            rows: transaction.open_table(TOKENS)?,
            balances: transaction.open_table(BALANCES)?,
            runs: transaction.open_table(RUNS)?,
            codes: Codes::open(transaction)?,
            indexes: Indexes::open(transaction)?,
            seats: Seats::open(transaction, hints)?,
        })
    }

    /// Whether there is a token of this number.
    pub(super) fn has(&self, id: TokenId) -> Result<bool, redb::Error> {
        Ok(self.rows.get(id)?.is_some())
    }

    /// A token that is new, or was edited; its balance follows.
    pub(super) fn keep(&mut self, token: &Token) -> Result<(), redb::Error> {
        if let Some(session) = self.seats.of(token.id)? {
            self.catch_up(&session)?;
        }
        let device = self.device(token.id)?;
        let row = token.encode();
        let before = self.rows.insert(token.id, row.as_slice())?;
        let before = before.as_ref().map(AccessGuard::value);
        self.indexes.moved(before, Some(&row), device)?;
        self.codes.keep(token, before)
    }

    /// A balance as it is from now on.
    pub(super) fn charge(&mut self, balance: &TokenBalance) -> Result<(), redb::Error> {
        let id = balance.id;
        let before = match self.seats.of(id)? {
            Some(session) => {
                self.seats.catch_up(id, session.id)?;
                Some(session.device.mac)
            }
            None => match self.device(id)? {
                Some(device) => device,
                None => self.token(id)?.and_then(|token| token.mac_address),
            },
        };
        self.balances.insert(id, balance.encode().as_slice())?;
        self.indexes.device(id, before, balance.mac_address);
        if balance.run.is_some() {
            self.runs.insert(id, ())?;
        } else {
            self.runs.remove(id)?;
        }
        Ok(())
    }

    /// The same where a session opens that shows, it may be, all that has changed.
    pub(super) fn charge_with(
        &mut self,
        balance: &TokenBalance,
        session: &Session,
    ) -> Result<(), redb::Error> {
        let id = balance.id;
        let Some(mut after) = self.balance(id)? else {
            return self.charge(balance);
        };
        let before = after.mac_address;
        shown(&mut after, session);
        if after != *balance || !self.seats.is_free(id) {
            return self.charge(balance);
        }
        self.indexes.device(id, before, balance.mac_address);
        self.seats.leave(id, session.id)
    }

    /// A token that is gone.
    pub(super) fn remove(&mut self, id: TokenId) -> Result<(), redb::Error> {
        self.runs.remove(id)?;
        let device = match self.seats.of(id)? {
            Some(session) => {
                self.seats.catch_up(id, session.id)?;
                Some(Some(session.device.mac))
            }
            None => self.device(id)?,
        };
        self.balances.remove(id)?;
        let before = self.rows.remove(id)?;
        let before = before.as_ref().map(AccessGuard::value);
        self.indexes.moved(before, None, device)
    }

    /// The device of a balance as its row says; `None` where there is no such row.
    fn device(&self, id: TokenId) -> Result<Option<Option<Mac>>, redb::Error> {
        let row = self.balances.get(id)?;
        let device = row.map(|row| device_of_balance(row.value())).transpose();
        device.map_err(|_| damaged("balances"))
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, redb::Error> {
        let row = self.rows.get(id)?;
        let token = row.map(|row| Token::decode(row.value())).transpose();
        token.map_err(|_| damaged("tokens"))
    }

    /// The balance as the rows of the token say.
    fn balance(&self, id: TokenId) -> Result<Option<TokenBalance>, redb::Error> {
        let Some(row) = self.balances.get(id)? else {
            return Ok(self.token(id)?.map(|token| token.balance()));
        };
        let balance = TokenBalance::decode(row.value());
        balance.map(Some).map_err(|_| damaged("balances"))
    }

    /// No token has this code any more.
    pub(super) fn uncode(&mut self, code: &FoldedCode) {
        self.codes.forget(code);
    }

    /// An open session as it is from now on.
    pub(super) fn open_session(&mut self, session: &Session) -> Result<(), redb::Error> {
        if let Some(before) = self.seats.of(session.token)?
            && before.id == session.id
            && !shows_the_same(&before, session)
        {
            self.catch_up(&before)?;
        }
        let row = session.encode();
        self.seats.sessions.insert(session.id, row.as_slice())?;
        Ok(())
    }

    /// A session that is open no longer.
    pub(super) fn close_session(&mut self, id: SessionId) -> Result<(), redb::Error> {
        if let Some(token) = self.seats.token_of(id)?
            && let Some(session) = self.seats.of(token)?
        {
            self.catch_up(&session)?;
        }
        self.seats.sessions.remove(id)?;
        Ok(())
    }

    /// Writes what is written once for all of a transaction.
    pub(super) fn finish(self, merge: &mut Merge) -> Result<(), redb::Error> {
        self.codes.finish()?;
        self.indexes.finish(merge)
    }

    /// Lets the balance show the session that it does not show yet.
    fn catch_up(&mut self, session: &Session) -> Result<(), redb::Error> {
        if let Some(mut balance) = self.balance(session.token)? {
            shown(&mut balance, session);
            self.balances.insert(balance.id, balance.encode().as_slice())?;
        }
        self.seats.catch_up(session.token, session.id)
    }
}

fn damaged(table: &str) -> redb::Error {
    redb::Error::Corrupted(format!("a damaged row in table {table}"))
}
