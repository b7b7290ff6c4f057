//! The answers of the record API, member by member as that API gives them.

use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value;

use super::{
    answer::{self, Answer},
    describe::{self, Says},
    fields::FieldError,
};

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
struct Written<V> {
    status: u16,
    message: String,
    value: Option<V>,
    was_successful: bool,
    open_in_dialog: bool,
    #[serde(rename = "RedirectURL")]
    redirect_url: Option<&'static str>,
    java_script: Option<&'static str>,
    errors: Option<&'static str>,
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

fn written<V: Serialize>(message: String, value: Option<V>) -> Answer {
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
