//! `token export`, `import`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{PATH, list::Filters};
use crate::cli::{Console, daemon::Payload, failure::Failure, files};

/// The largest file of an import, in bytes.
const IMPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Write tokens, with their codes, into a CSV file
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    filters: Filters,

    /// A new file; without one, or with -, standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let target = self.filters.query().target(&format!("{PATH}/export"));
        files::save(console, &target, self.file).await
    }
}

/// Make the tokens of a CSV file; all of them, or none
///
/// The whole file is looked at first, and every problem is told with its row.
#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// A CSV file with a row of field names, such as BusinessId,MinutesIncluded,AccessCode; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let bytes = hyper::body::Bytes::from(read(&self.file)?);
        let target = format!("{PATH}/import");
        let looked = format!("{target}?dryrun=true");
        let mut answer = console
            .daemon
            .ask(Method::POST, &looked, Payload::Csv(bytes.clone()))
            .await?;
        if !self.dry_run {
            let done = console.daemon.ask(Method::POST, &target, Payload::Csv(bytes));
            answer = done.await.map_err(told)?;
        }
        let done = &answer["Value"];
        let rows = done["Rows"].as_u64().unwrap_or_default();
        let ids = done["Ids"].as_array();
        let ids: Vec<u64> = ids.into_iter().flatten().filter_map(Value::as_u64).collect();
        console
            .output
            .print(done, || match (self.dry_run, ids.first(), ids.last()) {
                (true, ..) => format!("{rows} rows, all of them good; nothing was made"),
                (false, Some(first), Some(last)) => format!("{rows} tokens made: Ids {first} to {last}"),
                (false, ..) => format!("{rows} tokens made"),
            })
    }
}

/// Without an answer nobody knows whether it was done.
fn told(failure: Failure) -> anyhow::Error {
    let open = failure.leaves_open();
    let error = anyhow::Error::from(failure);
    if !open {
        return error;
    }
    error.context(
        "every row was made a token or none was: `accounting-daemon token list --descending` shows which, before the file \
         is imported again",
    )
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = files::open(path)?
        .take(IMPORT_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > IMPORT_BYTES_MAX {
        bail!(
            "{} is larger than 64 MiB: split it, with the row of names in each part",
            path.display()
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{Fake, json};

    #[tokio::test]
    async fn an_import_without_an_answer_says_what_may_be() {
        let looked = json("200 OK", &serde_json::json!({"Value": {"Rows": 1, "Ids": []}}));
        let fake = Fake::answering(vec![looked, String::new()]);
        let file = fake.path("in.csv");
        std::fs::write(&file, "BusinessId,MinutesIncluded\n1,1\n").unwrap();
        let import = Import { file, dry_run: false };
        let error = format!("{:#}", import.run(&fake.console).await.unwrap_err());
        assert!(
            error.contains("every row was made a token or none was") && error.contains("broke off"),
            "{error}"
        );
        let asked = fake.asked().await;
        assert!(asked[0].starts_with("POST /api/spaces/accesstokens/import?dryrun=true "));
        assert!(asked[1].starts_with("POST /api/spaces/accesstokens/import ") && asked[1].ends_with("1,1\n"));
    }
}
