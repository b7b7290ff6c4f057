//! What a reboot of the gateway does: sessions are parked, runs on elapsed time and the calendar have gone on.

use super::{Cause, Effect, Ledger, Mutant, Now, Seen, TokenId, broken, open::Open};

/// The time for which the gateway was off.
#[derive(Clone, Copy)]
struct Off {
    /// The last instant of the boot before.
    last: Now,
    /// For so many milliseconds, as far as the calendar can be believed.
    ms: u64,
    /// The first look in the present boot.
    now: Now,
}

impl Ledger {
    /// Books what was due up to `last`, in the boot before, and parks every session in the boot of `now`, charged up to
    /// `last`. Runs on elapsed time are carried over the `ms` milliseconds between, and sessions end whose tokens have ended.
    pub fn reboot(&mut self, last: Now, ms: u64, now: Now) {
        // What was last heard of the devices is lost with the gate: nobody is taken for silent, nor for back.
        let parked = self.parked(None);
        let up = Some(last.monotonic).filter(|_| !broken(Mutant::RebootIsSilence));
        let heard = |device| Seen {
            up: up.filter(|_| !parked.contains(&device)),
            down: None,
        };
        self.book(&heard, last);
        for token in self.accounts.keys() {
            if let Some(account) = self.accounts.get_mut(token) {
                account.settle(last.monotonic);
            }
        }
        let devices: Vec<_> = self.sessions.iter().map(|open| open.device).collect();
        for device in devices {
            if broken(Mutant::RebootEndsSessions) {
                self.end_session(device, last.monotonic, Cause::GatewayLost, last);
            } else if let Some(mut session) = self.forget(device) {
                session.charged = session.charged_at(last.monotonic);
                if !broken(Mutant::RebootResetsCap) {
                    session.age += last.monotonic.saturating_sub(session.opened);
                }
                session.opened = now.monotonic;
                session.settled = now.monotonic;
                session.parked = true;
                self.remember(session, Seen::default());
            }
        }
        self.parked(Some(now.monotonic));
        self.booked = 0;
        self.calendar = Some(if now.trusted || broken(Mutant::RebootTrustsAnyCalendar) {
            now.offset()
        } else {
            last.wall
                .saturating_sub(i64::try_from(now.monotonic).unwrap_or(i64::MAX))
        });
        let off = Off { last, ms, now };
        for token in self.accounts.keys() {
            self.carry_over(token, off);
        }
        let sessions: Vec<_> = self.sessions.iter().map(Open::session).collect();
        for session in sessions {
            self.admit(session);
        }
    }

    /// How far the calendar is from the clock of durations, as deadlines are worked out.
    #[must_use]
    pub fn calendar(&self) -> Option<i64> {
        self.calendar
    }

    fn carry_over(&mut self, token: TokenId, off: Off) {
        let now = off.now;
        let Some(account) = self.accounts.get_mut(token) else {
            return;
        };
        // How long ago the pause was over; `None` while it goes on.
        let since = match account.token.valid_from.get() {
            Some(from) => u64::try_from(now.wall.saturating_sub(from)).ok(),
            None => Some(u64::MAX),
        };
        let ms = match &mut account.token.run {
            _ if broken(Mutant::TimeOffIsFree) => 0,
            None => 0,
            Some(run) if run.paused => {
                run.paused = since.is_none();
                off.ms.min(since.unwrap_or(0))
            }
            Some(_) => off.ms,
        };
        // As if the clock that counts durations had gone on: the end is booked at the moment it was due.
        let before = now.monotonic.saturating_sub(ms);
        let behind = ms.saturating_sub(now.monotonic);
        account.token.settled = before;
        let left = account.token.left();
        account.charge(behind);
        self.effects.push(Effect::Update(account.row()));
        if let Some(wall) = self.expired_while_off(token, left, off) {
            let ended = Now {
                monotonic: before,
                wall,
                ..now
            };
            self.end_token(token, before, Cause::Expired, ended);
        }
        let depleted = self
            .accounts
            .get(token)
            .is_some_and(|account| account.token.left() == 0);
        if behind > 0 && depleted {
            let ended = Now {
                monotonic: before,
                wall: now.wall.saturating_sub_unsigned(ms).saturating_add_unsigned(left),
                ..now
            };
            self.end_token(token, before, Cause::Depleted, ended);
        } else {
            self.reschedule_from(token, before, now);
        }
    }

    /// When the calendar ended the sessions of a token that had so much left, if it did while the gateway was off and
    /// before its run was over.
    fn expired_while_off(&self, token: TokenId, left: u64, off: Off) -> Option<i64> {
        let token = &self.accounts.get(token)?.token;
        let to = token
            .valid_to
            .get()
            .filter(|to| off.now.trusted && *to <= off.now.wall)?;
        let to = to.max(off.last.wall);
        let runs_to = off.last.wall.saturating_add_unsigned(left);
        let over = token.run.is_some() && runs_to < to;
        (!over && !broken(Mutant::ExpiryWhileOffIsLate)).then_some(to)
    }
}
