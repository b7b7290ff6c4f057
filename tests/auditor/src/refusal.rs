//! The kernel refuses a device: nothing is charged, and what had made room for it is open again.

use crate::{Auditor, Cause, Now, Session};

impl Auditor {
    pub(crate) fn refused(&mut self, id: u64, now: Now) {
        let Some(device) = self
            .sessions()
            .find(|(_, session)| session.id == id)
            .map(|(_, session)| session.device)
        else {
            return;
        };
        let at = now.monotonic;
        let Some(undo) = self.undo.remove(&id) else {
            // It passed before this round: what it was charged stays.
            self.end(device, at, at, Cause::GatewayLost, now);
            return;
        };
        for token in self.tokens.values_mut() {
            if let Some(place) = token.open.iter().position(|session| session.id == id) {
                token.open.remove(place);
                token.run.take_if(|_| undo.begun);
                token.redeemed &= !undo.first;
                if undo.takeover {
                    token.takeovers.pop();
                }
            }
        }
        for (token, session) in undo.replaced {
            self.restore(token, session, at);
        }
    }

    /// Takes a release back, unless its device or its seat is in use by now.
    fn restore(&mut self, token: u64, mut session: Session, at: u64) {
        let busy = self.sessions().any(|(_, open)| open.device == session.device);
        let Some(token) = self.tokens.get_mut(&token) else {
            return;
        };
        if busy || token.open.len() >= token.seats() as usize {
            return;
        }
        self.records.remove(&session.id);
        token.charges.retain(|(number, _)| *number != session.id);
        session.recounted = Some(at);
        token.open.push(session);
        token.open.sort_by_key(|open| open.id);
    }
}
