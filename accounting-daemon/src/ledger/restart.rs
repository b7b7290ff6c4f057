//! What a restart of the gateway does to open sessions.

use super::{Cause, Effect, Ledger, Mutant, Now, Seen, Session, TokenId, UsageRecord, broken};

impl Ledger {
    /// Takes an open session into memory that never stopped passing; its token must be there. Sessions come in the order
    /// of their numbers. What came due by the calendar up to `booked` has been booked.
    pub fn restore(&mut self, session: Session, booked: u64, now: Now) {
        let Some(account) = self.accounts.get_mut(&session.token) else {
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

    /// Carries the runs on elapsed time over a time in which the gateway was off for `off` milliseconds, into the boot of
    /// `now`. What was due before has been booked.
    pub fn carry_over(&mut self, last: Now, off: u64, now: Now) {
        self.calendar = Some(now.offset());
        self.booked = 0;
        let running: Vec<TokenId> = self
            .accounts
            .values()
            .filter(|account| account.token.run.is_some())
            .map(|account| account.token.id)
            .collect();
        for token in running {
            self.carry_run_over(token, last, off, now);
        }
    }

    fn carry_run_over(&mut self, token: TokenId, last: Now, off: u64, now: Now) {
        let Some(account) = self.accounts.get_mut(&token) else {
            return;
        };
        account.settle(last.monotonic);
        let since = account.token.valid_from.map_or(u64::MAX, |from| {
            u64::try_from(now.wall.saturating_sub(from)).unwrap_or(0)
        });
        let off = if broken(Mutant::TimeOffIsFree) { 0 } else { off };
        let off = match &mut account.token.run {
            Some(run) if run.paused => {
                run.paused = since == 0;
                off.min(since)
            }
            _ => off,
        };
        // As if the clock that counts durations had gone on: the end is booked at the moment it was due.
        let before = now.monotonic.saturating_sub(off);
        let behind = off.saturating_sub(now.monotonic);
        account.token.settled = before;
        let left = account.token.left();
        account.charge(behind);
        self.effects.push(Effect::Update(account.token.clone()));
        if behind > 0 && account.token.left() == 0 {
            let ended = Now {
                monotonic: before,
                wall: now
                    .wall
                    .saturating_sub_unsigned(off)
                    .saturating_add_unsigned(left),
                ..now
            };
            self.end_token(token, before, Cause::Depleted, ended);
        } else {
            self.reschedule_from(token, before, now);
        }
    }

    /// Charges a session whose device has left the gate up to `until` (monotonic milliseconds), when it was there for
    /// sure. Its token must be there as the store has it, and nothing booked yet.
    pub fn charge_absent(&mut self, session: &mut Session, until: u64) {
        let Some(account) = self.accounts.get_mut(&session.token) else {
            return;
        };
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
        if !broken(Mutant::AbsenceCharged) {
            session.settled = now.monotonic;
        }
        let capped = self.capped_at(&session).is_some_and(|at| at <= now.monotonic);
        let Some(account) = self.accounts.get_mut(&session.token) else {
            return;
        };
        account.settle(now.monotonic);
        self.effects.push(Effect::Update(account.token.clone()));
        let expired = account.token.valid_to.is_some_and(|to| now.wall >= to);
        if capped || expired || account.token.left() == 0 {
            let cause = match (capped, expired) {
                (true, _) => Cause::SessionTimeout,
                (false, true) => Cause::Expired,
                (false, false) => Cause::Depleted,
            };
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
        let token = session.token;
        self.remember(session.clone(), Seen::default());
        self.reschedule(token, now);
        self.admit(session);
    }

    /// Books what was due and then closes every session at the instant given: the gateway was off after it.
    pub fn lose_all(&mut self, last: Now) {
        // What was last heard of the devices is lost with the gate: nobody is taken for silent.
        let heard = Seen {
            up: Some(last.monotonic).filter(|_| !broken(Mutant::RebootIsSilence)),
            down: None,
        };
        self.book(&|_| heard, last);
        let devices: Vec<_> = self.sessions.keys().copied().collect();
        for device in devices {
            self.end_session(device, last.monotonic, Cause::GatewayLost, last);
        }
    }
}
