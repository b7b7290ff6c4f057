//! `accounting-daemon backup` and `restore`.

use std::{
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use hyper::Method;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::{Value, json};

use super::{
    Console,
    daemon::{Payload, Reach, expect_success},
    files,
    show::{Output, shown_bytes},
};
use crate::{
    clock::Clock,
    store::{self, Counted},
};

/// How long the daemon may take to copy the store before it sends it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Copy the store into a file, while the daemon runs
///
/// Guests come and go meanwhile; what happens after this moment is not in the copy.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// A new file
    file: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let file = &self.file;
        if fs::symlink_metadata(file).is_ok() {
            bail!("{} is there already: name a new file", file.display());
        }
        // Under another name until it is whole.
        let mut part = file.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut target = files::create(&part)?;
        let saved = save(console, &mut target, &part, file).await;
        if saved.is_err() {
            let _ = fs::remove_file(&part);
        }
        let (bytes, counted) = saved?;
        console.output.print(&shown(file, bytes, counted), || {
            format!("{}: {}, {}", file.display(), shown_bytes(bytes), words(counted))
        })
    }
}

async fn save(
    console: &Console,
    target: &mut File,
    part: &Path,
    file: &Path,
) -> anyhow::Result<(u64, Counted)> {
    let answer = console
        .daemon
        .send_within(PATIENCE, Method::GET, "/v1/backup", Payload::Nothing)
        .await?;
    let answer = expect_success(answer).await?;
    let bytes = files::receive(answer, target).await?;
    target
        .sync_all()
        .with_context(|| format!("cannot write {}", part.display()))?;
    // A backup that cannot be restored is none.
    let counted = store::count(part)?;
    renameat_with(CWD, part, CWD, file, RenameFlags::NOREPLACE)
        .map_err(io::Error::from)
        .with_context(|| format!("cannot make {}", file.display()))?;
    sync_folder(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok((bytes, counted))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().as_bytes().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn shown(file: &Path, bytes: u64, counted: Counted) -> Value {
    json!({
        "File": file.display().to_string(),
        "Bytes": bytes,
        "Tokens": counted.tokens,
        "Sessions": counted.sessions,
        "UsageRecords": counted.usage,
    })
}

fn words(counted: Counted) -> String {
    format!(
        "{} tokens, {} open sessions, {} usage records",
        counted.tokens, counted.sessions, counted.usage
    )
}

/// Put a backup in the place of the store, while the daemon is stopped
///
/// The backup is looked through first, and the store that was there is kept beside it. What happened since the backup is
/// forgotten: minutes used since then can be used again.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    file: PathBuf,
}

impl Restore {
    pub(super) async fn run(self, reach: &Reach, output: Output) -> anyhow::Result<()> {
        let config = reach.config()?;
        if reach.daemon()?.runs().await {
            bail!(
                "the daemon runs: stop it first (`systemctl stop accounting-daemon`); the gate goes on enforcing"
            );
        }
        let now = Clock::new(true, None)?.now().wall;
        let stamp = chrono::DateTime::from_timestamp_millis(now).context("the clock is not set")?;
        let suffix = format!("before-{}", stamp.format("%Y%m%dT%H%M%SZ"));
        let (file, data) = (self.file, config.data.clone());
        let backup = file.clone();
        let restored = move || store::restore(&backup, &data, &suffix);
        let replaced = tokio::task::spawn_blocking(restored).await??;
        let kept = replaced.kept.map(|path| path.display().to_string());
        let mut value = shown(&file, fs::metadata(&file)?.len(), replaced.counted);
        value["Kept"] = kept.clone().into();
        output.print(&value, || {
            let mut text = format!("restored {}: {}\n", file.display(), words(replaced.counted));
            if let Some(kept) = kept {
                text.push_str(&format!("the store before it is kept as {kept}\n"));
            }
            text + "start the daemon to use it\n"
        })
    }
}
