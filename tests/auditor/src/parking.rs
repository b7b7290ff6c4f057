//! Devices of which nobody knows whether they are there: after a reboot, and while no interface is gated.

use crate::{
    Auditor, Device, Now,
    due::{Due, Scope},
};

/// How often frames of parked devices are looked for.
const LOOK: u64 = 1_000;

impl Auditor {
    /// Parks every session when no interface is gated any more.
    pub(crate) fn attach(&mut self, attached: bool, now: Now) {
        let lost = std::mem::replace(&mut self.lost, !attached);
        if attached || lost {
            return;
        }
        self.looked.get_or_insert(now.monotonic);
        for token in self.tokens.values_mut() {
            let elapsed = token.elapsed;
            for session in token.open.iter_mut().filter(|session| !session.parked) {
                if !elapsed {
                    session.before += now.monotonic - session.from;
                }
                session.from = now.monotonic;
                session.parked = true;
            }
        }
    }

    /// Whether frames of parked devices are looked for now: once in a while, and before anything but silence is booked.
    pub(crate) fn looks(&mut self, scope: Scope<'_>, now: Now) -> bool {
        if !self.any_parked() {
            self.looked = None;
            return false;
        }
        let mut due = self.dues(scope, None).into_iter();
        let books = due.any(|(at, due)| at <= now.monotonic && !matches!(due, Due::Idle(_)));
        let time = self.next_look().is_some_and(|at| at <= now.monotonic);
        if books || time {
            self.looked = Some(now.monotonic);
        }
        books || time
    }

    /// When frames are looked for next.
    pub(crate) fn next_look(&self) -> Option<u64> {
        let next = self.looked.map_or(0, |at| at + LOOK);
        self.any_parked().then_some(next)
    }

    /// A parked device goes on.
    pub(crate) fn wake(&mut self, device: Device, at: u64) {
        let sessions = self.tokens.values_mut().flat_map(|token| &mut token.open);
        for session in sessions.filter(|session| session.device == device) {
            session.parked = false;
            session.from = at;
        }
    }

    fn any_parked(&self) -> bool {
        self.sessions().any(|(_, session)| session.parked)
    }
}
