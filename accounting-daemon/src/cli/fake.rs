//! For tests: a daemon at a Unix socket that gives one prepared answer to each connection, and breaks off where it ends.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    task::JoinHandle,
};

use super::{Console, daemon::Daemon, show::Output};

/// The daemon, and a console that asks it.
pub(super) struct Fake {
    pub(super) console: Console,
    folder: TempDir,
    serving: JoinHandle<Vec<String>>,
}

/// An answer with a JSON body.
pub(super) fn json(status: &str, body: &serde_json::Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Fake {
    pub(super) fn answering(answers: Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                asked.push(request(&mut stream).await);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            asked
        });
        let console = Console {
            daemon: Daemon::at(path),
            output: Output { json: false },
        };
        Self {
            console,
            folder,
            serving,
        }
    }

    /// A path beside the socket.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it was asked, once every answer was given.
    pub(super) async fn asked(self) -> Vec<String> {
        self.serving.await.unwrap()
    }
}

/// A request with its whole body.
async fn request(stream: &mut tokio::net::UnixStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "half a request: {text}");
        read.extend_from_slice(&part[..length]);
    }
}
