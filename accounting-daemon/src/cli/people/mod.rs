//! `accounting-daemon user` and `client`: who may sign in. Both are records of the gateway API, and are shown, changed and
//! deleted alike.

mod client;
mod password;
mod rights;
mod user;

use anyhow::bail;
use hyper::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub(super) use client::ClientCommand;
pub(super) use user::UserCommand;

use super::{
    Console,
    daemon::{Payload, Query, segment},
    failure::Failure,
    show::{self, Column},
};

fn target(room: &str, name: &str) -> String {
    format!("/v1/{room}/{}", segment(name))
}

/// Says who is not there.
fn nobody(failure: Failure, name: &str) -> Failure {
    match failure {
        Failure::Refused { status, .. } if status == hyper::StatusCode::NOT_FOUND => {
            Failure::NotFound(format!("there is no {name}"))
        }
        other => other,
    }
}

async fn get(console: &Console, room: &str, name: &str) -> Result<Value, Failure> {
    let found = console.daemon.get(&target(room, name), &Query::new()).await;
    found.map_err(|failure| nobody(failure, name))
}

async fn show_one(console: &Console, room: &str, name: &str, columns: &[Column]) -> anyhow::Result<()> {
    let found = get(console, room, name).await?;
    if console.json {
        return Ok(show::json(&found)?);
    }
    Ok(show::print(&show::table(&[found], columns, "nobody"))?)
}

/// What is not in the body stays as it is.
async fn put(console: &Console, room: &str, name: &str, body: &Value) -> anyhow::Result<()> {
    if body.as_object().is_none_or(serde_json::Map::is_empty) {
        bail!("nothing to change: name what, such as --role Redeem");
    }
    let payload = Payload::Json(body.clone());
    let changed = console
        .daemon
        .ask(Method::PUT, &target(room, name), payload)
        .await;
    changed.map_err(|failure| nobody(failure, name))?;
    Ok(())
}

async fn delete(console: &Console, room: &str, name: &str) -> anyhow::Result<()> {
    let gone = console
        .daemon
        .ask(Method::DELETE, &target(room, name), Payload::Nothing)
        .await;
    gone.map_err(|failure| nobody(failure, name))?;
    if console.json {
        return Ok(show::json(&json!({"Deleted": name}))?);
    }
    Ok(show::print(&format!("{name} is deleted"))?)
}

/// Shows who was made or changed, and a secret that is shown this once.
async fn announce(
    console: &Console,
    room: &str,
    name: &str,
    columns: &[Column],
    secret: Option<(&str, &Zeroizing<String>)>,
) -> anyhow::Result<()> {
    let mut found = get(console, room, name).await?;
    if console.json {
        if let Some((member, secret)) = secret {
            found[member] = secret.as_str().into();
        }
        return Ok(show::json(&found)?);
    }
    show::print(&show::table(&[found], columns, "nobody"))?;
    if let Some((member, secret)) = secret {
        show::print(&format!(
            "{}, shown once: {}",
            member.to_lowercase(),
            secret.as_str()
        ))?;
    }
    Ok(())
}
