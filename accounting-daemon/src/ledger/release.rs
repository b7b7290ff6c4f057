//! How a session ends: its charge is fixed, its seat is free, its record is made.

use super::{
    Activity, Cause, Effect, FOREVER, Ledger, Metering, Mutant, Now, ReleaseError, Seen, Session, TokenId,
    UsageRecord, broken, due::Kind, open::Open, parking::lost_at, table::Entry,
};
use crate::mac::{DeviceId, Mac};

impl Ledger {
    /// Ends the session of a MAC address, in the zone named or in the only one where it is online.
    ///
    /// # Errors
    /// [`ReleaseError`]; nothing has changed then.
    pub fn release(
        &mut self,
        mac: Mac,
        zone: Option<u16>,
        cause: Cause,
        now: Now,
    ) -> Result<(), ReleaseError> {
        let mut devices = self
            .devices_of(mac)
            .filter(|device| zone.is_none_or(|zone| device.zone == zone));
        let device = devices.next().ok_or(ReleaseError::NotOnline)?;
        if devices.next().is_some() {
            return Err(ReleaseError::SeveralZones);
        }
        self.end_session(device, now.monotonic, cause, now);
        Ok(())
    }

    /// Ends every session of a token at an instant.
    pub(super) fn end_token(&mut self, token: TokenId, at: u64, cause: Cause, now: Now) {
        let Some(account) = self.accounts.get_mut(token) else {
            return;
        };
        account.settle(at);
        let elapsed = account.token.metering == Metering::ElapsedTime;
        // What does not divide evenly among the seats goes to the oldest session.
        let rest = if cause == Cause::Depleted && !elapsed && !broken(Mutant::RestIsLost) {
            account.token.left()
        } else {
            0
        };
        account.token.used += rest;
        let open = std::mem::take(&mut account.open);
        let survives = cause == Cause::Depleted && broken(Mutant::RunSurvivesZero);
        let over = matches!(cause, Cause::Depleted | Cause::Revoked) && !survives;
        if survives && let Some(run) = &mut account.token.run {
            run.paused = true;
        }
        let run = if over { account.token.run.take() } else { None };
        let sessions = &self.sessions;
        let drew = |device: &DeviceId| sessions.get(*device).is_some_and(|open| !open.parked);
        let oldest = if broken(Mutant::RestToTheNewest) {
            open.iter().rposition(drew)
        } else {
            open.iter().position(drew)
        };
        for (seat, &device) in open.iter().enumerate() {
            let rest = if Some(seat) == oldest { rest } else { 0 };
            self.retire(device, at, cause, now, |charged| charged + rest);
        }
        let lost = cause == Cause::Revoked && broken(Mutant::DeletionLosesRun);
        if let Some(run) = run.filter(|_| !lost) {
            self.effects.push(Effect::EndRun(UsageRecord::of_run(
                *run,
                token,
                now.wall_at(at),
                cause,
            )));
        }
        self.closed(token, at, now);
    }

    /// Ends one session at an instant.
    pub(super) fn end_session(
        &mut self,
        device: DeviceId,
        at: u64,
        cause: Cause,
        now: Now,
    ) -> Option<Session> {
        self.end_charged_to(device, at, at, cause, now)
    }

    /// Looks at the silence of a device whose time to be silent is over at an instant: ends its session, charged to its
    /// last frame, or lets it go on until it has been silent for long enough.
    pub(super) fn end_if_idle(&mut self, device: DeviceId, at: u64, activity: &dyn Activity, now: Now) {
        let Some(timeout) = self.rules.idle_timeout else {
            return;
        };
        let Some(open) = self.sessions.get(device) else {
            return;
        };
        let (seen, settled) = (open.heard(activity), open.settled);
        let timeout = timeout + u64::from(broken(Mutant::IdleLate));
        let due = seen.silent_since(settled).saturating_add(timeout);
        if due > at {
            let due = self.due_of(open, Some(due));
            self.sessions.set_due(device, due);
            return;
        }
        let billed = self.rules.bill_idle && !broken(Mutant::SilenceFree);
        let until = if billed || broken(Mutant::SilenceCharged) {
            at
        } else {
            seen.last(settled).min(at)
        };
        self.end_charged_to(device, at, until, Cause::Idle, now);
    }

    fn end_charged_to(
        &mut self,
        device: DeviceId,
        at: u64,
        until: u64,
        cause: Cause,
        now: Now,
    ) -> Option<Session> {
        let session = self.sessions.get(device)?;
        let metered = session.metering == Metering::ConnectedTime && !session.parked;
        let back = if metered {
            at - until.clamp(session.settled, at)
        } else {
            0
        };
        let token = session.token;
        let account = self.accounts.get_mut(token)?;
        account.settle(at);
        account.token.used -= back;
        account.open.remove(device);
        let session = self.retire(device, at, cause, now, |charged| charged - back);
        self.closed(token, at, now);
        session
    }

    fn retire(
        &mut self,
        device: DeviceId,
        at: u64,
        cause: Cause,
        now: Now,
        charge: impl FnOnce(u64) -> u64,
    ) -> Option<Session> {
        let session = self.forget(device)?;
        let charged = charge(session.charged_at(at));
        self.effects.push(Effect::Release(UsageRecord::of(
            &session,
            now.wall_at(at),
            charged,
            cause,
        )));
        Some(session)
    }

    /// Takes a session out of memory, with all that is due for it.
    pub(super) fn forget(&mut self, device: DeviceId) -> Option<Session> {
        let session = self.sessions.remove(device)?.session();
        if session.parked {
            self.unpark(&session);
        }
        Some(session)
    }

    /// Takes a session into memory, with all that is due for it.
    pub(super) fn remember(&mut self, session: Session, before: Seen) {
        let metered = session.metering == Metering::ConnectedTime;
        let idle_due = self
            .rules
            .idle_timeout
            .filter(|_| metered || broken(Mutant::ElapsedIdles))
            .filter(|_| !session.parked || broken(Mutant::ParkedIdles))
            .map(|timeout| session.settled.saturating_add(timeout));
        if session.parked {
            self.park(&session, before);
        }
        let mut open = Open::new(session, before);
        open.note_due(self.due_of(&open, idle_due));
        self.sessions.insert(open);
    }

    /// What is due first of a session whose silence is to be looked at then.
    fn due_of(&self, open: &Open, idle: Option<u64>) -> Option<(u64, Kind)> {
        let idle = idle.map(|at| (at, Kind::Idle));
        let cap = self.cap_of(open).map(|at| (at, Kind::SessionTimeout));
        let lost = open.parked.then(|| (lost_at(open.settled), Kind::Lost));
        [idle, cap, lost].into_iter().flatten().min()
    }

    /// Asks for the device of a session to be let through.
    pub(super) fn admit(&mut self, session: Session) {
        let until = if broken(Mutant::CapNotInGate) {
            FOREVER
        } else {
            self.session_deadline(&session)
        };
        self.effects.push(Effect::Admit(session, until));
    }

    /// The instant at which one session ends whatever its token still has.
    pub(super) fn capped_at(&self, session: &Session) -> Option<u64> {
        self.cap(session.opened, session.age)
    }

    /// The same of one in memory.
    pub(super) fn cap_of(&self, open: &Open) -> Option<u64> {
        self.cap(open.opened(), open.age())
    }

    fn cap(&self, opened: u64, age: u64) -> Option<u64> {
        self.rules
            .session_timeout
            .filter(|_| !broken(Mutant::NoSessionTimeout))
            .map(|timeout| timeout + u64::from(broken(Mutant::CapLate)))
            .map(|timeout| opened.saturating_add(timeout.saturating_sub(age)))
    }

    fn closed(&mut self, token: TokenId, at: u64, now: Now) {
        self.keep_balance(token);
        self.reschedule_from(token, at, now);
    }

    /// Asks for a balance to be kept: once it is known who draws on it.
    pub(super) fn keep_balance(&mut self, token: TokenId) {
        if let Some(account) = self.accounts.get(token) {
            self.effects.push(Effect::Update(account.row()));
        }
    }
}
