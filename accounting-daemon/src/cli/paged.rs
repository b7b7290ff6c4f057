//! Lists of the gateway API, which come in parts.

use clap::Args;
use serde_json::{Value, json};

use super::{
    Console,
    failure::Failure,
    query::Query,
    show::{self, Column},
};

/// Records of a part.
const SIZE_MAX: usize = 1000;

/// How much of a list.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Limit {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub(super) limit: usize,

    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(super) all: bool,
}

impl Limit {
    /// Every record.
    pub(super) const ALL: Self = Self { limit: 0, all: true };

    const fn records(self) -> usize {
        if self.all { usize::MAX } else { self.limit }
    }
}

/// The records of a list, and whether there are more.
///
/// # Errors
/// [`Failure`].
pub(super) async fn collect(
    console: &Console,
    path: &str,
    query: &Query,
    limit: Limit,
) -> Result<(Vec<Value>, bool), Failure> {
    let mut records = Vec::new();
    let mut after = None;
    loop {
        let size = SIZE_MAX.min(limit.records() - records.len());
        let query = query
            .clone()
            .with("Size", size.max(1))
            .maybe("After", after.as_ref());
        let mut part = console.daemon.get(path, &query).await?;
        let Value::Array(found) = part["Records"].take() else {
            return Err(Failure::NotUnderstood(format!("{path} has no Records")));
        };
        records.extend(found);
        let next = part["Next"].take();
        if next.is_null() {
            return Ok((records, false));
        }
        if records.len() >= limit.records() {
            return Ok((records, true));
        }
        // A list that leads back to where it was would never end.
        let next = show::plain(&next);
        if after.as_ref() == Some(&next) {
            return Err(Failure::NotUnderstood(format!("{path} does not go on")));
        }
        after = Some(next);
    }
}

/// Prints the records of a list.
///
/// # Errors
/// [`Failure`], or the output is closed.
pub(super) async fn print(
    console: &Console,
    path: &str,
    query: &Query,
    limit: Limit,
    columns: &[Column],
    none: &str,
) -> anyhow::Result<()> {
    let (records, more) = collect(console, path, query, limit).await?;
    console
        .output
        .print(&json!(records), || show::table(&records, columns, none))?;
    if more && !console.output.json {
        eprintln!("the first {}; more with --limit or --all", records.len());
    }
    Ok(())
}
