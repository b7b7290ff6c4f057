//! `accounting-daemon doctor`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{daemon::Reach, show::Output};
use crate::doctor::{self, Finding, Verdict};

/// Look at this machine as a gateway, and say what is missing
///
/// Says what to do, and changes nothing. Fails when something keeps guests out or lets strangers in.
#[derive(Debug, Args)]
pub(super) struct Doctor;

impl Doctor {
    pub(super) async fn run(self, reach: &Reach, output: Output) -> anyhow::Result<ExitCode> {
        let config = reach.config()?;
        let runs = reach.daemon()?.runs().await;
        let findings = doctor::examine(&config, runs).await;
        let portal = &config.portal;
        let url = portal.url.clone();
        let url = url.unwrap_or_else(|| format!("https://NAME-OF-THE-PORTAL:{}", portal.listen_port));
        let lines = doctor::lines(url.trim_end_matches('/'));
        let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        let found = json!({"Well": !failed, "Findings": findings, "DhcpLines": lines});
        output.print(&found, || {
            let mut text: String = findings.iter().map(line).collect();
            text.push_str("\nTell devices where the portal is:\n");
            text.push_str(missing(portal.url.as_deref(), portal.tls.is_some()));
            for server in &lines {
                text.push_str(&format!("  {}\n", server.server));
                for line in &server.lines {
                    text.push_str(&format!("    {line}\n"));
                }
            }
            text
        })?;
        Ok(if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// What it takes before the lines help.
fn missing(url: Option<&str>, tls: bool) -> &'static str {
    if tls && url.is_some_and(|url| url.starts_with("https:")) {
        ""
    } else {
        "  (devices only ask by https: name the portal in `portal.url`, https:// before it, and its certificate in [portal.tls])\n"
    }
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Ok => "ok  ",
        Verdict::Warn => "WARN",
        Verdict::Fail => "FAIL",
    };
    let advice = finding.advice.as_ref().map(|advice| format!("      {advice}\n"));
    format!(
        "{verdict}  {}: {}\n{}",
        finding.name,
        finding.found,
        advice.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_help_yet_say_so() {
        let named = Some("https://wifi.example.org:8880");
        assert_eq!(missing(named, true), "");
        for (url, tls) in [
            (named, false),
            (None, true),
            (Some("http://wifi.example.org"), true),
        ] {
            assert!(missing(url, tls).contains("[portal.tls]"), "{url:?}");
        }
    }

    #[test]
    fn what_to_do_stands_below_what_was_found() {
        let finding = Finding {
            verdict: Verdict::Fail,
            name: "clock".to_owned(),
            found: "it is wrong".to_owned(),
            advice: Some("set it".to_owned()),
        };
        assert_eq!(line(&finding), "FAIL  clock: it is wrong\n      set it\n");
    }
}
