//! `GET .../commands` and `.../runcommand`: what can be done with many tokens at once. A command that fails is still answered
//! 200; `WasSuccessful` says.

use std::collections::{BTreeMap, BTreeSet};

use hyper::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    draft::{Draft, ID_MAX},
    many::{self, NoneMade, TOKENS_MAX},
    order::{self, Order},
};
use crate::{
    engine::Refusal,
    http::{
        Context,
        answer::{self, Answer},
        auth::Caller,
        describe,
        dialect::Dialect,
        endpoint::Asked,
        fields::Fields,
        nexudus::{self, Fault, Written},
    },
    ledger::{CreateError, TokenId},
    store::{Among, Direction},
};

const CREATE_IN_BULK: &str = "COMMAND_CREATE_TOKENS_IN_BULK";
const DELETE: &str = "COMMAND_DELETE";

/// Parameters of [`CREATE_IN_BULK`], with their types.
const PARAMETERS: [(&str, &str); 14] = [
    ("NumberOfTokens", "Integer"),
    ("BusinessId", "Integer"),
    ("MinutesIncluded", "Integer"),
    ("AccessCode", "String"),
    ("Description", "String"),
    ("MinutesLeft", "Integer"),
    ("ValidFrom", "DateTime"),
    ("ValidTo", "DateTime"),
    ("UserLimit", "Integer"),
    ("MacAddress", "String"),
    ("BookingGuid", "String"),
    ("VisitorGuid", "String"),
    ("SystemId", "String"),
    ("Metering", "String"),
];

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Command {
    key: &'static str,
    name: &'static str,
    applies_only_to_multiple_entities: bool,
    applies_only_to_one_entity: bool,
    applies_only_to_two_entities: bool,
    needs_entities_to_run: bool,
    order: u8,
    requires_parameters: Vec<Parameter>,
    display_in_dropdown: bool,
    display_in_dropdown_v2: bool,
    display_in_grid: bool,
    icon: Option<&'static str>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
#[schemars(rename = "CommandParameter")]
struct Parameter {
    name: &'static str,
    r#type: &'static str,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    ids: Vec<TokenId>,
}

/// The shape of the list of commands.
pub(super) fn shape_of_commands(schemas: &mut SchemaGenerator) -> Schema {
    describe::of::<Vec<Command>>(schemas)
}

/// The shape of what comes of a command.
pub(super) fn shape_of_outcome(schemas: &mut SchemaGenerator) -> Schema {
    describe::of::<Written<'static, Made>>(schemas)
}

/// The shape of a command as it is sent.
pub(super) fn shape_of_order(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Key"],
        "properties": {
            "Key": {"type": "string", "enum": [CREATE_IN_BULK, DELETE]},
            "Ids": {"type": ["array", "null"], "items": {"type": "integer", "minimum": 1, "maximum": i64::MAX}},
            "Parameters": {"type": ["array", "null"], "items": {
                "type": "object",
                "required": ["Name", "Value"],
                "properties": {"Name": {"type": "string"}, "Type": {"type": "string"}, "Value": {}},
            }},
        },
    })
}

/// Answers the list of commands.
pub(super) fn commands() -> Answer {
    let command =
        |key, name, needs_entities_to_run, order, parameters: &[(&'static str, &'static str)]| Command {
            key,
            name,
            applies_only_to_multiple_entities: false,
            applies_only_to_one_entity: false,
            applies_only_to_two_entities: false,
            needs_entities_to_run,
            order,
            requires_parameters: parameters
                .iter()
                .map(|(name, kind)| Parameter { name, r#type: kind })
                .collect(),
            display_in_dropdown: true,
            display_in_dropdown_v2: true,
            display_in_grid: needs_entities_to_run,
            icon: None,
        };
    let list = [
        command(CREATE_IN_BULK, "Create tokens in bulk", false, 1, &PARAMETERS),
        command(DELETE, "Delete", true, 2, &[]),
    ];
    answer::json(StatusCode::OK, &list)
}

/// Runs a command.
pub(super) async fn run(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    // A HEAD is answered as a GET, but who asks for a header wants nothing to happen.
    if asked.head.method == Method::HEAD {
        return Dialect::Record.method_not_allowed("GET, POST");
    }
    let order = match order::read(asked) {
        Ok(Ok(order)) => order,
        Ok(Err(fault)) => return nexudus::unsuccessful(&[fault]),
        Err(error) => return nexudus::invalid_body(&error),
    };
    match order.key.as_str() {
        CREATE_IN_BULK => create(context, caller, asked, order).await,
        DELETE => delete(context, caller, asked, &order).await,
        key => nexudus::unsuccessful(&[Fault::new(
            "Key",
            "is no command of access tokens: `/commands` lists them",
            key.into(),
        )]),
    }
}

async fn create(context: &Context, caller: &Caller, asked: &Asked, order: Order) -> Answer {
    let (mut fields, mut faults) = known(order.parameters);
    let count = fields.integer("NumberOfTokens", 1, TOKENS_MAX as i128);
    let count: Option<usize> = fields.require("NumberOfTokens", count);
    let count = count.unwrap_or(1);
    let draft = match Draft::read(fields, caller) {
        Ok(draft) => Some(draft),
        Err(errors) => {
            faults.extend(errors.into_iter().map(Fault::from));
            None
        }
    };
    if let Some(code) = draft
        .as_ref()
        .and_then(|draft| draft.code.as_ref())
        .filter(|_| count > 1)
    {
        faults.push(Fault::new(
            "AccessCode",
            "cannot be the same for several tokens",
            code.as_str().into(),
        ));
    }
    let Some(draft) = draft.filter(|_| faults.is_empty()) else {
        return nexudus::unsuccessful(&faults);
    };
    match many::create(context, caller, asked, &vec![&draft; count]).await {
        Ok(ids) => nexudus::written(
            format!("{count} records have been succesfully created."),
            Some(Made { ids }),
        ),
        Err(NoneMade::InUse(_)) => {
            let attempted = draft.code.as_ref().map(|code| code.as_str()).into();
            nexudus::unsuccessful(&[Fault::new(
                "AccessCode",
                CreateError::CodeInUse.to_string(),
                attempted,
            )])
        }
        Err(NoneMade::Answer(answer)) => answer,
    }
}

/// The parameters by their own names, which are matched without case; unknown ones and those given twice are problems.
fn known(parameters: Vec<(String, Json)>) -> (Fields, Vec<Fault>) {
    let (mut members, mut faults) = (Map::new(), Vec::new());
    for (name, value) in parameters {
        let known = PARAMETERS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name));
        let Some((known, _)) = known else {
            faults.push(Fault::new(name, "is no parameter of this command", value));
            continue;
        };
        if members.insert((*known).to_owned(), value.clone()).is_some() {
            faults.push(Fault::new(*known, "is there twice", value));
        }
    }
    (Fields::texts(members), faults)
}

/// The tokens that a deletion names, each with the value that named it.
fn named(order: &Order) -> Result<BTreeMap<TokenId, Json>, Vec<Fault>> {
    let mut faults: Vec<Fault> = order
        .parameters
        .iter()
        .map(|(name, value)| Fault::new(name.clone(), "is no parameter of this command", value.clone()))
        .collect();
    let mut ids = BTreeMap::new();
    for id in &order.ids {
        let mut field = Fields::texts(Map::from_iter([("Ids".to_owned(), id.clone())]));
        match field.integer::<TokenId>("Ids", 1, ID_MAX) {
            Some(number) => {
                ids.insert(number, id.clone());
            }
            None => faults.push(Fault::new(
                "Ids",
                format!("must be numbers from 1 to {ID_MAX}"),
                id.clone(),
            )),
        }
    }
    if order.ids.is_empty() {
        faults.push(Fault::new("Ids", "may not be null or empty", Json::Null));
    }
    if ids.len() > TOKENS_MAX {
        faults.push(Fault::new(
            "Ids",
            format!("may be at most {TOKENS_MAX}"),
            Json::Null,
        ));
    }
    if faults.is_empty() { Ok(ids) } else { Err(faults) }
}

async fn delete(context: &Context, caller: &Caller, asked: &Asked, order: &Order) -> Answer {
    let ids = match named(order) {
        Ok(ids) => ids,
        Err(faults) => return nexudus::unsuccessful(&faults),
    };
    let wanted: BTreeSet<TokenId> = ids.keys().copied().collect();
    let (among, seer) = (Among::Ids(wanted.clone()), caller.clone());
    let seen = context
        .read(move |reader, waiting| {
            let mut seen = BTreeSet::new();
            reader.walk(&among, Direction::Ascending, waiting, |token| {
                if seer.sees(token.business_id) {
                    seen.insert(token.id);
                }
            })?;
            Ok::<_, crate::http::reader::ReadError>(seen)
        })
        .await;
    let seen = match seen {
        Ok(seen) => seen,
        Err(answer) => return answer,
    };
    let unseen = ids.iter().filter(|(id, _)| !seen.contains(id));
    let faults: Vec<Fault> = unseen
        .map(|(_, attempted)| Fault::new("Ids", "Not found", attempted.clone()))
        .collect();
    if !faults.is_empty() {
        return nexudus::unsuccessful(&faults);
    }
    let count = wanted.len();
    match context.engine.delete_all(wanted, asked.actor(caller)).await {
        Ok(()) => nexudus::written::<Made>(format!("{count} records were deleted successfully."), None),
        Err(Refusal::Ledger(error)) => {
            nexudus::unsuccessful(&[Fault::new("Ids", error.to_string(), Json::Null)])
        }
        Err(Refusal::Unavailable(reason)) => Dialect::Record.unavailable(reason),
    }
}
