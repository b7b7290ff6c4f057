//! The file that `token bulk` writes tokens into, with their codes.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use http_body_util::BodyExt as _;

use super::{PATH, range};
use crate::cli::{Console, failure::Failure, files, query::Query};

/// A new CSV file with a row of names, and a row for each token.
pub(super) struct CodesFile {
    path: PathBuf,
    file: File,
    /// Whether it has its row of names.
    begun: bool,
}

impl CodesFile {
    /// Makes it; it must not be there yet.
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: files::create(path)?,
            begun: false,
        })
    }

    /// Adds the records of tokens; others may have been made between them.
    pub(super) async fn write(&mut self, console: &Console, ids: &[u64]) -> anyhow::Result<()> {
        let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(());
        };
        let query = Query::new()
            .with("from_AccessToken_Id", first)
            .with("to_AccessToken_Id", last);
        let target = query.target(&format!("{PATH}/export"));
        let answer = console.daemon.open(&target).await?;
        let body = answer.into_body().collect().await.map_err(Failure::from)?;
        let rows = rows_of(&body.to_bytes(), ids, !self.begun)?;
        self.file
            .write_all(&rows)
            .context("the codes cannot be written")?;
        self.begun = true;
        Ok(())
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// The error of tokens that were made while the codes of the `last` of them may not be in the file.
    pub(super) fn unwritten(
        &self,
        error: impl Into<anyhow::Error>,
        made: &[u64],
        last: &[u64],
    ) -> anyhow::Error {
        let (first, end) = (last.iter().min(), last.iter().max());
        error.into().context(format!(
            "{} tokens were made ({}), but {} does not hold all of their codes: `accounting-daemon token export --filter \
             from_AccessToken_Id={} --filter to_AccessToken_Id={}` gives those that may be missing",
            made.len(),
            range(made),
            self.path.display(),
            first.copied().unwrap_or_default(),
            end.copied().unwrap_or_default(),
        ))
    }
}

/// The rows of these tokens in an export; with the row of names, where the file has none yet.
fn rows_of(export: &[u8], ids: &[u64], named: bool) -> anyhow::Result<Vec<u8>> {
    let ours: BTreeSet<u64> = ids.iter().copied().collect();
    let mut reader = csv::Reader::from_reader(export);
    let names = reader.headers()?.clone();
    let column = names.iter().position(|name| name == "Id");
    let column = column.context("the daemon's export has no column Id: use the same version of both")?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    if named {
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
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_others_made_meanwhile_are_not_written() {
        let export = b"Id,AccessCode\n7,A\n8,B\n9,C\n";
        assert_eq!(
            rows_of(export, &[7, 9], true).unwrap(),
            b"Id,AccessCode\n7,A\n9,C\n"
        );
        assert_eq!(rows_of(export, &[8], false).unwrap(), b"8,B\n");
        let error = rows_of(export, &[9, 10], false).unwrap_err().to_string();
        assert!(error.starts_with("1 of the tokens made are not"), "{error}");
    }

    #[test]
    fn codes_that_are_not_written_can_be_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let file = CodesFile::create(&folder.path().join("c.csv")).unwrap();
        let full = file.unwritten(anyhow::anyhow!("disk full"), &[7, 8, 9], &[8, 9]);
        let full = format!("{full:#}");
        for word in [
            "3 tokens were made",
            "/c.csv",
            "from_AccessToken_Id=8",
            "to_AccessToken_Id=9",
            "disk full",
        ] {
            assert!(full.contains(word), "{word}: {full}");
        }
    }
}
