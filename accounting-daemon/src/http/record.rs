//! A token as the record API shows it.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{describe, times};
use crate::{
    ledger::{Metering, Token, minutes_shown},
    mac::Mac,
};

/// The record; its members in the order and spelling of the record API, ours at the end.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record<'a> {
    business_id: u64,
    access_code: &'a str,
    description: Option<&'a str>,
    minutes_included: u32,
    valid_from: Option<String>,
    valid_to: Option<String>,
    user_limit: Option<u32>,
    minutes_left: u64,
    mac_address: Option<Mac>,
    #[schemars(with = "Option<String>")]
    booking_guid: Option<Uuid>,
    #[schemars(with = "Option<String>")]
    visitor_guid: Option<Uuid>,
    last_access: Option<String>,
    id: u64,
    #[schemars(with = "String")]
    unique_id: Uuid,
    created_on: Option<String>,
    updated_on: Option<String>,
    updated_by: &'a str,
    is_new: bool,
    system_id: Option<&'a str>,
    to_string_text: &'a str,
    localization_details: Option<&'static str>,
    custom_fields: Option<&'static str>,
    metering: &'static str,
}

impl<'a> From<&'a Token> for Record<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            business_id: token.business_id,
            access_code: token.code.as_str(),
            description: token.description.as_deref(),
            minutes_included: token.minutes_included,
            valid_from: token.valid_from.and_then(times::show),
            valid_to: token.valid_to.and_then(times::show),
            user_limit: token.user_limit,
            minutes_left: minutes_shown(token.left()),
            mac_address: token.mac_address,
            booking_guid: token.booking_guid,
            visitor_guid: token.visitor_guid,
            last_access: token.last_access.and_then(times::show),
            id: token.id,
            unique_id: token.unique_id,
            created_on: times::show(token.created_on),
            updated_on: times::show(token.updated_on),
            updated_by: &token.updated_by,
            is_new: false,
            system_id: token.system_id.as_deref(),
            to_string_text: shown_as(token),
            localization_details: None,
            custom_fields: None,
            metering: metering(token.metering),
        }
    }
}

/// The members of a record that somebody may set, for descriptions.
pub(super) fn shape_of_new(schemas: &mut SchemaGenerator) -> Schema {
    let minutes = |description: &str| json!({"type": "integer", "minimum": 0, "maximum": i32::MAX, "description": description});
    let optional =
        |kind: &str, description: &str| json!({"type": [kind, "null"], "description": description});
    json_schema!({
        "type": "object",
        "required": ["BusinessId", "MinutesIncluded"],
        "properties": {
            "BusinessId": describe::id(schemas),
            "MinutesIncluded": minutes("Minutes that it is good for"),
            "AccessCode": optional("string", "Generated when absent or empty"),
            "Description": optional("string", "At most 1000 characters"),
            "MinutesLeft": {"type": ["integer", "null"], "minimum": 0, "maximum": i32::MAX, "description": "MinutesIncluded when absent"},
            "ValidFrom": optional("string", "2025-01-15T10:30:00Z"),
            "ValidTo": optional("string", "2025-01-15T10:30:00Z"),
            "UserLimit": {"type": ["integer", "null"], "minimum": 1, "maximum": i32::MAX, "description": "Devices at once; one when absent"},
            "MacAddress": optional("string", "AA:BB:CC:DD:EE:FF"),
            "BookingGuid": optional("string", "A GUID"),
            "VisitorGuid": optional("string", "A GUID"),
            "SystemId": optional("string", "The caller's own, at most 4000 characters"),
            "Metering": optional("string", "ConnectedTime or ElapsedTime"),
        },
    })
}

/// The same for a change: only its number is required.
pub(super) fn shape_of_changes(schemas: &mut SchemaGenerator) -> Schema {
    let mut schema = shape_of_new(schemas);
    schema.insert("required".to_owned(), json!(["Id"]));
    if let Some(members) = schema
        .get_mut("properties")
        .and_then(serde_json::Value::as_object_mut)
    {
        members.insert("Id".to_owned(), describe::id(schemas).to_value());
    }
    schema
}

/// What the record is called: its description, else its code.
pub(super) fn shown_as(token: &Token) -> &str {
    let description = token.description.as_deref();
    description
        .filter(|text| !text.trim().is_empty())
        .unwrap_or_else(|| token.code.as_str())
}

/// How the metering is called on the wire.
pub(super) const fn metering(metering: Metering) -> &'static str {
    match metering {
        Metering::ConnectedTime => "ConnectedTime",
        Metering::ElapsedTime => "ElapsedTime",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ledger::{AccessCode, MINUTE_MS};

    pub(in crate::http) fn token() -> Token {
        Token {
            id: 7,
            unique_id: Uuid::from_u128(0x0102_0304_0506_4708_890a_0b0c_0d0e_0f10),
            business_id: 1377,
            code: AccessCode::new("00001").unwrap(),
            description: None,
            minutes_included: 60,
            valid_from: None,
            valid_to: Some(1_736_937_000_000),
            user_limit: None,
            mac_address: Some(Mac([0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xfe])),
            booking_guid: None,
            visitor_guid: None,
            last_access: None,
            created_on: 1_736_937_000_999,
            updated_on: 1_736_937_000_999,
            updated_by: "admin@localhost".to_owned(),
            system_id: None,
            metering: Metering::ConnectedTime,
            entitled: 3_600_000,
            used: 0,
            settled: 0,
            draws: 0,
            run: None,
        }
    }

    fn text(token: &Token) -> String {
        serde_json::to_string(&Record::from(token)).unwrap()
    }

    #[test]
    fn members_are_spelt_and_ordered_as_the_record_api_has_them() {
        let expected = concat!(
            r#"{"BusinessId":1377,"AccessCode":"00001","Description":null,"MinutesIncluded":60,"ValidFrom":null,"#,
            r#""ValidTo":"2025-01-15T10:30:00Z","UserLimit":null,"MinutesLeft":60,"MacAddress":"AA:BB:CC:DD:EE:FE","#,
            r#""BookingGuid":null,"VisitorGuid":null,"LastAccess":null,"Id":7,"#,
            r#""UniqueId":"01020304-0506-4708-890a-0b0c0d0e0f10","CreatedOn":"2025-01-15T10:30:00Z","#,
            r#""UpdatedOn":"2025-01-15T10:30:00Z","UpdatedBy":"admin@localhost","IsNew":false,"SystemId":null,"#,
            r#""ToStringText":"00001","LocalizationDetails":null,"CustomFields":null,"Metering":"ConnectedTime"}"#,
        );
        assert_eq!(text(&token()), expected);
    }

    /// "`MinutesLeft` shown is rounded up; 0 only when depleted."
    #[test]
    fn minutes_left_are_rounded_up_and_zero_means_depleted() {
        let left = |used| {
            let token = Token { used, ..token() };
            Record::from(&token).minutes_left
        };
        assert_eq!(left(1), 60);
        assert_eq!(left(MINUTE_MS), 59);
        assert_eq!(left(60 * MINUTE_MS - 1), 1);
        assert_eq!(left(60 * MINUTE_MS), 0);
        assert_eq!(left(u64::MAX), 0);
    }

    #[test]
    fn the_description_names_the_record() {
        let described = Token {
            description: Some("Room 4".to_owned()),
            ..token()
        };
        assert_eq!(shown_as(&described), "Room 4");
        let blank = Token {
            description: Some(" ".to_owned()),
            ..token()
        };
        assert_eq!(shown_as(&blank), "00001");
    }
}
