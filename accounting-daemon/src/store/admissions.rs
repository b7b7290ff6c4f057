//! Admissions that the balance of their token does not show yet. The first device on a token changes a few fields of its
//! balance, whose row lies anywhere in its table; all of them stand in the row of the session too, which is written behind
//! the last one. So the balance is left as it is until something else about it changes, and whoever reads it looks at the
//! session too.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError};

use dashmap::DashMap;
use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableError, WriteTransaction};

use super::{
    codec::Row,
    schema::{ADMISSIONS, SESSIONS},
};
use crate::ledger::{Session, SessionId, Token, TokenBalance, TokenId};

/// Superfluous hints that wait for readers at most; then a commit waits for them.
const SUPERFLUOUS_MAX: usize = 16_384;

/// Which sessions to look at. What the tables of a transaction say counts: here may be more, never less.
#[derive(Debug, Default)]
pub(super) struct Hints {
    sessions: Pairs,
    /// Taken by who reads before the transaction begins: what a commit makes superfluous is needed until those end that
    /// began before it.
    readers: RwLock<()>,
    superfluous: Mutex<Superfluous>,
}

/// Sessions by token. There is one for nearly everybody who is online, so that numbers that fit into half the bytes, as
/// nearly all do, take half of them.
#[derive(Debug, Default)]
struct Pairs {
    short: DashMap<u32, u32>,
    long: DashMap<TokenId, SessionId>,
}

impl Pairs {
    fn get(&self, token: TokenId) -> Option<SessionId> {
        let short = u32::try_from(token).ok().and_then(|token| self.short.get(&token));
        let short = short.map(|session| u64::from(*session));
        short.or_else(|| self.long.get(&token).map(|session| *session))
    }

    fn insert(&self, token: TokenId, session: SessionId) {
        match (u32::try_from(token), u32::try_from(session)) {
            // Numbers of sessions grow: a short one never follows a long one.
            (Ok(short), Ok(session)) => {
                self.short.insert(short, session);
            }
            (short, _) => {
                // Whoever looks at the short ones first and at these then finds one of both.
                self.long.insert(token, session);
                short.ok().and_then(|short| self.short.remove(&short));
            }
        }
    }

    fn remove_if(&self, token: TokenId, session: SessionId) {
        if let (Ok(token), Ok(session)) = (u32::try_from(token), u32::try_from(session)) {
            self.short.remove_if(&token, |_, hint| *hint == session);
        }
        self.long.remove_if(&token, |_, hint| *hint == session);
    }

    fn clear(&self) {
        self.short.clear();
        self.long.clear();
    }

    fn shrink_to_fit(&self) {
        self.short.shrink_to_fit();
        self.long.shrink_to_fit();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }
}

/// What nobody needs any more who begins to read now.
#[derive(Debug, Default)]
struct Superfluous {
    /// Once the commit that is being made succeeds.
    soon: Vec<(TokenId, SessionId)>,
    now: Vec<(TokenId, SessionId)>,
}

impl Hints {
    /// Begins anew with what is on disk.
    pub(super) fn load(&self, read: &ReadTransaction) -> Result<(), redb::Error> {
        self.sessions.clear();
        *self.superfluous() = Superfluous::default();
        let table = match read.open_table(ADMISSIONS) {
            // A store from before there was such a table.
            Err(TableError::TableDoesNotExist(_)) => return Ok(()),
            table => table?,
        };
        for row in table.iter()? {
            let (session, token) = row?;
            self.sessions.insert(token.value(), session.value());
        }
        self.sessions.shrink_to_fit();
        Ok(())
    }

    /// To be held from before a transaction begins in which tokens are read.
    pub(super) fn reading(&self) -> RwLockReadGuard<'_, ()> {
        self.readers.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn of(&self, token: TokenId) -> Option<SessionId> {
        self.sessions.get(token)
    }

    /// After a commit, and after what is open from before it was closed. While others read, hints wait.
    pub(super) fn committed(&self) {
        let mut superfluous = self.superfluous();
        let Superfluous { soon, now } = &mut *superfluous;
        now.append(soon);
        if now.is_empty() {
            return;
        }
        let nobody = match self.readers.try_write() {
            Ok(nobody) => nobody,
            Err(TryLockError::Poisoned(nobody)) => nobody.into_inner(),
            Err(TryLockError::WouldBlock) if now.len() < SUPERFLUOUS_MAX => return,
            Err(TryLockError::WouldBlock) => self.readers.write().unwrap_or_else(PoisonError::into_inner),
        };
        for (token, session) in now.drain(..) {
            self.sessions.remove_if(token, session);
        }
        drop(nobody);
    }

    /// After a commit that failed, which made nothing superfluous.
    pub(super) fn failed(&self) {
        self.superfluous().soon.clear();
    }

    fn superfluous(&self) -> MutexGuard<'_, Superfluous> {
        self.superfluous.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }
}

/// The tables as a reader sees them.
pub(super) struct Admissions {
    admissions: ReadOnlyTable<u64, u64>,
    sessions: ReadOnlyTable<u64, &'static [u8]>,
}

impl Admissions {
    pub(super) fn open(read: &ReadTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            admissions: read.open_table(ADMISSIONS)?,
            sessions: read.open_table(SESSIONS)?,
        })
    }

    /// The session that shows what the rows of its token do not.
    pub(super) fn of(&self, token: TokenId, hints: &Hints) -> Result<Option<Session>, redb::Error> {
        session_of(&self.admissions, &self.sessions, token, hints)
    }

    /// Shows in a token what its rows do not.
    pub(super) fn show(&self, token: &mut Token, hints: &Hints) -> Result<(), redb::Error> {
        if let Some(session) = self.of(token.id, hints)? {
            let mut balance = token.balance();
            shown(&mut balance, &session);
            token.set_balance(balance);
        }
        Ok(())
    }
}

/// Both tables in a transaction that writes.
pub(super) struct Seats<'t> {
    pub(super) sessions: Table<'t, u64, &'static [u8]>,
    admissions: Table<'t, u64, u64>,
    hints: &'t Hints,
}

impl<'t> Seats<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, hints: &'t Hints) -> Result<Self, redb::Error> {
        Ok(Self {
            sessions: transaction.open_table(SESSIONS)?,
            admissions: transaction.open_table(ADMISSIONS)?,
            hints,
        })
    }

    /// Whether a hint for this token would be in the way of no reader.
    pub(super) fn is_free(&self, token: TokenId) -> bool {
        self.hints.of(token).is_none()
    }

    /// The row of this token will not show this session, which is new.
    pub(super) fn leave(&mut self, token: TokenId, session: SessionId) -> Result<(), redb::Error> {
        self.hints.sessions.insert(token, session);
        self.admissions.insert(session, token)?;
        Ok(())
    }

    /// The session that the row of this token does not show.
    pub(super) fn of(&self, token: TokenId) -> Result<Option<Session>, redb::Error> {
        session_of(&self.admissions, &self.sessions, token, self.hints)
    }

    /// The token whose row does not show this session.
    pub(super) fn token_of(&self, session: SessionId) -> Result<Option<TokenId>, redb::Error> {
        Ok(self.admissions.get(session)?.map(|row| row.value()))
    }

    /// The row of this token shows everything.
    pub(super) fn catch_up(&mut self, token: TokenId, session: SessionId) -> Result<(), redb::Error> {
        self.admissions.remove(session)?;
        self.hints.superfluous().soon.push((token, session));
        Ok(())
    }
}

/// The session that shows what the rows of a token do not, in the tables of one transaction.
fn session_of(
    admissions: &impl ReadableTable<u64, u64>,
    sessions: &impl ReadableTable<u64, &'static [u8]>,
    token: TokenId,
    hints: &Hints,
) -> Result<Option<Session>, redb::Error> {
    let Some(id) = hints.of(token) else {
        return Ok(None);
    };
    if admissions.get(id)?.map(|row| row.value()) != Some(token) {
        return Ok(None);
    }
    let row = sessions.get(id)?;
    row.map(|row| decoded(row.value())).transpose()
}

/// What the first session of a token changes in its balance.
pub(super) fn shown(balance: &mut TokenBalance, session: &Session) {
    balance.mac_address = Some(session.device.mac);
    balance.last_access = Some(session.opened_wall).into();
    balance.settled = session.opened;
    balance.draws = u32::from(!session.parked);
}

/// Whether that would change with the row of the session.
pub(super) fn shows_the_same(one: &Session, other: &Session) -> bool {
    let shows = |session: &Session| {
        (
            session.token,
            session.device.mac,
            session.opened_wall,
            session.opened,
            session.parked,
        )
    };
    shows(one) == shows(other)
}

fn decoded(row: &[u8]) -> Result<Session, redb::Error> {
    Session::decode(row).map_err(|_| redb::Error::Corrupted("a damaged row in table sessions".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_kept_and_the_last_one_counts() {
        let long = u64::from(u32::MAX) + 1;
        let pairs = Pairs::default();
        for token in [1, u64::from(u32::MAX), long, long + 1] {
            for session in [7, 8, long, long + 1] {
                pairs.insert(token, session);
                assert_eq!((pairs.get(token), pairs.len()), (Some(session), 1));
                pairs.remove_if(token, session + 1);
                assert_eq!(pairs.get(token), Some(session));
            }
            pairs.remove_if(token, long + 1);
            assert_eq!((pairs.get(token), pairs.len()), (None, 0));
        }
    }
}
