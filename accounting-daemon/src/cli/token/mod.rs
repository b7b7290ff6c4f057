//! `accounting-daemon token`: access tokens, over the record API.

mod bulk;
mod change;
mod codes;
mod fields;
mod list;
mod transfer;

use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    Console,
    daemon::Payload,
    failure::Failure,
    query::Query,
    show::{self, Column, made, number, plain, text, time},
};

/// Where tokens are.
const PATH: &str = "/api/spaces/accesstokens";

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    Create(change::Create),
    Bulk(bulk::Bulk),
    List(list::List),
    Show(list::Show),
    Edit(change::Edit),
    Balance(change::Balance),
    Email(change::Email),
    Delete(change::Delete),
    Export(transfer::Export),
    Import(transfer::Import),
}

impl TokenCommand {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => command.run(console).await,
            Self::Bulk(command) => command.run(console).await,
            Self::List(command) => command.run(console).await,
            Self::Show(command) => command.run(console).await,
            Self::Edit(command) => command.run(console).await,
            Self::Balance(command) => command.run(console).await,
            Self::Email(command) => command.run(console).await,
            Self::Delete(command) => command.run(console).await,
            Self::Export(command) => command.run(console).await,
            Self::Import(command) => command.run(console).await,
        }
    }
}

/// A token by its number or its code.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The token's number (Id)
    #[arg(value_name = "ID")]
    id: Option<u64>,

    /// The token's access code, instead of its number
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
}

impl Which {
    /// The record.
    async fn find(&self, console: &Console) -> Result<Value, Failure> {
        if let Some(code) = &self.code {
            let query = Query::new().with("AccessToken_AccessCode", code);
            let list = console.daemon.get(PATH, &query).await?;
            let first = list["Records"].get(0).cloned();
            return first.ok_or_else(|| Failure::NotFound(format!("no token has the access code {code}")));
        }
        find(console, self.id.unwrap_or_default()).await
    }

    /// Its number.
    async fn number(&self, console: &Console) -> Result<u64, Failure> {
        match self.id {
            Some(id) => Ok(id),
            None => number_of(&self.find(console).await?),
        }
    }
}

async fn find(console: &Console, id: u64) -> Result<Value, Failure> {
    let found = console.daemon.get(&format!("{PATH}/{id}"), &Query::new()).await;
    found.map_err(|failure| no_token(failure, id))
}

/// Says which token is not there.
fn no_token(failure: Failure, id: u64) -> Failure {
    failure.or_absent(|| format!("there is no token {id}"))
}

fn number_of(record: &Value) -> Result<u64, Failure> {
    let id = record["Id"].as_u64();
    id.ok_or_else(|| Failure::NotUnderstood("a token without Id".to_owned()))
}

/// Which tokens these are, in short.
fn range(ids: &[u64]) -> String {
    match (ids.iter().min(), ids.iter().max()) {
        (Some(first), Some(last)) if first != last => format!("Ids {first} to {last}"),
        (Some(only), _) => format!("Id {only}"),
        _ => "none".to_owned(),
    }
}

/// Runs a command of the record API on tokens; answers its `Value`.
async fn run_command(
    console: &Console,
    key: &str,
    ids: &[u64],
    parameters: Vec<Value>,
) -> Result<Value, Failure> {
    let body = json!({"Key": key, "Ids": ids, "Parameters": parameters});
    let target = format!("{PATH}/runcommand");
    let mut answer = console
        .daemon
        .ask(Method::POST, &target, Payload::Json(body))
        .await?;
    // It answers 200 even when nothing was done.
    if answer["WasSuccessful"] != true {
        let body = answer.to_string();
        return Err(Failure::refused(hyper::StatusCode::OK, body.as_bytes()));
    }
    Ok(answer["Value"].take())
}

/// Of a list.
const COLUMNS: &[Column] = &[
    number("ID", "Id"),
    text("CODE", "AccessCode"),
    number("MINUTES", "MinutesIncluded"),
    number("LEFT", "MinutesLeft"),
    time("VALID FROM", "ValidFrom"),
    time("VALID TO", "ValidTo"),
    made("SEATS", seats),
    number("BUSINESS", "BusinessId"),
    text("DESCRIPTION", "Description"),
];

/// Of one.
const LINES: &[Column] = &[
    text("Id", "Id"),
    text("Access code", "AccessCode"),
    text("Description", "Description"),
    text("Business", "BusinessId"),
    text("Minutes included", "MinutesIncluded"),
    text("Minutes left", "MinutesLeft"),
    text("Metering", "Metering"),
    made("Seats", seats),
    time("Valid from (UTC)", "ValidFrom"),
    time("Valid to (UTC)", "ValidTo"),
    text("Device", "MacAddress"),
    time("Last access (UTC)", "LastAccess"),
    text("Booking", "BookingGuid"),
    text("Visitor", "VisitorGuid"),
    time("Created (UTC)", "CreatedOn"),
    time("Updated (UTC)", "UpdatedOn"),
    text("Updated by", "UpdatedBy"),
    text("System id", "SystemId"),
    text("Unique id", "UniqueId"),
];

/// Without a limit a token is for one device.
fn seats(record: &Value) -> String {
    if record["UserLimit"].is_null() {
        "1".to_owned()
    } else {
        plain(&record["UserLimit"])
    }
}

/// Prints one record.
fn print_record(console: &Console, record: &Value) -> anyhow::Result<()> {
    console.output.print(record, || show::record(record, LINES))
}
