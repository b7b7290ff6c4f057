//! What ends by itself, and how anything ends.

use std::collections::BTreeSet;

use crate::{
    Auditor, Cause, Device, Now, Record, Session, Token,
    rules::{FOREVER, signed},
};

/// How long a device may be parked.
const PARKED: u64 = 3_600_000;

/// Whose time is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope<'a> {
    /// Everybody's.
    All,
    /// Silence cannot be judged for these devices.
    Unheard(&'a BTreeSet<Device>),
}

/// The order is the order of booking at equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Woken(Device),
    Idle(Device),
    SessionTimeout(Device),
    Lost(Device),
    Expired(u64),
    Depleted(u64),
    Resumed(u64),
}

impl Auditor {
    /// Ends everything that is due, each at its own time, the earliest first.
    pub(crate) fn book(&mut self, scope: Scope<'_>, now: Now) {
        let looks = self.looks(scope, now);
        while let Some((at, due)) = self
            .dues(scope, looks.then_some(now.monotonic))
            .into_iter()
            .min()
            .filter(|(at, _)| *at <= now.monotonic)
        {
            match due {
                Due::Idle(device) => {
                    let last = self.sessions().find(|(_, session)| session.device == device);
                    let last = last.map_or(at, |(_, session)| session.last_frame().min(at));
                    let until = if self.rules.bill_idle { at } else { last };
                    self.end(device, at, until, Cause::Idle, now);
                }
                Due::Woken(device) => self.wake(device, at),
                Due::Lost(device) => self.end(device, at, at, Cause::GatewayLost, now),
                Due::SessionTimeout(device) => self.end(device, at, at, Cause::SessionTimeout, now),
                Due::Expired(id) => self.end_all(id, at, Cause::Expired, now),
                Due::Depleted(id) => self.end_all(id, at, Cause::Depleted, now),
                Due::Resumed(id) => {
                    if let Some(token) = self.tokens.get_mut(&id) {
                        token.pause(false, at);
                    }
                }
            }
        }
    }

    /// The next instant at which something is due.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let due = self.dues(Scope::All, None).into_iter().map(|(at, _)| at).min();
        due.into_iter().chain(self.next_look()).min()
    }

    /// When the calendar ends a token's sessions.
    pub(crate) fn expires_at(&self, token: &Token) -> u64 {
        let online = token.to.filter(|_| !token.open.is_empty());
        online.map_or(FOREVER, |to| self.by_calendar(to))
    }

    fn by_calendar(&self, wall: i64) -> u64 {
        (wall - self.offset).max(signed(self.last)).unsigned_abs()
    }

    /// `looked` is when frames of parked devices were looked for, if they were.
    pub(crate) fn dues(&self, scope: Scope<'_>, looked: Option<u64>) -> Vec<(u64, Due)> {
        let mut dues = Vec::new();
        for token in self.tokens.values() {
            if let Some(at) = token.depleted_at(self.last) {
                dues.push((at, Due::Depleted(token.id)));
            }
            dues.push((self.expires_at(token), Due::Expired(token.id)));
            if let Some(from) = token.from
                && token.run.as_ref().is_some_and(|run| run.since.is_none())
            {
                dues.push((self.by_calendar(from), Due::Resumed(token.id)));
            }
            for session in &token.open {
                dues.push((
                    self.cap(session).max(self.last),
                    Due::SessionTimeout(session.device),
                ));
                if session.parked {
                    dues.push(((session.from + PARKED).max(self.last), Due::Lost(session.device)));
                }
                let heard = !matches!(scope, Scope::Unheard(devices) if devices.contains(&session.device));
                if let Some(timeout) = self.rules.idle_timeout
                    && !token.elapsed
                    && !session.parked
                    && heard
                {
                    let silent = session.silent_since() + timeout;
                    dues.push((silent.max(self.last), Due::Idle(session.device)));
                }
            }
        }
        if let (Some(at), Scope::All) = (looked, scope) {
            let parked = self.tokens.values().flat_map(|token| &token.open);
            let woken = parked.filter_map(|session| Some((session.woken(at)?, session.device)));
            dues.extend(woken.map(|(at, device)| (at.max(self.last), Due::Woken(device))));
        }
        dues.retain(|(at, _)| *at != FOREVER);
        dues
    }

    /// Ends one session at an instant, charged until another.
    pub(crate) fn end(&mut self, device: Device, at: u64, until: u64, cause: Cause, now: Now) {
        let _ended = self.take(device, at, until, cause, now);
    }

    /// The same, and hands out what ended.
    pub(crate) fn take(
        &mut self,
        device: Device,
        at: u64,
        until: u64,
        cause: Cause,
        now: Now,
    ) -> Option<(u64, Session)> {
        let id = self
            .sessions()
            .find(|(_, session)| session.device == device)
            .map(|(token, _)| token)?;
        let token = self.tokens.get_mut(&id)?;
        let place = token.open.iter().position(|session| session.device == device)?;
        let charged = token.charged(&token.open[place], until);
        let session = token.open.remove(place);
        self.keep(session.id, Record::of(&session, id, at, charged, cause, now));
        Some((id, session))
    }

    /// Ends all sessions of a token, and its run where that is over.
    pub(crate) fn end_all(&mut self, id: u64, at: u64, cause: Cause, now: Now) {
        let Some(token) = self.tokens.get_mut(&id) else {
            return;
        };
        // What is left below one millisecond for each goes to the oldest.
        let mut rest = if cause == Cause::Depleted && !token.elapsed && !token.open.is_empty() {
            token.left(at)
        } else {
            0
        };
        let over = matches!(cause, Cause::Depleted | Cause::Revoked);
        let run = token.run.take_if(|_| over);
        let open: Vec<(Session, u64)> = std::mem::take(&mut token.open)
            .into_iter()
            .map(|session| {
                let charged = token.charged(&session, at);
                (session, charged)
            })
            .collect();
        for (session, charged) in open {
            // Who was parked has not drawn.
            let more = if session.parked {
                0
            } else {
                std::mem::take(&mut rest)
            };
            let charged = charged + more;
            self.keep(session.id, Record::of(&session, id, at, charged, cause, now));
        }
        if let Some(run) = run {
            let record = Record {
                token: id,
                device: run.device,
                opened_on: run.opened_on,
                released_on: now.wall_at(at),
                charged: run.charged(at),
                cause,
            };
            self.keep(run.id, record);
        }
    }

    fn keep(&mut self, number: u64, record: Record) {
        if let Some(token) = self.tokens.get_mut(&record.token) {
            token.charges.push((number, record.charged));
        }
        self.records.insert(number, record);
    }
}
