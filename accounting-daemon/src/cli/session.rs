//! `accounting-daemon session`: who is online.

use clap::{Args, Subcommand};
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    Console,
    daemon::Payload,
    events::{Event, Events},
    failure::Failure,
    paged::{self, Limit},
    query::{Query, segment},
    show::{self, Column, bytes, made, number, plain, shown_length, text, time},
};
use crate::mac::Mac;

#[derive(Debug, Subcommand)]
pub(super) enum SessionCommand {
    /// Who is online
    List(List),
    /// Whether a device is online, and for how long
    Show(Device),
    /// Let a device in by a code
    Open(Open),
    /// End the session of a device; its packets stop at once
    Kick(Device),
    /// Who comes and goes, as it happens, until interrupted
    Watch,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    limit: Limit,
}

#[derive(Debug, Args)]
pub(super) struct Device {
    /// The device
    mac: Mac,

    /// Its zone, where it is online in several
    #[arg(long)]
    zone: Option<u16>,
}

#[derive(Debug, Args)]
pub(super) struct Open {
    /// The access code
    code: String,

    /// The device
    mac: Mac,

    /// Its zone, where there are several
    #[arg(long)]
    zone: Option<u16>,

    /// Take the seat of the device that was silent for longest, when none is free
    #[arg(long)]
    takeover: bool,
}

const COLUMNS: &[Column] = &[
    text("DEVICE", "MacAddress"),
    number("ZONE", "Zone"),
    number("TOKEN", "TokenId"),
    made("LEFT", left),
    time("SINCE", "OpenedOn"),
    time("LAST SEEN", "LastSeen"),
    bytes("UP", "BytesUp"),
    bytes("DOWN", "BytesDown"),
    text("ADDRESSES", "Addresses"),
];

const LINES: &[Column] = &[
    text("Device", "MacAddress"),
    text("Zone", "Zone"),
    text("Token", "TokenId"),
    made("Left", left),
    text("Minutes left on the token", "MinutesLeft"),
    time("Valid to (UTC)", "ValidTo"),
    made("Seats", |session| {
        let limit = session["UserLimit"].as_u64().unwrap_or(1);
        format!("{} of {limit}", plain(&session["SeatsUsed"]))
    }),
    text("Metering", "Metering"),
    time("Since (UTC)", "OpenedOn"),
    time("Last seen (UTC)", "LastSeen"),
    bytes("Up", "BytesUp"),
    bytes("Down", "BytesDown"),
    text("Addresses", "Addresses"),
];

/// Until the device is cut, if nothing changes.
fn left(session: &Value) -> String {
    session["SecondsLeft"]
        .as_u64()
        .map_or_else(|| "no end".to_owned(), shown_length)
}

impl SessionCommand {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        match self {
            Self::List(List { limit }) => {
                let none = "nobody is online";
                paged::print(console, "/v1/sessions", &Query::new(), limit, COLUMNS, none).await
            }
            Self::Show(device) => device.show(console).await,
            Self::Open(command) => command.run(console).await,
            Self::Kick(device) => device.kick(console).await,
            Self::Watch => watch(console).await,
        }
    }
}

impl Device {
    fn target(&self, room: &str) -> String {
        let path = format!("/v1/{room}/{}", segment(&self.mac.to_string()));
        Query::new().maybe("Zone", self.zone).target(&path)
    }

    async fn show(&self, console: &Console) -> anyhow::Result<()> {
        let target = self.target("devices");
        let device = console.daemon.ask(Method::GET, &target, Payload::Nothing).await?;
        console.output.print(&device, || match &device["Online"] {
            Value::Bool(true) => show::record(&device["Session"], LINES),
            _ => format!("{} is not online", self.mac),
        })
    }

    async fn kick(&self, console: &Console) -> anyhow::Result<()> {
        let target = self.target("sessions");
        let ended = console
            .daemon
            .ask(Method::DELETE, &target, Payload::Nothing)
            .await;
        ended.map_err(|failure| failure.or_absent(|| format!("{} is not online", self.mac)))?;
        let gone = json!({"MacAddress": self.mac.to_string()});
        console.output.print(&gone, || format!("{} is offline", self.mac))
    }
}

impl Open {
    async fn run(self, console: &Console) -> anyhow::Result<()> {
        let mut body = json!({"AccessCode": self.code, "MacAddress": self.mac.to_string()});
        if let Some(zone) = self.zone {
            body["Zone"] = zone.into();
        }
        if self.takeover {
            body["Takeover"] = true.into();
        }
        let target = "/v1/redemptions";
        let session = console
            .daemon
            .ask(Method::POST, target, Payload::Json(body))
            .await?;
        console.output.print(&session, || show::record(&session, LINES))
    }
}

async fn watch(console: &Console) -> anyhow::Result<()> {
    let answer = console.daemon.open("/v1/sessions/stream").await?;
    let mut body = answer.into_body();
    let mut events = Events::default();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Failure::from)?.into_data() else {
            continue;
        };
        for event in events.push(&data)? {
            print_event(console, &event)?;
        }
    }
    anyhow::bail!("the daemon has ended the stream")
}

fn print_event(console: &Console, event: &Event) -> std::io::Result<()> {
    let data: Value = serde_json::from_str(&event.data).unwrap_or_else(|_| event.data.clone().into());
    if console.output.json {
        return show::json(&json!({"Event": event.name, "Data": data}));
    }
    if data["Reason"].is_string() {
        return show::print(&format!("{:<12} {}", event.name, plain(&data["Reason"])));
    }
    let sessions = data["Records"].as_array().cloned().unwrap_or_else(|| vec![data]);
    for session in sessions.iter().filter(|session| !session["TokenId"].is_null()) {
        let cells = ["MacAddress", "TokenId", "Cause"].map(|member| plain(&session[member]));
        let [mac, token, cause] = cells;
        let left = if cause.is_empty() {
            format!("{} left", left(session))
        } else {
            cause
        };
        show::print(&format!("{:<12} {mac}  token {token}  {left}", event.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_read_as_a_clock() {
        assert_eq!(left(&json!({"SecondsLeft": 3_725})), "1:02:05");
        assert_eq!(left(&json!({"SecondsLeft": null})), "no end");
    }
}
