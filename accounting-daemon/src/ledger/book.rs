//! Booking: what has come due is released at the moment it was due, not at the moment it was noticed.

use super::{Activity, Cause, Effect, Ledger, Mutant, Now, TokenId, broken, due::Due};

impl Ledger {
    /// The monotonic millisecond at which something comes due next. May change with every call that changes something.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.look_due()).min()
    }

    /// Books everything due, in the order of its time, working out the rest anew after each.
    pub fn book(&mut self, activity: &dyn Activity, now: Now) {
        self.calendar.get_or_insert(now.offset());
        let looked = self.look_at_parked(activity, now);
        while let Some(&(at, due)) = self.due.first()
            && at <= now.monotonic
        {
            let entry = (at, due);
            let at = if broken(Mutant::BookedWhenNoticed) {
                now.monotonic
            } else {
                at.max(self.booked)
            };
            match due {
                Due::Woken(device) => {
                    self.due.remove(&entry);
                    self.wake(device, at, now);
                }
                Due::Idle(device) => self.end_if_idle(device, at, activity, now),
                Due::SessionTimeout(device) => {
                    self.end_session(device, at, Cause::SessionTimeout, now);
                }
                Due::Lost(device) => {
                    self.end_session(device, at, Cause::GatewayLost, now);
                }
                Due::Expired(token) => self.end_token(token, at, Cause::Expired, now),
                Due::Depleted(token) => self.end_token(token, at, Cause::Depleted, now),
                Due::Resumed(token) => self.pause(token, false, at, now),
            }
        }
        self.booked = now.monotonic;
        if looked {
            self.extend_parked(now);
        }
    }

    /// Works out calendar limits anew after the wall clock was set; one that is not trusted moves nothing.
    pub fn clock_stepped(&mut self, now: Now) {
        let believed = now.trusted || broken(Mutant::UntrustedCalendarMoves);
        if !believed || broken(Mutant::CalendarSetUnnoticed) {
            return;
        }
        self.calendar = Some(now.offset());
        let limited: Vec<TokenId> = self
            .accounts
            .values()
            .filter(|a| a.token.valid_to.get().is_some() || a.token.run.is_some())
            .map(|a| a.token.id)
            .collect();
        for token in limited {
            self.reschedule(token, now);
        }
    }

    /// The time by the calendar of the deadlines.
    pub(super) fn by_calendar(&mut self, now: Now) -> Now {
        let offset = *self.calendar.get_or_insert(now.offset());
        let wall = offset.saturating_add_unsigned(now.monotonic);
        Now { wall, ..now }
    }

    /// Stops or starts the run of a token at an instant.
    pub(super) fn pause(&mut self, token: TokenId, paused: bool, at: u64, now: Now) {
        let Some(account) = self.accounts.get_mut(&token) else {
            return;
        };
        account.settle(at);
        if let Some(run) = &mut account.token.run {
            run.paused = paused;
            self.effects.push(Effect::Update(account.row()));
        }
        self.reschedule_from(token, at, now);
    }

    /// Brings the queue and the gate's deadline in line with the account.
    pub(super) fn reschedule(&mut self, token: TokenId, now: Now) {
        self.reschedule_from(token, now.monotonic, now);
    }

    /// The same where calendar limits may have passed unnoticed since an instant.
    pub(super) fn reschedule_from(&mut self, token: TokenId, earliest: u64, now: Now) {
        let now = self.by_calendar(now);
        let looked = self.looked(now);
        let Some(account) = self.accounts.get_mut(&token) else {
            return;
        };
        if let Some(due) = account.due.take() {
            self.due.remove(&due);
        }
        if !account.busy() {
            self.perhaps_idle.insert(token);
        }
        account.due = account.next_due(earliest, now);
        self.due.extend(account.due);
        let due = account.due.map(|(at, _)| at);
        let deadline = due
            .into_iter()
            .chain(
                account
                    .parked_until(looked)
                    .filter(|_| !broken(Mutant::ParkedUnlimited)),
            )
            .min()
            .filter(|_| !account.open.is_empty());
        if let Some(at) = deadline
            && account.deadline != deadline
        {
            self.effects.push(Effect::Deadline { token, at });
        }
        account.deadline = deadline;
    }
}
