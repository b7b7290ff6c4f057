//! `token export`, `import`.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use http_body_util::BodyExt;
use hyper::{Method, Response, body::Incoming};
use serde_json::Value;

use super::{PATH, list::Filters};
use crate::cli::{Console, daemon::Payload, failure::Failure, progress, show};

/// The largest file of an import, in bytes.
const IMPORT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Writes tokens, with their codes, as CSV.
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
        save(console, &target, self.file).await
    }
}

/// Saves the body of an answer in a new file; without one, or with -, on standard output.
pub(in crate::cli) async fn save(
    console: &Console,
    target: &str,
    file: Option<PathBuf>,
) -> anyhow::Result<()> {
    let Some(path) = file.filter(|path| path.as_os_str() != "-") else {
        let answer = console.daemon.open(target).await?;
        return receive(answer, &mut std::io::stdout()).await.map(drop);
    };
    let answer = console.daemon.open(target).await?;
    let mut file = create(&path)?;
    let bytes = match receive(answer, &mut file).await {
        Ok(bytes) => bytes,
        Err(error) => {
            // Half an export looks like a whole one.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
    };
    file.sync_all()
        .with_context(|| format!("cannot write {}", path.display()))?;
    eprintln!("{}: {}", path.display(), show::shown_bytes(bytes));
    Ok(())
}

/// Makes a file for codes: new, and for its owner only.
pub(in crate::cli) fn create(path: &Path) -> anyhow::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already: name a new file", path.display()),
        _ => anyhow::Error::new(error).context(format!("cannot make {}", path.display())),
    })
}

/// Writes the body of an answer as it comes; answers how many bytes it had.
pub(in crate::cli) async fn receive(
    answer: Response<Incoming>,
    to: &mut (impl Write + Send),
) -> anyhow::Result<u64> {
    let length = answer.headers().get(hyper::header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let bar = progress::bytes(length);
    let mut body = answer.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(Failure::from)?.into_data() else {
            continue;
        };
        to.write_all(&data)?;
        bytes += data.len() as u64;
        bar.set_position(bytes);
    }
    to.flush()?;
    bar.finish_and_clear();
    Ok(bytes)
}

/// Looks at the whole file first; then every row becomes a token, or none does.
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
        if console.json {
            return Ok(show::json(&answer["Value"])?);
        }
        let rows = answer["Value"]["Rows"].as_u64().unwrap_or_default();
        let ids = answer["Value"]["Ids"].as_array();
        let ids: Vec<u64> = ids.into_iter().flatten().filter_map(Value::as_u64).collect();
        let text = match (self.dry_run, ids.first(), ids.last()) {
            (true, ..) => format!("{rows} rows, all of them good; nothing was made"),
            (false, Some(first), Some(last)) => format!("{rows} tokens made: Ids {first} to {last}"),
            (false, ..) => format!("{rows} tokens made"),
        };
        Ok(show::print(&text)?)
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
    let mut source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    let read = source.by_ref().take(IMPORT_BYTES_MAX + 1).read_to_end(&mut bytes);
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
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::cli::fake::{Fake, json};

    const HALF: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n\
                        6\r\nId\r\n1\n\r\n";

    #[tokio::test]
    async fn half_an_export_leaves_no_file() {
        for answer in [HALF, "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nId\r\n"] {
            let fake = Fake::answering(vec![answer.to_owned()]);
            let path = fake.path("codes.csv");
            let error = save(&fake.console, "/x", Some(path.clone())).await.unwrap_err();
            assert!(format!("{error:#}").contains("broke off"), "{error:#}");
            assert!(!path.exists());
        }
        let fake = Fake::answering(vec![format!("{HALF}0\r\n\r\n")]);
        let path = fake.path("codes.csv");
        save(&fake.console, "/x", Some(path.clone())).await.unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"Id\r\n1\n");
    }

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

    #[test]
    fn a_file_of_codes_is_new_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codes.csv");
        drop(create(&path).unwrap());
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let error = create(&path).unwrap_err().to_string();
        assert!(error.contains("codes.csv is there already"), "{error}");
    }
}
