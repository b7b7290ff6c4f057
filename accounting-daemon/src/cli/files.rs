//! Files that commands read and write: `-` is standard input or output, and what is saved is new, whole, and for its owner only.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use http_body_util::BodyExt;
use hyper::{Response, body::Incoming};

use super::{Console, failure::Failure, progress, show};

/// Opens a file to read; - is standard input.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Box::new(file))
}

/// Saves the body of an answer in a new file; without one, or with -, on standard output.
pub(super) async fn save(console: &Console, target: &str, file: Option<PathBuf>) -> anyhow::Result<()> {
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
pub(super) fn create(path: &Path) -> anyhow::Result<File> {
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
pub(super) async fn receive(answer: Response<Incoming>, to: &mut (impl Write + Send)) -> anyhow::Result<u64> {
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::cli::fake::Fake;

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
