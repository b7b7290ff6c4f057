//! Edits: they take effect at once, on sessions that are open too.

use uuid::Uuid;

use super::{
    AccessCode, Cause, Effect, Email, Ledger, MINUTE_MS, Metering, Mutant, Now, SecondFactor, Token, TokenId,
    balance::signed, broken,
};
use crate::mac::Mac;

/// What is to change. The outer `None` leaves a field as it is; an inner one clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// See [`super::Token`], as all that follow.
    pub business_id: Option<u64>,
    /// The code.
    pub code: Option<AccessCode>,
    /// Free text.
    pub description: Option<Option<String>>,
    /// Moves what the token is good for by the difference to the minutes it had.
    pub minutes_included: Option<u32>,
    /// Not before.
    pub valid_from: Option<Option<i64>>,
    /// Not at or after.
    pub valid_to: Option<Option<i64>>,
    /// Simultaneous devices.
    pub user_limit: Option<Option<u32>>,
    /// The device to show until one is admitted.
    pub mac_address: Option<Option<Mac>>,
    /// The booking.
    pub booking_guid: Option<Option<Uuid>>,
    /// The visitor.
    pub visitor_guid: Option<Option<Uuid>>,
    /// The caller's own data.
    pub system_id: Option<Option<String>>,
    /// How its clock runs; fixed after the first redemption.
    pub metering: Option<Metering>,
    /// Who edits.
    pub by: String,
}

/// A change of what a token is good for, kept with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The token.
    pub token: TokenId,
    /// Wall clock milliseconds.
    pub on: i64,
    /// Milliseconds by which `entitled` changed.
    pub by_ms: i64,
    /// Who changed it.
    pub who: String,
    /// Why.
    pub reason: String,
}

/// Why a token was not edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such token.
    #[error("no such access token")]
    NotFound,
    /// Another token has a code that compares equal.
    #[error("is in use by another access token")]
    CodeInUse,
    /// The clock of a redeemed token cannot be changed.
    #[error("is fixed after the first redemption")]
    MeteringFixed,
    /// The dates are the wrong way round.
    #[error("may not be after ValidTo")]
    DatesReversed,
}

impl Ledger {
    /// Edits a token. It must have been loaded, and so must the token that has the new code, where there is one.
    ///
    /// # Errors
    /// [`EditError`]; nothing has changed then.
    pub fn edit(&mut self, id: TokenId, edit: Edit, now: Now) -> Result<(), EditError> {
        let code = edit.code.as_ref().map(AccessCode::folded);
        let taken = code.as_ref().and_then(|code| self.owner(code));
        let (Some(account), Some(record)) = (self.accounts.get_mut(id), self.records.get_mut(&id)) else {
            return Err(EditError::NotFound);
        };
        if taken.is_some_and(|owner| owner != id) && !broken(Mutant::CodeTakenTwice) {
            return Err(EditError::CodeInUse);
        }
        let token = &mut account.token;
        let moves = edit.metering.is_some_and(|metering| metering != token.metering);
        if moves && token.last_access.get().is_some() && !broken(Mutant::MeteringMoves) {
            return Err(EditError::MeteringFixed);
        }
        let valid_from = edit.valid_from.unwrap_or(token.valid_from.get());
        let valid_to = edit.valid_to.unwrap_or(token.valid_to.get());
        let reversed = valid_from.zip(valid_to).is_some_and(|(from, to)| from > to);
        if reversed && !broken(Mutant::DatesReversible) {
            return Err(EditError::DatesReversed);
        }

        if !broken(Mutant::EditsUnsettled) {
            account.settle(now.monotonic);
        }
        let token = &mut account.token;
        token.valid_from = valid_from.into();
        token.valid_to = valid_to.into();
        set(&mut token.business_id, edit.business_id);
        set(&mut token.user_limit, edit.user_limit.map(Into::into));
        set(&mut token.mac_address, edit.mac_address);
        set(&mut token.metering, edit.metering);
        record.updated_on = now.wall;
        record.updated_by.clone_from(&edit.by);
        set(&mut record.description, edit.description);
        set(&mut record.booking_guid, edit.booking_guid);
        set(&mut record.visitor_guid, edit.visitor_guid);
        set(&mut record.system_id, edit.system_id);
        let before = record.code.folded();
        set(&mut record.code, edit.code);
        let minutes = edit
            .minutes_included
            .map(|minutes| (std::mem::replace(&mut record.minutes_included, minutes), minutes));
        if let Some(after) = code.filter(|after| *after != before) {
            if !broken(Mutant::FormerCodeOpens) {
                self.codes.insert(before.clone(), None);
                self.effects.push(Effect::Recode { token: id, before });
            }
            self.codes.insert(after, Some(id));
        }
        if let Some((old, new)) = minutes {
            let (old, new) = (i64::from(old), i64::from(new));
            let old = if broken(Mutant::MinutesNeverLowered) {
                old.min(new)
            } else {
                old
            };
            if broken(Mutant::ShortfallForgiven) && new > old {
                token.entitled = token.entitled.max(signed(token.used));
            }
            let entitled = token.entitled.saturating_add((new - old) * signed(MINUTE_MS));
            self.entitle(id, entitled, edit.by, "MinutesIncluded".into(), now);
        }
        self.keep_record(id);
        self.enforce(id, now);
        Ok(())
    }

    /// Sets the balance of a token. It must have been loaded.
    ///
    /// # Errors
    /// [`EditError::NotFound`].
    pub fn set_balance(
        &mut self,
        id: TokenId,
        left: u64,
        who: String,
        reason: String,
        now: Now,
    ) -> Result<(), EditError> {
        let (Some(account), Some(record)) = (self.accounts.get_mut(id), self.records.get_mut(&id)) else {
            return Err(EditError::NotFound);
        };
        account.settle(now.monotonic);
        record.updated_on = now.wall;
        record.updated_by.clone_from(&who);
        let used = account.token.used;
        let used = if broken(Mutant::BalanceForgetsUsed) {
            0
        } else {
            used
        };
        let entitled = signed(used.saturating_add(left));
        self.entitle(id, entitled, who, reason, now);
        self.keep_record(id);
        self.enforce(id, now);
        Ok(())
    }

    /// Sets the e-mail address that must come with the code of a token that has one, from the next redemption on. It must have been
    /// loaded.
    ///
    /// # Errors
    /// [`EditError::NotFound`].
    pub fn set_email(&mut self, id: TokenId, email: &Email, salt: [u8; 16]) -> Result<(), EditError> {
        let factor = self.factors.get_mut(&id).ok_or(EditError::NotFound)?;
        *factor = SecondFactor::new(factor.class, email, salt);
        let factor = *factor;
        self.effects.push(Effect::Factor(id, factor));
        Ok(())
    }

    /// Deletes a token: its sessions are revoked by one store in the kernel, their records stay. It must have been
    /// loaded.
    ///
    /// # Errors
    /// [`EditError::NotFound`].
    pub fn delete(&mut self, id: TokenId, now: Now) -> Result<(), EditError> {
        let account = self.accounts.get(id).ok_or(EditError::NotFound)?;
        let code = self.records.get(&id).ok_or(EditError::NotFound)?.code.folded();
        if account.busy() {
            self.effects.push(Effect::Deadline {
                token: id,
                at: now.monotonic,
            });
            let cause = if broken(Mutant::RevokedIsDisconnected) {
                Cause::Disconnected
            } else {
                Cause::Revoked
            };
            self.end_token(id, now.monotonic, cause, now);
        }
        self.accounts.remove(id);
        self.records.remove(&id);
        self.factors.remove(&id);
        self.codes.insert(code.clone(), None);
        self.deleted.insert(id);
        self.effects.push(Effect::Delete { token: id, code });
        Ok(())
    }

    fn keep_record(&mut self, id: TokenId) {
        if let (Some(account), Some(record)) = (self.accounts.get(id), self.records.get(&id)) {
            let token = Token::of(record.clone(), account.row());
            self.effects.push(Effect::Edit(token));
        }
    }

    fn entitle(&mut self, id: TokenId, entitled: i64, who: String, reason: String, now: Now) {
        let Some(account) = self.accounts.get_mut(id) else {
            return;
        };
        let by_ms = entitled.saturating_sub(account.token.entitled);
        account.token.entitled = entitled;
        if by_ms != 0 && !broken(Mutant::AdjustmentNotKept) {
            self.effects.push(Effect::Adjust(Adjustment {
                token: id,
                on: now.wall,
                by_ms,
                who,
                reason,
            }));
        }
    }

    /// Ends what an edit leaves no room for, and brings deadline and store in line with the rest.
    fn enforce(&mut self, id: TokenId, now: Now) {
        let wall = self.by_calendar(now).wall;
        let Some(account) = self.accounts.get(id) else {
            return;
        };
        self.effects.push(Effect::Update(account.row()));
        let early = account.token.valid_from.get().is_some_and(|from| wall < from);
        let late = account.token.valid_to.get().is_some_and(|to| wall >= to);
        let goes_on =
            early && broken(Mutant::FutureValidFromGoesOn) || late && broken(Mutant::PastValidToGoesOn);
        if (early || late) && !goes_on {
            self.end_token(id, now.monotonic, Cause::Expired, now);
            let paused = early && !broken(Mutant::FutureValidFromRuns);
            self.pause(id, paused, now.monotonic, now);
        } else if account.token.left() == 0 {
            self.end_token(id, now.monotonic, Cause::Depleted, now);
        } else {
            self.pause(id, false, now.monotonic, now);
        }
        let Some(account) = self.accounts.get(id) else {
            return;
        };
        let newest: Vec<_> = account
            .open
            .iter()
            .skip(account.token.seats() as usize)
            .copied()
            .collect();
        let newest = match newest.len() {
            _ if broken(Mutant::LowerLimitDisplacesNobody) => Vec::new(),
            over if broken(Mutant::LowerLimitDisplacesOldest) => {
                account.open.iter().take(over).copied().collect()
            }
            _ => newest,
        };
        for device in newest {
            self.end_session(device, now.monotonic, Cause::Displaced, now);
        }
        self.reschedule(id, now);
    }
}

fn set<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}
