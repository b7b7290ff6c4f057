//! Booking: what has come due is released at the moment it was due, not at the moment it was noticed.

use super::{
    Activity, Cause, Effect, FOREVER, Ledger, Mutant, Now, TokenId, broken,
    due::{Kind, Subject},
    table::Entry,
};

impl Ledger {
    /// The monotonic millisecond at which something comes due next. May change with every call that changes something.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let due = self.first_due().map(|(at, ..)| at);
        due.into_iter().chain(self.look_due()).min()
    }

    fn first_due(&self) -> Option<(u64, Kind, Subject)> {
        let session = self.sessions.first();
        let session = session.map(|(at, kind, device)| (at, kind, Subject::Session(device)));
        let account = self.accounts.first();
        let account = account.map(|(at, kind, token)| (at, kind, Subject::Token(token)));
        session.into_iter().chain(account).min()
    }

    /// Books everything due, in the order of its time, working out the rest anew after each.
    pub fn book(&mut self, activity: &dyn Activity, now: Now) {
        self.calendar.get_or_insert(now.offset());
        let looked = self.look_at_parked(activity, now);
        while let Some((at, kind, subject)) = self.first_due()
            && at <= now.monotonic
        {
            let (kind, subject) = self.tie(at, kind, subject);
            let at = if broken(Mutant::BookedWhenNoticed) {
                now.monotonic
            } else {
                at.max(self.booked)
            };
            match (subject, kind) {
                (Subject::Session(device), Kind::Woken) => self.wake(device, at, now),
                (Subject::Session(device), Kind::Idle) => self.end_if_idle(device, at, activity, now),
                (Subject::Session(device), kind) => {
                    let cause = match kind {
                        Kind::Lost if broken(Mutant::LostIsIdle) => Cause::Idle,
                        Kind::Lost => Cause::GatewayLost,
                        _ if broken(Mutant::CapIsIdle) => Cause::Idle,
                        _ => Cause::SessionTimeout,
                    };
                    self.end_session(device, at, cause, now);
                }
                (Subject::Token(token), Kind::Resumed) => self.pause(token, false, at, now),
                (Subject::Token(token), kind) => {
                    let cause = if kind == Kind::Expired {
                        Cause::Expired
                    } else {
                        Cause::Depleted
                    };
                    self.end_token(token, at, cause, now);
                }
            }
        }
        self.booked = now.monotonic;
        if looked {
            self.extend_parked(now);
        }
    }

    /// Which of those that are due at one instant comes first: the first of them, unless that rule is broken.
    fn tie(&self, at: u64, kind: Kind, subject: Subject) -> (Kind, Subject) {
        let Subject::Session(device) = subject else {
            return (kind, subject);
        };
        let open = self.sessions.get(device);
        if kind == Kind::Idle && broken(Mutant::CapBeforeIdle) {
            let capped = open.is_some_and(|open| self.cap_of(open) == Some(at));
            return (if capped { Kind::SessionTimeout } else { kind }, subject);
        }
        if kind == Kind::SessionTimeout && broken(Mutant::ExpiredBeforeCap) {
            let account = open.and_then(|open| self.accounts.get(open.token));
            let expired = account.filter(|account| account.due() == Some((at, Kind::Expired)));
            if let Some(account) = expired {
                return (Kind::Expired, Subject::Token(account.token.id));
            }
        }
        (kind, subject)
    }

    /// Works out calendar limits anew after the wall clock was set; one that is not trusted moves nothing.
    pub fn clock_stepped(&mut self, now: Now) {
        let believed = now.trusted || broken(Mutant::UntrustedCalendarMoves);
        if !believed || broken(Mutant::CalendarSetUnnoticed) {
            return;
        }
        self.calendar = Some(now.offset());
        let mut limited: Vec<TokenId> = self
            .accounts
            .iter()
            .filter(|a| a.token.valid_to.get().is_some() || a.token.run.is_some())
            .map(|a| a.token.id)
            .collect();
        limited.sort_unstable();
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
        let Some(account) = self.accounts.get_mut(token) else {
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
        let parked_until = self.parked_until(token, now);
        let Some(account) = self.accounts.get(token) else {
            return;
        };
        if !account.busy() {
            self.perhaps_idle.push(token);
        }
        let due = account.next_due(earliest, now);
        self.accounts.set_due(token, due);
        let Some(account) = self.accounts.get_mut(token) else {
            return;
        };
        let deadline = due
            .map(|(at, _)| at)
            .into_iter()
            .chain(parked_until.filter(|_| !broken(Mutant::ParkedUnlimited)))
            .min()
            .filter(|_| !account.open.is_empty())
            .unwrap_or(FOREVER);
        if deadline != FOREVER && account.deadline != deadline {
            self.effects.push(Effect::Deadline { token, at: deadline });
        }
        account.deadline = deadline;
    }
}
