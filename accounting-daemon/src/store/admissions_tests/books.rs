//! What a store must hold after a story of commits, and how such a story goes on.

use std::collections::BTreeMap;

use crate::store::{
    damage_tests::Draw,
    tests::{record, session, token},
    *,
};

pub(super) const TOKENS: u64 = 6;

/// What must be there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Books {
    pub(super) tokens: BTreeMap<TokenId, Token>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) clock: u8,
}

impl Books {
    pub(super) fn some(&self, draw: &mut Draw) -> Option<Session> {
        let place = draw.below(self.sessions.len().max(1));
        self.sessions.values().nth(place).cloned()
    }

    /// A session that opens on a token, as the ledger tells it.
    pub(super) fn redeem(&mut self, id: TokenId, writes: &mut Vec<Write>) {
        let now = u64::from(self.clock);
        let new = Session {
            opened: now,
            opened_wall: i64::from(self.clock) * 10,
            settled: now,
            ..session(now, id)
        };
        let others = self.sessions.values().filter(|open| open.token == id).count();
        let token = self.tokens.entry(id).or_insert_with(|| {
            writes.push(Write::Create(token(id)));
            token(id)
        });
        token.used += u64::try_from(others).unwrap();
        token.mac_address = Some(new.device.mac);
        token.last_access = Some(new.opened_wall);
        token.settled = now;
        token.draws = u32::try_from(others).unwrap() + 1;
        writes.extend([Write::Update(token.balance()), Write::Open(new.clone())]);
        self.sessions.insert(new.id, new);
    }

    pub(super) fn settle(&mut self, id: TokenId, by: u64) -> Write {
        let token = self.tokens.get_mut(&id).unwrap();
        token.used += by;
        token.settled = u64::from(self.clock);
        token.draws = 0;
        Write::Update(token.balance())
    }

    pub(super) fn close(&mut self, open: &Session, draw: &mut Draw, writes: &mut Vec<Write>) {
        self.sessions.remove(&open.id);
        let release = Write::Release(UsageRecord {
            token: open.token,
            ..record(open.id)
        });
        match draw.below(4) {
            0 => writes.extend([self.settle(open.token, 3), release]),
            1 => writes.extend([release, self.settle(open.token, 3)]),
            2 => writes.push(release),
            _ => {
                writes.push(Write::Void(open.id));
                let token = self.tokens.get_mut(&open.token).unwrap();
                token.mac_address = None;
                writes.push(Write::Update(token.balance()));
            }
        }
    }

    /// One commit of one or several things.
    pub(super) fn step(&mut self, draw: &mut Draw) -> Vec<Write> {
        let mut writes = Vec::new();
        for _ in 0..=draw.below(3) {
            self.clock += 1;
            let id = 1 + u64::try_from(draw.below(6)).unwrap() % TOKENS;
            match (draw.below(8), self.some(draw)) {
                (0 | 1, Some(open)) => self.close(&open, draw, &mut writes),
                (2, Some(mut open)) => {
                    open.addresses.push("10.0.0.7".parse().unwrap());
                    writes.push(Write::Open(open.clone()));
                    self.sessions.insert(open.id, open);
                }
                (3, Some(mut open)) => {
                    // As after a reboot: another clock, and not a word about the token.
                    open.opened = u64::from(self.clock);
                    open.settled = open.opened;
                    writes.push(Write::Open(open.clone()));
                    self.sessions.insert(open.id, open);
                }
                (4, Some(open)) => {
                    let token = self.tokens.get_mut(&open.token).unwrap();
                    token.description = Some(format!("at {}", self.clock));
                    writes.push(Write::Edit(token.clone()));
                    if draw.below(2) == 0 {
                        token.mac_address = None;
                        writes.push(Write::Update(token.balance()));
                    }
                }
                (5, Some(open)) => {
                    let all = self
                        .sessions
                        .values()
                        .filter(|other| other.token == open.token)
                        .cloned();
                    for other in all.collect::<Vec<_>>() {
                        self.close(&other, draw, &mut writes);
                    }
                    let gone = self.tokens.remove(&open.token).unwrap();
                    writes.extend([Write::Delete(gone.id), Write::Uncode(gone.code.folded())]);
                }
                _ => self.redeem(id, &mut writes),
            }
        }
        writes
    }

    pub(super) fn are_in(&self, disk: &Disk) -> bool {
        let sessions = disk.opened().unwrap().sessions;
        let all = disk.stretch(&Among::All, None, Direction::Ascending, 100);
        self.tokens.values().eq(&all.unwrap().tokens) && self.sessions.values().eq(&sessions)
    }

    pub(super) fn check(&self, disk: &Disk) {
        for id in 1..=TOKENS {
            assert_eq!(disk.token(id).unwrap().as_ref(), self.tokens.get(&id));
            let code = token(id).code.folded();
            let balance = self.tokens.get(&id).map(Token::balance);
            assert_eq!(disk.balance_by_code(&code).unwrap(), balance);
        }
        let all = disk
            .stretch(&Among::All, None, Direction::Ascending, 100)
            .unwrap()
            .tokens;
        assert!(all.iter().eq(self.tokens.values()));
        for token in self.tokens.values() {
            let Some(mac) = token.mac_address else { continue };
            let wanted: Vec<&Token> = self
                .tokens
                .values()
                .filter(|token| token.mac_address == Some(mac))
                .collect();
            let found = disk
                .stretch(&Among::Mac(mac), None, Direction::Ascending, 100)
                .unwrap()
                .tokens;
            assert!(found.iter().eq(wanted), "by device");
        }
        let sessions = disk.opened().unwrap().sessions;
        assert!(sessions.iter().eq(self.sessions.values()));
    }
}
