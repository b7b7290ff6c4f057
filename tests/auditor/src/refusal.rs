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
                // Another device of the round would have been the first.
                let heir = token.open.iter().find(|session| session.id > id);
                let next = heir.and_then(|heir| self.undo.get_mut(&heir.id));
                if let Some((heir, next)) = heir.zip(next) {
                    let device = heir.device;
                    next.first |= undo.first;
                    next.begun |= undo.begun;
                    if undo.begun {
                        token.run.iter_mut().for_each(|run| run.device = device);
                    }
                } else {
                    token.redeemed &= !undo.first;
                    token.run.take_if(|_| undo.begun);
                }
                if undo.takeover {
                    token.takeovers.pop();
                }
            }
        }
        for (token, session) in undo.replaced {
            self.restore(token, session);
        }
    }

    /// Takes a release back, unless its device or its seat is in use by now, or its run is over.
    fn restore(&mut self, token: u64, mut session: Session) {
        let busy = self.sessions().any(|(_, open)| open.device == session.device);
        let Some(token) = self.tokens.get_mut(&token) else {
            return;
        };
        let over = token.elapsed && token.run.is_none();
        if busy || over || token.open.len() >= token.seats() as usize {
            return;
        }
        self.records.remove(&session.id);
        token.charges.retain(|(number, _)| *number != session.id);
        session.earlier = (
            session.up.max(session.earlier.0),
            session.down.max(session.earlier.1),
        );
        (session.up, session.down) = (None, None);
        token.open.push(session);
        token.open.sort_by_key(|open| open.id);
    }
}
