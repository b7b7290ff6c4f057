//! `cargo xtask soak --api`: requests made from the API's own description, also ones that it forbids, against the daemon in the
//! lab. No answer may be a 5xx, have a status that is not described, or a body of another shape.

mod stream;

use std::path::Path;

use accounting_tests::lab::{Lab, Options, build_daemon, run_command};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Makes the requests: <https://schemathesis.io>.
const TOOL: &str = "schemathesis";

/// The release that is known to work.
pub(crate) const VERSION: &str = "4.32.5";

/// What is held against each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,unsupported_method";

/// Left out: a stream has no end; it is read beside the run.
const LEFT_OUT: &str = "^/v1/sessions/stream$";

/// A run makes mistakes on purpose, faster than people do.
const BUDGETS: &str = "[api.sign_in]\naccount_failures_per_minute = 1000\naddress_failures_per_minute = 10000\n\
                       [sessions]\nattempts_per_client = 1000000\n";

/// What was done.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Calls, in all phases.
    pub(crate) calls: u64,
    /// Calls that were answered with a success.
    pub(crate) successes: u64,
    /// Operations that were asked.
    pub(crate) operations: u64,
    /// Those of them that never answered with a success.
    pub(crate) refusing: Vec<String>,
    /// Events that the stream told meanwhile.
    pub(crate) events: stream::Events,
}

/// Asks for so many seconds.
///
/// # Errors
/// When the tool is missing, or an answer is not as it is described.
pub(crate) fn run(seconds: u32, seed: u64) -> Result<Figures> {
    let installed = std::process::Command::new(TOOL).arg("--version").output();
    installed.with_context(|| format!("{TOOL} is missing: pipx install {TOOL}=={VERSION}"))?;
    let lab = Lab::up(&Options {
        clients: 1,
        daemon: Some(build_daemon()?),
        config: BUDGETS.to_owned(),
        ..Options::default()
    })?;
    let daemon = lab.daemon()?;
    let described = daemon.api("GET", "/openapi.json", None)?.json()?;
    stream::refusals(&lab, &described)?;
    let watched = stream::Watched::begin(&lab)?;
    let report = lab.disk().join("contract.json");
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract");
    let script = format!(
        "export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH={hooks:?} SCHEMATHESIS_HOOKS=contract_hooks; \
         cd {disk:?}; exec nsenter --net=/run/netns/\"$LAB_GATEWAY_NS\" {TOOL} run \"$LAB_API/openapi.json\" --seed {seed} \
         --max-time {seconds} --max-examples 100000 --workers 1 --checks {CHECKS} --continue-on-failure --no-shrink \
         --exclude-path-regex '{LEFT_OUT}' --warnings off --report-json-path {report:?}",
        disk = lab.disk(),
    );
    let status = run_command(&lab, "sh", &["-c".to_owned(), script])?;
    let log = daemon.log();
    let odd: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("not described") || line.contains("panic"))
        .collect();
    ensure!(odd.is_empty(), "the daemon's log says: {}", odd.join("\n"));
    ensure!(status == 0, "{TOOL} found faults (status {status})");
    let events = watched.end(daemon)?;
    let report: Value = serde_json::from_slice(&std::fs::read(&report)?)?;
    Figures::of(&report, events).context("the report of the run is of another shape")
}

impl Figures {
    fn of(report: &Value, events: stream::Events) -> Option<Self> {
        let mut successes = 0;
        let mut refusing = Vec::new();
        for (operation, phases) in report["valid_rates"].as_object()? {
            let phases = phases.as_object()?.values();
            let accepted: u64 = phases.filter_map(|phase| phase["accepted"].as_u64()).sum();
            successes += accepted;
            if accepted == 0 {
                refusing.push(operation.clone());
            }
        }
        Some(Self {
            calls: report["test_cases"]["generated"].as_u64()?,
            successes,
            operations: report["operations"]["tested"].as_u64()?,
            refusing,
            events,
        })
    }
}
