//! Users, API clients, and the caller's own account.

pub(super) mod clients;
pub(super) mod me;
#[cfg(test)]
mod tests;
pub(super) mod users;

use std::{collections::BTreeSet, fmt::Display, sync::LazyLock};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Context,
    answer::Answer,
    auth::Denied,
    blocking,
    dialect::Dialect,
    endpoint::Asked,
    fields::{BodyError, FieldError, Fields},
    list::{self, Paging},
    problem::{Kind, Problem},
};
use crate::{
    engine::Unavailable,
    store::{Disk, Role, StoreError},
};

/// Locations of an account at most.
const BUSINESS_IDS_MAX: usize = 1_000;

/// The shape of `Roles`.
static ROLES: LazyLock<Value> = LazyLock::new(|| {
    let names = Role::ALL.map(Role::as_str);
    json!({"type": "array", "items": {"enum": names}, "description": "Matched without case"})
});

/// The shape of `BusinessIds`.
static BUSINESS_IDS: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": ["array", "null"],
        "items": {"type": "integer", "minimum": 1},
        "description": "The locations whose records they see; null: all",
    })
});

/// Why nothing was done.
#[derive(Debug)]
enum Refused {
    Problem(Problem),
    Denied(Denied),
    Store,
}

impl Refused {
    fn not_found(what: impl Display) -> Self {
        Self::Problem(Problem::new(Kind::NotFound, what))
    }

    fn conflict(what: impl Display) -> Self {
        Self::Problem(Problem::new(Kind::Conflict, what))
    }

    fn invalid(errors: &[FieldError]) -> Self {
        Self::Problem(Problem::invalid(errors))
    }

    /// One member that is wrong.
    fn member(property: &'static str, message: &'static str) -> Self {
        Self::invalid(&[FieldError {
            property,
            message: message.into(),
            attempted: Value::Null,
        }])
    }

    fn into_answer(self) -> Answer {
        match self {
            Self::Problem(problem) => problem.into_answer(),
            Self::Denied(denied) => Dialect::Gateway.denied(&denied),
            Self::Store => Dialect::Gateway.unavailable(Unavailable::Store),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "accounts could not be read or written");
        Self::Store
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// The answer, whichever it is.
fn answered(done: Result<Answer, Refused>) -> Answer {
    done.unwrap_or_else(Refused::into_answer)
}

/// The members of a JSON body; an empty one has none.
fn fields(asked: &Asked) -> Result<Fields, Refused> {
    let body = if asked.body.is_empty() && asked.media_type.is_none() {
        b"{}".as_slice()
    } else {
        &asked.body
    };
    Fields::json(body).map_err(|error: BodyError| {
        Refused::Problem(Problem::new(Kind::MalformedRequest, format!("the body {error}")))
    })
}

/// The variable part of the path, decoded.
fn variable(asked: &Asked) -> Result<String, Refused> {
    let decoded = percent_decode_str(&asked.variable).decode_utf8();
    let decoded = decoded.map_err(|_| Refused::not_found("the path is not valid UTF-8"))?;
    Ok(decoded.into_owned())
}

/// `Roles`: `None` where it is absent; null clears it.
fn roles(fields: &mut Fields) -> Option<BTreeSet<Role>> {
    let roles = fields.list("Roles", Role::ALL.len() * 2, |value| {
        let text = value.as_str().ok_or("must be a list of texts".to_owned())?;
        text.parse::<Role>().map_err(|error| format!("{error}: {text:?}"))
    });
    let roles = fields.given("Roles", roles)?;
    Some(roles.unwrap_or_default().into_iter().collect())
}

/// `BusinessIds`: `None` where it is absent; null lifts the limit.
fn business_ids(fields: &mut Fields) -> Option<Option<BTreeSet<u64>>> {
    let ids = fields.list("BusinessIds", BUSINESS_IDS_MAX, |value| {
        let id = value.as_u64().filter(|id| (1..=i64::MAX as u64).contains(id));
        id.ok_or("must be a list of whole numbers from 1 to 9223372036854775807")
    });
    let ids = fields.given("BusinessIds", ids)?;
    Some(ids.map(|ids| ids.into_iter().collect()))
}

/// `None` where it is absent; null is `false`.
fn flag(fields: &mut Fields, name: &'static str) -> Option<bool> {
    let flag = fields.flag(name);
    Some(fields.given(name, flag)?.unwrap_or(false))
}

/// Reads so many accounts at most, from behind a name on, in the order of their names.
type Read<T> = fn(&Disk, Option<&str>, usize) -> Result<Vec<T>, StoreError>;

/// A page of accounts.
async fn page<T: Send + 'static>(
    context: &Context,
    asked: &Asked,
    read: Read<T>,
    name: fn(&T) -> &str,
    shown: fn(&T) -> Value,
) -> Answer {
    let Paging { after, size } = match Paging::read(asked.query()) {
        Ok(paging) => paging,
        Err(problem) => return problem.into_answer(),
    };
    let store = context.store.clone();
    // One more tells whether there are more.
    let read = blocking("accounts", move || read(&store, after.as_deref(), size + 1)).await;
    let mut accounts = match read {
        Ok(accounts) => accounts,
        Err(answer) => return answer,
    };
    let more = accounts.len() > size;
    accounts.truncate(size);
    let next = accounts.last().filter(|_| more).map(name);
    let records: Vec<Value> = accounts.iter().map(shown).collect();
    list::answer(&records, next)
}

/// A record as it is shown.
fn shown(record: &impl serde::Serialize) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}
