//! Booking: what has come due is released at the moment it was due, not at the moment it was noticed.

use super::{Cause, Effect, Ledger, Now, Session, TokenId, UsageRecord, due::Due};
use crate::mac::DeviceId;

impl Ledger {
    /// The monotonic millisecond at which something comes due next. May change with every call that changes something.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Books everything due, in the order of its time, working out the rest anew after each.
    pub fn book(&mut self, now: Now) {
        while let Some(&(at, due)) = self.due.first()
            && at <= now.monotonic
        {
            let (token, cause) = match due {
                Due::Expired(token) => (token, Cause::Expired),
                Due::Depleted(token) => (token, Cause::Depleted),
            };
            self.end_token(token, at, cause, now);
        }
    }

    /// Works out calendar limits anew after the wall clock was set.
    pub fn clock_stepped(&mut self, now: Now) {
        let limited: Vec<TokenId> = self
            .accounts
            .values()
            .filter(|a| a.token.valid_to.is_some())
            .map(|a| a.token.id)
            .collect();
        for token in limited {
            self.reschedule(token, now);
        }
    }

    /// Releases every session of a token at an instant.
    fn end_token(&mut self, token: TokenId, at: u64, cause: Cause, now: Now) {
        let Some(account) = self.accounts.get_mut(&token) else {
            return;
        };
        account.settle(at);
        // What does not divide evenly among the seats goes to the oldest session.
        let rest = if cause == Cause::Depleted {
            account.token.left()
        } else {
            0
        };
        account.token.used += rest;
        let open = std::mem::take(&mut account.open);
        for (seat, device) in open.into_iter().enumerate() {
            let extra = if seat == 0 { rest } else { 0 };
            self.retire(device, at, extra, cause, now);
        }
        self.closed(token, now);
    }

    /// Takes one session out of its account at an instant.
    pub(super) fn end_session(
        &mut self,
        device: DeviceId,
        at: u64,
        cause: Cause,
        now: Now,
    ) -> Option<Session> {
        let token = self.sessions.get(&device)?.token;
        let account = self.accounts.get_mut(&token)?;
        account.settle(at);
        account.open.retain(|open| *open != device);
        let session = self.retire(device, at, 0, cause, now);
        self.closed(token, now);
        session
    }

    fn retire(&mut self, device: DeviceId, at: u64, extra: u64, cause: Cause, now: Now) -> Option<Session> {
        let session = self.sessions.remove(&device)?;
        let charged = session.charged_at(at) + extra;
        self.effects.push(Effect::Release(UsageRecord::of(
            &session,
            now.wall_at(at),
            charged,
            cause,
        )));
        Some(session)
    }

    fn closed(&mut self, token: TokenId, now: Now) {
        if let Some(account) = self.accounts.get(&token) {
            self.effects.push(Effect::Update(account.token.clone()));
        }
        self.reschedule(token, now);
    }

    /// Brings the queue and the gate's deadline in line with the account.
    pub(super) fn reschedule(&mut self, token: TokenId, now: Now) {
        let Some(account) = self.accounts.get_mut(&token) else {
            return;
        };
        if let Some(due) = account.due.take() {
            self.due.remove(&due);
        }
        account.due = account.next_due(now);
        let deadline = account.due.map(|_| account.deadline_at(now));
        self.due.extend(account.due);
        if let Some(at) = deadline
            && account.deadline != deadline
        {
            self.effects.push(Effect::Deadline { token, at });
        }
        account.deadline = deadline;
    }
}
