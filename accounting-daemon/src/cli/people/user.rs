//! `accounting-daemon user`: people who may sign in.

use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    delete, get,
    password::{Password, generated},
    print_one, put,
    rights::{Rights, roles},
    show_one,
};
use crate::cli::{
    Console,
    daemon::Payload,
    paged::{self, Limit},
    query::Query,
    show::{Column, made, text},
};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UserCommand {
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

#[derive(Debug, Args)]
pub(in crate::cli) struct Email {
    /// The e-mail address to sign in with
    email: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateUser {
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
pub(in crate::cli) struct EditUser {
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

    /// Must change the password before anything else
    #[arg(long)]
    must_reset: Option<bool>,

    /// Switch one-time codes off, for who has lost them
    #[arg(long)]
    no_two_factor: bool,

    /// Give a new password, which is generated and shown once
    #[arg(long, conflicts_with = "password_file")]
    new_password: bool,

    #[command(flatten)]
    password: Password,
}

const USERS: &[Column] = &[
    text("E-MAIL", "Email"),
    made("ROLES", roles),
    text("BUSINESSES", "BusinessIds"),
    text("DISABLED", "Disabled"),
];

impl UserCommand {
    pub(in crate::cli) async fn run(self, console: &Console) -> anyhow::Result<()> {
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
        print_user(console, &email, made.then_some(&password)).await?;
        if !self.administrator {
            self.rights.warn("user", &email);
        }
        Ok(())
    }
}

/// Prints a user who was made or changed, with the password that was generated.
async fn print_user(
    console: &Console,
    email: &str,
    generated: Option<&Zeroizing<String>>,
) -> anyhow::Result<()> {
    let mut found = get(console, "users", email).await?;
    let Some(password) = generated else {
        return print_one(console, &found, USERS, None);
    };
    found["Password"] = password.as_str().into();
    print_one(console, &found, USERS, Some(("password", password)))
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
        if let Some(must_reset) = self.must_reset {
            body["MustResetPassword"] = must_reset.into();
        }
        if self.no_two_factor {
            body["TwoFactor"] = false.into();
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
        print_user(console, &email, made.as_ref()).await
    }
}
