//! What is kept on disk, and how: tokens, open sessions, usage records, accounts of people, and the one-row checkpoint.

mod account;
mod accounts;
#[cfg(test)]
mod accounts_tests;
mod admissions;
#[cfg(test)]
mod admissions_tests;
mod audit;
mod backup;
mod balances;
mod codec;
mod codes;
#[cfg(test)]
mod damage_tests;
mod devices;
#[cfg(test)]
mod devices_tests;
mod disk;
mod error;
mod factors;
#[cfg(test)]
pub(crate) mod faulty;
mod file;
#[cfg(test)]
mod fixture_tests;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod grant;
mod held;
mod index;
#[cfg(test)]
mod index_tests;
mod lists;
mod lookup;
mod measured;
mod meta;
mod part;
mod probation;
mod reader;
mod resumptions;
mod role;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod token_rows;
mod tokens;
mod usage;
mod write;

pub use account::{Client, Owner, TOTP_SECRET_BYTES, Totp, User, fold_email};
pub use accounts::{Accounts, CLIENTS_MAX, USERS_MAX};
pub use audit::{Actor, AuditFilter, AuditRecord, AuditRetention, Via, shortened};
pub use backup::{Counted, Replaced, count, restore};
pub use disk::Disk;
pub use error::StoreError;
pub use grant::{Grant, GrantKind, TokenHash};
pub use lists::{ListEntry, ListKind};
pub use lookup::{Among, Direction, Stretch};
pub use measured::Measured;
pub use part::Part;
pub use resumptions::{Digest, RESUMPTIONS_PER_TOKEN_MAX, Resumption};
pub use role::{Role, UnknownRole};
pub use usage::UsageFilter;

use crate::{
    ledger::{
        Adjustment, FoldedCode, SecondFactor, Session, SessionId, Token, TokenBalance, TokenId, Traffic,
        UsageRecord,
    },
    mac::DeviceId,
};

/// The instant up to which all open sessions are charged, and the boot in which the monotonic clock counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The kernel's boot id.
    pub boot: [u8; 16],
    /// Milliseconds of the monotonic clock.
    pub monotonic: u64,
    /// Milliseconds since 1970 by the wall clock.
    pub wall: i64,
}

/// What went through an open session, as it was last written down. When frames were last seen is in `last_seen_on` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The session.
    pub id: SessionId,
    /// What went through before the gate began to count.
    pub before: Traffic,
    /// That and what the gate has counted.
    pub total: Traffic,
    /// Wall clock milliseconds of the last forwarded frame.
    pub last_seen_on: Option<i64>,
}

/// One row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// A token that is new, with its code.
    Create(Token),
    /// A token that was edited, with its code; its balance follows.
    Edit(Token),
    /// The balance of a token that is there.
    Update(TokenBalance),
    /// A code that no token has any more.
    Uncode(FoldedCode),
    /// A token that is gone.
    Delete(TokenId),
    /// What must be given besides the code of a token.
    Factor(TokenId, SecondFactor),
    /// A change of what a token is good for.
    Adjust(Adjustment),
    /// An open session.
    Open(Session),
    /// A session that ended: its record takes its place.
    Release(UsageRecord),
    /// A run on elapsed time that ended.
    EndRun(UsageRecord),
    /// A session that never was.
    Void(SessionId),
    /// A record that is taken back.
    Unrelease(SessionId),
    /// What went through a session so far.
    Heard(Heard),
    /// Usage records that are too old; their sum stays with their token.
    Prune(Vec<SessionId>),
    /// A device on a list.
    List(ListEntry),
    /// A device that is on a list no more.
    Unlist(ListKind, DeviceId),
    /// The time below which no clock is trusted that nobody keeps in step, in wall clock milliseconds; never lowered.
    Floor(i64),
    /// Who changed something.
    Audit(AuditRecord),
}

/// What a start finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The last checkpoint; `None` in a new store.
    pub checkpoint: Option<Checkpoint>,
    /// Devices that are judged without a session.
    pub lists: Vec<ListEntry>,
    /// Open sessions, by number.
    pub sessions: Vec<Session>,
    /// What had gone through them.
    pub heard: Vec<Heard>,
    /// The balances of their tokens, and of those on which elapsed time runs, by number.
    pub balances: Vec<TokenBalance>,
    /// The next number of a token.
    pub next_token: TokenId,
    /// The next number of a session.
    pub next_session: SessionId,
}

/// Durable rows. One owner writes; a commit is on disk when it returns.
pub trait Store: Send {
    /// Everything a start needs.
    ///
    /// # Errors
    /// [`StoreError`].
    fn opened(&self) -> Result<Opened, StoreError>;

    /// The token with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError>;

    /// The balance of the token with this code.
    ///
    /// # Errors
    /// [`StoreError`].
    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError>;

    /// What must be given besides the code of a token; `None`: nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn factor(&self, token: TokenId) -> Result<Option<SecondFactor>, StoreError>;

    /// Among the oldest `most` usage records, by their number, those that were released before a time (wall clock
    /// milliseconds).
    ///
    /// # Errors
    /// [`StoreError`].
    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError>;

    /// Writes all rows and the checkpoint, or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; it is then unknown whether the rows are on disk, and the store must be opened again.
    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError>;

    /// Opens it again: after a failure the rows that are on disk are known anew.
    ///
    /// # Errors
    /// [`StoreError`]; it can be tried again.
    fn reopen(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
