//! `/v1/clients`: programs that sign in with a secret, which is drawn here and shown once.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Refused, answered, business_ids, fields, page, roles, shown, variable};
use crate::{
    http::{
        Context,
        answer::{self, Answer},
        auth::{Caller, draw_secret},
        describe,
        describe::{Describe, Says},
        endpoint::{Accepts, Access, Asked, Endpoint, Handler},
        list,
        problem::Kind,
    },
    metrics::Route,
    store::{Accounts, AuditRecord, CLIENTS_MAX, Client, Disk},
};

/// API clients.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/v1/clients",
        route: Route::Clients,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(list(context, asked))
        }),
        describe: Describe::new("Lists the API clients by ClientId", &[Says::json(StatusCode::OK, "A page", shapes)])
            .query(&[describe::AFTER, describe::SIZE]),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/clients",
        route: Route::Clients,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(create(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Makes an API client",
            &[Says::json(StatusCode::CREATED, "The client, with its ClientSecret this once", made)],
        )
        .body(given)
        .problems(&[Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::GET,
        path: "/v1/clients/{client_id}",
        route: Route::Client,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(async { answered(show(context, asked).await) })
        }),
        describe: Describe::new("Shows an API client", &[Says::json(StatusCode::OK, "The client", shape)])
            .problems(&[Kind::NotFound]),
    },
    Endpoint {
        method: Method::PUT,
        path: "/v1/clients/{client_id}",
        route: Route::Client,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(edit(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Changes an API client, except for the members that are absent; null clears one. Its access tokens are revoked",
            &[Says::json(StatusCode::OK, "The client", shape)],
        )
        .body(given)
        .problems(&[Kind::NotFound, Kind::Invalid]),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/v1/clients/{client_id}",
        route: Route::Client,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(delete(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Deletes an API client",
            &[Says::nothing(StatusCode::NO_CONTENT, "It is gone")],
        )
        .problems(&[Kind::NotFound]),
    },
];

fn members() -> Value {
    json!({
        "ClientId": {"type": "string", "description": "The name to sign in with; drawn where it is not given"},
        "Name": {"type": ["string", "null"]},
        "Roles": super::ROLES.clone(),
        "BusinessIds": super::BUSINESS_IDS.clone(),
    })
}

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "required": ["ClientId"], "properties": members()})
}

fn shapes(_: &mut SchemaGenerator) -> Schema {
    list::shape(&json!({"type": "object", "required": ["ClientId"], "properties": members()}))
}

fn made(_: &mut SchemaGenerator) -> Schema {
    let mut members = members();
    members["ClientSecret"] = json!({"type": "string", "description": "Shown this once"});
    json_schema!({"type": "object", "required": ["ClientId", "ClientSecret"], "properties": members})
}

fn given(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "properties": members()})
}

const NO_SUCH_CLIENT: &str = "there is no client with this ClientId";

/// The longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 200;

/// The longest `ClientId` that an administrator may choose.
const ID_BYTES_MAX: usize = 64;

/// A client as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    client_id: &'a str,
    /// At its creation only.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    name: Option<&'a str>,
    roles: Vec<&'static str>,
    business_ids: Option<&'a BTreeSet<u64>>,
}

impl<'a> From<&'a Client> for Shown<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            client_id: &client.id,
            client_secret: None,
            name: client.name.as_deref(),
            roles: client.roles.iter().map(|role| role.as_str()).collect(),
            business_ids: client.business_ids.as_ref(),
        }
    }
}

async fn list(context: &Context, asked: &Asked) -> Answer {
    let show = |client: &Client| shown(&Shown::from(client));
    page(context, asked, Disk::clients, |client| &client.id, show).await
}

async fn show(context: &Context, asked: &Asked) -> Result<Answer, Refused> {
    let id = variable(asked)?;
    let client = context.auth.ask(move |store| store.client(&id)).await?;
    let client = client.ok_or_else(|| Refused::not_found(NO_SUCH_CLIENT))?;
    Ok(answer::json(StatusCode::OK, &Shown::from(&client)))
}

async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let mut fields = fields(asked)?;
    let id = fields.parsed("ClientId", |text| {
        let right = is_id(text);
        right.then(|| text.to_owned()).ok_or(format!(
            "must be 1 to {ID_BYTES_MAX} letters, digits, dots, dashes or underscores"
        ))
    });
    let name = fields.text("Name", NAME_CHARACTERS_MAX);
    let (roles, business_ids) = (roles(&mut fields), business_ids(&mut fields));
    let errors = fields.into_errors();
    if !errors.is_empty() {
        return Err(Refused::invalid(&errors));
    }
    let (secret, secret_hash) = draw_secret()?;
    let id = match id {
        Some(id) => id,
        None => drawn_id()?,
    };
    let client = Client {
        id,
        secret_hash,
        name,
        roles: roles.unwrap_or_default(),
        business_ids: business_ids.flatten(),
    };
    let keep = record(context, caller, asked, "client.create");
    let create = move |accounts: &Accounts<'_>| {
        if accounts.client(&client.id)?.is_some() {
            return Err(Refused::conflict("there is a client with this ClientId"));
        }
        if accounts.count_clients()? >= CLIENTS_MAX {
            return Err(Refused::conflict("there are as many clients as can be"));
        }
        accounts.set_client(&client)?;
        keep(accounts, None, Some(&client))?;
        Ok(client)
    };
    let client = context.auth.change(create).await?;
    let shown = Shown {
        client_secret: Some(&secret),
        ..Shown::from(&client)
    };
    Ok(answer::json(StatusCode::CREATED, &shown))
}

async fn edit(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let id = variable(asked)?;
    let mut fields = fields(asked)?;
    let name = fields.text("Name", NAME_CHARACTERS_MAX);
    let name = fields.given("Name", name);
    let (roles, business_ids) = (roles(&mut fields), business_ids(&mut fields));
    let other: Option<String> = fields.parsed("ClientId", |text| Ok::<_, String>(text.to_owned()));
    if other.is_some_and(|other| other != id) {
        fields.refuse("ClientId", "cannot be changed: make another client");
    }
    let errors = fields.into_errors();
    let keep = record(context, caller, asked, "client.edit");
    let edit = move |accounts: &Accounts<'_>| {
        let before = accounts.client(&id)?;
        let before = before.ok_or_else(|| Refused::not_found(NO_SUCH_CLIENT))?;
        if !errors.is_empty() {
            return Err(Refused::invalid(&errors));
        }
        let client = Client {
            name: name.unwrap_or_else(|| before.name.clone()),
            roles: roles.unwrap_or_else(|| before.roles.clone()),
            business_ids: business_ids.unwrap_or_else(|| before.business_ids.clone()),
            ..before.clone()
        };
        if client != before {
            accounts.set_client(&client)?;
            accounts.revoke(&client.owner())?;
            keep(accounts, Some(&before), Some(&client))?;
        }
        Ok(client)
    };
    let client = context.auth.change(edit).await?;
    Ok(answer::json(StatusCode::OK, &Shown::from(&client)))
}

async fn delete(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let id = variable(asked)?;
    let keep = record(context, caller, asked, "client.delete");
    let delete = move |accounts: &Accounts<'_>| {
        let client = accounts.client(&id)?;
        let client = client.ok_or_else(|| Refused::not_found(NO_SUCH_CLIENT))?;
        accounts.remove_client(&client)?;
        keep(accounts, Some(&client), None)
    };
    context.auth.change(delete).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Adds a change to the audit.
fn record(
    context: &Context,
    caller: &Caller,
    asked: &Asked,
    action: &'static str,
) -> impl FnOnce(&Accounts<'_>, Option<&Client>, Option<&Client>) -> Result<(), Refused> + Send + use<> {
    let (by, on) = (asked.actor(caller), context.auth.wall());
    move |accounts, before, after| {
        let text = |client: Option<&Client>| client.map(|client| shown(&Shown::from(client)).to_string());
        accounts.audit(&AuditRecord {
            on,
            by,
            action: action.into(),
            object: format!("client/{}", before.or(after).map_or("", |client| &client.id)),
            before: text(before),
            after: text(after),
        })?;
        Ok(())
    }
}

/// Users have an `@` in their names; Basic credentials end a name at the first colon.
fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn drawn_id() -> Result<String, Refused> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| crate::http::Denied::Failed)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
