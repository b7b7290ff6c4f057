//! `accounting-daemon user` and `client`: who may sign in.

use std::{io::Read, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Console,
    daemon::{Payload, Query, segment},
    failure::Failure,
    paged::{self, Limit},
    show::{self, Column, made, plain, text},
};
use crate::{
    config::CODE_ALPHABET,
    http::{Role, draw},
};

/// Characters of a generated password: 99 bits.
const PASSWORD_CHARACTERS: usize = 20;

/// The largest file of a password, in bytes.
const PASSWORD_BYTES_MAX: u64 = 1024;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// The users
    List,
    /// Show a user
    Show(Email),
    /// Make a user
    Create(CreateUser),
    /// Change a user
    Edit(EditUser),
    /// Delete a user
    Delete(Email),
}

#[derive(Debug, Subcommand)]
pub(super) enum ClientCommand {
    /// The API clients
    List,
    /// Show a client
    Show(ClientId),
    /// Make a client; its secret is shown once
    Create(CreateClient),
    /// Change a client
    Edit(EditClient),
    /// Delete a client
    Delete(ClientId),
}

#[derive(Debug, Args)]
pub(super) struct Email {
    /// The e-mail address to sign in with
    email: String,
}

#[derive(Debug, Args)]
pub(super) struct ClientId {
    /// The client's id
    id: String,
}

/// What somebody may do, and where.
#[derive(Debug, Args)]
struct Rights {
    /// May do this: List, Read, Create, Edit, Delete, Redeem; may be given several times
    #[arg(long = "role", value_name = "ROLE", value_parser = role, value_delimiter = ',')]
    roles: Vec<Role>,

    /// Only sees the records of this location (BusinessId); may be given several times
    #[arg(long = "business", value_name = "ID", value_delimiter = ',')]
    businesses: Vec<u64>,
}

#[derive(Debug, Args)]
struct Password {
    /// Take the password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CreateUser {
    #[command(flatten)]
    email: Email,

    #[command(flatten)]
    rights: Rights,

    /// May do everything, everywhere
    #[arg(long)]
    administrator: bool,

    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct EditUser {
    #[command(flatten)]
    email: Email,

    #[command(flatten)]
    rights: Rights,

    /// May do everything, everywhere
    #[arg(long)]
    administrator: Option<bool>,

    /// May not sign in any more
    #[arg(long)]
    disabled: Option<bool>,

    /// Give a new password, which is generated and shown once
    #[arg(long, conflicts_with = "password_file")]
    new_password: bool,

    #[command(flatten)]
    password: Password,
}

#[derive(Debug, Args)]
pub(super) struct CreateClient {
    /// What it is
    name: String,

    #[command(flatten)]
    rights: Rights,
}

#[derive(Debug, Args)]
pub(super) struct EditClient {
    #[command(flatten)]
    client: ClientId,

    #[command(flatten)]
    rights: Rights,

    /// What it is
    #[arg(long)]
    name: Option<String>,
}

/// A role by its name on the wire, or the last part of it.
fn role(text: &str) -> Result<Role, String> {
    let whole = format!("AccessToken-{text}");
    text.parse()
        .or_else(|_| whole.parse())
        .map_err(|_| "must be one of List, Read, Create, Edit, Delete, Redeem".to_owned())
}

impl Rights {
    /// The members that were given.
    fn put(&self, body: &mut Value) {
        if !self.roles.is_empty() {
            body["Roles"] = self.roles.iter().map(|role| role.as_str()).collect();
        }
        if !self.businesses.is_empty() {
            body["BusinessIds"] = self.businesses.iter().copied().collect();
        }
    }
}

impl Password {
    fn read(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let source: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
        };
        let mut text = Zeroizing::new(String::new());
        source
            .take(PASSWORD_BYTES_MAX)
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            bail!("{} holds no password in its first line", path.display());
        }
        Ok(Some(Zeroizing::new(line.to_owned())))
    }
}

fn generated() -> anyhow::Result<Zeroizing<String>> {
    let password = draw(CODE_ALPHABET, PASSWORD_CHARACTERS, getrandom::fill);
    Ok(Zeroizing::new(
        password.context("the operating system gives no random numbers")?,
    ))
}

const USERS: &[Column] = &[
    text("E-MAIL", "Email"),
    made("ROLES", roles),
    text("BUSINESSES", "BusinessIds"),
    text("DISABLED", "Disabled"),
];

const CLIENTS: &[Column] = &[
    text("ID", "ClientId"),
    text("NAME", "Name"),
    made("ROLES", roles),
    text("BUSINESSES", "BusinessIds"),
];

fn roles(record: &Value) -> String {
    if record["Administrator"] == true {
        return "administrator".to_owned();
    }
    plain(&record["Roles"]).replace("AccessToken-", "")
}

impl UserCommand {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        match self {
            Self::List => {
                paged::print(console, "/v1/users", &Query::new(), Limit::ALL, USERS, "no users").await
            }
            Self::Show(Email { email }) => show_one(console, "users", &email, USERS).await,
            Self::Create(command) => command.run(console).await,
            Self::Edit(command) => command.run(console).await,
            Self::Delete(Email { email }) => delete(console, "users", &email).await,
        }
    }
}

impl CreateUser {
    async fn run(self, console: &Console) -> anyhow::Result<()> {
        let email = self.email.email;
        let given = self.password.read()?;
        let made = given.is_none();
        let password = match given {
            Some(password) => password,
            None => generated()?,
        };
        let mut body = json!({"Email": email, "Password": *password, "Administrator": self.administrator});
        self.rights.put(&mut body);
        console
            .daemon
            .ask(Method::POST, "/v1/users", Payload::Json(body))
            .await?;
        announce(
            console,
            "users",
            &email,
            USERS,
            made.then_some(("Password", &password)),
        )
        .await
    }
}

impl EditUser {
    async fn run(self, console: &Console) -> anyhow::Result<()> {
        let email = self.email.email;
        let mut body = json!({});
        self.rights.put(&mut body);
        if let Some(administrator) = self.administrator {
            body["Administrator"] = administrator.into();
        }
        if let Some(disabled) = self.disabled {
            body["Disabled"] = disabled.into();
        }
        let made = if self.new_password {
            Some(generated()?)
        } else {
            None
        };
        let given = self.password.read()?;
        if let Some(password) = made.as_ref().or(given.as_ref()) {
            body["Password"] = password.as_str().into();
        }
        put(console, "users", &email, &body).await?;
        let secret = made.as_ref().map(|password| ("Password", password));
        announce(console, "users", &email, USERS, secret).await
    }
}

impl ClientCommand {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        match self {
            Self::List => {
                let none = "no clients";
                paged::print(console, "/v1/clients", &Query::new(), Limit::ALL, CLIENTS, none).await
            }
            Self::Show(ClientId { id }) => show_one(console, "clients", &id, CLIENTS).await,
            Self::Create(command) => command.run(console).await,
            Self::Edit(command) => command.run(console).await,
            Self::Delete(ClientId { id }) => delete(console, "clients", &id).await,
        }
    }
}

impl CreateClient {
    async fn run(self, console: &Console) -> anyhow::Result<()> {
        let mut body = json!({"Name": self.name});
        self.rights.put(&mut body);
        let payload = Payload::Json(body);
        let made = console.daemon.ask(Method::POST, "/v1/clients", payload).await?;
        if console.json {
            return Ok(show::json(&made)?);
        }
        show::print(&show::table(std::slice::from_ref(&made), CLIENTS, "no client"))?;
        Ok(show::print(&format!(
            "secret, shown once: {}",
            plain(&made["ClientSecret"])
        ))?)
    }
}

impl EditClient {
    async fn run(self, console: &Console) -> anyhow::Result<()> {
        let id = self.client.id;
        let mut body = json!({});
        self.rights.put(&mut body);
        if let Some(name) = self.name {
            body["Name"] = name.into();
        }
        put(console, "clients", &id, &body).await?;
        show_one(console, "clients", &id, CLIENTS).await
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_may_be_written_in_short() {
        assert_eq!(role("edit"), Ok(Role::Edit));
        assert_eq!(role("AccessToken-Edit"), Ok(Role::Edit));
        assert!(role("admin").unwrap_err().contains("Redeem"));
        assert_eq!(
            roles(&json!({"Roles": ["AccessToken-List", "AccessToken-Read"]})),
            "List, Read"
        );
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "secret words\nmore\n").unwrap();
        let password = Password {
            password_file: Some(path.clone()),
        };
        assert_eq!(password.read().unwrap().unwrap().as_str(), "secret words");
        std::fs::write(&path, "\n").unwrap();
        assert!(password.read().is_err());
        assert_eq!(
            generated()
                .unwrap()
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .count(),
            20
        );
    }
}
