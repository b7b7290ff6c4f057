//! `/v1/bypass` and `/v1/block`: devices that are judged without a session.

mod endpoints;

use std::collections::BTreeSet;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    answer::{self, Answer},
    auth::Caller,
    endpoint::Asked,
    fields::{FieldError, Fields},
    list::{self, Paging},
    problem,
    problem::{Kind, Problem},
    sessions::{self, SEVERAL_ZONES},
    times,
};
use crate::{
    engine::{ListAsked, ListChange, ListError, Refusal},
    mac::{DeviceId, Mac},
    store::{ListEntry, ListKind},
};
pub(super) use endpoints::ENDPOINTS;

/// The longest note, in characters.
const NOTE_CHARACTERS_MAX: usize = 1000;

/// A device on a list, as it is shown.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ListEntry")]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    mac_address: Mac,
    zone: u16,
    note: Option<&'a str>,
    until: Option<String>,
}

impl<'a> From<&'a ListEntry> for Entry<'a> {
    fn from(entry: &'a ListEntry) -> Self {
        Self {
            mac_address: entry.device.mac,
            zone: entry.device.zone,
            note: entry.note.as_deref(),
            until: entry.until.and_then(times::show),
        }
    }
}

async fn list(kind: ListKind, context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let paging = Paging::read(asked.query()).and_then(|paging| Ok((paging.after_number()?, paging.size)));
    let (after, size) = match paging {
        Ok(paging) => paging,
        Err(problem) => return problem.into_answer(),
    };
    let wanted = ListAsked {
        kind,
        mac: None,
        zones: zones_of(context, caller),
        after: after.map(DeviceId::from_number),
        size,
    };
    match context.engine.list(wanted).await {
        Ok(page) => {
            let records: Vec<Entry<'_>> = page.entries.iter().map(Entry::from).collect();
            let next = page.next.map(|device| device.to_number().to_string());
            list::answer(&records, next.as_deref())
        }
        Err(reason) => problem::unavailable(reason),
    }
}

async fn show(kind: ListKind, context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    match find(kind, context, caller, asked).await {
        Ok(entry) => answer::json(StatusCode::OK, &Entry::from(&entry)),
        Err(refusal) => refusal,
    }
}

async fn put(kind: ListKind, context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let entry = match parse(kind, context, asked) {
        Ok(entry) => entry,
        Err(problem) => return problem.into_answer(),
    };
    if !zones_of(context, caller).contains(&entry.device.zone) {
        let text = "this zone belongs to another location";
        return Problem::new(Kind::Forbidden, text).into_answer();
    }
    let change = ListChange::Put(entry.clone());
    match context.engine.change_list(change, asked.actor(caller)).await {
        Ok(is_new) => {
            let status = if is_new {
                StatusCode::CREATED
            } else {
                StatusCode::OK
            };
            answer::json(status, &Entry::from(&entry))
        }
        Err(refusal) => refused(&refusal),
    }
}

async fn delete(kind: ListKind, context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let entry = match find(kind, context, caller, asked).await {
        Ok(entry) => entry,
        Err(refusal) => return refusal,
    };
    let change = ListChange::Delete(kind, entry.device);
    match context.engine.change_list(change, asked.actor(caller)).await {
        Ok(_) => answer::empty(StatusCode::NO_CONTENT),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &Refusal<ListError>) -> Answer {
    match refusal {
        Refusal::Ledger(error @ (ListError::Configured | ListError::Full)) => {
            Problem::new(Kind::Conflict, error).into_answer()
        }
        Refusal::Ledger(error @ ListError::NotListed) => Problem::new(Kind::NotFound, error).into_answer(),
        Refusal::Ledger(error @ ListError::Over) => Problem::invalid(&[FieldError {
            property: "Until",
            message: error.to_string().into(),
            attempted: serde_json::Value::Null,
        }])
        .into_answer(),
        Refusal::Unavailable(reason) => problem::unavailable(*reason),
    }
}

/// The zones whose devices exist for the caller.
fn zones_of(context: &Context, caller: &Caller) -> BTreeSet<u16> {
    let zones = context.zones.iter().copied();
    let seen = zones.filter(|zone| match context.locations.get(zone) {
        Some(location) => caller.sees(*location),
        None => caller.locations.is_none() || context.locations.is_empty(),
    });
    seen.collect()
}

/// The one entry that is meant.
async fn find(
    kind: ListKind,
    context: &Context,
    caller: &Caller,
    asked: &Asked,
) -> Result<ListEntry, Answer> {
    let (mac, zone) = sessions::target(asked).map_err(Problem::into_answer)?;
    let mut zones = zones_of(context, caller);
    zones.retain(|other| zone.is_none_or(|zone| zone == *other));
    let wanted = ListAsked {
        kind,
        mac: Some(mac),
        zones,
        after: None,
        size: 2,
    };
    let page = context.engine.list(wanted).await.map_err(problem::unavailable)?;
    let mut entries = page.entries.into_iter();
    match (entries.next(), entries.next()) {
        (None, _) => Err(Problem::new(Kind::NotFound, ListError::NotListed).into_answer()),
        (Some(entry), None) => Ok(entry),
        (Some(_), Some(_)) => Err(Problem::new(Kind::Conflict, SEVERAL_ZONES).into_answer()),
    }
}

fn parse(kind: ListKind, context: &Context, asked: &Asked) -> Result<ListEntry, Problem> {
    let (mac, queried) = sessions::target(asked)?;
    let mut fields = Fields::json(&asked.body)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body {error}")))?;
    let zone = fields.integer("Zone", 0, i128::from(u16::MAX));
    let note = fields.text("Note", NOTE_CHARACTERS_MAX);
    let until = fields.time("Until");
    if fields.mac("MacAddress").is_some_and(|other| other != mac) {
        fields.refuse("MacAddress", "is not the one of the path");
    }
    if context.gate_status().owns(mac) {
        fields.refuse("MacAddress", "is the gateway's own");
    }
    if let (Some(zone), Some(queried)) = (zone, queried)
        && zone != queried
    {
        fields.refuse("Zone", "is not the one of the query");
    }
    let zone = zone.or(queried).or_else(|| context.default_zone());
    match zone {
        Some(zone) if !context.zones.contains(&zone) => fields.refuse("Zone", "has no interface"),
        Some(_) => {}
        None => fields.refuse("Zone", "must be named: there are several"),
    }
    let errors = fields.into_errors();
    match zone {
        Some(zone) if errors.is_empty() => Ok(ListEntry {
            kind,
            device: DeviceId { mac, zone },
            note,
            until,
        }),
        _ => Err(Problem::invalid(&errors)),
    }
}
