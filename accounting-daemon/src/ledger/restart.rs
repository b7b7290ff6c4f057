//! What a restart of the daemon does to open sessions.

use super::{Cause, Effect, Ledger, Mutant, Now, Seen, Session, TokenId, UsageRecord, broken};

impl Ledger {
    /// Takes an open session into memory that never stopped passing; its token must be there. Sessions come in the order
    /// of their numbers. What came due by the calendar up to `booked` has been booked.
    pub fn restore(&mut self, session: Session, booked: u64, now: Now) {
        let Some(account) = self.accounts.get_mut(session.token) else {
            debug_assert!(false, "a session without its token");
            return;
        };
        account.open.push(session.device);
        let token = session.token;
        self.booked = booked;
        self.remember(session, Seen::default());
        self.reschedule_from(token, booked, now);
    }

    /// Takes a run on elapsed time into memory that went on meanwhile; its token must be there.
    pub fn resume(&mut self, token: TokenId, booked: u64, now: Now) {
        self.reschedule_from(token, booked, now);
    }

    /// Charges a session whose device has left the gate up to `until` (monotonic milliseconds), when it was there for
    /// sure. Its token must be there as the store has it, and nothing booked yet.
    pub fn charge_absent(&mut self, session: &mut Session, until: u64) {
        let Some(account) = self.accounts.get_mut(session.token) else {
            return;
        };
        if session.parked {
            return;
        }
        let token = &mut account.token;
        session.charged = session.charged_at(token.settled);
        session.settled = token.settled;
        let until = if broken(Mutant::AbsentNotCharged) {
            token.settled
        } else {
            until
        };
        let charged = session.charged_at(until) - session.charged;
        let charged = charged.min(token.left());
        token.used += charged;
        session.charged += charged;
    }

    /// Lets a device pass again that has left the gate and was charged with [`Ledger::charge_absent`]: what lies between
    /// is not charged. A session whose token has ended meanwhile ends.
    pub fn readmit(&mut self, mut session: Session, now: Now) {
        if session.parked {
            // Nobody was charged, and the time for which it may be parked goes on.
            self.parked(Some(now.monotonic));
        } else if !broken(Mutant::AbsenceCharged) {
            session.settled = now.monotonic;
        }
        let capped = self.capped_at(&session).is_some_and(|at| at <= now.monotonic);
        let Some(account) = self.accounts.get_mut(session.token) else {
            return;
        };
        account.settle(now.monotonic);
        let expired = account.token.valid_to.get().is_some_and(|to| now.wall >= to);
        if capped || expired || account.token.left() == 0 {
            let cause = match (capped, expired) {
                (true, _) => Cause::SessionTimeout,
                (false, true) => Cause::Expired,
                (false, false) => Cause::Depleted,
            };
            self.effects.push(Effect::Update(account.row()));
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
            .sort_by_key(|device| sessions.get(*device).map_or(session.id, |open| open.id));
        let token = session.token;
        self.remember(session.clone(), Seen::default());
        self.keep_balance(token);
        self.reschedule(token, now);
        self.admit(session);
    }
}
