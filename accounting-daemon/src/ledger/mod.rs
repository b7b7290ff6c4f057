//! The accounting rules, and nothing else: commands and the time go in, effects come out. No input or output, no
//! clock, no chance, no unordered iteration; only the ledger writes balances.
//!
//! The contract: call one method that changes something, as often as needed with the same [`Now`], then take the
//! [`Effect`]s with [`Ledger::drain`] and carry them out; what could not be carried out is reported back with
//! [`Ledger::refused`]. [`Ledger::book`] comes first in each round.

mod account;
mod activity;
mod addresses;
mod admission;
mod ages;
mod attempts;
mod balance;
mod book;
mod bulk;
mod code;
mod creation;
mod devices;
mod due;
mod edit;
mod effect;
mod error;
mod factor;
mod maybe;
pub mod mutant;
mod now;
mod open;
mod parking;
mod reboot;
mod refusal;
mod release;
mod restart;
mod rules;
#[cfg(test)]
mod scenario;
mod seat;
mod session;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use account::Account;
pub use activity::{Activity, Seen};
pub use addresses::ADDRESSES_MAX;
pub use admission::Redemption;
pub use attempts::Asker;
use attempts::Attempts;
pub use balance::TokenBalance;
pub use bulk::{BulkError, Clash};
pub use code::{AccessCode, CODE_CHARACTERS_MAX, CodeError, FoldedCode};
pub use edit::{Adjustment, Edit, EditError};
pub use effect::Effect;
pub use error::{CreateError, RedeemError, ReleaseError};
pub use factor::{Class, EMAIL_CHARACTERS_MAX, Email, EmailError, Given, SecondFactor};
pub use maybe::{MaybeCount, MaybeTime};
use mutant::{Mutant, broken};
pub use now::Now;
use open::Sessions;
use parking::Parking;
use refusal::Admitted;
pub use rules::Rules;
pub use session::{Cause, Session, SessionId, Traffic, UsageRecord};
use table::Table;
use token::TokenRecord;
pub use token::{MINUTE_MS, Metering, NewToken, Run, Token, TokenId, minutes_shown};
pub use view::{BalanceAccount, Online, SessionAccount, TokenAccount};

/// An instant that never comes.
pub const FOREVER: u64 = u64::MAX;

/// The largest number of a token or a location.
pub const ID_MAX: u64 = i64::MAX as u64;

/// Tokens in use, open sessions, and what comes due.
#[derive(Debug)]
pub struct Ledger {
    rules: Rules,
    /// Balances in memory: those with open sessions or a run, and those touched since the last [`Ledger::forget_idle`].
    accounts: Table<Account>,
    /// The records of tokens that were made, edited or looked at since then.
    records: BTreeMap<TokenId, TokenRecord>,
    /// Those that may have come to be used by nobody since then: looking at all would cost each round more the more are
    /// online.
    perhaps_idle: Vec<TokenId>,
    /// Codes that were given, made, changed or freed since then; `None`: no token has it any more.
    codes: BTreeMap<FoldedCode, Option<TokenId>>,
    /// What must be given besides the codes of tokens that this round has seen, where something must.
    factors: BTreeMap<TokenId, SecondFactor>,
    sessions: Sessions,
    /// What the redemptions of this round changed besides, by their sessions.
    admitted: BTreeMap<SessionId, Admitted>,
    /// Tokens that were deleted in this round.
    deleted: BTreeSet<TokenId>,
    /// When seats of a token were taken over, within the window of [`Rules::takeover_window`].
    takeovers: BTreeMap<TokenId, Vec<u64>>,
    attempts: Attempts,
    parking: Parking,
    /// How far the calendar is from the clock of durations, as deadlines are worked out: the first reading, until one
    /// that can be believed differs.
    calendar: Option<i64>,
    /// The instant up to which all that was due has been booked: nothing is booked before it, whatever a daemon that
    /// died took with it and whatever the rules have become meanwhile.
    booked: u64,
    next_token: TokenId,
    next_session: SessionId,
    effects: Vec<Effect>,
}

impl Ledger {
    /// An empty ledger that numbers tokens and sessions from the numbers given.
    #[must_use]
    pub fn new(rules: Rules, next_token: TokenId, next_session: SessionId) -> Self {
        Self {
            rules,
            accounts: Table::default(),
            records: BTreeMap::new(),
            perhaps_idle: Vec::new(),
            codes: BTreeMap::new(),
            factors: BTreeMap::new(),
            sessions: Sessions::default(),
            admitted: BTreeMap::new(),
            deleted: BTreeSet::new(),
            takeovers: BTreeMap::new(),
            attempts: Attempts::default(),
            parking: Parking::default(),
            calendar: None,
            booked: 0,
            next_token,
            next_session,
            effects: Vec::new(),
        }
    }

    /// Whether a token is in memory whole; else the engine loads it before the command that edits or shows it.
    #[must_use]
    pub fn knows(&self, token: TokenId) -> bool {
        self.accounts.contains(token) && self.records.contains_key(&token)
    }

    /// Whether it is known which token has a code; else the engine looks for it before the command that gives it.
    #[must_use]
    pub fn knows_code(&self, code: &FoldedCode) -> bool {
        self.codes.contains_key(code)
    }

    /// Takes a token into memory as the store holds it, with what must be given besides its code. What is there already, or was
    /// changed or deleted in this round, stays as it is.
    pub fn load(&mut self, token: Token, factor: Option<SecondFactor>) {
        let id = token.id;
        if self.is_deleted(id) {
            return;
        }
        let (code, record) = (token.code.folded(), token.record());
        self.load_balance(token.balance());
        self.load_factor(id, factor);
        self.codes.entry(code).or_insert(Some(id));
        self.records.entry(id).or_insert(record);
    }

    /// Takes the balance of the token that has a code into memory, with what must be given besides the code, as the store holds
    /// all three. The same holds as for [`Ledger::load`].
    pub fn load_code(&mut self, code: FoldedCode, balance: TokenBalance, factor: Option<SecondFactor>) {
        let id = balance.id;
        if !self.is_deleted(id) {
            self.load_balance(balance);
            self.load_factor(id, factor);
            self.codes.entry(code).or_insert(Some(id));
        }
    }

    /// Takes a balance into memory as the store holds it. The same holds as for [`Ledger::load`].
    pub fn load_balance(&mut self, balance: TokenBalance) {
        let id = balance.id;
        // What this round changed is not in the store yet.
        if self.accounts.contains(id) || self.is_deleted(id) {
            return;
        }
        self.accounts.insert(Account::new(balance));
        self.perhaps_idle.push(id);
    }

    fn load_factor(&mut self, id: TokenId, factor: Option<SecondFactor>) {
        if let Some(factor) = factor {
            self.factors.entry(id).or_insert(factor);
        }
    }

    fn is_deleted(&self, id: TokenId) -> bool {
        self.deleted.contains(&id) && !broken(Mutant::DeletedInRoundReturns)
    }

    /// The token that has a code, as far as this round has seen it.
    fn owner(&self, code: &FoldedCode) -> Option<TokenId> {
        self.codes.get(code).copied().flatten()
    }

    /// The class of a token that this round has seen; `None`: an ordinary one.
    #[must_use]
    pub fn class(&self, token: TokenId) -> Option<Class> {
        self.factors.get(&token).map(|factor| factor.class)
    }

    /// How many codes were refused in the last minute, whoever tried them.
    pub fn attempts(&mut self, now: Now) -> usize {
        self.attempts.count(now)
    }

    /// How many codes of a class were tried in the last minute, and whether no more are heard.
    pub fn class_attempts(&mut self, class: Class, now: Now) -> (usize, bool) {
        self.attempts.of_class(class, &self.rules, now)
    }

    /// Drops from memory what only this round needed, and tokens that nobody uses; to be called once the effects are
    /// durable.
    pub fn forget_idle(&mut self) {
        self.admitted.clear();
        self.deleted.clear();
        self.records.clear();
        self.factors.clear();
        self.codes.clear();
        for id in std::mem::take(&mut self.perhaps_idle) {
            if self.accounts.get(id).is_some_and(|account| !account.busy()) {
                self.accounts.remove(id);
            }
        }
    }

    /// The effects of all that was called since the last time, in their order.
    #[must_use]
    pub fn drain(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
