//! `/v1/me`: what users do with their own account: change their password, switch one-time codes on and off.

use hyper::{Method, StatusCode, header::AUTHORIZATION};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Refused, answered, fields, users::Change};
use crate::{
    http::{
        Context,
        answer::{self, Answer},
        auth::{Ask, Basic, Caller, Credentials, Denied, password, totp},
        describe::{Describe, Says},
        endpoint::{Accepts, Access, Asked, Endpoint, Handler},
        problem::{Kind, Problem},
    },
    metrics::Route,
    store::{Accounts, TOTP_SECRET_BYTES, Totp, Via},
};

/// The caller's own account.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::PUT,
        path: "/v1/me/password",
        route: Route::Me,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::OwnEvenLent, |context, caller, asked| {
            Box::pin(async { answered(change_password(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Changes the own password and signs out everywhere",
            &[Says::nothing(StatusCode::NO_CONTENT, "It is changed")],
        )
        .body(passwords)
        .problems(&[Kind::Invalid]),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/me/totp",
        route: Route::Me,
        accepts: Accepts::JsonOrNothing,
        handler: Handler::SignedIn(Access::Own, |context, caller, asked| {
            Box::pin(async { answered(enrol(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Draws a secret for one-time codes; with a Code, switches them on",
            &[
                Says::json(StatusCode::OK, "The secret", secret),
                Says::nothing(StatusCode::NO_CONTENT, "They are on"),
            ],
        )
        .body(one_code)
        .problems(&[Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/v1/me/totp",
        route: Route::Me,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Own, |context, caller, asked| {
            Box::pin(async { answered(switch_off(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Switches one-time codes off",
            &[Says::nothing(StatusCode::NO_CONTENT, "They are off")],
        )
        .body(one_code)
        .problems(&[Kind::NotFound, Kind::Invalid]),
    },
];

fn passwords(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Current", "New"],
        "properties": {
            "Current": {"type": "string"},
            "New": {"type": "string"},
            "Code": {
                "type": ["string", "null"],
                "description": "The one-time code of a user who has them switched on and shows no access token",
            },
        },
    })
}

fn one_code(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {"Code": {"type": "string", "description": "The six digits that the app shows"}},
    })
}

fn secret(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Secret", "Uri"],
        "properties": {
            "Secret": {"type": "string", "description": "For typing, in base 32"},
            "Uri": {"type": "string", "description": "For a QR code"},
        },
    })
}

/// The longest code that is looked at.
const CODE_CHARACTERS_MAX: usize = 16;

const WRONG_CODE: &str = "is wrong, or was used before";
const NO_USER: &str = "only users have passwords and one-time codes";

/// Changes the password; all tokens are revoked, so that nobody else stays signed in.
async fn change_password(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    person(caller)?;
    let mut fields = fields(asked)?;
    let current = fields.parsed("Current", |text| Ok::<_, String>(Zeroizing::new(text.to_owned())));
    let current = fields.require("Current", current);
    let new = fields.parsed("New", |text| {
        password::check(text).map(|()| Zeroizing::new(text.to_owned()))
    });
    let new = fields.require("New", new);
    let code = fields.text("Code", CODE_CHARACTERS_MAX);
    if current.is_some() && current == new {
        fields.refuse("New", "must be another one than Current");
    }
    let errors = fields.into_errors();
    let (Some(current), Some(new), true) = (current, new, errors.is_empty()) else {
        return Err(Refused::invalid(&errors));
    };
    let basic = Basic {
        name: caller.name.clone(),
        password: current,
    };
    // Who shows an access token has shown a code for it.
    let header = asked.head.headers.get(AUTHORIZATION).and_then(Credentials::read);
    let ask = match header {
        Some(Credentials::Bearer(_)) => Ask::PasswordOnly,
        _ => Ask::EvenLent {
            code: code.as_deref().map(str::trim),
        },
    };
    let shown = context.auth.user(&basic, ask, asked.peer).await;
    let known = shown.map_err(|denied| match denied {
        Denied::Unauthenticated if code.is_some() => Refused::member(
            "Current",
            "is not the password, or Code is wrong or was used before",
        ),
        Denied::Unauthenticated => Refused::member("Current", "is not the password"),
        Denied::TwoFactor => Refused::member("Code", "may not be null: one-time codes are switched on"),
        denied => denied.into(),
    })?;
    let hash = password::hash(new).await?;
    let change = Change::new(context, caller, asked, "user.password");
    let replace = move |accounts: &Accounts<'_>| {
        let before = accounts.user(&known.email)?;
        // What was shown must still be the password.
        let same = before.filter(|before| before.password_hash == known.password_hash && !before.disabled);
        let before = same.ok_or(Refused::Denied(Denied::Unauthenticated))?;
        let mut user = before.clone();
        user.password_hash = hash;
        user.must_reset = false;
        accounts.set_user(&user)?;
        accounts.revoke(&user.owner())?;
        change.keep(accounts, Some(&before), Some(&user))
    };
    context.auth.change(replace).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Without a code: draws a secret. With one: switches on what was drawn.
async fn enrol(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    person(caller)?;
    match code(asked)? {
        None => draw(context, caller).await,
        Some(code) => switch_on(context, caller, asked, code).await,
    }
}

async fn draw(context: &Context, caller: &Caller) -> Result<Answer, Refused> {
    let mut secret = [0; TOTP_SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(|_| Denied::Failed)?;
    let name = caller.name.clone();
    let keep = move |accounts: &Accounts<'_>| {
        let user = accounts.user(&name)?;
        let mut user = user.ok_or(Refused::Denied(Denied::Unauthenticated))?;
        if user.second_factor().is_some() {
            return Err(Refused::conflict("one-time codes are on: switch them off first"));
        }
        user.totp = Some(Totp {
            secret,
            on: false,
            last_step: 0,
        });
        accounts.set_user(&user)?;
        Ok(user.email)
    };
    let email = context.auth.change(keep).await?;
    let drawn = json!({"Secret": totp::shown(secret), "Uri": totp::uri(secret, &email)});
    Ok(answer::json(StatusCode::OK, &drawn))
}

/// The code shows that the owner has the secret; it is still good for signing in.
async fn switch_on(
    context: &Context,
    caller: &Caller,
    asked: &Asked,
    code: String,
) -> Result<Answer, Refused> {
    let (name, wall) = (caller.name.clone(), context.auth.wall());
    let change = Change::new(context, caller, asked, "user.totp_on");
    let switch = move |accounts: &Accounts<'_>| {
        let before = accounts.user(&name)?;
        let before = before.ok_or(Refused::Denied(Denied::Unauthenticated))?;
        let mut user = before.clone();
        let Some(drawn) = user.totp.as_mut().filter(|totp| !totp.on) else {
            return Err(Refused::conflict("ask for a secret first, without a Code"));
        };
        if totp::step(drawn, &code, wall).is_none() {
            return Err(Refused::member("Code", WRONG_CODE));
        }
        drawn.on = true;
        accounts.set_user(&user)?;
        change.keep(accounts, Some(&before), Some(&user))
    };
    within_budget(context, caller, asked, async || context.auth.change(switch).await).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

async fn switch_off(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    person(caller)?;
    let code = code(asked)?.ok_or_else(|| Refused::member("Code", "may not be null"))?;
    let (name, wall) = (caller.name.clone(), context.auth.wall());
    let change = Change::new(context, caller, asked, "user.totp_off");
    let switch = move |accounts: &Accounts<'_>| {
        let before = accounts.user(&name)?;
        let before = before.ok_or(Refused::Denied(Denied::Unauthenticated))?;
        if before.second_factor().is_none() {
            return Err(Refused::not_found("one-time codes are not on"));
        }
        totp::take(accounts, &name, &code, wall)?.ok_or_else(|| Refused::member("Code", WRONG_CODE))?;
        let mut user = before.clone();
        user.totp = None;
        accounts.set_user(&user)?;
        change.keep(accounts, Some(&before), Some(&user))
    };
    within_budget(context, caller, asked, async || context.auth.change(switch).await).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// Codes are short: how often they may be tried is counted as for signing in.
async fn within_budget(
    context: &Context,
    caller: &Caller,
    asked: &Asked,
    check: impl AsyncFnOnce() -> Result<(), Refused>,
) -> Result<(), Refused> {
    context.auth.within_budget(&caller.name, asked.peer, check).await
}

fn code(asked: &Asked) -> Result<Option<String>, Refused> {
    let mut fields = fields(asked)?;
    let code = fields.text("Code", CODE_CHARACTERS_MAX);
    let errors = fields.into_errors();
    if errors.is_empty() {
        Ok(code.map(|code| code.trim().to_owned()))
    } else {
        Err(Refused::invalid(&errors))
    }
}

fn person(caller: &Caller) -> Result<(), Refused> {
    if caller.via == Via::User {
        return Ok(());
    }
    Err(Refused::Problem(Problem::new(Kind::Forbidden, NO_USER)))
}
