//! `token bulk`: as many tokens as are wanted, a hundred thousand a call.

use std::{collections::BTreeSet, fs::File, io::Write, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{PATH, fields::Fields, run_command};
use crate::cli::{Console, daemon::Query, failure::Failure, progress, show, token::transfer};

/// The most tokens of one call of the record API.
const CALL_MAX: u64 = 100_000;

/// The most tokens of one command.
const TOKENS_MAX: u64 = 100_000_000;

/// Makes many tokens with generated codes. Each hundred thousand are made at once, or not at all.
#[derive(Debug, Args)]
pub(in crate::cli) struct Bulk {
    /// How many
    #[arg(value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=TOKENS_MAX))]
    count: u64,

    #[command(flatten)]
    fields: Fields,

    /// The location (BusinessId)
    #[arg(long, value_name = "ID", env = "ACCOUNTING_BUSINESS", default_value_t = 1)]
    business: u64,

    /// Write the tokens, with their codes, into this new CSV file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Bulk {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        if self.fields.minutes.is_none() {
            bail!("say how many minutes each token carries, such as --minutes 2h");
        }
        // Before anything is made: codes that nobody can write down are of no use.
        let mut file = self.output.as_deref().map(transfer::create).transpose()?;
        let bar = progress::things(self.count, "tokens");
        let mut made: Vec<u64> = Vec::new();
        let mut left = self.count;
        let mut headed = false;
        while left > 0 {
            let call = left.min(CALL_MAX);
            let ids = match self.call(console, call).await {
                Ok(ids) => ids,
                Err(failure) => {
                    bar.abandon();
                    return Err(told(failure, &made, self.count));
                }
            };
            if let Some(file) = &mut file {
                codes(console, &ids, file, !headed).await?;
                headed = true;
            }
            made.extend(ids);
            left -= call;
            bar.inc(call);
        }
        bar.finish_and_clear();
        if let Some(file) = file {
            file.sync_all()
                .context("the file of the codes could not be written to the end")?;
        }
        if console.json {
            return Ok(show::json(&json!({"Ids": made}))?);
        }
        let range = range(&made);
        let file = self.output.map(|path| format!(", written to {}", path.display()));
        Ok(show::print(&format!(
            "{} tokens made: {range}{}",
            made.len(),
            file.unwrap_or_default()
        ))?)
    }

    async fn call(&self, console: &Console, count: u64) -> Result<Vec<u64>, Failure> {
        let mut parameters = vec![
            parameter("NumberOfTokens", &count.into()),
            parameter("BusinessId", &self.business.into()),
        ];
        for (name, value) in &self.fields.members() {
            parameters.push(parameter(name, value));
        }
        let value = run_command(console, "COMMAND_CREATE_TOKENS_IN_BULK", &[], parameters).await?;
        let ids = value["Ids"].as_array();
        let ids = ids.map(|ids| ids.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
        ids.filter(|ids| ids.len() as u64 == count)
            .ok_or_else(|| Failure::NotUnderstood("not as many Ids as tokens were asked for".to_owned()))
    }
}

fn parameter(name: &str, value: &Value) -> Value {
    let kind = if value.is_string() { "String" } else { "Integer" };
    json!({"Name": name, "Type": kind, "Value": value})
}

/// A failure on the way leaves the tokens of the calls before it.
fn told(failure: Failure, made: &[u64], wanted: u64) -> anyhow::Error {
    let error = anyhow::Error::from(failure);
    if made.is_empty() {
        return error;
    }
    error.context(format!(
        "{} of {wanted} tokens were made ({})",
        made.len(),
        range(made)
    ))
}

fn range(ids: &[u64]) -> String {
    match (ids.iter().min(), ids.iter().max()) {
        (Some(first), Some(last)) if first != last => format!("Ids {first} to {last}"),
        (Some(only), _) => format!("Id {only}"),
        _ => "none".to_owned(),
    }
}

/// Writes the records of tokens; others may have been made between them.
async fn codes(console: &Console, ids: &[u64], file: &mut File, head: bool) -> anyhow::Result<()> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
        return Ok(());
    };
    let query = Query::new()
        .with("from_AccessToken_Id", first)
        .with("to_AccessToken_Id", last);
    let answer = console
        .daemon
        .open(&query.target(&format!("{PATH}/export")))
        .await?;
    let body = answer.into_body().collect().await?.to_bytes();
    let ours: BTreeSet<u64> = ids.iter().copied().collect();
    let mut reader = csv::Reader::from_reader(body.as_ref());
    let names = reader.headers()?.clone();
    let column = names.iter().position(|name| name == "Id");
    let column = column.context("the daemon's export has no column Id: use the same version of both")?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    if head {
        writer.write_record(&names)?;
    }
    let mut written = 0;
    for row in reader.records() {
        let row = row?;
        let id = row.get(column).and_then(|id| id.parse().ok());
        if id.is_some_and(|id| ours.contains(&id)) {
            writer.write_record(&row)?;
            written += 1;
        }
    }
    if written != ids.len() {
        bail!(
            "{} of the tokens made are not in the daemon's export ({})",
            ids.len() - written,
            range(ids)
        );
    }
    Ok(file.write_all(&writer.into_inner()?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_on_the_way_says_what_was_made_before_it() {
        let failure = || Failure::NotFound("no such thing".to_owned());
        let error = format!("{:#}", told(failure(), &[7, 8, 9], 12));
        assert_eq!(error, "3 of 12 tokens were made (Ids 7 to 9): no such thing");
        assert_eq!(told(failure(), &[], 12).to_string(), "no such thing");
        assert!(
            told(failure(), &[7], 12).downcast_ref::<Failure>().is_some(),
            "the exit status is kept"
        );
        assert_eq!(range(&[7]), "Id 7");
    }
}
