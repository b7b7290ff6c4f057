//! `accounting-daemon status`: whether the daemon is well.

use std::process::ExitCode;

use clap::Args;
use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    Console,
    daemon::{Payload, expect_success},
    failure::Failure,
    show,
};

/// Says whether guests can be let in, and how many are online. Fails while something is missing.
#[derive(Debug, Args)]
pub(super) struct Status;

impl Status {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<ExitCode> {
        let readyz = console
            .daemon
            .send(Method::GET, "/readyz", Payload::Nothing)
            .await?;
        let body = readyz
            .into_body()
            .collect()
            .await
            .map_err(Failure::from)?
            .to_bytes();
        let readiness: Value = serde_json::from_slice(&body)
            .map_err(|error| Failure::NotUnderstood(format!("/readyz: {error}")))?;
        let answer = console
            .daemon
            .send(Method::GET, "/metrics", Payload::Nothing)
            .await?;
        let answer = expect_success(answer).await?;
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(Failure::from)?
            .to_bytes();
        let metrics = Metrics(String::from_utf8_lossy(&body).into_owned());

        let ready = readiness["Ready"] == true;
        let missing = readiness["Missing"].as_array().cloned().unwrap_or_default();
        let interfaces = metrics.labelled("accounting_interface_attached", "interface");
        let sessions = metrics.sum("accounting_sessions_open");
        let version = metrics
            .label("accounting_build_info", "version")
            .unwrap_or_default();
        if console.json {
            let interfaces: serde_json::Map<String, Value> = interfaces
                .into_iter()
                .map(|(name, gated)| (name, json!(gated > 0.0)))
                .collect();
            show::json(&json!({
                "Ready": ready,
                "Missing": missing,
                "Version": version,
                "SessionsOpen": sessions,
                "StoreFailing": metrics.sum("accounting_store_failing") > 0.0,
                "Interfaces": interfaces,
            }))?;
        } else {
            let mut text = format!("accounting-daemon {version}: ");
            text.push_str(if ready { "well\n" } else { "something is missing\n" });
            for thing in &missing {
                text.push_str(&format!("  missing: {}\n", show::plain(thing)));
            }
            text.push_str(&format!("  sessions open: {sessions}\n"));
            for (name, gated) in interfaces {
                let how = if gated > 0.0 { "gated" } else { "NOT GATED" };
                text.push_str(&format!("  interface {name}: {how}\n"));
            }
            show::print(&text)?;
        }
        Ok(if ready {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
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
