//! The gate refuses a device: nothing is charged, and what had made room for it is open again.

use super::{Activity, Cause, Effect, Ledger, Metering, Mutant, Now, Seen, Session, SessionId, broken};
use crate::mac::{DeviceId, Mac};

/// What a redemption changed besides opening its session: taken back when the gate refuses that.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// Sessions it ended, each with what was last heard of its device.
    replaced: Vec<(Session, Seen)>,
    /// Whether it began a run.
    pub(super) began: bool,
    /// Whether it took a seat over.
    pub(super) took_over: bool,
    /// The token's last device and last redemption until then.
    pub(super) before: (Option<Mac>, Option<i64>),
}

impl Admitted {
    pub(super) fn replace(&mut self, ended: Option<(Session, Seen)>) {
        self.replaced.extend(ended);
    }
}

impl Ledger {
    /// Ends a session that may have to be restored.
    pub(super) fn end_heard(
        &mut self,
        device: DeviceId,
        cause: Cause,
        activity: &dyn Activity,
        now: Now,
    ) -> Option<(Session, Seen)> {
        let heard = self.sessions.get(device)?.heard(activity);
        let session = self.end_session(device, now.monotonic, cause, now)?;
        Some((session, heard))
    }

    /// Undoes an admission that the gate refused: nothing is charged, and the session that it had replaced is open
    /// again. A session that had passed before is over and keeps its charge. To be called in the round of the admission,
    /// with its `now`.
    pub fn refused(&mut self, id: SessionId, now: Now) {
        let found = self.sessions.numbered(id);
        let Some((device, token)) = found.map(|open| (open.device, open.token)) else {
            return;
        };
        let Some(admitted) = self.admitted.remove(&id) else {
            self.end_session(device, now.monotonic, Cause::GatewayLost, now);
            return;
        };
        if broken(Mutant::RefusalLeavesRecord) {
            self.end_session(device, now.monotonic, Cause::GatewayLost, now);
            return;
        }
        self.forget(device);
        if let Some(account) = self.accounts.get_mut(token) {
            account.settle(now.monotonic);
            account.open.remove(device);
            // Another device of the round would have been the first.
            let heir = account
                .open
                .iter()
                .filter_map(|device| self.sessions.get(*device));
            let heir = heir.map(|open| (open.id, open.device)).find(|heir| heir.0 > id);
            if let Some((heir, device)) = heir
                && let Some(next) = self.admitted.get_mut(&heir)
            {
                next.before = admitted.before;
                next.began |= admitted.began;
                if let Some(run) = account.token.run.as_mut().filter(|_| admitted.began) {
                    run.device = device;
                }
            } else {
                if !broken(Mutant::RefusalFixesMetering) {
                    let (mac, last_access) = admitted.before;
                    (account.token.mac_address, account.token.last_access) = (mac, last_access.into());
                }
                if admitted.began && !broken(Mutant::RefusedRunStays) {
                    account.token.run = None;
                }
            }
            self.effects.push(Effect::Update(account.row()));
        }
        if admitted.took_over && !broken(Mutant::RefusedTakeoverCounts) {
            self.not_taken_over(token);
        }
        self.effects.push(Effect::Void(id));
        self.reschedule(token, now);
        if broken(Mutant::RefusalRestoresNothing) {
            return;
        }
        for (session, heard) in admitted.replaced {
            self.unrelease(session, heard, now);
        }
    }

    /// Takes a release back, unless another letter of the round has taken its device or its seat, or ended its run.
    fn unrelease(&mut self, session: Session, heard: Seen, now: Now) {
        let online = self.sessions.contains(session.device);
        let Some(account) = self.accounts.get_mut(session.token) else {
            return;
        };
        let over = session.metering == Metering::ElapsedTime && account.token.run.is_none();
        if online || over || account.open.len() >= account.token.seats() as usize {
            return;
        }
        account.settle(now.monotonic);
        let sessions = &self.sessions;
        let id_of = |device: &DeviceId| sessions.get(*device).map_or(session.id, |open| open.id);
        account.open.push(session.device);
        account.open.sort_by_key(id_of);
        self.effects.push(Effect::Unrelease(session.id));
        let token = session.token;
        self.remember(session.clone(), heard);
        self.keep_balance(token);
        self.reschedule(token, now);
        self.admit(session);
    }
}
