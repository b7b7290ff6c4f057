//! Tokens come into being, codes open sessions, sessions end by request.

use super::{
    Cause, CreateError, Effect, FoldedCode, ID_MAX, Ledger, MINUTE_MS, NewToken, Now, RedeemError,
    ReleaseError, Session, SessionId, Token, TokenId,
};
use crate::mac::{DeviceId, Mac};

impl Ledger {
    /// Makes a token. A token with the same code must have been loaded before, where the store has one.
    ///
    /// # Errors
    /// [`CreateError`]; nothing has changed then.
    pub fn create(&mut self, new: NewToken, now: Now) -> Result<TokenId, CreateError> {
        let folded = new.code.folded();
        if self.codes.contains_key(&folded) {
            return Err(CreateError::CodeInUse);
        }
        if self.next_token > ID_MAX {
            return Err(CreateError::NoIdLeft);
        }
        let id = self.next_token;
        self.next_token += 1;
        let minutes = new.minutes_left.unwrap_or(new.minutes_included);
        let token = Token {
            id,
            unique_id: new.unique_id,
            business_id: new.business_id,
            code: new.code,
            description: new.description,
            minutes_included: new.minutes_included,
            valid_from: new.valid_from,
            valid_to: new.valid_to,
            user_limit: new.user_limit,
            mac_address: new.mac_address,
            booking_guid: new.booking_guid,
            visitor_guid: new.visitor_guid,
            last_access: None,
            created_on: now.wall,
            updated_on: now.wall,
            updated_by: new.by,
            system_id: new.system_id,
            metering: new.metering,
            entitled: u64::from(minutes) * MINUTE_MS,
            used: 0,
            settled: now.monotonic,
        };
        self.effects.push(Effect::Create(token.clone()));
        self.load(token);
        Ok(id)
    }

    /// Opens a session for a device, or finds the one it has on this code. The token must have been loaded, where the
    /// store has one.
    ///
    /// # Errors
    /// [`RedeemError`], the first condition that fails in the order of its variants; nothing has changed then.
    pub fn redeem(
        &mut self,
        code: &FoldedCode,
        device: DeviceId,
        now: Now,
    ) -> Result<SessionId, RedeemError> {
        let id = *self.codes.get(code).ok_or(RedeemError::UnknownCode)?;
        let Some(account) = self.accounts.get(&id) else {
            return Err(RedeemError::UnknownCode);
        };
        let token = &account.token;
        if !self.rules.locations.is_empty()
            && self.rules.locations.get(&device.zone) != Some(&token.business_id)
        {
            return Err(RedeemError::WrongLocation);
        }
        let current = self.sessions.get(&device);
        if let Some(session) = current
            && session.token == id
        {
            return Ok(session.id);
        }
        check_calendar(token, now)?;
        if token.left() == 0 || account.used_at(now.monotonic) >= token.entitled {
            return Err(RedeemError::Depleted);
        }
        let seats_used = u32::try_from(account.open.len()).unwrap_or(u32::MAX);
        if seats_used >= token.seats() {
            return Err(RedeemError::NoSeat {
                user_limit: token.seats(),
                seats_used,
            });
        }
        if current.is_none() && self.sessions.len() >= self.rules.devices_max {
            return Err(RedeemError::GateFull);
        }

        let replaced = self.end_session(device, now.monotonic, Cause::Switched, now);
        let session = self.open(id, device, now);
        if let Some(replaced) = replaced {
            self.replaced.insert(session, replaced);
        }
        Ok(session)
    }

    fn open(&mut self, token: TokenId, device: DeviceId, now: Now) -> SessionId {
        let id = self.next_session;
        self.next_session += 1;
        let session = Session {
            id,
            device,
            token,
            opened: now.monotonic,
            opened_wall: now.wall,
            charged: 0,
            settled: now.monotonic,
            addresses: Vec::new(),
        };
        if let Some(account) = self.accounts.get_mut(&token) {
            account.settle(now.monotonic);
            account.open.push(device);
            account.token.mac_address = Some(device.mac);
            account.token.last_access = Some(now.wall);
            self.effects.push(Effect::Update(account.token.clone()));
        }
        self.sessions.insert(device, session.clone());
        self.reschedule(token, now);
        self.effects.push(Effect::Admit(session));
        id
    }

    /// Undoes an admission that the gate refused: nothing is charged, and the session that it had replaced is open
    /// again. To be called in the round of the redemption, with its `now`.
    pub fn refused(&mut self, id: SessionId, now: Now) {
        let Some(device) = self
            .sessions
            .values()
            .find(|session| session.id == id)
            .map(|session| session.device)
        else {
            return;
        };
        let Some(session) = self.sessions.remove(&device) else {
            return;
        };
        debug_assert_eq!(
            session.charged_at(now.monotonic),
            0,
            "a refused session was charged"
        );
        if let Some(account) = self.accounts.get_mut(&session.token) {
            account.settle(now.monotonic);
            account.open.retain(|open| *open != device);
        }
        self.effects.push(Effect::Void(id));
        self.reschedule(session.token, now);
        if let Some(replaced) = self.replaced.remove(&id)
            && let Some(account) = self.accounts.get_mut(&replaced.token)
        {
            account.settle(now.monotonic);
            account.open.push(device);
            self.effects.push(Effect::Unrelease(replaced.id));
            self.effects.push(Effect::Update(account.token.clone()));
            self.sessions.insert(device, replaced.clone());
            self.reschedule(replaced.token, now);
            self.effects.push(Effect::Admit(replaced));
        }
    }

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
        drop(devices);
        self.end_session(device, now.monotonic, cause, now);
        Ok(())
    }
}

fn check_calendar(token: &Token, now: Now) -> Result<(), RedeemError> {
    if token.valid_from.is_none() && token.valid_to.is_none() {
        return Ok(());
    }
    if !now.trusted {
        return Err(RedeemError::ClockNotSet);
    }
    if let Some(valid_from) = token.valid_from
        && now.wall < valid_from
    {
        return Err(RedeemError::NotYetValid { valid_from });
    }
    if token.valid_to.is_some_and(|valid_to| now.wall >= valid_to) {
        return Err(RedeemError::Expired);
    }
    Ok(())
}
