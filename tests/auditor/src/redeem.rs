//! From a code and a device to a session: the conditions in their order.

use crate::{
    Auditor, Cause, Device, Now, Run, Seat, Session, Token, Why,
    books::Undo,
    rules::{MINUTE, signed},
};

/// What makes room for a device.
enum Room {
    Free,
    Displace(Device),
    TakeOver(Device),
}

impl Auditor {
    /// Hears an attempt if the budgets allow it, and counts it when it is refused for anything but want of room.
    pub(crate) fn attempt(
        &mut self,
        code: &str,
        device: Device,
        takeover: bool,
        given: Option<u8>,
        asker: u8,
        now: Now,
    ) -> Result<u64, Why> {
        self.attempts.retain(|(at, ..)| at + MINUTE > now.monotonic);
        let times = |counts: &dyn Fn(&(u64, Device, u8)) -> bool| -> Vec<u64> {
            let these = self.attempts.iter().filter(|attempt| counts(attempt));
            these.map(|(at, ..)| *at).collect()
        };
        let mut budgets = vec![
            (
                times(&|attempt| attempt.1 == device),
                self.rules.attempts_per_device,
            ),
            (
                times(&|attempt| attempt.2 == asker),
                self.rules.attempts_per_asker,
            ),
        ];
        self.tried.retain(|(at, _)| at + MINUTE > now.monotonic);
        let classes = self.meant(code, given);
        for class in &classes {
            let tried = self.tried.iter().filter(|(_, of)| of == class);
            budgets.push((tried.map(|(at, _)| *at).collect(), self.rules.attempts_per_class));
        }
        for (times, most) in budgets {
            if times.len() >= most {
                let wait = times[times.len() - most] + MINUTE - now.monotonic;
                return Err(Why::TooManyAttempts(wait.div_ceil(1_000)));
            }
        }
        let result = self.redeem(code, device, takeover, given, now);
        if result.is_err_and(|why| why != Why::GateFull) {
            self.attempts.push((now.monotonic, device, asker));
            let tried = classes.into_iter().map(|class| (now.monotonic, class));
            self.tried.extend(tried);
        }
        result
    }

    /// The classes that an attempt may have been meant for: that of the token whose code and address they are; every one, where the
    /// code is nobody's or the address is another's; none without an address, or where none is asked for.
    fn meant(&self, code: &str, given: Option<u8>) -> Vec<u8> {
        let Some(given) = given else { return Vec::new() };
        let token = self.by_code(code).and_then(|id| self.tokens.get(&id));
        match token.map(|token| token.whose) {
            Some(None) => Vec::new(),
            Some(Some(whose)) if whose.who == given => vec![whose.class],
            _ => vec![0, 1],
        }
    }

    fn redeem(
        &mut self,
        code: &str,
        device: Device,
        takeover: bool,
        given: Option<u8>,
        now: Now,
    ) -> Result<u64, Why> {
        let id = self.by_code(code).ok_or(Why::UnknownCode)?;
        let token = self.tokens.get(&id).ok_or(Why::UnknownCode)?;
        if token.whose.is_some_and(|whose| given != Some(whose.who)) {
            return Err(Why::UnknownCode);
        }
        if !self.rules.locations.is_empty() && self.rules.locations.get(&device.zone) != Some(&token.place) {
            return Err(Why::WrongLocation);
        }
        if let Some(session) = token.open.iter().find(|session| session.device == device) {
            return Ok(session.id);
        }
        if token.from.is_some() || token.to.is_some() {
            let (early, late) = token.off_season(now.wall);
            match () {
                () if !now.trusted => return Err(Why::ClockNotSet),
                () if early => return Err(Why::NotYetValid(token.from.unwrap_or_default())),
                () if late => return Err(Why::Expired),
                () => {}
            }
        }
        if token.left(now.monotonic) == 0 {
            return Err(Why::Depleted);
        }
        let room = self.room(token, takeover, now)?;
        let online = self.sessions().any(|(_, session)| session.device == device);
        let grows = !online && matches!(room, Room::Free);
        if grows && self.sessions().count() >= self.rules.devices_max {
            return Err(Why::GateFull);
        }

        let mut undo = Undo::default();
        let at = now.monotonic;
        undo.replaced
            .extend(self.take(device, at, at, Cause::Switched, now));
        if let Room::Displace(other) | Room::TakeOver(other) = room {
            undo.replaced
                .extend(self.take(other, at, at, Cause::Displaced, now));
        }
        undo.takeover = matches!(room, Room::TakeOver(_));
        let session = self.open(id, device, now, &mut undo);
        self.undo.insert(session, undo);
        Ok(session)
    }

    fn room(&self, token: &Token, takeover: bool, now: Now) -> Result<Room, Why> {
        let limit = token.seats();
        if token.open.len() < limit as usize {
            return Ok(Room::Free);
        }
        let silence = |session: &Session| now.monotonic - session.silent_since();
        let longest = token.open.iter().map(silence).max().unwrap_or(0);
        // Of equals the oldest session goes, and those are in order of age.
        let quietest = token.open.iter().find(|session| silence(session) == longest);
        let full = |retry_after: Option<u64>| {
            Why::NoSeat(Seat {
                limit,
                used: token.open.len(),
                retry_after: retry_after.map(|ms| ms.div_ceil(1_000)),
            })
        };
        let device = quietest.map(|session| session.device).ok_or(full(None))?;
        if longest >= self.rules.seat_silence {
            return Ok(Room::Displace(device));
        }
        if !takeover {
            return Err(full(None));
        }
        if longest < self.rules.takeover_silence {
            return Err(full(Some(self.rules.takeover_silence - longest)));
        }
        let ends = |at: &u64| at + self.rules.takeover_window;
        let recent: Vec<u64> = token
            .takeovers
            .iter()
            .map(ends)
            .filter(|end| *end > now.monotonic)
            .collect();
        match recent.first() {
            Some(first) if recent.len() >= self.rules.takeovers_max => Err(full(Some(first - now.monotonic))),
            _ => Ok(Room::TakeOver(device)),
        }
    }

    fn open(&mut self, id: u64, device: Device, now: Now, undo: &mut Undo) -> u64 {
        let number = self.next_session;
        self.next_session += 1;
        let begins = self
            .tokens
            .get(&id)
            .is_some_and(|token| token.elapsed && token.run.is_none());
        let run = begins.then_some(self.next_session);
        self.next_session += u64::from(begins);
        let Some(token) = self.tokens.get_mut(&id) else {
            return number;
        };
        if self.lost {
            self.looked.get_or_insert(now.monotonic);
        }
        undo.begun = begins;
        undo.first = !std::mem::replace(&mut token.redeemed, true);
        if undo.takeover {
            token.takeovers.push(now.monotonic);
        }
        if let Some(id) = run {
            token.run = Some(Run {
                id,
                device,
                opened_on: now.wall,
                before: 0,
                since: Some(now.monotonic),
            });
        }
        token.open.push(Session {
            id: number,
            device,
            opened: signed(now.monotonic),
            opened_on: now.wall,
            before: 0,
            from: now.monotonic,
            parked: self.lost,
            up: None,
            down: None,
            earlier: (None, None),
        });
        number
    }
}
