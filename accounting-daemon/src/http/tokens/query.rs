//! The parameters of lists and tables, as they are described.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::column::Column;
use crate::http::describe::{self, Parameter};

/// Those that choose records.
pub(super) const FILTERS: &[Parameter] = CHOOSE;

/// Those and those that choose a page.
pub(super) const LIST: &[Parameter] = &LISTED;

const CHOOSE: &[Parameter] = &[
    Parameter::new("Id", ids, "Numbers, with commas; may be there several times"),
    Parameter::new("AccessToken_Id", ids, "The same"),
    Parameter::new("UniqueId", guid, "Equal"),
    Parameter::new("AccessToken_Business", number, "BusinessId, equal"),
    Parameter::new("AccessToken_BusinessId", number, "Equal"),
    Parameter::new("from_AccessToken_BusinessId", number, "Not less"),
    Parameter::new("to_AccessToken_BusinessId", number, "Not more"),
    Parameter::new(
        "AccessToken_AccessCode",
        describe::text,
        "Equal, as codes compare",
    ),
    Parameter::new(
        "AccessToken_Description",
        describe::text,
        "Contains, without case",
    ),
    Parameter::new("AccessToken_MinutesIncluded", number, "Equal"),
    Parameter::new("from_AccessToken_MinutesIncluded", number, "Not less"),
    Parameter::new("to_AccessToken_MinutesIncluded", number, "Not more"),
    Parameter::new("AccessToken_ValidFrom", describe::time, "Equal, in whole seconds"),
    Parameter::new("from_AccessToken_ValidFrom", describe::time, "Not less"),
    Parameter::new("to_AccessToken_ValidFrom", describe::time, "Not more"),
    Parameter::new("AccessToken_ValidTo", describe::time, "Equal, in whole seconds"),
    Parameter::new("from_AccessToken_ValidTo", describe::time, "Not less"),
    Parameter::new("to_AccessToken_ValidTo", describe::time, "Not more"),
    Parameter::new("AccessToken_UserLimit", number, "Equal"),
    Parameter::new("from_AccessToken_UserLimit", number, "Not less"),
    Parameter::new("to_AccessToken_UserLimit", number, "Not more"),
    Parameter::new("AccessToken_MinutesLeft", number, "Equal"),
    Parameter::new("from_AccessToken_MinutesLeft", number, "Not less"),
    Parameter::new("to_AccessToken_MinutesLeft", number, "Not more"),
    Parameter::new("AccessToken_MacAddress", describe::mac, "Equal"),
    Parameter::new("AccessToken_BookingGuid", guid, "Equal"),
    Parameter::new("AccessToken_VisitorGuid", guid, "Equal"),
    Parameter::new(
        "AccessToken_LastAccess",
        describe::time,
        "Equal, in whole seconds",
    ),
    Parameter::new("from_AccessToken_LastAccess", describe::time, "Not less"),
    Parameter::new("to_AccessToken_LastAccess", describe::time, "Not more"),
    Parameter::new("AccessToken_UniqueId", guid, "Equal"),
    Parameter::new("AccessToken_CreatedOn", describe::time, "Equal, in whole seconds"),
    Parameter::new("from_AccessToken_CreatedOn", describe::time, "Not less"),
    Parameter::new("to_AccessToken_CreatedOn", describe::time, "Not more"),
    Parameter::new("AccessToken_UpdatedOn", describe::time, "Equal, in whole seconds"),
    Parameter::new("from_AccessToken_UpdatedOn", describe::time, "Not less"),
    Parameter::new("to_AccessToken_UpdatedOn", describe::time, "Not more"),
    Parameter::new("AccessToken_UpdatedBy", describe::text, "Contains, without case"),
    Parameter::new("AccessToken_IsNew", flag, "Equal"),
    Parameter::new("AccessToken_SystemId", describe::text, "Contains, without case"),
    Parameter::new(
        "AccessToken_ToStringText",
        describe::text,
        "Contains, without case",
    ),
    Parameter::new("AccessToken_Metering", describe::text, "Contains, without case"),
];

const PAGED: [Parameter; 4] = [
    Parameter::new("page", page, "Counted from 1"),
    Parameter::new("size", size, "Records of a page"),
    Parameter::new("orderBy", order, "A field of the record"),
    Parameter::new(
        "dir",
        direction,
        "0 or ascending, -1 or descending; 1 means descending unless configured otherwise",
    ),
];

const LISTED: [Parameter; CHOOSE.len() + PAGED.len()] = {
    let mut all = [PAGED[0]; CHOOSE.len() + PAGED.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < PAGED.len() {
            PAGED[place]
        } else {
            CHOOSE[place - PAGED.len()]
        };
        place += 1;
    }
    all
};

/// The shape of a flag.
pub(super) fn flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "boolean"})
}

fn number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX})
}

fn guid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "uuid"})
}

fn ids(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "pattern": "^[1-9][0-9]*(,[1-9][0-9]*)*$"})
}

fn page(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "default": 1})
}

fn size(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 25})
}

fn order(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Column::ALL.iter().map(|column| column.name()).collect();
    json_schema!({"type": "string", "enum": names, "default": "Id"})
}

fn direction(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["0", "1", "-1", "ascending", "descending"], "default": "0"})
}
