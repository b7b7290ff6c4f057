//! `accounting-daemon bypass` and `block`: devices that pass without a code, and devices that never pass.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

use super::{
    Console,
    daemon::Payload,
    failure::Failure,
    human,
    paged::{self, Limit},
    query::{Query, segment},
    show::{self, Column, number, text, time},
};
use crate::mac::Mac;

/// What is done with a list of devices.
#[derive(Debug, Subcommand)]
pub(super) enum AccessCommand {
    /// The devices of the list
    List,
    /// Show a device of the list
    Show(Device),
    /// Put a device on the list, or change its entry
    Add(Add),
    /// Take a device off the list
    Remove(Device),
}

#[derive(Debug, Args)]
pub(super) struct Device {
    /// The device
    mac: Mac,

    /// Its zone; every zone without
    #[arg(long)]
    zone: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    device: Device,

    /// Whose it is, or why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Until when; for good without
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    until: Option<String>,
}

const COLUMNS: &[Column] = &[
    text("DEVICE", "MacAddress"),
    number("ZONE", "Zone"),
    time("UNTIL", "Until"),
    text("NOTE", "Note"),
];

impl AccessCommand {
    /// `list`: the name of the list, as in the API.
    pub(super) async fn run(self, console: &Console, list: &str) -> anyhow::Result<()> {
        match self {
            Self::List => {
                let path = format!("/v1/{list}");
                let none = "no devices";
                paged::print(console, &path, &Query::new(), Limit::ALL, COLUMNS, none).await
            }
            Self::Show(device) => {
                let entry = device.ask(console, list, Method::GET, Payload::Nothing).await?;
                print(console, &entry)
            }
            Self::Add(add) => {
                let mut body = json!({"Note": add.note, "Until": add.until});
                if let Some(zone) = add.device.zone {
                    body["Zone"] = zone.into();
                }
                add.device
                    .ask(console, list, Method::PUT, Payload::Json(body))
                    .await?;
                let entry = add
                    .device
                    .ask(console, list, Method::GET, Payload::Nothing)
                    .await?;
                print(console, &entry)
            }
            Self::Remove(device) => {
                device
                    .ask(console, list, Method::DELETE, Payload::Nothing)
                    .await?;
                let gone = json!({"MacAddress": device.mac.to_string()});
                let text = || format!("{} is off the list", device.mac);
                console.output.print(&gone, text)
            }
        }
    }
}

impl Device {
    async fn ask(
        &self,
        console: &Console,
        list: &str,
        method: Method,
        payload: Payload,
    ) -> Result<Value, Failure> {
        let path = format!("/v1/{list}/{}", segment(&self.mac.to_string()));
        let target = Query::new().maybe("Zone", self.zone).target(&path);
        let answer = console.daemon.ask(method, &target, payload).await;
        answer.map_err(|failure| failure.or_absent(|| format!("{} is not on the list", self.mac)))
    }
}

fn print(console: &Console, entry: &Value) -> anyhow::Result<()> {
    console.output.print(entry, || {
        let entries = entry["Records"].as_array().cloned();
        let entries = entries.unwrap_or_else(|| vec![entry.clone()]);
        show::table(&entries, COLUMNS, "no devices")
    })
}
