//! Tokens come into being.

use super::{
    CreateError, Effect, ID_MAX, Ledger, MINUTE_MS, Mutant, NewToken, Now, Token, TokenId, balance::signed,
    broken,
};

impl Ledger {
    /// Makes a token. A token with the same code must have been loaded before, where the store has one.
    ///
    /// # Errors
    /// [`CreateError`]; nothing has changed then.
    pub fn create(&mut self, new: NewToken, now: Now) -> Result<TokenId, CreateError> {
        let folded = new.code.folded();
        if self.owner(&folded).is_some() && !broken(Mutant::CodeMadeTwice) {
            return Err(CreateError::CodeInUse);
        }
        if self.next_token > ID_MAX {
            return Err(CreateError::NoIdLeft);
        }
        let id = self.next_token;
        self.next_token += 1;
        let minutes = new
            .minutes_left
            .filter(|_| !broken(Mutant::MinutesLeftIgnored))
            .unwrap_or(new.minutes_included);
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
            entitled: signed(u64::from(minutes) * MINUTE_MS),
            used: 0,
            settled: now.monotonic,
            draws: 0,
            run: None,
        };
        self.codes.insert(folded, Some(id));
        self.effects.push(Effect::Create(token.clone()));
        self.load(token, new.factor);
        self.effects
            .extend(new.factor.map(|factor| Effect::Factor(id, factor)));
        Ok(id)
    }
}
