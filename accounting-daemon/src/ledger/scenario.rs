//! Scenarios as text: one line a step, run against the ledger alone.
//!
//! ```text
//! token A 60s [seats N] [from TIME] [to TIME] [place N] [metering elapsed] [code TEXT] [left MINUTES]
//!                                                         a token of so much time
//! redeem A d1 [takeover] -> ok | REFUSAL                  device d1 gives the code of A
//! type TEXT d1 -> ok | REFUSAL                            device d1 gives this text, "_" for a space
//! up d1 | down d1                                         a frame from or to d1 is forwarded
//! release d1 -> ok | REFUSAL                              an administrator ends the session of d1
//! logout d1 -> ok | REFUSAL                               its guest does
//! edit A FIELD VALUE -> ok | REFUSAL                      minutes, seats, from, to, name or metering of A
//! balance A 10s       delete A                            what is left is set; A is deleted
//! refuse                                                  the kernel refuses what was just redeemed
//! tick 10s                                                time passes, and what is due is booked
//! set 10s | untrust                                       the wall clock is set ahead; is not believed any more
//! lose | gate                                             no interface is gated; one is again
//! reboot 10m                                              the gateway was off for so long, and starts again
//! left A 50s          used A 10s          entitled A 60s  the balance, and what it is made of
//! shown A 1                                               the balance in minutes, as people see it
//! row A 10s                                               what the store has as used
//! seats A 2           online d1           offline d1      devices online
//! adjusted A 260s     reasons A WORD...                   changes of what A is good for, and why
//! cut A 30s | never                                       the gate's deadline for A, from now
//! cap d1 30s | never                                      the gate's deadline for d1 alone, from now
//! rest d1 30s                                             how long d1 still passes if nothing changes
//! record d1 Logout 10s                                    the last usage record of d1
//! records 3           ended d1 d2                         how many there are, whose the last ones are
//! did WORD...                                             what the last step asked for, in its order
//! ```
//! A refusal that says when to try again is followed by that time: `NoSeat 20s`.
//!
//! After each step `used` of every token is the sum of its records and its open sessions, to the millisecond.

mod act;
mod hold;
mod words;

use std::collections::BTreeMap;

use super::*;
use crate::mac::DeviceId;

struct Scenario {
    ledger: Ledger,
    now: Now,
    tokens: BTreeMap<String, TokenId>,
    /// The latest row of each token that the store would have.
    rows: BTreeMap<TokenId, Token>,
    records: Vec<UsageRecord>,
    adjustments: Vec<Adjustment>,
    /// The most that each token was ever good for.
    peak: BTreeMap<TokenId, u64>,
    last: Option<SessionId>,
    seen: BTreeMap<DeviceId, Seen>,
    /// The names of the last effects.
    did: Vec<String>,
}

/// Runs a scenario; panics with the line that does not hold.
pub(super) fn check(text: &str) {
    let rules = Rules {
        devices_max: 3,
        idle_timeout: None,
        ..Rules::default()
    };
    check_with(rules, text);
}

/// Runs a scenario under rules of its own.
pub(super) fn check_with(rules: Rules, text: &str) {
    let now = Now {
        monotonic: 1_000_000,
        wall: 1_800_000_000_000,
        trusted: true,
    };
    let ledger = Ledger::new(rules, 1, 1);
    let mut scenario = Scenario {
        ledger,
        now,
        tokens: BTreeMap::new(),
        rows: BTreeMap::new(),
        records: Vec::new(),
        adjustments: Vec::new(),
        peak: BTreeMap::new(),
        last: None,
        seen: BTreeMap::new(),
        did: Vec::new(),
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        scenario.step(line);
        scenario.balance(line);
    }
}

impl Scenario {
    fn step(&mut self, line: &str) {
        let (words, wanted) = line.split_once(" -> ").unwrap_or((line, ""));
        let words: Vec<&str> = words.split_whitespace().collect();
        if let ["did", wanted @ ..] = words.as_slice() {
            assert_eq!(self.did, *wanted, "{line}");
            return;
        }
        if !self.act(line, &words, wanted) {
            self.hold(line, &words);
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        self.did.clear();
        for effect in self.ledger.drain() {
            let text = format!("{effect:?}");
            let name = text.split(|c: char| !c.is_alphabetic()).next().unwrap();
            self.did.push(name.to_owned());
            match effect {
                Effect::Create(token) | Effect::Edit(token) => {
                    self.rows.insert(token.id, token);
                }
                Effect::Update(balance) => {
                    if let Some(row) = self.rows.get_mut(&balance.id) {
                        row.set_balance(balance);
                    }
                }
                Effect::Release(record) | Effect::EndRun(record) => self.records.push(record),
                Effect::Unrelease(id) => self.records.retain(|record| record.id != id),
                Effect::Adjust(adjustment) => self.adjustments.push(adjustment),
                Effect::Delete { token, .. } => drop(self.rows.remove(&token)),
                Effect::Recode { .. }
                | Effect::Deadline { .. }
                | Effect::Admit(..)
                | Effect::Keep(_)
                | Effect::Factor(..)
                | Effect::Void(_) => {}
            }
        }
    }

    fn loaded(&mut self, name: &str) -> TokenId {
        let id = self.tokens[name];
        self.ledger.load(self.rows[&id].clone(), None);
        id
    }

    fn account(&mut self, name: &str) -> TokenAccount {
        let id = self.loaded(name);
        self.ledger.token(id, self.now).unwrap()
    }

    fn balance(&mut self, line: &str) {
        for (name, id) in self.tokens.clone() {
            let recorded: u64 = self
                .records
                .iter()
                .filter(|r| r.token == id)
                .map(|r| r.charged)
                .sum();
            let open = self.ledger.sessions().filter(|session| session.token == id);
            let running: u64 = open.map(|session| session.charged_at(self.now.monotonic)).sum();
            let token = self.account(&name).token;
            let run = token.run.as_ref().map_or(0, |run| run.charged);
            assert_eq!(token.used, recorded + running + run, "{line}: used of {name}");
            let peak = self.peak.entry(id).or_default();
            *peak = token.entitled.max((*peak).cast_signed()).cast_unsigned();
            assert!(token.used <= *peak, "{line}: {name} gave more than it ever had");
        }
    }
}
