//! Booking: what has come due is released at the moment it was due, not at the moment it was noticed.

use super::{Activity, Cause, Effect, Ledger, Now, TokenId, due::Due};

impl Ledger {
    /// The monotonic millisecond at which something comes due next. May change with every call that changes something.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Books everything due, in the order of its time, working out the rest anew after each.
    pub fn book(&mut self, activity: &dyn Activity, now: Now) {
        while let Some(&(at, due)) = self.due.first()
            && at <= now.monotonic
        {
            match due {
                Due::Idle(device) => self.end_if_idle(device, at, activity, now),
                Due::SessionTimeout(device) => {
                    self.end_session(device, at, Cause::SessionTimeout, now);
                }
                Due::Expired(token) => self.end_token(token, at, Cause::Expired, now),
                Due::Depleted(token) => self.end_token(token, at, Cause::Depleted, now),
            }
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
