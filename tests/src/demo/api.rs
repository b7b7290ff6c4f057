//! The calls of the API that the story makes, and their answers.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::clock;
use crate::lab::{Client, Daemon};

/// A session as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The token's id.
    pub(super) token: u64,
    /// Seconds until the device is cut if nothing changes, rounded up.
    pub(super) seconds_left: u64,
    /// Seats of the token in use.
    pub(super) seats: u64,
    /// When it was opened, as text.
    pub(super) opened_on: String,
    /// Bytes of both ways.
    pub(super) bytes: u64,
    /// Packets of both ways.
    pub(super) packets: u64,
}

/// A code and the record behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Of the record.
    pub(super) id: u64,
    /// What people type.
    pub(super) code: String,
}

/// An answer with the monotonic times around it.
#[derive(Clone, Debug)]
pub(super) struct Told<T> {
    /// Before the question was sent.
    pub(super) asked: Duration,
    /// After the answer was read.
    pub(super) answered: Duration,
    /// What was answered.
    pub(super) said: T,
}

/// Makes a token through the record API. `seats` is its UserLimit.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn create(daemon: &Daemon, minutes: u64, seats: usize) -> Result<Token> {
    let body =
        json!({"BusinessId": 1, "MinutesIncluded": minutes, "UserLimit": seats, "Description": "demo"});
    let answer = daemon.api("POST", "/api/spaces/accesstokens", Some(&body))?;
    let id = answer.json()?["Value"]["Id"].as_u64();
    let Some(id) = id.filter(|_| answer.status == 200) else {
        bail!("no token was made, status {}: {}", answer.status, answer.text())
    };
    let record = record(daemon, id)?;
    let code = record["AccessCode"].as_str().context("a token without a code")?;
    Ok(Token {
        id,
        code: code.to_owned(),
    })
}

/// The record of a token.
///
/// # Errors
/// When there is none, or the daemon does not answer.
pub(super) fn record(daemon: &Daemon, id: u64) -> Result<Value> {
    let answer = daemon.api("GET", &format!("/api/spaces/accesstokens/{id}"), None)?;
    if answer.status != 200 {
        bail!(
            "no record of token {id}, status {}: {}",
            answer.status,
            answer.text()
        );
    }
    answer.json()
}

/// Redeems a code for a device; gives the status and the answer.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn try_redeem(daemon: &Daemon, code: &str, client: &Client) -> Result<Told<(u16, Value)>> {
    let body = json!({"AccessCode": code, "MacAddress": client.mac_text()});
    let asked = clock::monotonic();
    let answer = daemon.api("POST", "/v1/redemptions", Some(&body))?;
    Ok(Told {
        asked,
        answered: clock::monotonic(),
        said: (answer.status, answer.json()?),
    })
}

/// The same; a refusal is an error.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn redeem(daemon: &Daemon, code: &str, client: &Client) -> Result<Told<Session>> {
    let told = try_redeem(daemon, code, client)?;
    let (status, body) = &told.said;
    if *status != 200 {
        bail!("the code was refused, status {status}: {body}");
    }
    Ok(Told {
        asked: told.asked,
        answered: told.answered,
        said: session(body)?,
    })
}

/// Disconnects a device.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn disconnect(daemon: &Daemon, client: &Client) -> Result<()> {
    let answer = daemon.api("DELETE", &format!("/v1/sessions/{}", client.mac_text()), None)?;
    if answer.status != 204 {
        bail!("not disconnected, status {}: {}", answer.status, answer.text());
    }
    Ok(())
}

/// The session of a device, if it is online.
///
/// # Errors
/// When the daemon does not answer, or answers something else.
pub(super) fn device(daemon: &Daemon, client: &Client) -> Result<Told<Option<Session>>> {
    let asked = clock::monotonic();
    let answer = daemon.api("GET", &format!("/v1/devices/{}", client.mac_text()), None)?;
    let answered = clock::monotonic();
    let body = answer.json()?;
    let online = body["Online"].as_bool().context("a device without Online")?;
    let said = online.then(|| session(&body["Session"])).transpose()?;
    Ok(Told {
        asked,
        answered,
        said,
    })
}

fn session(body: &Value) -> Result<Session> {
    let number = |name: &str| {
        let number = body[name].as_u64();
        number.with_context(|| format!("a session without {name}: {body}"))
    };
    let opened_on = body["OpenedOn"].as_str();
    Ok(Session {
        token: number("TokenId")?,
        seconds_left: number("SecondsLeft")?,
        seats: number("SeatsUsed")?,
        opened_on: opened_on.context("a session without OpenedOn")?.to_owned(),
        bytes: number("BytesUp")? + number("BytesDown")?,
        packets: number("PacketsUp")? + number("PacketsDown")?,
    })
}
