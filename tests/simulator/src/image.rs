//! The rows that are on the simulated disk.

use std::collections::{BTreeMap, BTreeSet};

use accounting_daemon::{
    ledger::{Adjustment, FoldedCode, Session, SessionId, Token, TokenBalance, TokenId, UsageRecord},
    mac::DeviceId,
    store::{Checkpoint, Heard, ListEntry, ListKind, Opened, Write},
};

/// Durable rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) tokens: BTreeMap<TokenId, Token>,
    pub(crate) codes: BTreeMap<FoldedCode, TokenId>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) heard: BTreeMap<SessionId, Heard>,
    pub(crate) records: BTreeMap<SessionId, UsageRecord>,
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) lists: BTreeMap<(ListKind, DeviceId), ListEntry>,
    /// Milliseconds that records were charged which are too old to be kept, by token.
    pub(crate) pruned: BTreeMap<TokenId, u64>,
    /// Those records.
    pub(crate) gone: BTreeSet<SessionId>,
    /// The floor of the calendar.
    pub(crate) floor: Option<i64>,
    last_token: TokenId,
    last_session: SessionId,
    /// A rule of the disk that was broken: a row written over another, or a row that is not there.
    pub(crate) fault: Option<String>,
}

impl Image {
    pub(crate) fn opened(&self) -> Opened {
        let used: BTreeSet<TokenId> = self.sessions.values().map(|session| session.token).collect();
        Opened {
            lists: self.lists.values().cloned().collect(),
            checkpoint: self.checkpoint,
            sessions: self.sessions.values().cloned().collect(),
            heard: self.heard.values().copied().collect(),
            balances: self
                .tokens
                .values()
                .filter(|token| token.run.is_some() || used.contains(&token.id))
                .map(Token::balance)
                .collect(),
            next_token: self.last_token + 1,
            next_session: self.last_session + 1,
        }
    }

    pub(crate) fn token(&self, id: TokenId) -> Option<Token> {
        self.tokens.get(&id).cloned()
    }

    pub(crate) fn balance_by_code(&self, code: &FoldedCode) -> Option<TokenBalance> {
        let id = self.codes.get(code)?;
        Some(self.tokens.get(id)?.balance())
    }

    pub(crate) fn apply(&mut self, writes: &[Write], checkpoint: Checkpoint) {
        self.checkpoint = Some(checkpoint);
        for write in writes {
            self.write(write);
        }
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Create(token) => {
                self.last_token = self.last_token.max(token.id);
                self.codes.insert(token.code.folded(), token.id);
                self.tokens.insert(token.id, token.clone());
            }
            Write::Edit(token) => {
                self.codes.insert(token.code.folded(), token.id);
                match self.tokens.get_mut(&token.id) {
                    // The balance comes by itself.
                    Some(row) => {
                        let balance = row.balance();
                        *row = token.clone();
                        row.set_balance(balance);
                    }
                    None => self.fault = Some(format!("token {} was edited and is not there", token.id)),
                }
            }
            Write::Update(balance) => {
                let run = balance.run.as_ref().map_or(0, |run| run.id);
                self.last_session = self.last_session.max(run);
                match self.tokens.get_mut(&balance.id) {
                    Some(row) => row.set_balance(balance.clone()),
                    None => self.fault = Some(format!("token {} was charged and is not there", balance.id)),
                }
            }
            Write::Uncode(code) => {
                self.codes.remove(code);
            }
            Write::Delete(id) => {
                self.tokens.remove(id);
            }
            // Nobody reads the audit here.
            Write::Audit(_) => {}
            Write::List(entry) => {
                self.lists.insert((entry.kind, entry.device), entry.clone());
            }
            Write::Unlist(kind, device) => {
                self.lists.remove(&(*kind, *device));
            }
            Write::Adjust(adjustment) => self.adjustments.push(adjustment.clone()),
            Write::Open(session) => {
                self.last_session = self.last_session.max(session.id);
                self.sessions.insert(session.id, session.clone());
            }
            Write::Release(record) => {
                self.sessions.remove(&record.id);
                self.heard.remove(&record.id);
                self.record(record);
            }
            Write::EndRun(record) => {
                self.last_session = self.last_session.max(record.id);
                self.record(record);
            }
            Write::Void(id) => {
                self.sessions.remove(id);
                self.heard.remove(id);
            }
            Write::Heard(row) => {
                self.heard.insert(row.id, *row);
            }
            Write::Prune(records) => {
                for id in records {
                    if let Some(record) = self.records.remove(id) {
                        *self.pruned.entry(record.token).or_default() += record.charged;
                        self.gone.insert(*id);
                    }
                }
            }
            Write::Floor(wall) => self.floor = self.floor.max(Some(*wall)),
            Write::Unrelease(id) => {
                self.records.remove(id);
            }
        }
    }

    fn record(&mut self, record: &UsageRecord) {
        if self.records.insert(record.id, record.clone()).is_some() {
            self.fault = Some(format!("record {} was written over another", record.id));
        }
    }
}
