//! `token create`, `edit`, `balance`, `delete`.

use anyhow::bail;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    PATH, Which,
    fields::{Class, Clearable, Fields},
    find, no_token, number_of, print_record, run_command,
};
use crate::cli::{Console, daemon::Payload, human};

/// Make a token
#[derive(Debug, Args)]
pub(in crate::cli) struct Create {
    #[command(flatten)]
    fields: Fields,

    /// The access code; generated without
    #[arg(long, value_name = "CODE")]
    code: Option<String>,

    /// The class: its codes may be shorter than others
    #[arg(long, value_enum)]
    class: Option<Class>,

    /// The e-mail address that must come with the code each time; for codes of a class
    #[arg(long, value_name = "ADDRESS", requires = "class")]
    email: Option<String>,

    /// The location (BusinessId)
    #[arg(long, value_name = "ID", env = "ACCOUNTING_BUSINESS", default_value_t = 1)]
    business: u64,
}

impl Create {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let mut body = self.fields.members();
        if self.fields.minutes.is_none() {
            bail!("say how many minutes the token carries, such as --minutes 2h");
        }
        body.insert("BusinessId".to_owned(), self.business.into());
        if let Some(code) = self.code {
            body.insert("AccessCode".to_owned(), code.into());
        }
        let classed = self.class.is_some();
        body.extend(
            self.class
                .map(|class| ("Class".to_owned(), class.member().into())),
        );
        body.extend(self.email.map(|email| ("Email".to_owned(), email.into())));
        let target = if classed { "/v1/tokens" } else { PATH };
        let payload = Payload::Json(Value::Object(body));
        let answer = console.daemon.ask(Method::POST, target, payload).await?;
        let made = if classed { &answer } else { &answer["Value"] };
        let record = find(console, number_of(made)?).await?;
        print_record(console, &record)
    }
}

/// Change a token; takes effect at once, also for who is online
#[derive(Debug, Args)]
pub(in crate::cli) struct Edit {
    #[command(flatten)]
    which: Which,

    #[command(flatten)]
    fields: Fields,

    /// Add minutes to those it carries
    #[arg(long, value_name = "MINUTES", value_parser = human::minutes, conflicts_with = "minutes")]
    add_minutes: Option<u32>,

    /// Another access code
    #[arg(long, value_name = "CODE")]
    new_code: Option<String>,

    /// Empty these fields
    #[arg(long, value_name = "FIELDS", value_enum, value_delimiter = ',')]
    clear: Vec<Clearable>,
}

impl Edit {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let mut body = self.fields.members();
        for field in &self.clear {
            if body.insert(field.member().to_owned(), Value::Null).is_some() {
                bail!("{} is both set and cleared: choose one", field.member());
            }
        }
        if let Some(code) = self.new_code {
            body.insert("AccessCode".to_owned(), code.into());
        }
        let id = if let Some(more) = self.add_minutes {
            let record = self.which.find(console).await?;
            let minutes = record["MinutesIncluded"].as_u64().unwrap_or_default();
            body.insert("MinutesIncluded".to_owned(), (minutes + u64::from(more)).into());
            number_of(&record)?
        } else {
            self.which.number(console).await?
        };
        if body.is_empty() {
            bail!("nothing to change: name a field, such as --add-minutes 1h");
        }
        body.insert("Id".to_owned(), id.into());
        let payload = Payload::Json(Value::Object(body));
        let edited = console.daemon.ask(Method::PUT, PATH, payload).await;
        edited.map_err(|failure| no_token(failure, id))?;
        print_record(console, &find(console, id).await?)
    }
}

/// Set what is left on a token
///
/// Also for who is online; `edit --minutes` changes what the token carries instead.
#[derive(Debug, Args)]
pub(in crate::cli) struct Balance {
    #[command(flatten)]
    which: Which,

    /// What is to be left: 90, 1h30m, 2h, 1d
    #[arg(long, value_name = "MINUTES", value_parser = human::minutes)]
    left: u32,

    /// Why, for the books
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Balance {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let id = self.which.number(console).await?;
        let mut body = json!({"MinutesLeft": self.left});
        if let Some(reason) = self.reason {
            body["Reason"] = reason.into();
        }
        let target = format!("/v1/tokens/{id}/balance");
        let set = console
            .daemon
            .ask(Method::PUT, &target, Payload::Json(body))
            .await;
        set.map_err(|failure| no_token(failure, id))?;
        print_record(console, &find(console, id).await?)
    }
}

/// Set the e-mail address that must come with a code
///
/// For one that was mistyped. It is kept as a hash: nobody can read it again.
#[derive(Debug, Args)]
pub(in crate::cli) struct Email {
    #[command(flatten)]
    which: Which,

    /// The address that must come with the code from now on
    #[arg(long, value_name = "ADDRESS")]
    email: String,
}

impl Email {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let id = self.which.number(console).await?;
        let target = format!("/v1/tokens/{id}/email");
        let payload = Payload::Json(json!({"Email": self.email}));
        console.daemon.ask(Method::PUT, &target, payload).await?;
        print_record(console, &find(console, id).await?)
    }
}

/// Delete tokens; their devices go offline at once
#[derive(Debug, Args)]
pub(in crate::cli) struct Delete {
    /// The tokens' numbers (Id); all of them are deleted, or none
    #[arg(value_name = "ID", required = true)]
    ids: Vec<u64>,
}

impl Delete {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        if let [id] = *self.ids {
            let target = format!("{PATH}/{id}");
            let deleted = console
                .daemon
                .ask(Method::DELETE, &target, Payload::Nothing)
                .await;
            deleted.map_err(|failure| no_token(failure, id))?;
        } else {
            run_command(console, "COMMAND_DELETE", &self.ids, Vec::new()).await?;
        }
        console.output.print(&json!({"Deleted": self.ids}), || {
            let count = self.ids.len();
            let tokens = if count == 1 { "token" } else { "tokens" };
            format!("{count} {tokens} deleted")
        })
    }
}
