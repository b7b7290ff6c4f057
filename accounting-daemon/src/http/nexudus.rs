//! The answers of the record API, member by member as that API gives them.

use std::borrow::Cow;

use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::{self, Answer},
    describe::{self, Says},
    fields::FieldError,
};

/// Something that is wrong in a request: a member, a parameter or a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    /// Its name.
    pub(super) property: Cow<'static, str>,
    /// What is wrong, without the name.
    pub(super) message: Cow<'static, str>,
    /// What was given.
    attempted: Value,
    /// The row of a table, counted from 1 below its header.
    pub(super) row: Option<usize>,
}

impl Fault {
    pub(super) fn new(
        property: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
        attempted: Value,
    ) -> Self {
        Self {
            property: property.into(),
            message: message.into(),
            attempted,
            row: None,
        }
    }

    pub(super) const fn in_row(mut self, row: usize) -> Self {
        self.row = Some(row);
        self
    }
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Self::new(error.property, error.message, error.attempted)
    }
}

/// What the descriptions say of [`invalid`].
pub(super) const INVALID: Says = Says::json(
    StatusCode::BAD_REQUEST,
    "Members that are wrong, all at once",
    describe::of::<Invalid<'static>>,
);

/// What the descriptions say of [`not_found`].
pub(super) const NOT_FOUND: Says = Says::json(
    StatusCode::NOT_FOUND,
    "There is none of this number",
    describe::of::<String>,
);

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Written")]
#[serde(rename_all = "PascalCase")]
pub(super) struct Written<'a, V> {
    status: u16,
    message: String,
    value: Option<V>,
    was_successful: bool,
    open_in_dialog: bool,
    #[serde(rename = "RedirectURL")]
    redirect_url: Option<&'static str>,
    java_script: Option<&'static str>,
    errors: Option<Vec<InvalidField<'a>>>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "WrittenId")]
#[serde(rename_all = "PascalCase")]
struct WrittenValue {
    id: u64,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Invalid<'a> {
    status: u16,
    message: String,
    value: Option<&'static str>,
    was_successful: bool,
    errors: Vec<InvalidField<'a>>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InvalidField<'a> {
    #[schemars(with = "Value")]
    attempted_value: &'a Value,
    message: &'a str,
    property_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    message: &'a str,
}

impl<'a> From<&'a FieldError> for InvalidField<'a> {
    fn from(error: &'a FieldError) -> Self {
        Self {
            attempted_value: &error.attempted,
            message: &error.message,
            property_name: error.property,
            row: None,
        }
    }
}

impl<'a> From<&'a Fault> for InvalidField<'a> {
    fn from(fault: &'a Fault) -> Self {
        Self {
            attempted_value: &fault.attempted,
            message: &fault.message,
            property_name: &fault.property,
            row: fault.row,
        }
    }
}

/// The shape of what is answered to a write.
pub(super) fn shape_of_written(schemas: &mut SchemaGenerator) -> Schema {
    describe::of::<Written<WrittenValue>>(schemas)
}

/// A record was made. The misspelt text is that API's own, and clients compare it.
pub(super) fn created(id: u64, shown_as: &str) -> Answer {
    let message = format!("Record '{shown_as}' has been succesfully created.");
    written(message, Some(WrittenValue { id }))
}

/// A record was changed.
pub(super) fn updated(id: u64, shown_as: &str) -> Answer {
    let message = format!("The record '{shown_as}' was updated successfully");
    written(message, Some(WrittenValue { id }))
}

/// A record was deleted.
pub(super) fn deleted() -> Answer {
    written::<WrittenValue>("The record was deleted successfully.".to_owned(), None)
}

/// Something was written, and what came of it.
pub(super) fn written<V: Serialize>(message: String, value: Option<V>) -> Answer {
    let written = Written {
        status: 200,
        message,
        value,
        was_successful: true,
        open_in_dialog: false,
        redirect_url: None,
        java_script: None,
        errors: None,
    };
    answer::json(StatusCode::OK, &written)
}

/// A command that failed: HTTP 200 all the same.
pub(super) fn unsuccessful(faults: &[Fault]) -> Answer {
    let failed = Written {
        status: 500,
        message: first_of(faults),
        value: None::<WrittenValue>,
        was_successful: false,
        open_in_dialog: false,
        redirect_url: None,
        java_script: None,
        errors: Some(faults.iter().map(InvalidField::from).collect()),
    };
    answer::json(StatusCode::OK, &failed)
}

/// The same as [`invalid`] for parameters and rows.
pub(super) fn faulty(faults: &[Fault]) -> Answer {
    let invalid = Invalid {
        status: 500,
        message: first_of(faults),
        value: None,
        was_successful: false,
        errors: faults.iter().map(InvalidField::from).collect(),
    };
    answer::json(StatusCode::BAD_REQUEST, &invalid)
}

fn first_of(faults: &[Fault]) -> String {
    let first = faults.first();
    first.map_or_else(String::new, |fault| {
        format!("{}: {}", fault.property, fault.message)
    })
}

/// Members that are wrong; 500 inside of HTTP 400 is that API's way. `Message` names the first.
pub(super) fn invalid(errors: &[FieldError]) -> Answer {
    let first = errors
        .first()
        .map(|error| format!("{}: {}", error.property, error.message));
    let invalid = Invalid {
        status: 500,
        message: first.unwrap_or_default(),
        value: None,
        was_successful: false,
        errors: errors.iter().map(InvalidField::from).collect(),
    };
    answer::json(StatusCode::BAD_REQUEST, &invalid)
}

/// A body that could not be read at all.
pub(super) fn invalid_body(reason: &impl std::fmt::Display) -> Answer {
    invalid(&[FieldError {
        property: "Body",
        message: reason.to_string().into(),
        attempted: Value::Null,
    }])
}

/// `{"Message": text}`.
pub(super) fn message(status: StatusCode, message: &str) -> Answer {
    answer::json(status, &Message { message })
}

/// The JSON string that stands for a record that is not there.
pub(super) fn not_found() -> Answer {
    answer::json(StatusCode::NOT_FOUND, &"Not found")
}

/// Come back later: 409 without a body is that API's convention, and its clients retry on nothing else.
pub(super) fn throttled(retry_after_s: u64) -> Answer {
    answer::retry_after(answer::empty(StatusCode::CONFLICT), retry_after_s)
}

/// A defect or a failed store.
pub(super) fn failed() -> Answer {
    message(StatusCode::INTERNAL_SERVER_ERROR, "An error has occurred.")
}
