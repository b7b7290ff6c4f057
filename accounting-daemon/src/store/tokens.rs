//! Tokens and sessions in a transaction that writes: rows, codes and indexes together.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    Write,
    admissions::{Hints, Seats, shown, shows_the_same},
    codec::Row,
    codes::Codes,
    devices::Merge,
    index::Indexes,
    schema::{RUNS, TOKENS},
};
use crate::ledger::{FoldedCode, Session, SessionId, Token, TokenId};

/// The tables.
pub(super) struct Tokens<'t> {
    rows: Table<'t, u64, &'static [u8]>,
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
            Write::Update(token) => said.entry(token.id).or_default().updates += 1,
            Write::Open(session) => said.entry(session.token).or_default().opened.push(session),
            Write::Create(token) => said.entry(token.id).or_default().more = true,
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

    /// A token as it is from now on.
    pub(super) fn keep(&mut self, token: &Token) -> Result<(), redb::Error> {
        let row = token.encode();
        let unseen = self.seats.of(token.id)?;
        let before = self.rows.insert(token.id, row.as_slice())?;
        let before = before.as_ref().map(redb::AccessGuard::value);
        match &unseen {
            Some(session) => {
                let before = before.map(|row| with(row, session)).transpose()?;
                self.indexes.moved(before.as_deref(), Some(&row))?;
                self.seats.catch_up(token.id, session.id)?;
            }
            None => self.indexes.moved(before, Some(&row))?,
        }
        self.codes.keep(token, before)?;
        if token.run.is_some() {
            self.runs.insert(token.id, ())?;
        } else {
            self.runs.remove(token.id)?;
        }
        Ok(())
    }

    /// The same where the session opens that this token begins with, if all that has changed stands there too.
    pub(super) fn keep_with(&mut self, token: &Token, session: &Session) -> Result<(), redb::Error> {
        let before = self
            .rows
            .get(token.id)?
            .map(|row| decoded(row.value()))
            .transpose()?;
        let Some(before) = before else {
            return self.keep(token);
        };
        let mut after = before.clone();
        shown(&mut after, session);
        if after != *token || self.seats.of(token.id)?.is_some() {
            return self.keep(token);
        }
        self.indexes
            .device(token.id, before.mac_address, token.mac_address);
        self.seats.leave(token.id, session.id)
    }

    /// A token that is gone.
    pub(super) fn remove(&mut self, id: TokenId) -> Result<(), redb::Error> {
        self.runs.remove(id)?;
        let unseen = self.seats.of(id)?;
        let before = self.rows.remove(id)?;
        let before = before.as_ref().map(redb::AccessGuard::value);
        match &unseen {
            Some(session) => {
                let before = before.map(|row| with(row, session)).transpose()?;
                self.indexes.moved(before.as_deref(), None)?;
                self.seats.catch_up(id, session.id)
            }
            None => self.indexes.moved(before, None),
        }
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

    /// Lets the row of a token show the session that it does not show yet.
    fn catch_up(&mut self, session: &Session) -> Result<(), redb::Error> {
        let row = self.rows.get(session.token)?;
        let row = row.map(|row| with(row.value(), session)).transpose()?;
        if let Some(row) = row {
            self.rows.insert(session.token, row.as_slice())?;
        }
        self.seats.catch_up(session.token, session.id)
    }
}

/// The row of a token with what a session shows.
fn with(row: &[u8], session: &Session) -> Result<Vec<u8>, redb::Error> {
    let mut token = decoded(row)?;
    shown(&mut token, session);
    Ok(token.encode())
}

fn decoded(row: &[u8]) -> Result<Token, redb::Error> {
    Token::decode(row).map_err(|_| redb::Error::Corrupted("a damaged row in table tokens".to_owned()))
}
