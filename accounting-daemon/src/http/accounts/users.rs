//! `/v1/users`: people who sign in with a password of their own.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Refused, answered, business_ids, fields, flag, part, roles, shown, variable};
use crate::{
    config::is_email,
    http::{
        Context,
        answer::{self, Answer},
        auth::{Caller, Role, password},
        blocking, describe,
        describe::{Describe, Says},
        endpoint::{Accepts, Access, Asked, Endpoint, Handler},
        fields::{FieldError, Fields},
        list::{self, Paging},
        problem::Kind,
    },
    metrics::Route,
    store::{Accounts, Actor, AuditRecord, USERS_MAX, User, fold_email},
};

/// Users.
pub(in crate::http) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::GET,
        path: "/v1/users",
        route: Route::Users,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(list(context, asked))
        }),
        describe: Describe::new("Lists the users by e-mail address", &[Says::json(StatusCode::OK, "A page", shapes)])
            .query(&[describe::AFTER, describe::SIZE]),
    },
    Endpoint {
        method: Method::POST,
        path: "/v1/users",
        route: Route::Users,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(create(context, caller, asked).await) })
        }),
        describe: Describe::new("Makes a user", &[Says::json(StatusCode::CREATED, "The user", shape)])
            .body(given)
            .problems(&[Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::GET,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
            Box::pin(async { answered(show(context, asked).await) })
        }),
        describe: Describe::new("Shows a user", &[Says::json(StatusCode::OK, "The user", shape)])
            .problems(&[Kind::NotFound]),
    },
    Endpoint {
        method: Method::PUT,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Json,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(edit(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Changes a user, except for the members that are absent; null clears one. All that was given to them is revoked",
            &[Says::json(StatusCode::OK, "The user", shape)],
        )
        .body(given)
        .problems(&[Kind::NotFound, Kind::Conflict, Kind::Invalid]),
    },
    Endpoint {
        method: Method::DELETE,
        path: "/v1/users/{email}",
        route: Route::User,
        accepts: Accepts::Nothing,
        handler: Handler::SignedIn(Access::Administrator, |context, caller, asked| {
            Box::pin(async { answered(delete(context, caller, asked).await) })
        }),
        describe: Describe::new(
            "Deletes a user, unless it is the last administrator who can sign in",
            &[Says::nothing(StatusCode::NO_CONTENT, "They are gone")],
        )
        .problems(&[Kind::NotFound, Kind::Conflict]),
    },
];

fn members() -> Value {
    json!({
        "Email": {"type": "string", "description": "Compared without case"},
        "Roles": super::ROLES.clone(),
        "Administrator": {"type": "boolean", "description": "May do everything"},
        "BusinessIds": super::BUSINESS_IDS.clone(),
        "Disabled": {"type": "boolean", "description": "Is kept out"},
        "MustResetPassword": {"type": "boolean", "description": "Can do nothing but change the password"},
        "TwoFactor": {
            "type": "boolean",
            "description": "Signs in with a one-time code too; can be switched off here, and on by the user only",
        },
    })
}

fn shape(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "required": ["Email"], "properties": members()})
}

fn shapes(_: &mut SchemaGenerator) -> Schema {
    list::shape(&json!({"type": "object", "required": ["Email"], "properties": members()}))
}

fn given(_: &mut SchemaGenerator) -> Schema {
    let mut members = members();
    members["Password"] = json!({"type": "string", "description": "Needed for a new user; never shown"});
    json_schema!({"type": "object", "properties": members})
}

const NO_SUCH_USER: &str = "there is no user with this e-mail address";
const LAST_ADMINISTRATOR: &str = "this is the last administrator who can sign in: make another one first";

/// A user as they are shown: never with a password.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    email: &'a str,
    roles: Vec<&'static str>,
    administrator: bool,
    business_ids: Option<&'a BTreeSet<u64>>,
    disabled: bool,
    must_reset_password: bool,
    two_factor: bool,
}

impl<'a> From<&'a User> for Shown<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            email: &user.email,
            roles: user.roles.iter().map(|role| role.as_str()).collect(),
            administrator: user.administrator,
            business_ids: user.business_ids.as_ref(),
            disabled: user.disabled,
            must_reset_password: user.must_reset,
            two_factor: user.second_factor().is_some(),
        }
    }
}

/// What is given for a user; absent members are `None`.
struct Draft {
    email: Option<String>,
    password: Option<Zeroizing<String>>,
    roles: Option<BTreeSet<Role>>,
    administrator: Option<bool>,
    business_ids: Option<Option<BTreeSet<u64>>>,
    disabled: Option<bool>,
    must_reset: Option<bool>,
    two_factor: Option<bool>,
}

impl Draft {
    fn read(fields: &mut Fields) -> Self {
        Self {
            email: fields.parsed("Email", |text| {
                let right = is_email(text);
                right
                    .then(|| text.to_owned())
                    .ok_or("must be an e-mail address without colons and spaces")
            }),
            password: fields.parsed("Password", |text| {
                password::check(text).map(|()| Zeroizing::new(text.to_owned()))
            }),
            roles: roles(fields),
            administrator: flag(fields, "Administrator"),
            business_ids: business_ids(fields),
            disabled: flag(fields, "Disabled"),
            must_reset: flag(fields, "MustResetPassword"),
            two_factor: flag(fields, "TwoFactor"),
        }
    }

    /// Changes what was given; `hash` is that of the password.
    fn apply(self, user: &mut User, hash: Option<String>) {
        let set = |member: &mut bool, value: Option<bool>| *member = value.unwrap_or(*member);
        set(&mut user.administrator, self.administrator);
        set(&mut user.disabled, self.disabled);
        set(&mut user.must_reset, self.must_reset);
        if let Some(roles) = self.roles {
            user.roles = roles;
        }
        if let Some(business_ids) = self.business_ids {
            user.business_ids = business_ids;
        }
        if let Some(hash) = hash {
            user.password_hash = hash;
        }
        if self.two_factor == Some(false) {
            user.totp = None;
        }
    }
}

/// Who changes a user, and when, for the audit.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) by: Actor,
    pub(super) on: i64,
    pub(super) action: &'static str,
}

impl Change {
    pub(super) fn new(context: &Context, caller: &Caller, asked: &Asked, action: &'static str) -> Self {
        Self {
            by: asked.actor(caller),
            on: context.auth.wall(),
            action,
        }
    }

    /// Adds the change to the audit; that a password was changed is said, and nothing of it.
    pub(super) fn keep(
        self,
        accounts: &Accounts<'_>,
        before: Option<&User>,
        after: Option<&User>,
    ) -> Result<(), Refused> {
        let email = before.or(after).map_or("", |user| &user.email);
        let mut after_shown = after.map(|user| shown(&Shown::from(user)));
        let hash = |user: Option<&User>| user.map(|user| user.password_hash.clone());
        if let Some(Value::Object(members)) = &mut after_shown
            && hash(before) != hash(after)
        {
            members.insert("PasswordChanged".to_owned(), true.into());
        }
        accounts.audit(&AuditRecord {
            on: self.on,
            by: self.by,
            action: self.action.into(),
            object: format!("user/{}", fold_email(email)),
            before: before.map(|user| shown(&Shown::from(user)).to_string()),
            after: after_shown.map(|shown| shown.to_string()),
        })?;
        Ok(())
    }
}

async fn list(context: &Context, asked: &Asked) -> Answer {
    let paging = match Paging::read(asked.query()) {
        Ok(paging) => paging,
        Err(problem) => return problem.into_answer(),
    };
    let (store, size) = (context.store.clone(), paging.size);
    let users = blocking("users", move || store.users(paging.after.as_deref(), size + 1)).await;
    match users {
        Ok(users) => {
            let (users, next) = part(users, size, |user| &user.email);
            let records: Vec<_> = users.iter().map(|user| shown(&Shown::from(user))).collect();
            list::answer(&records, next.as_deref())
        }
        Err(answer) => answer,
    }
}

async fn show(context: &Context, asked: &Asked) -> Result<Answer, Refused> {
    let email = variable(asked)?;
    let user = context.auth.ask(move |store| store.user(&email)).await?;
    let user = user.ok_or_else(|| Refused::not_found(NO_SUCH_USER))?;
    Ok(answer::json(StatusCode::OK, &Shown::from(&user)))
}

async fn create(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let mut fields = fields(asked)?;
    let draft = Draft::read(&mut fields);
    let email = fields.require("Email", draft.email.clone());
    let password = fields.require("Password", draft.password.clone());
    let errors = fields.into_errors();
    let (Some(email), Some(password), true) = (email, password, errors.is_empty()) else {
        return Err(Refused::invalid(&errors));
    };
    let hash = password::hash(password).await?;
    let change = Change::new(context, caller, asked, "user.create");
    let create = move |accounts: &Accounts<'_>| {
        if accounts.user(&email)?.is_some() {
            return Err(Refused::conflict("there is a user with this e-mail address"));
        }
        if accounts.count_users()?.0 >= USERS_MAX {
            return Err(Refused::conflict("there are as many users as can be"));
        }
        let mut user = User {
            administrator: false,
            ..User::administrator(email, "")
        };
        draft.apply(&mut user, Some(hash));
        accounts.set_user(&user)?;
        change.keep(accounts, None, Some(&user))?;
        Ok(user)
    };
    let user = context.auth.change(create).await?;
    Ok(answer::json(StatusCode::CREATED, &Shown::from(&user)))
}

async fn edit(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let email = variable(asked)?;
    let mut fields = fields(asked)?;
    let draft = Draft::read(&mut fields);
    if let Some(other) = &draft.email
        && fold_email(other) != fold_email(&email)
    {
        fields.refuse("Email", "cannot be changed: make another user");
    }
    let enrolled = context.auth.ask({
        let email = email.clone();
        move |store| store.user(&email)
    });
    let enrolled = enrolled.await?.ok_or_else(|| Refused::not_found(NO_SUCH_USER))?;
    if draft.two_factor == Some(true) && enrolled.second_factor().is_none() {
        fields.refuse("TwoFactor", "can be switched on by its owner only");
    }
    let errors: Vec<FieldError> = fields.into_errors();
    if !errors.is_empty() {
        return Err(Refused::invalid(&errors));
    }
    let hash = match draft.password.clone() {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let change = Change::new(context, caller, asked, "user.edit");
    let edit = move |accounts: &Accounts<'_>| {
        let before = accounts.user(&email)?;
        let before = before.ok_or_else(|| Refused::not_found(NO_SUCH_USER))?;
        let mut user = before.clone();
        draft.apply(&mut user, hash);
        if user == before {
            return Ok(user);
        }
        accounts.set_user(&user)?;
        if before.administers() && accounts.count_users()?.1 == 0 {
            return Err(Refused::conflict(LAST_ADMINISTRATOR));
        }
        accounts.revoke(&user.owner())?;
        change.keep(accounts, Some(&before), Some(&user))?;
        Ok(user)
    };
    let user = context.auth.change(edit).await?;
    Ok(answer::json(StatusCode::OK, &Shown::from(&user)))
}

async fn delete(context: &Context, caller: &Caller, asked: &Asked) -> Result<Answer, Refused> {
    let email = variable(asked)?;
    let change = Change::new(context, caller, asked, "user.delete");
    let delete = move |accounts: &Accounts<'_>| {
        let user = accounts.user(&email)?;
        let user = user.ok_or_else(|| Refused::not_found(NO_SUCH_USER))?;
        accounts.remove_user(&user)?;
        if user.administers() && accounts.count_users()?.1 == 0 {
            return Err(Refused::conflict(LAST_ADMINISTRATOR));
        }
        change.keep(accounts, Some(&user), None)
    };
    context.auth.change(delete).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}
