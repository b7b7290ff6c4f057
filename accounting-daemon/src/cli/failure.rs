//! What went wrong with a command, in plain words, and the exit status that says so to scripts.

use std::{io, path::PathBuf, process::ExitCode};

use hyper::StatusCode;
use serde_json::Value;

/// How the process ends. 0: done. 2, a wrong command line, is clap's.
pub(super) const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  failed; one line on standard error says why
  2  the command line is wrong
  3  the daemon does not run, or its socket is another one
  4  there is no such token, device, user or the like
  5  not allowed";

/// Why the daemon did not do what a command asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nobody answers at the socket.
    #[error(
        "the daemon does not run: nothing answers at {}: start it (`systemctl start accounting-daemon`), or name its \
         socket with --socket, or its configuration with --config",
        path.display()
    )]
    NotRunning { path: PathBuf },
    /// The socket is not for this user.
    #[error("{} may not be opened by this user: use sudo, or the group of the daemon", path.display())]
    NotAllowed { path: PathBuf },
    /// The socket could not be used.
    #[error("the daemon cannot be reached at {}: {source}", path.display())]
    Unreachable { path: PathBuf, source: io::Error },
    /// The connection ended in the middle.
    #[error("the daemon broke off: {0}: see its log")]
    BrokenOff(#[from] hyper::Error),
    /// No answer came.
    #[error("the daemon gave no answer in {seconds} s: see its log")]
    Silent { seconds: u64 },
    /// What came is not what this program expects.
    #[error("the daemon's answer is not understood ({0}): use the same version of both")]
    NotUnderstood(String),
    /// It said no.
    #[error("{text}")]
    Refused { status: StatusCode, text: String },
    /// Something that was looked for is not there.
    #[error("{0}")]
    NotFound(String),
}

impl Failure {
    /// What the daemon refused, from an answer in either dialect.
    pub(super) fn refused(status: StatusCode, body: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        // The record API says no more than that.
        let said = words(&value).filter(|_| status != StatusCode::INTERNAL_SERVER_ERROR);
        let text = said.unwrap_or_else(|| match status {
            StatusCode::INTERNAL_SERVER_ERROR => {
                "the daemon could not do it: its log says why (`journalctl -u accounting-daemon`); a full disk is told by \
                 `accounting-daemon doctor`"
                    .to_owned()
            }
            StatusCode::CONFLICT => "the daemon is busy: try again in a moment".to_owned(),
            StatusCode::NOT_FOUND => "there is no such thing".to_owned(),
            _ => format!("the daemon answered {status}"),
        });
        Self::Refused { status, text }
    }

    /// Says what is not there, where the daemon only said that something is not.
    pub(super) fn or_absent(self, text: impl FnOnce() -> String) -> Self {
        match self {
            Self::Refused { status, .. } if status == StatusCode::NOT_FOUND => Self::NotFound(text()),
            other => other,
        }
    }

    /// Whether the daemon only has too much to do: it has done nothing, and may be asked again.
    pub(super) fn is_busy(&self) -> bool {
        // The record API has no other use for this status.
        matches!(
            self,
            Self::Refused {
                status: StatusCode::CONFLICT,
                ..
            }
        )
    }

    /// Whether what was asked for may have been done all the same.
    pub(super) const fn leaves_open(&self) -> bool {
        matches!(
            self,
            Self::BrokenOff(_) | Self::Silent { .. } | Self::NotUnderstood(_)
        )
    }

    fn code(&self) -> u8 {
        match self {
            Self::NotRunning { .. } | Self::Unreachable { .. } => 3,
            Self::NotFound(_) => 4,
            Self::NotAllowed { .. } => 5,
            Self::Refused { status, .. } => match *status {
                StatusCode::NOT_FOUND => 4,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => 5,
                _ => 1,
            },
            Self::BrokenOff(_) | Self::Silent { .. } | Self::NotUnderstood(_) => 1,
        }
    }
}

/// An error with its causes, each said once: some name theirs themselves.
pub(super) fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// The exit status of an error.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.downcast_ref::<Failure>().map_or(1, Failure::code);
    ExitCode::from(code)
}

/// Whether the reader of the output has gone, as `head` does: no fault of anybody.
pub(super) fn reader_gone(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The sentence in an error of the record API or of the gateway API.
fn words(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_lowercase());
    }
    if let Some(errors) = value["Errors"].as_array().filter(|errors| !errors.is_empty()) {
        let each: Vec<_> = errors.iter().map(complaint).collect();
        return Some(each.join("; "));
    }
    let texts = [&value["detail"], &value["Message"], &value["title"]];
    texts
        .into_iter()
        .find_map(|text| text.as_str().filter(|text| !text.is_empty()))
        .map(str::to_owned)
}

fn complaint(error: &Value) -> String {
    let name = error["PropertyName"].as_str().unwrap_or_default();
    let message = error["Message"].as_str().unwrap_or_default();
    let row = error["Row"]
        .as_u64()
        .map(|row| format!("row {row}, "))
        .unwrap_or_default();
    format!("{row}{name} {message}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(status: u16, body: &Value) -> (String, u8) {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = Failure::refused(status, body.to_string().as_bytes());
        (failure.to_string(), failure.code())
    }

    #[test]
    fn both_dialects_are_put_into_plain_words() {
        let error = json!({"AttemptedValue": "x", "Message": "is in use", "PropertyName": "AccessCode"});
        let row = json!({"Message": "is in use", "PropertyName": "AccessCode", "Row": 7});
        for (status, body, text, code) in [
            (
                400,
                json!({"Message": "AccessCode: is in use", "Errors": [error, row]}),
                "AccessCode is in use; row 7, AccessCode is in use",
                1,
            ),
            (404, json!("Not found"), "not found", 4),
            (
                409,
                json!({"type": "urn:accounting:no-seat", "title": "a", "detail": "all seats are taken"}),
                "all seats are taken",
                1,
            ),
            (
                403,
                json!({"detail": "the role for this is missing"}),
                "the role for this is missing",
                5,
            ),
            (409, json!(null), "the daemon is busy: try again in a moment", 1),
            (
                500,
                json!({"Message": "An error has occurred."}),
                "the daemon could not do it: its log says why (`journalctl -u accounting-daemon`); a full disk is told by \
                 `accounting-daemon doctor`",
                1,
            ),
            (418, json!(null), "the daemon answered 418 I'm a teapot", 1),
        ] {
            assert_eq!(refused(status, &body), (text.to_owned(), code));
        }
    }

    #[test]
    fn only_who_is_busy_is_asked_again() {
        assert!(Failure::refused(StatusCode::CONFLICT, b"").is_busy());
        assert!(!Failure::refused(StatusCode::BAD_REQUEST, b"").is_busy());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let named = |status| {
            Failure::refused(status, b"")
                .or_absent(|| "no 7".to_owned())
                .to_string()
        };
        assert_eq!(named(StatusCode::NOT_FOUND), "no 7");
        assert_ne!(named(StatusCode::FORBIDDEN), "no 7");
    }

    #[test]
    fn a_daemon_that_does_not_run_has_a_status_of_its_own() {
        let path = PathBuf::from("/run/a.sock");
        let not_running = Failure::NotRunning { path: path.clone() };
        assert!(not_running.to_string().contains("/run/a.sock") && not_running.code() == 3);
        assert_eq!(Failure::NotAllowed { path }.code(), 5);
        assert!(!not_running.leaves_open() && Failure::Silent { seconds: 1 }.leaves_open());
    }
}
