//! The running daemon, asked over its Unix socket.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{EVERYWHERE, failure::Failure, query::Query};
use crate::config::Config;

/// Where the configuration is looked for when nothing else is said.
pub(super) const CONFIG: &str = "/etc/accounting.toml";

/// How long the daemon may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The largest answer that is taken as a whole, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How to reach the daemon.
#[derive(Clone, Debug, Args)]
pub(super) struct Reach {
    /// The daemon's Unix socket; without it, the one that the configuration names
    #[arg(long, value_name = "PATH", env = "ACCOUNTING_SOCKET", global = true, help_heading = EVERYWHERE)]
    socket: Option<PathBuf>,

    /// The configuration file
    #[arg(
        long,
        value_name = "FILE",
        env = "ACCOUNTING_CONFIG",
        default_value = CONFIG,
        global = true,
        help_heading = EVERYWHERE
    )]
    config: PathBuf,
}

impl Reach {
    /// The configuration.
    ///
    /// # Errors
    /// It cannot be read, or has problems.
    pub(super) fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::load(&self.config)?)
    }

    /// The file of the configuration.
    pub(super) fn config_file(&self) -> &Path {
        &self.config
    }

    /// The daemon, which need not run.
    ///
    /// # Errors
    /// No socket is named, and the configuration cannot be read.
    pub(super) fn daemon(&self) -> anyhow::Result<Daemon> {
        let path = match &self.socket {
            Some(path) => path.clone(),
            None => self.config()?.api.socket,
        };
        Ok(Daemon { path })
    }
}

/// The daemon behind a socket.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    path: PathBuf,
}

/// What is sent along.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    Nothing,
    Json(Value),
    Csv(Bytes),
}

impl Daemon {
    #[cfg(test)]
    pub(super) const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Whether anybody listens at the socket.
    pub(super) async fn runs(&self) -> bool {
        UnixStream::connect(&self.path).await.is_ok()
    }

    /// Sends a request; answers once the header of the answer is there, whatever its status.
    ///
    /// # Errors
    /// [`Failure`] when no answer came.
    pub(super) async fn send(
        &self,
        method: Method,
        target: &str,
        payload: Payload,
    ) -> Result<Response<Incoming>, Failure> {
        self.send_within(PATIENCE, method, target, payload).await
    }

    /// The same with a patience of its own.
    ///
    /// # Errors
    /// As [`Daemon::send`].
    pub(super) async fn send_within(
        &self,
        patience: Duration,
        method: Method,
        target: &str,
        payload: Payload,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = UnixStream::connect(&self.path).await.map_err(|source| {
            let path = self.path.clone();
            match source.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::NotRunning { path },
                ErrorKind::PermissionDenied => Failure::NotAllowed { path },
                _ => Failure::Unreachable { path, source },
            }
        })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer's body; what went wrong shows there.
        tokio::spawn(connection);
        let request = request(method, target, payload)
            .map_err(|error| Failure::NotUnderstood(format!("{target}: {error}")))?;
        let answered = tokio::time::timeout(patience, sender.send_request(request)).await;
        let silent = Failure::Silent {
            seconds: patience.as_secs(),
        };
        Ok(answered.map_err(|_| silent)??)
    }

    /// The body of an answer that says it went well; `Null` where it has none.
    ///
    /// # Errors
    /// [`Failure`], a refusal of the daemon among them.
    pub(super) async fn ask(&self, method: Method, target: &str, payload: Payload) -> Result<Value, Failure> {
        let answer = self.send(method, target, payload).await?;
        let (status, body) = collect(answer).await?;
        if !status.is_success() {
            return Err(Failure::refused(status, &body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| Failure::NotUnderstood(error.to_string()))
    }

    /// `GET` of a path with parameters.
    ///
    /// # Errors
    /// As [`Daemon::ask`].
    pub(super) async fn get(&self, path: &str, query: &Query) -> Result<Value, Failure> {
        self.ask(Method::GET, &query.target(path), Payload::Nothing).await
    }

    /// An answer whose body comes piece by piece.
    ///
    /// # Errors
    /// As [`Daemon::ask`].
    pub(super) async fn open(&self, target: &str) -> Result<Response<Incoming>, Failure> {
        let answer = self.send(Method::GET, target, Payload::Nothing).await?;
        expect_success(answer).await
    }
}

/// The answer, where it says that it went well.
///
/// # Errors
/// [`Failure::Refused`].
pub(super) async fn expect_success(answer: Response<Incoming>) -> Result<Response<Incoming>, Failure> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let (status, body) = collect(answer).await?;
    Err(Failure::refused(status, &body))
}

fn request(
    method: Method,
    target: &str,
    payload: Payload,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let request = Request::builder()
        .method(method)
        .uri(target)
        .header(HOST, "localhost");
    match payload {
        Payload::Nothing => request.body(Full::default()),
        Payload::Json(value) => request
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(value.to_string())),
        Payload::Csv(bytes) => request.header(CONTENT_TYPE, "text/csv").body(Full::from(bytes)),
    }
}

pub(super) async fn collect(answer: Response<Incoming>) -> Result<(StatusCode, Bytes), Failure> {
    let status = answer.status();
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Failure::NotUnderstood("it does not end".to_owned()));
        }
    }
    Ok((status, bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_daemon_that_does_not_run_is_said_to_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let daemon = Daemon { path: path.clone() };
        let failure = daemon.get("/healthz", &Query::new()).await.unwrap_err();
        assert!(matches!(failure, Failure::NotRunning { .. }), "{failure}");
        // The socket of a daemon that was killed.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let failure = daemon.get("/healthz", &Query::new()).await.unwrap_err();
        assert!(matches!(failure, Failure::NotRunning { .. }), "{failure}");
        assert!(!daemon.runs().await);
    }
}
