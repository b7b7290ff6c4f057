//! `accounting-daemon client`: machines that may sign in.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;

use super::{
    delete, print_one, put,
    rights::{Rights, roles},
    show_one,
};
use crate::cli::{
    Console,
    daemon::Payload,
    paged::{self, Limit},
    query::Query,
    show::{Column, made, plain, text},
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ClientCommand {
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
pub(in crate::cli) struct ClientId {
    /// The client's id
    id: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateClient {
    /// What it is
    name: String,

    #[command(flatten)]
    rights: Rights,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct EditClient {
    #[command(flatten)]
    client: ClientId,

    #[command(flatten)]
    rights: Rights,

    /// What it is
    #[arg(long)]
    name: Option<String>,
}

const CLIENTS: &[Column] = &[
    text("ID", "ClientId"),
    text("NAME", "Name"),
    made("ROLES", roles),
    text("BUSINESSES", "BusinessIds"),
];

impl ClientCommand {
    pub(in crate::cli) async fn run(self, console: &Console) -> anyhow::Result<()> {
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
        let secret = plain(&made["ClientSecret"]);
        print_one(console, &made, CLIENTS, Some(("secret", &secret)))?;
        self.rights.warn("client", &plain(&made["ClientId"]));
        Ok(())
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
