//! What a restart of the gateway does to open sessions.

use super::{Cause, Effect, Ledger, Now, Seen, Session, UsageRecord};

impl Ledger {
    /// Takes an open session into memory that never stopped passing; its token must be there. Sessions come in the order
    /// of their numbers.
    pub fn restore(&mut self, session: Session, now: Now) {
        let Some(account) = self.accounts.get_mut(&session.token) else {
            debug_assert!(false, "a session without its token");
            return;
        };
        account.open.push(session.device);
        let token = session.token;
        self.remember(session);
        self.reschedule(token, now);
    }

    /// Lets a device pass again that did not pass since `until` (monotonic milliseconds; the last settlement of its token
    /// that the store has): what lies between is not charged. A session whose token has ended meanwhile ends.
    pub fn readmit(&mut self, mut session: Session, until: u64, now: Now) {
        session.charged = session.charged_at(until);
        session.settled = now.monotonic;
        let Some(account) = self.accounts.get_mut(&session.token) else {
            return;
        };
        account.settle(now.monotonic);
        let expired = account.token.valid_to.is_some_and(|to| now.wall >= to);
        if account.token.left() == 0 || expired {
            let cause = if expired { Cause::Expired } else { Cause::Depleted };
            self.effects.push(Effect::Release(UsageRecord::of(
                &session,
                now.wall,
                session.charged,
                cause,
            )));
            return;
        }
        account.open.push(session.device);
        let sessions = &self.sessions;
        account
            .open
            .sort_by_key(|device| sessions.get(device).map_or(session.id, |open| open.session.id));
        self.effects.push(Effect::Update(account.token.clone()));
        let token = session.token;
        self.remember(session.clone());
        self.reschedule(token, now);
        self.admit(session);
    }

    /// Books what was due and then closes every session at the instant given: the gateway was off after it.
    pub fn lose_all(&mut self, last: Now) {
        self.book(&|_| Seen::default(), last);
        let devices: Vec<_> = self.sessions.keys().copied().collect();
        for device in devices {
            self.end_session(device, last.monotonic, Cause::GatewayLost, last);
        }
    }
}
