//! What a caller gives for a token: its members, each with its range.

use uuid::Uuid;

use crate::{
    http::{
        Context,
        auth::Caller,
        codes::GenerateError,
        fields::{FieldError, Fields},
        record,
    },
    ledger::{AccessCode, Metering, NewToken},
    mac::Mac,
};

/// The longest description, in characters.
pub(super) const DESCRIPTION_CHARACTERS_MAX: usize = 1000;

/// The longest `SystemId`, in characters; callers keep JSON texts there.
pub(super) const SYSTEM_ID_CHARACTERS_MAX: usize = 4000;

pub(super) const ID_MAX: i128 = i64::MAX as i128;
pub(super) const MINUTES_MAX: i128 = i32::MAX as i128;

/// What is said of a location that is none of the caller's.
pub(super) const FOREIGN: &str = "is no location of yours";

/// What a caller gave for a new token, checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) business_id: u64,
    /// `None`: to be generated.
    pub(super) code: Option<AccessCode>,
    pub(super) description: Option<String>,
    pub(super) minutes_included: u32,
    pub(super) minutes_left: Option<u32>,
    pub(super) valid_from: Option<i64>,
    pub(super) valid_to: Option<i64>,
    pub(super) user_limit: Option<u32>,
    pub(super) mac_address: Option<Mac>,
    pub(super) booking_guid: Option<Uuid>,
    pub(super) visitor_guid: Option<Uuid>,
    pub(super) system_id: Option<String>,
    pub(super) metering: Metering,
}

impl Draft {
    /// Members that only the server writes, and unknown ones, are passed over: clients send back whole records.
    pub(super) fn read(mut fields: Fields, caller: &Caller) -> Result<Self, Vec<FieldError>> {
        let business_id = fields.integer("BusinessId", 1, ID_MAX);
        let business_id = fields.require("BusinessId", business_id);
        if business_id.is_some_and(|location| !caller.sees(location)) {
            fields.refuse("BusinessId", FOREIGN);
        }
        let minutes_included = fields.integer("MinutesIncluded", 0, MINUTES_MAX);
        let minutes_included = fields.require("MinutesIncluded", minutes_included);
        let code = fields.parsed("AccessCode", |text| match text.trim() {
            "" => Ok(None),
            code => AccessCode::new(code).map(Some),
        });
        let draft = Self {
            business_id: business_id.unwrap_or_default(),
            code: code.flatten(),
            description: fields.text("Description", DESCRIPTION_CHARACTERS_MAX),
            minutes_included: minutes_included.unwrap_or_default(),
            minutes_left: fields.integer("MinutesLeft", 0, MINUTES_MAX),
            valid_from: fields.time("ValidFrom"),
            valid_to: fields.time("ValidTo"),
            user_limit: fields.integer("UserLimit", 1, MINUTES_MAX),
            mac_address: fields.mac("MacAddress"),
            booking_guid: fields.uuid("BookingGuid"),
            visitor_guid: fields.uuid("VisitorGuid"),
            system_id: fields.text("SystemId", SYSTEM_ID_CHARACTERS_MAX),
            metering: fields.parsed("Metering", metering).unwrap_or_default(),
        };
        if let (Some(from), Some(to)) = (draft.valid_from, draft.valid_to)
            && from > to
        {
            fields.refuse("ValidTo", "may not be before ValidFrom");
        }
        let errors = fields.into_errors();
        if errors.is_empty() { Ok(draft) } else { Err(errors) }
    }

    /// The token to make; `of`: how many are made with it.
    pub(super) fn to_new(
        &self,
        context: &Context,
        caller: &Caller,
        of: u64,
    ) -> Result<NewToken, GenerateError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let code = match &self.code {
            Some(code) => code.clone(),
            None => context.codes.generate_one_of(of.max(1))?,
        };
        Ok(NewToken {
            unique_id: uuid::Builder::from_random_bytes(random).into_uuid(),
            business_id: self.business_id,
            code,
            description: self.description.clone(),
            minutes_included: self.minutes_included,
            minutes_left: self.minutes_left,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            user_limit: self.user_limit,
            mac_address: self.mac_address,
            booking_guid: self.booking_guid,
            visitor_guid: self.visitor_guid,
            system_id: self.system_id.clone(),
            metering: self.metering,
            factor: None,
            by: caller.name.clone(),
        })
    }
}

pub(super) fn metering(text: &str) -> Result<Metering, &'static str> {
    [Metering::ConnectedTime, Metering::ElapsedTime]
        .into_iter()
        .find(|metering| record::metering(*metering) == text)
        .ok_or("must be ConnectedTime or ElapsedTime")
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
