//! Codes open sessions: the conditions in their order, and what follows when none fails.

use std::collections::BTreeSet;

use super::{
    AccessCode, Activity, Asker, Cause, Class, Given, Ledger, Metering, Mutant, Now, RedeemError, Run, Seen,
    Session, SessionId, TokenBalance, TokenId, balance::signed, broken, refusal::Admitted, seat::Seat,
};
use crate::mac::DeviceId;

/// A code given for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// What was typed.
    pub code: AccessCode,
    /// What came with it.
    pub given: Given,
    /// The device to admit; a unicast address, checked by the edge.
    pub device: DeviceId,
    /// Whether the seat of a device may be taken that is silent, though not for long.
    pub takeover: bool,
    /// Who asks.
    pub asker: Asker,
    /// The locations whose tokens exist for whom asks; `None`: all.
    pub among: Option<BTreeSet<u64>>,
}

/// What a redemption comes to when no condition fails.
enum Verdict {
    /// The device has this session on the code already.
    Open(SessionId),
    /// A session opens on this token, on this seat.
    Opens(TokenId, Seat),
}

impl Ledger {
    /// Opens a session for a device, or finds the one it has on this code. The token must have been loaded, where the
    /// store has one.
    ///
    /// # Errors
    /// [`RedeemError`], the first condition that fails in the order of its variants; nothing has changed then but the
    /// budget of attempts.
    pub fn redeem(
        &mut self,
        redemption: &Redemption,
        activity: &dyn Activity,
        now: Now,
    ) -> Result<SessionId, RedeemError> {
        let Redemption {
            code,
            given,
            device,
            asker,
            ..
        } = redemption;
        let heard = self.attempts.check(Some(*device), asker, &self.rules, now);
        if heard.is_err() && broken(Mutant::UnheardAttemptCounts) {
            self.attempts.refused(Some(*device), asker, now);
        }
        heard?;
        let classes = self.classes_tried(code, given);
        self.attempts.check_classes(classes, &self.rules, now)?;
        let result = self.admit_device(redemption, activity, now);
        self.count(result.as_ref().err(), Some(*device), asker, classes, now);
        result
    }

    /// Whether a code would open a session for a device that is not online yet; nothing changes but the budget of
    /// attempts. The token must have been loaded, where the store has one.
    ///
    /// # Errors
    /// As for [`Ledger::redeem`].
    pub fn check(
        &mut self,
        code: &AccessCode,
        given: &Given,
        asker: &Asker,
        among: Option<&BTreeSet<u64>>,
        activity: &dyn Activity,
        now: Now,
    ) -> Result<(), RedeemError> {
        self.attempts.check(None, asker, &self.rules, now)?;
        let classes = self.classes_tried(code, given);
        self.attempts.check_classes(classes, &self.rules, now)?;
        let result = self
            .find(code, given, among)
            .and_then(|id| self.judge(id, None, false, activity, now));
        self.count(result.as_ref().err(), None, asker, classes, now);
        result.map(|_| ())
    }

    /// The classes whose budget an attempt is part of. Their codes open with an e-mail address only, so that only attempts with one
    /// are; what meets no token may have been meant for any class. Whoever knows code and address is heard as long as the budget of
    /// that one class lasts, and all others are answered alike, whether their code is somebody's or not.
    fn classes_tried(&self, code: &AccessCode, given: &Given) -> &'static [Class] {
        let Given::Email(_) = given else {
            return &[];
        };
        let Some(id) = self.owner(&code.folded()) else {
            return &Class::ALL;
        };
        match self.factors.get(&id) {
            None if broken(Mutant::ClassSilencesAll) => &Class::ALL,
            None => &[],
            Some(factor) if factor.is_met(id, given) => factor.class.alone(),
            Some(_) => &Class::ALL,
        }
    }

    fn count(
        &mut self,
        refusal: Option<&RedeemError>,
        device: Option<DeviceId>,
        asker: &Asker,
        classes: &[Class],
        now: Now,
    ) {
        let counts = refusal
            .is_some_and(|error| *error != RedeemError::GateFull || broken(Mutant::FullGateCountsAsAttempt));
        if counts || broken(Mutant::SuccessCountsAsAttempt) {
            self.attempts.refused(device, asker, now);
            self.attempts.refused_classes(classes, &self.rules, now);
        }
    }

    /// The token of a code, for whom it exists.
    fn find(
        &self,
        code: &AccessCode,
        given: &Given,
        among: Option<&BTreeSet<u64>>,
    ) -> Result<TokenId, RedeemError> {
        let id = self.owner(&code.folded()).ok_or(RedeemError::UnknownCode)?;
        let factor = self.factors.get(&id);
        let met = factor.is_none_or(|factor| factor.is_met(id, given));
        let location = self.location_of(id).ok_or(RedeemError::UnknownCode)?;
        if met && among.is_none_or(|among| among.contains(&location)) {
            Ok(id)
        } else {
            Err(RedeemError::UnknownCode)
        }
    }

    /// The conditions of a redemption that come after the code's being known, in their order. Without a device the code alone
    /// is judged, for any place where it may be redeemed.
    fn judge(
        &self,
        id: TokenId,
        device: Option<DeviceId>,
        takeover: bool,
        activity: &dyn Activity,
        now: Now,
    ) -> Result<Verdict, RedeemError> {
        let account = self.accounts.get(id).ok_or(RedeemError::UnknownCode)?;
        let token = &account.token;
        if !broken(Mutant::AnyLocation) && !self.rules.opens_at(token.business_id, device) {
            return Err(RedeemError::WrongLocation);
        }
        let open = device.and_then(|device| self.sessions.get(device));
        if let Some(session) = open
            && session.token == id
            && !broken(Mutant::RetryOpensAnother)
        {
            return Ok(Verdict::Open(session.id));
        }
        let depleted = signed(account.used_at(now.monotonic)) >= token.entitled;
        if !(depleted && broken(Mutant::ConditionsOutOfOrder)) {
            check_calendar(token, now)?;
        }
        if depleted && !broken(Mutant::ZeroIsNoLimit) {
            return Err(RedeemError::Depleted);
        }
        let seat = self.seat(id, takeover, activity, now)?;
        if open.is_none()
            && matches!(seat, Seat::Free)
            && self.sessions.len() >= self.rules.devices_max + usize::from(broken(Mutant::GateOverfull))
        {
            return Err(RedeemError::GateFull);
        }
        Ok(Verdict::Opens(id, seat))
    }

    fn admit_device(
        &mut self,
        redemption: &Redemption,
        activity: &dyn Activity,
        now: Now,
    ) -> Result<SessionId, RedeemError> {
        let &Redemption {
            ref code,
            ref given,
            device,
            takeover,
            asker: _,
            ref among,
        } = redemption;
        let id = self.find(code, given, among.as_ref())?;
        let (id, seat) = match self.judge(id, Some(device), takeover, activity, now)? {
            Verdict::Open(session) => return Ok(session),
            Verdict::Opens(id, seat) => (id, seat),
        };

        let mut admitted = Admitted::default();
        let switched = if broken(Mutant::SwitchIsLogout) {
            Cause::Logout
        } else {
            Cause::Switched
        };
        if !broken(Mutant::SwitchKeepsBoth) {
            admitted.replace(self.end_heard(device, switched, activity, now));
        }
        if let Seat::Displace(other) | Seat::TakeOver(other) = seat {
            let displaced = if broken(Mutant::DisplacedIsSwitched) {
                Cause::Switched
            } else {
                Cause::Displaced
            };
            admitted.replace(self.end_heard(other, displaced, activity, now));
        }
        if let Seat::TakeOver(_) = seat {
            self.taken_over(id, now);
            admitted.took_over = true;
        }
        let session = self.open(id, device, &mut admitted, now);
        self.admitted.insert(session, admitted);
        Ok(session)
    }

    fn open(&mut self, token: TokenId, device: DeviceId, admitted: &mut Admitted, now: Now) -> SessionId {
        let id = self.number();
        let run = self.number_of_run(token);
        let mut metering = Metering::default();
        if let Some(account) = self.accounts.get_mut(token) {
            account.settle(now.monotonic);
            account.open.push(device);
            admitted.before = (account.token.mac_address, account.token.last_access.get());
            account.token.mac_address = Some(device.mac);
            account.token.last_access = Some(now.wall).into();
            metering = account.token.metering;
            if let Some(run) = run {
                account.token.run = Some(Box::new(Run {
                    id: run,
                    device,
                    opened_wall: now.wall,
                    charged: 0,
                    paused: false,
                }));
                admitted.began = true;
            }
        }
        let session = Session {
            id,
            device,
            token,
            opened: now.monotonic,
            opened_wall: now.wall,
            age: 0,
            charged: 0,
            settled: now.monotonic,
            parked: self.opens_parked(now),
            metering,
            addresses: Vec::new(),
        };
        self.remember(session.clone(), Seen::default());
        self.keep_balance(token);
        self.reschedule(token, now);
        self.admit(session);
        id
    }

    fn number(&mut self) -> SessionId {
        let id = self.next_session;
        self.next_session += 1;
        id
    }

    /// A number for the run that a redemption of this token begins, where it does.
    fn number_of_run(&mut self, token: TokenId) -> Option<SessionId> {
        let token = &self.accounts.get(token)?.token;
        let begins = token.metering == Metering::ElapsedTime && token.run.is_none();
        begins.then(|| self.number())
    }
}

fn check_calendar(token: &TokenBalance, now: Now) -> Result<(), RedeemError> {
    let (valid_from, valid_to) = (token.valid_from.get(), token.valid_to.get());
    if valid_from.is_none() && valid_to.is_none() {
        return Ok(());
    }
    if !now.trusted && !broken(Mutant::UntrustedClockJudges) {
        return Err(RedeemError::ClockNotSet);
    }
    if let Some(valid_from) = valid_from
        && now.wall < valid_from
        && !broken(Mutant::ValidTooEarly)
    {
        return Err(RedeemError::NotYetValid { valid_from });
    }
    let late = i64::from(broken(Mutant::ValidToInclusive));
    if valid_to.is_some_and(|valid_to| now.wall >= valid_to + late) {
        return Err(RedeemError::Expired);
    }
    Ok(())
}
