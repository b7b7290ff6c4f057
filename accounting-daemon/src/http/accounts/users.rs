//! `/v1/users`: people who sign in with a password of their own.

mod endpoints;
mod record;

use hyper::StatusCode;

use super::{Refused, fields, page, shown, variable};
use crate::{
    http::{
        Context,
        answer::{self, Answer},
        auth::{Caller, password},
        endpoint::Asked,
        fields::FieldError,
    },
    store::{Accounts, Disk, USERS_MAX, User, fold_email},
};
pub(in crate::http) use endpoints::ENDPOINTS;
pub(super) use record::Change;
use record::{Draft, Shown};

const NO_SUCH_USER: &str = "there is no user with this e-mail address";
const LAST_ADMINISTRATOR: &str = "this is the last administrator who can sign in: make another one first";

async fn list(context: &Context, asked: &Asked) -> Answer {
    let show = |user: &User| shown(&Shown::from(user));
    page(context, asked, Disk::users, |user| &user.email, show).await
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
