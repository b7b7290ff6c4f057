//! `token bulk`: as many tokens as are wanted, a hundred thousand a call.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::{codes::CodesFile, fields::Fields, range, run_command};
use crate::cli::{Console, failure::Failure, progress};

/// The most tokens of one call of the record API.
const CALL_MAX: u64 = 100_000;

/// How often a daemon that is busy is asked again for a call, and after how long.
const RETRIES_MAX: u32 = 30;
const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 1_000 });

/// The most tokens of one command.
const TOKENS_MAX: u64 = 100_000_000;

/// Make many tokens, alike but for their codes
///
/// The codes are generated. Each hundred thousand tokens are made at once, or not at all.
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
        let mut file = self.output.as_deref().map(CodesFile::create).transpose()?;
        let bar = progress::things(self.count, "tokens");
        let mut made: Vec<u64> = Vec::new();
        while (made.len() as u64) < self.count {
            let call = CALL_MAX.min(self.count - made.len() as u64);
            let ids = match self.patient_call(console, call).await {
                Ok(ids) => ids,
                Err(failure) => {
                    bar.abandon();
                    return Err(told(failure, &made, self.count, call));
                }
            };
            made.extend(&ids);
            if let Some(file) = &mut file
                && let Err(error) = file.write(console, &ids).await
            {
                bar.abandon();
                return Err(file.unwritten(error, &made, &ids));
            }
            bar.set_position(made.len() as u64);
        }
        bar.finish_and_clear();
        if let Some(file) = &file
            && let Err(error) = file.sync()
        {
            return Err(file.unwritten(error, &made, &made));
        }
        console.output.print(&json!({"Ids": made}), || {
            let file = self.output.map(|path| format!(", written to {}", path.display()));
            format!(
                "{} tokens made: {}{}",
                made.len(),
                range(&made),
                file.unwrap_or_default()
            )
        })
    }

    /// Asks again where the daemon is busy.
    async fn patient_call(&self, console: &Console, count: u64) -> Result<Vec<u64>, Failure> {
        for _ in 0..RETRIES_MAX {
            match self.call(console, count).await {
                Err(failure) if failure.is_busy() => tokio::time::sleep(PAUSE).await,
                done => return done,
            }
        }
        self.call(console, count).await
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

/// A failure on the way leaves the tokens of the calls before it: says which, and how to go on.
fn told(failure: Failure, made: &[u64], wanted: u64, call: u64) -> anyhow::Error {
    let open = failure.leaves_open();
    let error = anyhow::Error::from(failure);
    let mut context = String::new();
    if !made.is_empty() {
        let left = wanted - made.len() as u64;
        context = format!(
            "{} of {wanted} tokens were made ({}); the same command with COUNT {left} makes the rest",
            made.len(),
            range(made)
        );
    }
    if open {
        let last = made.iter().max().copied().unwrap_or(0);
        let behind = if context.is_empty() { "" } else { ". " };
        context += &format!(
            "{behind}The last {call} were asked for without an answer and were all made or none: \
             `accounting-daemon token list --filter from_AccessToken_Id={}` shows",
            last.saturating_add(1)
        );
    }
    if context.is_empty() {
        return error;
    }
    error.context(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, json};

    fn bulk(count: u64) -> Bulk {
        Bulk {
            count,
            fields: Fields::of(60),
            business: 1,
            output: None,
        }
    }

    fn made(ids: std::ops::RangeInclusive<u64>) -> String {
        let ids: Vec<u64> = ids.collect();
        json(
            "200 OK",
            &serde_json::json!({"WasSuccessful": true, "Value": {"Ids": ids}}),
        )
    }

    /// What is sent for a number of tokens.
    fn wanted(asked: &str) -> Value {
        let (_, body) = asked.split_once("\r\n\r\n").unwrap();
        let order: Value = serde_json::from_str(body).unwrap();
        order["Parameters"][0]["Value"].clone()
    }

    #[tokio::test]
    async fn a_million_are_ten_calls_and_a_busy_daemon_is_asked_again() {
        let busy = "HTTP/1.1 409 Conflict\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n".to_owned();
        let mut answers: Vec<String> = (0..3)
            .map(|n| made(n * 100_000 + 1..=(n + 1) * 100_000))
            .collect();
        answers.insert(1, busy);
        answers.push(made(300_001..=300_007));
        let fake = Fake::answering(answers);
        bulk(300_007).run(&fake.console).await.unwrap();
        let asked = fake.asked().await;
        let counts: Vec<Value> = asked.iter().map(|asked| wanted(asked)).collect();
        assert_eq!(counts, [100_000, 100_000, 100_000, 100_000, 7]);
    }

    #[tokio::test]
    async fn a_daemon_that_goes_away_in_the_middle_leaves_a_way_to_go_on() {
        let fake = Fake::answering(vec![made(1..=100_000), String::new()]);
        let error = bulk(250_000).run(&fake.console).await.unwrap_err();
        let text = format!("{error:#}");
        for word in [
            "100000 of 250000 tokens were made (Ids 1 to 100000)",
            "COUNT 150000",
            "The last 100000 were asked for without an answer",
            "from_AccessToken_Id=100001",
            "broke off",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        // One that fails says so, and nothing is open.
        let failed = json(
            "500 Internal Server Error",
            &serde_json::json!({"Message": "An error has occurred."}),
        );
        let fake = Fake::answering(vec![made(1..=100_000), failed]);
        let text = format!("{:#}", bulk(100_001).run(&fake.console).await.unwrap_err());
        assert!(
            text.contains("100000 of 100001") && text.contains("COUNT 1 ") && text.contains("journalctl"),
            "{text}"
        );
        assert!(!text.contains("without an answer"), "{text}");
        // And one that is not there any more.
        let fake = Fake::answering(vec![made(1..=100_000)]);
        let error = bulk(100_001).run(&fake.console).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("COUNT 1 ") && text.contains("does not run"),
            "{text}"
        );
    }

    #[test]
    fn a_failure_on_the_way_says_what_was_made_and_how_to_go_on() {
        let refused = || Failure::NotFound("no such thing".to_owned());
        let error = format!("{:#}", told(refused(), &[7, 8, 9], 12, 9));
        assert_eq!(
            error,
            "3 of 12 tokens were made (Ids 7 to 9); the same command with COUNT 9 makes the rest: no such thing"
        );
        assert_eq!(told(refused(), &[], 12, 12).to_string(), "no such thing");
        assert!(
            told(refused(), &[7], 12, 11).downcast_ref::<Failure>().is_some(),
            "the exit status is kept"
        );
        assert_eq!(range(&[7]), "Id 7");
        let silent = format!("{:#}", told(Failure::Silent { seconds: 1 }, &[7, 8], 4, 2));
        assert!(
            silent.contains("COUNT 2") && silent.contains("from_AccessToken_Id=9"),
            "{silent}"
        );
        let silent = format!("{:#}", told(Failure::Silent { seconds: 1 }, &[], 4, 4));
        assert!(silent.starts_with("The last 4 were"), "{silent}");
    }
}
