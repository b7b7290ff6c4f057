//! `POST /api/token`: signing in for access tokens, as OAuth 2 has it (RFC 6749), from a form only.

use std::net::IpAddr;

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, HeaderValue, PRAGMA},
};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Context,
    answer::{self, Answer},
    auth::{Ask, Basic, Credentials, Denied, Given, NotGiven},
    body::MediaType,
    describe::{Describe, Says},
    dialect::Dialect,
    endpoint::{Accepts, Asked, Endpoint, Handler},
    form,
};
use crate::{
    metrics::{GrantType, Route},
    store::fold_email,
};

/// Signing in.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::POST,
    path: "/api/token",
    route: Route::SignIn,
    accepts: Accepts::Anything,
    handler: Handler::Open(|context, asked| Box::pin(token(context, asked))),
    describe: Describe::new(
        "Gives access tokens for a password, a refresh token or the secret of an API client (OAuth 2)",
        &[
            Says::json(StatusCode::OK, "The tokens", tokens),
            Says::json(
                StatusCode::BAD_REQUEST,
                "What is wrong; with `Retry-After` after too many failures",
                error,
            ),
        ],
    )
    .body(fields),
}];

/// The longest `client_id`, in bytes; longer ones are refused.
const CLIENT_ID_BYTES_MAX: usize = 254;

fn fields(_: &mut SchemaGenerator) -> Schema {
    let text = |about: &str| json!({"type": "string", "description": about});
    json_schema!({
        "type": "object",
        "required": ["grant_type"],
        "properties": {
            "grant_type": text("`password`, `refresh_token` or `client_credentials`"),
            "username": text("For `password`: the e-mail address"),
            "password": text("For `password`"),
            "totp": text("For `password`: the one-time code of a user who has them switched on"),
            "refresh_token": text("For `refresh_token`: it works once"),
            "client_id": text("For `client_credentials`, unless Basic has it; otherwise as the header of this name"),
            "client_secret": text("For `client_credentials`, unless Basic has it"),
        },
    })
}

fn tokens(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": {"type": "string"},
            "token_type": {"const": "bearer"},
            "expires_in": {"type": "integer", "description": "Seconds"},
            "refresh_token": {"type": "string", "description": "Users have one"},
        },
    })
}

fn error(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["error", "error_description"],
        "properties": {
            "error": {
                "enum": [
                    "invalid_request",
                    "unsupported_grant_type",
                    "invalid_grant",
                    "two_factor_auth_check",
                    "must_reset_password",
                ],
            },
            "error_description": {"type": "string"},
        },
    })
}

/// Why there are no tokens.
#[derive(Debug)]
enum Refused {
    /// What OAuth calls it, and what it means here.
    Error(&'static str, String),
    Denied(Denied),
}

#[derive(Serialize)]
struct Tokens<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl Refused {
    fn invalid_request(description: impl Into<String>) -> Self {
        Self::Error("invalid_request", description.into())
    }

    fn into_answer(self) -> Answer {
        let error = |error: &str, description: String| {
            let body = json!({"error": error, "error_description": description});
            uncached(answer::json(StatusCode::BAD_REQUEST, &body))
        };
        match self {
            Self::Error(name, description) => error(name, description),
            Self::Denied(denied @ Denied::Unauthenticated) => error("invalid_grant", denied.to_string()),
            Self::Denied(Denied::TwoFactor) => {
                let description = "this account signs in with a one-time code: give it as totp";
                error("two_factor_auth_check", description.to_owned())
            }
            Self::Denied(denied @ Denied::MustReset) => error("must_reset_password", denied.to_string()),
            Self::Denied(denied @ Denied::Throttled { retry_after_s }) => {
                answer::retry_after(error("invalid_grant", denied.to_string()), retry_after_s)
            }
            Self::Denied(denied) => Dialect::Record.denied(&denied),
        }
    }
}

/// The fields of the form. Those without a value count as absent, as OAuth has it.
struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    fn read(asked: &Asked) -> Result<Self, Refused> {
        if asked.media_type != Some(MediaType::Form) {
            let wanted = "the body must be a form: application/x-www-form-urlencoded";
            return Err(Refused::Error("unsupported_grant_type", wanted.to_owned()));
        }
        let fields = form::parse(&asked.body)
            .map_err(|error| Refused::invalid_request(format!("the form {error}")))?;
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        Ok(Self(
            fields
                .map(|(name, value)| (name, Zeroizing::new(value)))
                .collect(),
        ))
    }

    fn find(&self, name: &str) -> Option<&Zeroizing<String>> {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value)
    }

    fn need(&self, name: &str) -> Result<&Zeroizing<String>, Refused> {
        let missing = || Refused::invalid_request(format!("the field {name} is missing"));
        self.find(name).ok_or_else(missing)
    }
}

async fn token(context: &Context, asked: &Asked) -> Answer {
    match sign_in(context, asked).await {
        Ok((grant, given)) => {
            context.metrics.token_given(grant);
            let tokens = Tokens {
                access_token: &given.access,
                token_type: "bearer",
                expires_in: given.expires_in,
                refresh_token: given.refresh.as_ref().map(|token| token.as_str()),
            };
            uncached(answer::json(StatusCode::OK, &tokens))
        }
        Err(refused) => refused.into_answer(),
    }
}

async fn sign_in(context: &Context, asked: &Asked) -> Result<(GrantType, Given), Refused> {
    let form = Form::read(asked)?;
    let peer = asked.peer;
    match form.need("grant_type")?.as_str() {
        "password" => Ok((GrantType::Password, password(context, asked, &form, peer).await?)),
        "refresh_token" => Ok((GrantType::RefreshToken, refresh(context, asked, &form).await?)),
        "client_credentials" => Ok((
            GrantType::ClientCredentials,
            client_credentials(context, asked, &form, peer).await?,
        )),
        _ => {
            let known = "grant_type must be password, refresh_token or client_credentials";
            Err(Refused::Error("unsupported_grant_type", known.to_owned()))
        }
    }
}

async fn password(context: &Context, asked: &Asked, form: &Form, peer: IpAddr) -> Result<Given, Refused> {
    let (name, password) = (form.need("username")?, form.need("password")?);
    let client_id = client_id(asked, form)?;
    let basic = Basic {
        name: name.to_string(),
        password: password.clone(),
    };
    let code = form.find("totp").map(|code| code.trim());
    let user = context.auth.user(&basic, Ask::All { code }, peer).await?;
    let client_id = client_id.unwrap_or_else(|| fold_email(&user.email));
    Ok(context.auth.give_user(user, client_id).await?)
}

async fn refresh(context: &Context, asked: &Asked, form: &Form) -> Result<Given, Refused> {
    let token = form.need("refresh_token")?;
    let client_id = client_id(asked, form)?;
    let given = context.auth.refresh(token, client_id).await;
    given.map_err(|why| match why {
        NotGiven::Wrong => Refused::Error("invalid_grant", why.to_string()),
        NotGiven::Denied(denied) => Refused::Denied(denied),
    })
}

/// The client names itself in the form or by Basic.
async fn client_credentials(
    context: &Context,
    asked: &Asked,
    form: &Form,
    peer: IpAddr,
) -> Result<Given, Refused> {
    let header = asked.head.headers.get(AUTHORIZATION);
    let basic = match header.and_then(Credentials::read) {
        Some(Credentials::Basic(basic)) => basic,
        _ => Basic {
            name: form.need("client_id")?.to_string(),
            password: form.need("client_secret")?.clone(),
        },
    };
    let client = context.auth.client(&basic, peer).await?;
    Ok(context.auth.give_client(client).await?)
}

/// What a user calls the program that they use: a header, or a field of the form.
fn client_id(asked: &Asked, form: &Form) -> Result<Option<String>, Refused> {
    let named = match asked.head.headers.get("client_id") {
        Some(header) => Some(header.to_str().map_err(|_| too_odd())?.to_owned()),
        None => form.find("client_id").map(|named| named.to_string()),
    };
    let named = named.filter(|named| !named.is_empty());
    if named
        .as_ref()
        .is_some_and(|named| named.len() > CLIENT_ID_BYTES_MAX)
    {
        return Err(too_odd());
    }
    Ok(named)
}

fn too_odd() -> Refused {
    Refused::invalid_request(format!(
        "client_id must be a text of at most {CLIENT_ID_BYTES_MAX} bytes"
    ))
}

/// For caches of the days before `Cache-Control`, as OAuth asks.
fn uncached(answer: Answer) -> Answer {
    answer::with(answer, PRAGMA, HeaderValue::from_static("no-cache"))
}
