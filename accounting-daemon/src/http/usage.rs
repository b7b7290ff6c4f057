//! `GET /v1/usage`: usage records, as JSON page by page or as CSV in one go.

use std::net::IpAddr;

use hyper::{
    Method, StatusCode,
    header::{ACCEPT, CONTENT_DISPOSITION, HeaderValue},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{
    Context,
    accept::{self, Preferred},
    answer::{self, Answer, CutOff},
    auth::{Caller, Role},
    blocking, csv,
    describe::{self, Describe, Parameter, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    list::{self, Paging},
    piecewise::pieces,
    problem::Problem,
    query, times,
};
use crate::{
    ledger::{Cause, ID_MAX, SessionId, UsageRecord},
    mac::Mac,
    metrics::Route,
    store::{Disk, UsageFilter},
};

/// Usage records.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/v1/usage",
    route: Route::Usage,
    accepts: Accepts::Nothing,
    handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
        Box::pin(usage(context, caller, asked))
    }),
    describe: Describe::new(
        "Lists usage records, oldest session first, as JSON or CSV",
        &[
            Says::json(StatusCode::OK, "A page; as CSV all of them, or `Size`", shape),
            Says::other(StatusCode::OK, "A page; as CSV all of them, or `Size`", CSV),
        ],
    )
    .query(&[
        Parameter::new("TokenId", describe::id, "Of this token"),
        Parameter::new("MacAddress", describe::mac, "Of this device"),
        Parameter::new("Zone", describe::zone, "In this zone"),
        Parameter::new("Cause", cause_shape, "Ended for this cause"),
        Parameter::new("From", describe::time, "Released not before"),
        Parameter::new("To", describe::time, "Released not after"),
        Parameter::new("Format", format_shape, "Json or Csv; wins over `Accept`"),
        describe::AFTER,
        describe::SIZE,
    ]),
}];

const CSV: &str = "text/csv";

/// Records of a piece of CSV.
const PIECE_MAX: usize = 500;

/// A usage record as it is shown.
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Usage<'a> {
    id: u64,
    token_id: u64,
    mac_address: Mac,
    zone: u16,
    addresses: &'a [IpAddr],
    opened_on: Option<String>,
    released_on: Option<String>,
    milliseconds_charged: u64,
    bytes_up: u64,
    bytes_down: u64,
    packets_up: u64,
    packets_down: u64,
    cause: &'static str,
}

/// The members of a record, in the order of the columns.
const COLUMNS: [&str; 13] = [
    "Id",
    "TokenId",
    "MacAddress",
    "Zone",
    "Addresses",
    "OpenedOn",
    "ReleasedOn",
    "MillisecondsCharged",
    "BytesUp",
    "BytesDown",
    "PacketsUp",
    "PacketsDown",
    "Cause",
];

impl<'a> From<&'a UsageRecord> for Usage<'a> {
    fn from(record: &'a UsageRecord) -> Self {
        Self {
            id: record.id,
            token_id: record.token,
            mac_address: record.device.mac,
            zone: record.device.zone,
            addresses: &record.addresses,
            opened_on: times::show(record.opened_on),
            released_on: times::show(record.released_on),
            milliseconds_charged: record.charged,
            bytes_up: record.traffic.bytes_up,
            bytes_down: record.traffic.bytes_down,
            packets_up: record.traffic.packets_up,
            packets_down: record.traffic.packets_down,
            cause: record.cause.as_str(),
        }
    }
}

impl Usage<'_> {
    fn cells(self) -> [String; COLUMNS.len()] {
        let addresses: Vec<String> = self.addresses.iter().map(IpAddr::to_string).collect();
        [
            self.id.to_string(),
            self.token_id.to_string(),
            self.mac_address.to_string(),
            self.zone.to_string(),
            addresses.join(" "),
            self.opened_on.unwrap_or_default(),
            self.released_on.unwrap_or_default(),
            self.milliseconds_charged.to_string(),
            self.bytes_up.to_string(),
            self.bytes_down.to_string(),
            self.packets_up.to_string(),
            self.packets_down.to_string(),
            self.cause.to_owned(),
        ]
    }
}

fn shape(schemas: &mut SchemaGenerator) -> Schema {
    list::shape(&describe::of::<Usage<'static>>(schemas).to_value())
}

fn cause_shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": Cause::ALL.map(Cause::as_str)})
}

fn format_shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["Json", "Csv"]})
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    filter: UsageFilter,
    after: SessionId,
    /// `None`: not said.
    size: Option<usize>,
    csv: bool,
}

async fn usage(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let wanted = match parse(caller, asked) {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_answer(),
    };
    let store = context.store.clone();
    if wanted.csv {
        return export(store, wanted);
    }
    let size = wanted.size.unwrap_or(list::SIZE);
    let part = blocking("usage records", move || {
        store.usage_part(&wanted.filter, wanted.after, size)
    });
    match part.await {
        Ok(part) => {
            let records: Vec<Usage<'_>> = part.records.iter().map(|(_, one)| Usage::from(one)).collect();
            list::answer(&records, part.next.map(|next| next.to_string()).as_deref())
        }
        Err(answer) => answer,
    }
}

fn parse(caller: &Caller, asked: &Asked) -> Result<Wanted, Problem> {
    let text = asked.query();
    let paging = Paging::read(text)?;
    let format = query::parsed(text, "Format", |text| match text {
        _ if text.eq_ignore_ascii_case("Csv") => Ok(true),
        _ if text.eq_ignore_ascii_case("Json") => Ok(false),
        _ => Err("must be Json or Csv".to_owned()),
    })?;
    let preferred = || accept::preferred(asked.head.headers.get_all(ACCEPT), &["application/json", CSV]);
    let cause = query::parsed(text, "Cause", |text| {
        let found = Cause::ALL
            .into_iter()
            .find(|cause| cause.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| "must be a cause such as Logout".to_owned())
    })?;
    Ok(Wanted {
        filter: UsageFilter {
            token: query::number(text, "TokenId", 1, ID_MAX)?,
            mac: query::mac(text, "MacAddress")?,
            zone: query::number(text, "Zone", 0, u64::from(u16::MAX))?,
            cause,
            from: query::time(text, "From")?,
            // Times are shown without the fraction of their second, which belongs to it.
            to: query::time(text, "To")?.map(|to| to.saturating_add(999)),
            locations: caller.locations.clone(),
        },
        after: paging.after_number()?.unwrap_or(0),
        size: list::parameter(text, "Size")?.map(|_| paging.size),
        csv: format.unwrap_or_else(|| preferred() == Preferred::Place(1)),
    })
}

/// The table, made while it is sent.
fn export(store: Disk, wanted: Wanted) -> Answer {
    let (sender, body) = pieces();
    tokio::spawn(async move {
        let mut text = String::new();
        csv::row(&mut text, COLUMNS);
        let (mut after, mut left) = (Some(wanted.after), wanted.size.unwrap_or(usize::MAX));
        while let Some(number) = after.filter(|_| left > 0) {
            let (store, filter) = (store.clone(), wanted.filter.clone());
            let size = left.min(PIECE_MAX);
            let part = blocking("usage records", move || store.usage_part(&filter, number, size)).await;
            let Ok(part) = part else {
                // Nobody is told whose reader has gone away.
                let _ = sender.send(Err(CutOff)).await;
                return;
            };
            for (_, record) in &part.records {
                csv::row(&mut text, Usage::from(record).cells());
            }
            left -= part.records.len();
            after = part.next;
            if sender.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
                return;
            }
        }
    });
    let answer = answer::streamed(StatusCode::OK, "text/csv; charset=utf-8; header=present", body);
    let name = HeaderValue::from_static("attachment; filename=\"usage.csv\"");
    answer::with(answer, CONTENT_DISPOSITION, name)
}
