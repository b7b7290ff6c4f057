//! Parked sessions: after a reboot, and while no interface is gated, nobody knows whether a device is still there. It may
//! pass, with the balance as upper bound, and is charged nothing until a frame of it is forwarded.

use std::collections::{BTreeMap, BTreeSet};

use super::{Activity, Effect, Ledger, Mutant, Now, Seen, Session, TokenId, broken, due::Kind, table::Entry};
use crate::mac::DeviceId;

/// How long a session may be parked, in milliseconds.
const PARKED_MAX_MS: u64 = 3_600_000;

/// How often parked devices are looked at, in milliseconds: what a first frame may cost the house.
const LOOK_MS: u64 = 1_000;

/// By how much the kernel's coarse clock may be behind at most, in milliseconds: frames that come after a look may be dated so long
/// before it.
const LAG_MS: u64 = 100;

/// From so many parked devices among all on, whoever was active is asked for, and not each of them.
const ONE_IN: usize = 8;

/// Who is parked.
#[derive(Debug, Default)]
pub(super) struct Parking {
    /// Whether no interface is gated.
    lost: bool,
    devices: BTreeSet<DeviceId>,
    /// Those of whom frames are known that the gate does not count any more.
    heard: BTreeSet<DeviceId>,
    /// When they were looked at last; the deadlines of their tokens are worked out from it.
    looked: Option<u64>,
    moves: Moves,
}

/// When the deadlines of tokens on which nobody but parked devices waits are to be moved, at the next look: seldom, since each
/// leaves most of the balance.
#[derive(Debug, Default)]
struct Moves {
    at: BTreeMap<TokenId, u64>,
    first: BTreeSet<(u64, TokenId)>,
}

impl Moves {
    fn set(&mut self, token: TokenId, at: Option<u64>) {
        let before = match at {
            Some(at) => self.at.insert(token, at),
            None => self.at.remove(&token),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.first.remove(&(before, token));
        }
        self.first.extend(at.map(|at| (at, token)));
    }

    /// Takes out those of an instant and before it.
    fn due(&mut self, monotonic: u64) -> Vec<TokenId> {
        let later = self.first.split_off(&(monotonic.saturating_add(1), 0));
        let due = std::mem::replace(&mut self.first, later);
        let tokens: Vec<TokenId> = due.into_iter().map(|(_, token)| token).collect();
        for token in &tokens {
            self.at.remove(token);
        }
        tokens
    }
}

impl Ledger {
    /// Tells whether any interface is gated. While none is, every session is parked.
    pub fn attach(&mut self, attached: bool, now: Now) {
        let lost = !attached && !broken(Mutant::LossParksNobody);
        if lost && !self.parking.lost {
            self.park_all(now);
        }
        self.parking.lost = lost;
    }

    fn park_all(&mut self, now: Now) {
        self.parking.looked.get_or_insert(now.monotonic);
        let running: Vec<DeviceId> = self
            .sessions
            .iter()
            .filter(|open| !open.parked)
            .map(|open| open.device)
            .collect();
        let mut tokens = BTreeSet::new();
        for device in running {
            let Some(open) = self.sessions.get(device) else {
                continue;
            };
            let (token, before) = (open.token, open.before());
            if let Some(account) = self.accounts.get_mut(token) {
                account.settle(now.monotonic);
            }
            tokens.insert(token);
            if let Some(mut session) = self.forget(device) {
                session.charged = session.charged_at(now.monotonic);
                session.settled = now.monotonic;
                session.parked = true;
                self.effects.push(Effect::Keep(session.clone()));
                self.remember(session, before);
            }
        }
        for token in tokens {
            self.keep_and_reschedule(token, now.monotonic, now);
        }
    }

    /// Whether a session that opens now is parked at once.
    pub(super) fn opens_parked(&mut self, now: Now) -> bool {
        let parked = self.parking.lost && !broken(Mutant::OpenedWhileLostRuns);
        if parked {
            self.parking.looked.get_or_insert(now.monotonic);
        }
        parked
    }

    /// Looks for frames of parked devices, where it is time to or something is to be booked; what is found is due at the
    /// moment of the frame. Answers whether it looked.
    pub(super) fn look_at_parked(&mut self, activity: &dyn Activity, now: Now) -> bool {
        if self.parking.devices.is_empty() {
            self.parking.looked = None;
            return false;
        }
        // A frame from before what is booked comes first. Idle is looked at anew when it is due, and may be none.
        let by = now.monotonic;
        let booking = self.accounts.any_due(by, |_| true)
            || self.sessions.any_due(by, |open| {
                let idle = open.due().is_some_and(|(_, kind)| kind == Kind::Idle);
                !idle || self.cap_of(open).is_some_and(|cap| cap <= by)
            });
        if !booking && self.look_due().is_some_and(|at| at > now.monotonic) {
            return false;
        }
        let woken: Vec<(DeviceId, (u64, Kind))> = self
            .perhaps_woken(activity)
            .into_iter()
            .filter_map(|device| self.sessions.get(device))
            .filter_map(|open| {
                let seen = open.heard(activity);
                let down = seen.down.filter(|_| !broken(Mutant::DownlinkDoesNotWake));
                let first = seen.up.max(down).filter(|at| *at > open.settled)?;
                let woken = (first.min(now.monotonic).max(self.booked), Kind::Woken);
                Some((open.device, open.due().map_or(woken, |due| due.min(woken))))
            })
            .collect();
        for (device, due) in woken {
            self.sessions.set_due(device, Some(due));
        }
        self.parking.looked = Some(now.monotonic);
        true
    }

    /// The parked devices that may have had frames since the last look.
    fn perhaps_woken(&self, activity: &dyn Activity) -> Vec<DeviceId> {
        let Parking { devices, heard, .. } = &self.parking;
        let since = self.parking.looked.unwrap_or(0);
        let since = if broken(Mutant::FrameAtLookMissed) {
            since.saturating_add(1)
        } else {
            since.saturating_sub(LAG_MS)
        };
        let many = devices.len() >= self.sessions.len() / ONE_IN;
        let Some(mut active) = many.then(|| activity.seen_since(since)).flatten() else {
            return devices.iter().copied().collect();
        };
        active.retain(|device| devices.contains(device));
        active.extend(heard);
        active.sort_unstable();
        active.dedup();
        active
    }

    /// When parked devices are to be looked at next.
    pub(super) fn look_due(&self) -> Option<u64> {
        let anybody = !self.parking.devices.is_empty();
        anybody.then(|| self.parking.looked.map_or(0, |at| at.saturating_add(LOOK_MS)))
    }

    /// The instant from which the deadlines of parked tokens are worked out.
    pub(super) fn looked(&self, now: Now) -> u64 {
        self.parking.looked.unwrap_or(now.monotonic)
    }

    /// Moves the deadlines of the tokens on which nobody but parked devices waits, where it is time to.
    pub(super) fn extend_parked(&mut self, now: Now) {
        if broken(Mutant::ParkedDeadlineStays) {
            return;
        }
        for token in self.parking.moves.due(now.monotonic) {
            self.reschedule(token, now);
        }
    }

    /// How long the devices of a token may pass, as far as is known, if nobody but parked ones waits on it: no longer than the
    /// balance from the last look on. Most of it remains until that is moved, which is noted.
    pub(super) fn parked_until(&mut self, token: TokenId, now: Now) -> Option<u64> {
        let until = self
            .accounts
            .get(token)
            .filter(|account| account.waits())
            .map(|account| {
                let open = account
                    .open
                    .iter()
                    .filter_map(|device| self.sessions.get(*device));
                let since = open.map(|open| open.settled).max().unwrap_or(0);
                account.parked_until(since, self.looked(now))
            });
        self.parking.moves.set(token, until.map(|until| until.moves));
        until.map(|until| until.at)
    }

    /// A parked session goes on: it is charged from an instant on.
    pub(super) fn wake(&mut self, device: DeviceId, at: u64, now: Now) {
        let Some(open) = self.sessions.get(device).filter(|open| open.parked) else {
            return;
        };
        let (token, before) = (open.token, open.before());
        if let Some(account) = self.accounts.get_mut(token) {
            account.settle(at);
        }
        let Some(mut session) = self.forget(device) else {
            return;
        };
        session.parked = false;
        if !broken(Mutant::ParkedCharged) {
            session.settled = at;
        }
        if !broken(Mutant::WakeNotKept) {
            self.effects.push(Effect::Keep(session.clone()));
        }
        self.remember(session, before);
        self.keep_and_reschedule(token, at, now);
    }

    /// Counts a session among the parked ones.
    pub(super) fn park(&mut self, session: &Session, before: Seen) {
        self.parking.devices.insert(session.device);
        if before.any() {
            self.parking.heard.insert(session.device);
        }
        if let Some(account) = self.accounts.get_mut(session.token) {
            account.parked += 1;
        }
    }

    /// Counts it among them no longer.
    pub(super) fn unpark(&mut self, session: &Session) {
        self.parking.devices.remove(&session.device);
        self.parking.heard.remove(&session.device);
        if let Some(account) = self.accounts.get_mut(session.token) {
            account.parked -= 1;
        }
    }

    /// The parked devices; those who look at them begin anew.
    pub(super) fn parked(&mut self, looked: Option<u64>) -> BTreeSet<DeviceId> {
        self.parking.looked = looked;
        self.parking.devices.clone()
    }

    fn keep_and_reschedule(&mut self, token: TokenId, at: u64, now: Now) {
        self.keep_balance(token);
        self.reschedule_from(token, at, now);
    }
}

/// When a session has been parked for too long.
pub(super) fn lost_at(settled: u64) -> u64 {
    let late = u64::from(broken(Mutant::ParkedHourLate));
    settled.saturating_add(PARKED_MAX_MS + late)
}
