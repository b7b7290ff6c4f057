//! `accounting-daemon status`: whether the daemon is well.

use std::{collections::BTreeMap, process::ExitCode};

use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    Console,
    daemon::{Payload, collect, expect_success},
    failure::Failure,
    show,
};

/// Whether guests can be let in, and how many are online
///
/// Fails while something is missing.
#[derive(Debug, Args)]
pub(super) struct Status;

impl Status {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<ExitCode> {
        let get = |path| console.daemon.send(Method::GET, path, Payload::Nothing);
        // It is answered 503 while something is missing.
        let (_, readiness) = collect(get("/readyz").await?).await?;
        let readiness: Value = serde_json::from_slice(&readiness)
            .map_err(|error| Failure::NotUnderstood(format!("/readyz: {error}")))?;
        let (_, metrics) = collect(expect_success(get("/metrics").await?).await?).await?;
        let metrics = Metrics(String::from_utf8_lossy(&metrics).into_owned());
        let found = Found::of(&readiness, &metrics);
        console.output.print(&found.json(), || found.text())?;
        Ok(if found.ready {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// What there is to say of a daemon.
struct Found {
    ready: bool,
    missing: Vec<Value>,
    version: String,
    sessions: f64,
    store_failing: bool,
    /// Each with whether it is gated.
    interfaces: Vec<(String, bool)>,
}

impl Found {
    fn of(readiness: &Value, metrics: &Metrics) -> Self {
        let interfaces = metrics.labelled("accounting_interface_attached", "interface");
        Self {
            ready: readiness["Ready"] == true,
            missing: readiness["Missing"].as_array().cloned().unwrap_or_default(),
            version: metrics
                .label("accounting_build_info", "version")
                .unwrap_or_default(),
            sessions: metrics.sum("accounting_sessions_open"),
            store_failing: metrics.sum("accounting_store_failing") > 0.0,
            interfaces: interfaces
                .into_iter()
                .map(|(name, gated)| (name, gated > 0.0))
                .collect(),
        }
    }

    fn json(&self) -> Value {
        let interfaces = self.interfaces.iter();
        json!({
            "Ready": self.ready,
            "Missing": self.missing,
            "Version": self.version,
            "SessionsOpen": self.sessions,
            "StoreFailing": self.store_failing,
            "Interfaces": interfaces.cloned().collect::<BTreeMap<_, _>>(),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("accounting-daemon {}: ", self.version);
        text.push_str(if self.ready {
            "well\n"
        } else {
            "something is missing\n"
        });
        for thing in &self.missing {
            text.push_str(&format!("  missing: {}\n", show::plain(thing)));
        }
        text.push_str(&format!("  sessions open: {}\n", self.sessions));
        for (name, gated) in &self.interfaces {
            let how = if *gated { "gated" } else { "NOT GATED" };
            text.push_str(&format!("  interface {name}: {how}\n"));
        }
        text
    }
}

/// The text of `/metrics`.
struct Metrics(String);

impl Metrics {
    /// The samples of a metric: the text of their labels, and their value.
    fn samples<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once("} ")?,
                None => ("", rest.strip_prefix(' ')?),
            };
            Some((labels, value.trim().parse().ok()?))
        })
    }

    fn sum(&self, name: &str) -> f64 {
        self.samples(name).map(|(_, value)| value).sum()
    }

    fn labelled(&self, name: &str, label: &str) -> Vec<(String, f64)> {
        self.samples(name)
            .filter_map(|(labels, value)| Some((value_of(labels, label)?, value)))
            .collect()
    }

    fn label(&self, name: &str, label: &str) -> Option<String> {
        self.samples(name).find_map(|(labels, _)| value_of(labels, label))
    }
}

fn value_of(labels: &str, name: &str) -> Option<String> {
    labels.split(',').find_map(|label| {
        let value = label.strip_prefix(name)?.strip_prefix("=\"")?;
        Some(value.trim_end_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_found_by_the_whole_name() {
        let metrics = Metrics(
            "# HELP a b\na{version=\"1.2\",x=\"y\"} 1\na_more 7\nb 3\nb_more{x=\"a b\"} 4\n".to_owned(),
        );
        assert_eq!(metrics.sum("a"), 1.0);
        assert_eq!(metrics.sum("b"), 3.0);
        assert_eq!(metrics.label("a", "version").as_deref(), Some("1.2"));
        assert_eq!(metrics.labelled("b_more", "x"), [("a b".to_owned(), 4.0)]);
    }
}
