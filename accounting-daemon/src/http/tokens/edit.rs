//! `PUT`: changes a token. What is absent stays, null clears.

use super::draft::{
    DESCRIPTION_CHARACTERS_MAX, FOREIGN, ID_MAX, MINUTES_MAX, SYSTEM_ID_CHARACTERS_MAX, metering,
};
use crate::{
    engine::Refusal,
    http::{
        Context,
        answer::Answer,
        auth::Caller,
        dialect::Dialect,
        endpoint::Asked,
        fields::{FieldError, Fields},
        nexudus, record,
    },
    ledger::{AccessCode, Edit, EditError, Token, TokenId},
    store::StoreError,
};

/// Answers 200 with the token's number.
pub(super) async fn edit(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let mut fields = match super::fields(asked) {
        Ok(fields) => fields,
        Err(error) => return nexudus::invalid_body(&error),
    };
    let id = fields.integer("Id", 1, ID_MAX);
    let id: Option<TokenId> = fields.require("Id", id);
    let edit = read(&mut fields, caller);
    let Some(id) = id else {
        return nexudus::invalid(&fields.into_errors());
    };
    let code = edit.code.clone();
    let wanted = code.as_ref().map(AccessCode::folded);
    let found = context.read(move |reader, _| -> Result<_, StoreError> {
        let in_use = match wanted {
            Some(code) => reader.codes_in_use(&[code])?.len() == 1,
            None => false,
        };
        Ok((reader.token(id)?, in_use))
    });
    let (before, in_use) = match found.await {
        Ok((Some(token), in_use)) if caller.sees(token.business_id) => (token, in_use),
        Ok(_) => return nexudus::not_found(),
        Err(answer) => return answer,
    };
    judge(&mut fields, &edit, &before);
    let own = code
        .as_ref()
        .is_some_and(|code| code.folded() == before.code.folded());
    if in_use && !own {
        fields.refuse("AccessCode", EditError::CodeInUse.to_string());
    }
    if fields.has_errors() {
        return nexudus::invalid(&fields.into_errors());
    }
    match context.engine.edit(id, edit, asked.actor(caller)).await {
        Ok(view) => nexudus::updated(id, record::shown_as(&view.token)),
        Err(Refusal::Ledger(EditError::NotFound)) => nexudus::not_found(),
        Err(Refusal::Ledger(error)) => nexudus::invalid(&[refused(error, code.as_ref())]),
        Err(Refusal::Unavailable(reason)) => Dialect::Record.unavailable(reason),
    }
}

/// Reads what is to change. `MinutesLeft` and what else only the server writes is passed over, and so are unknown
/// members: clients send back whole records.
fn read(fields: &mut Fields, caller: &Caller) -> Edit {
    let business_id = fields.integer("BusinessId", 1, ID_MAX);
    let business_id = fields.unless_cleared("BusinessId", business_id);
    if business_id.is_some_and(|location| !caller.sees(location)) {
        fields.refuse("BusinessId", FOREIGN);
    }
    let minutes_included = fields.integer("MinutesIncluded", 0, MINUTES_MAX);
    let minutes_included = fields.unless_cleared("MinutesIncluded", minutes_included);
    let code = fields.parsed("AccessCode", |text| AccessCode::new(text.trim()));
    let code = fields.unless_cleared("AccessCode", code);
    let description = fields.text("Description", DESCRIPTION_CHARACTERS_MAX);
    let valid_from = fields.time("ValidFrom");
    let valid_to = fields.time("ValidTo");
    let user_limit = fields.integer("UserLimit", 1, MINUTES_MAX);
    let mac_address = fields.mac("MacAddress");
    let booking_guid = fields.uuid("BookingGuid");
    let visitor_guid = fields.uuid("VisitorGuid");
    let system_id = fields.text("SystemId", SYSTEM_ID_CHARACTERS_MAX);
    let metering = fields.parsed("Metering", metering);
    Edit {
        business_id,
        code,
        description: fields.given("Description", description),
        minutes_included,
        valid_from: fields.given("ValidFrom", valid_from),
        valid_to: fields.given("ValidTo", valid_to),
        user_limit: fields.given("UserLimit", user_limit),
        mac_address: fields.given("MacAddress", mac_address),
        booking_guid: fields.given("BookingGuid", booking_guid),
        visitor_guid: fields.given("VisitorGuid", visitor_guid),
        system_id: fields.given("SystemId", system_id),
        metering: fields.given("Metering", metering).map(Option::unwrap_or_default),
        by: caller.name.clone(),
    }
}

/// What the ledger would refuse one by one, told together with the rest; the ledger still has the last word.
fn judge(fields: &mut Fields, edit: &Edit, before: &Token) {
    let moves = edit.metering.is_some_and(|metering| metering != before.metering);
    if moves && before.last_access.is_some() {
        fields.refuse("Metering", EditError::MeteringFixed.to_string());
    }
    let from = edit.valid_from.unwrap_or(before.valid_from);
    let to = edit.valid_to.unwrap_or(before.valid_to);
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        if edit.valid_to.is_some() {
            fields.refuse("ValidTo", "may not be before ValidFrom");
        } else {
            fields.refuse("ValidFrom", EditError::DatesReversed.to_string());
        }
    }
}

fn refused(error: EditError, code: Option<&AccessCode>) -> FieldError {
    let (property, attempted) = match error {
        EditError::CodeInUse => ("AccessCode", code.map(AccessCode::as_str)),
        EditError::MeteringFixed => ("Metering", None),
        EditError::DatesReversed => ("ValidFrom", None),
        EditError::NotFound => ("Id", None),
    };
    FieldError {
        property,
        message: error.to_string().into(),
        attempted: attempted.into(),
    }
}
