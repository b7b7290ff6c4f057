//! `token list`, `show`.

use clap::Args;
use serde_json::Value;

use super::{COLUMNS, PATH, Which, print_record};
use crate::{
    cli::{Console, human, query::Query, show},
    mac::Mac,
};

/// The most records of a page.
const SIZE_MAX: u64 = 1000;

/// Which tokens.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Filters {
    /// With this access code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,

    /// With this in their description
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Of this location (BusinessId)
    #[arg(long, value_name = "ID")]
    business: Option<u64>,

    /// That this device was let in by last
    #[arg(long, value_name = "MAC")]
    mac: Option<Mac>,

    /// Made since
    #[arg(long, value_name = "DATE", value_parser = human::time)]
    created_from: Option<String>,

    /// Made until
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    created_to: Option<String>,

    /// Valid no longer than
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    ends_before: Option<String>,

    /// With nothing left
    #[arg(long)]
    depleted: bool,

    /// Any filter of the record API, such as AccessToken_UserLimit=2 or from_AccessToken_Id=1000
    #[arg(long = "filter", value_name = "NAME=VALUE", value_parser = pair)]
    more: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Filters take times without an offset, as UTC.
fn of_filter(time: &str) -> String {
    time.trim_end_matches('Z').to_owned()
}

impl Filters {
    pub(super) fn query(&self) -> Query {
        let time = |text: &Option<String>| text.as_deref().map(of_filter);
        let query = Query::new()
            .maybe("AccessToken_AccessCode", self.code.as_ref())
            .maybe("AccessToken_Description", self.description.as_ref())
            .maybe("AccessToken_Business", self.business)
            .maybe("AccessToken_MacAddress", self.mac)
            .maybe("from_AccessToken_CreatedOn", time(&self.created_from))
            .maybe("to_AccessToken_CreatedOn", time(&self.created_to))
            .maybe("to_AccessToken_ValidTo", time(&self.ends_before))
            .maybe("to_AccessToken_MinutesLeft", self.depleted.then_some(0));
        self.more
            .iter()
            .fold(query, |query, (name, value)| query.with(name, value))
    }
}

/// List tokens, a page of them or all
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    filters: Filters,

    /// Which page
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    page: u64,

    /// Tokens of a page
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=SIZE_MAX))]
    size: u64,

    /// By which field, such as ValidTo
    #[arg(long, value_name = "FIELD", default_value = "Id")]
    sort: String,

    /// The largest, or latest, first
    #[arg(long)]
    descending: bool,

    /// Every page; with --json, a line for each token
    #[arg(long, conflicts_with_all = ["page", "size"])]
    all: bool,
}

impl List {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let direction = if self.descending {
            "descending"
        } else {
            "ascending"
        };
        let query = self
            .filters
            .query()
            .with("orderBy", &self.sort)
            .with("dir", direction);
        if !self.all {
            let list = page(console, &query, self.page, self.size).await?;
            return self.print_page(console, &list);
        }
        let mut records = Vec::new();
        for number in 1.. {
            let mut list = page(console, &query, number, SIZE_MAX).await?;
            if let Value::Array(page) = list["Records"].take() {
                if console.output.json {
                    page.iter().try_for_each(show::json)?;
                } else {
                    records.extend(page);
                }
            }
            if list["HasNextPage"] != true {
                break;
            }
        }
        if console.output.json {
            return Ok(());
        }
        Ok(show::print(&show::table(&records, COLUMNS, "no tokens"))?)
    }

    fn print_page(&self, console: &Console, list: &Value) -> anyhow::Result<()> {
        if console.output.json {
            return Ok(show::json(list)?);
        }
        let records = list["Records"].as_array().map_or(&[][..], Vec::as_slice);
        show::print(&show::table(records, COLUMNS, "no tokens"))?;
        if list["HasNextPage"] == true {
            // Not part of the table, for those who count its lines.
            eprintln!(
                "{} to {} of {}; more with --page {} or --all",
                list["FirstItem"],
                list["LastItem"],
                list["TotalItems"],
                self.page + 1
            );
        }
        Ok(())
    }
}

async fn page(console: &Console, query: &Query, page: u64, size: u64) -> anyhow::Result<Value> {
    let query = query.clone().with("page", page).with("size", size);
    Ok(console.daemon.get(PATH, &query).await?)
}

/// Show a token
#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    which: Which,
}

impl Show {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let record = self.which.find(console).await?;
        print_record(console, &record)
    }
}
