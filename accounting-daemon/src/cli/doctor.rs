//! `accounting-daemon doctor`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{daemon::Reach, show::Output};
use crate::doctor::{self, Finding, Verdict};

/// Looks at this machine as a gateway, and says what is missing and what to do. Changes nothing. Fails when something
/// keeps guests out or lets strangers in.
#[derive(Debug, Args)]
pub(super) struct Doctor;

impl Doctor {
    pub(super) async fn run(self, reach: &Reach, output: Output) -> anyhow::Result<ExitCode> {
        let config = reach.config()?;
        let runs = reach.daemon()?.runs().await;
        let findings = doctor::examine(&config, runs).await;
        let url = config.portal.url.clone();
        let url = url.unwrap_or_else(|| "https://NAME-OF-THE-PORTAL".to_owned());
        let lines = doctor::lines(url.trim_end_matches('/'));
        let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
        let found = json!({"Well": !failed, "Findings": findings, "DhcpLines": lines});
        output.print(&found, || {
            let mut text: String = findings.iter().map(line).collect();
            text.push_str("\nTell devices where the portal is:\n");
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
