//! A user as they are shown and given, and how changes of them get into the audit.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    config::is_email,
    http::{
        Context,
        accounts::{Refused, business_ids, flag, roles, shown},
        auth::{Caller, Role, password},
        endpoint::Asked,
        fields::Fields,
    },
    store::{Accounts, Actor, AuditRecord, User, fold_email},
};

/// A user as they are shown: never with a password.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Shown<'a> {
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
pub(super) struct Draft {
    pub(super) email: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    roles: Option<BTreeSet<Role>>,
    administrator: Option<bool>,
    business_ids: Option<Option<BTreeSet<u64>>>,
    disabled: Option<bool>,
    must_reset: Option<bool>,
    pub(super) two_factor: Option<bool>,
}

impl Draft {
    pub(super) fn read(fields: &mut Fields) -> Self {
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
    pub(super) fn apply(self, user: &mut User, hash: Option<String>) {
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
pub(in crate::http::accounts) struct Change {
    pub(in crate::http::accounts) by: Actor,
    pub(in crate::http::accounts) on: i64,
    pub(in crate::http::accounts) action: &'static str,
}

impl Change {
    pub(in crate::http::accounts) fn new(
        context: &Context,
        caller: &Caller,
        asked: &Asked,
        action: &'static str,
    ) -> Self {
        Self {
            by: asked.actor(caller),
            on: context.auth.wall(),
            action,
        }
    }

    /// Adds the change to the audit; that a password was changed is said, and nothing of it.
    pub(in crate::http::accounts) fn keep(
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
