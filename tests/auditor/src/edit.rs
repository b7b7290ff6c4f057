//! Edits: they take effect at once.

use crate::{
    Auditor, Cause, Change, Now, Why,
    rules::signed,
    token::{fold, minutes},
};

impl Auditor {
    pub(crate) fn edit(&mut self, id: u64, change: &Change, now: Now) -> Result<(), Why> {
        let taken = self.is_field_of(id, change);
        let token = self.tokens.get_mut(&id).ok_or(Why::NotFound)?;
        if taken {
            return Err(Why::CodeInUse);
        }
        let (mut from, mut to) = (token.from, token.to);
        match change {
            Change::Elapsed(elapsed) if *elapsed != token.elapsed && token.redeemed => {
                return Err(Why::MeteringFixed);
            }
            Change::From(date) => from = *date,
            Change::To(date) => to = *date,
            _ => {}
        }
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Why::DatesReversed);
        }
        match change {
            Change::Minutes(count) => {
                let more = minutes(*count) - minutes(token.minutes);
                token.minutes = *count;
                token.grant(more);
            }
            Change::Limit(limit) => token.limit = *limit,
            Change::From(_) | Change::To(_) => (token.from, token.to) = (from, to),
            Change::Code(code) => token.code = fold(code),
            Change::Place(place) => token.place = *place,
            Change::Elapsed(elapsed) => token.elapsed = *elapsed,
        }
        self.enforce(id, now);
        Ok(())
    }

    pub(crate) fn set_balance(&mut self, id: u64, left: u64, now: Now) -> Result<(), Why> {
        let token = self.tokens.get_mut(&id).ok_or(Why::NotFound)?;
        let entitled = token.used(now.monotonic) + left;
        token.grant(signed(entitled) - token.entitled());
        self.enforce(id, now);
        Ok(())
    }

    pub(crate) fn delete(&mut self, id: u64, now: Now) -> Result<(), Why> {
        if !self.tokens.contains_key(&id) {
            return Err(Why::NotFound);
        }
        self.end_all(id, now.monotonic, Cause::Revoked, now);
        self.tokens.remove(&id);
        Ok(())
    }

    /// Ends what the token has no room for any more.
    fn enforce(&mut self, id: u64, now: Now) {
        let at = now.monotonic;
        let Some(token) = self.tokens.get_mut(&id) else {
            return;
        };
        let (early, late) = token.off_season(self.offset + signed(at));
        token.pause(early, at);
        if early || late {
            self.end_all(id, at, Cause::Expired, now);
        } else if token.left(at) == 0 {
            self.end_all(id, at, Cause::Depleted, now);
        }
        let Some(token) = self.tokens.get(&id) else {
            return;
        };
        let newest: Vec<_> = token.open.iter().skip(token.seats() as usize).collect();
        let devices: Vec<_> = newest.iter().map(|session| session.device).collect();
        for device in devices {
            self.end(device, at, at, Cause::Displaced, now);
        }
    }
}
