//! `accounting-daemon user` and `client`: who may sign in. Both are records of the gateway API, and are shown, changed and
//! deleted alike.

mod client;
mod password;
mod rights;
mod user;

use anyhow::bail;
use hyper::Method;
use serde_json::{Value, json};

pub(super) use client::ClientCommand;
pub(super) use user::UserCommand;

use super::{
    Console,
    daemon::Payload,
    failure::Failure,
    query::{Query, segment},
    show::{self, Column},
};

fn target(room: &str, name: &str) -> String {
    format!("/v1/{room}/{}", segment(name))
}

/// Says who is not there.
fn nobody(failure: Failure, name: &str) -> Failure {
    failure.or_absent(|| format!("there is no {name}"))
}

async fn get(console: &Console, room: &str, name: &str) -> Result<Value, Failure> {
    let found = console.daemon.get(&target(room, name), &Query::new()).await;
    found.map_err(|failure| nobody(failure, name))
}

async fn show_one(console: &Console, room: &str, name: &str, columns: &[Column]) -> anyhow::Result<()> {
    let found = get(console, room, name).await?;
    print_one(console, &found, columns, None)
}

/// Prints somebody, with what a secret of theirs is and the secret, which is shown this once.
fn print_one(
    console: &Console,
    found: &Value,
    columns: &[Column],
    secret: Option<(&str, &str)>,
) -> anyhow::Result<()> {
    console.output.print(found, || {
        let mut text = show::table(std::slice::from_ref(found), columns, "nobody");
        if let Some((what, secret)) = secret {
            text.push_str(&format!("{what}, shown once: {secret}\n"));
        }
        text
    })
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
    console
        .output
        .print(&json!({"Deleted": name}), || format!("{name} is deleted"))
}
