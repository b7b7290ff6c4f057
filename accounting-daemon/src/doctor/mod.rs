//! What an operator would look at by hand when guests cannot get in: each thing with what was found, and what to do.

mod firewall;
mod interfaces;
mod kernel;
mod machine;
mod network;
mod options;

use serde::Serialize;

pub(crate) use options::lines;

use crate::config::Config;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could, or it could not be looked at.
    Warn,
    /// It cannot work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) verdict: Verdict,
    /// What was looked at.
    pub(crate) name: String,
    /// What was found.
    pub(crate) found: String,
    /// What to do about it; `None` where nothing is.
    pub(crate) advice: Option<String>,
}

impl Finding {
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::of(Verdict::Ok, name, found, None)
    }

    fn warn(name: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Verdict::Warn, name, found, Some(advice.into()))
    }

    fn fail(name: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::of(Verdict::Fail, name, found, Some(advice.into()))
    }

    fn of(
        verdict: Verdict,
        name: impl Into<String>,
        found: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self {
            verdict,
            name: name.into(),
            found: found.into(),
            advice,
        }
    }
}

/// Looks at everything; changes nothing. `runs`: whether the daemon answers at its socket.
pub(crate) async fn examine(config: &Config, runs: bool) -> Vec<Finding> {
    let mut findings = vec![daemon(config, runs)];
    findings.extend(kernel::examine(config));
    findings.extend(interfaces::examine(config, runs).await);
    findings.extend(network::examine(config, runs).await);
    findings.extend(firewall::examine(config).await);
    findings.extend(machine::examine(config));
    findings
}

/// A program of the system; these are often where the path of an ordinary user does not lead.
fn tool(name: &str) -> tokio::process::Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = tokio::process::Command::new(name);
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    command
}

fn daemon(config: &Config, runs: bool) -> Finding {
    let socket = config.api.socket.display();
    if runs {
        return Finding::ok("daemon", format!("it answers at {socket}"));
    }
    Finding::warn(
        "daemon",
        format!("nothing answers at {socket}"),
        "start it: what it does itself cannot be looked at while it is stopped",
    )
}
