//! The list of metrics is the documented one, and no label can hold what a client chose.

use std::time::Duration;

use std::collections::BTreeSet;

use super::*;
use crate::{
    gate::status::{InterfaceStatus, TcMode, XdpMode},
    ledger::RedeemError,
};

const DOCUMENT: &str = include_str!("../../../docs/METRICS.md");

fn metrics() -> Metrics {
    Metrics::new(Box::new(|| vec![("xdp", "admit", 7), ("tc", "drop", 0)])).unwrap()
}

fn gate() -> GateStatus {
    let interface = |name: &str, attached| InterfaceStatus {
        attached,
        ..InterfaceStatus::unseen(name, 0)
    };
    GateStatus {
        interfaces: vec![
            interface("g0", Some((XdpMode::Generic, TcMode::Tcx))),
            interface("g1", None),
        ],
        ..GateStatus::default()
    }
}

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render(&gate()).unwrap()).unwrap()
}

fn has(text: &str, line: &str) {
    assert!(
        text.lines().any(|other| other == line),
        "{line} is not in:\n{text}"
    );
}

/// One row of the document for each family: name, kind, help.
#[test]
fn the_document_lists_exactly_what_is_exported() {
    let text = text(&metrics());
    let exported: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "))
        .map(|line| {
            let (name, help) = line.split_once(' ').unwrap();
            let kind = format!("# TYPE {name} ");
            let kind = text.lines().find_map(|line| line.strip_prefix(&kind)).unwrap();
            format!("| `{name}` | {kind} | {help} |")
        })
        .collect();
    let documented: BTreeSet<String> = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    assert_eq!(exported, documented);
}

#[test]
fn every_label_value_is_there_before_its_first_event() {
    let text = text(&metrics());
    for cause in Cause::ALL {
        has(
            &text,
            &format!(
                "accounting_sessions_released_total{{cause=\"{}\"}} 0",
                cause.as_str()
            ),
        );
    }
    for result in RedeemResult::ALL {
        has(
            &text,
            &format!("accounting_redemptions_total{{result=\"{}\"}} 0", result.as_str()),
        );
    }
    has(
        &text,
        "accounting_http_requests_total{class=\"5xx\",route=\"token\"} 0",
    );
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = metrics();
    metrics.sessions_open(3);
    metrics.released(Cause::Depleted);
    metrics.redeemed(RedeemResult::from(&RedeemError::UnknownCode));
    metrics.mailbox_depth(5);
    metrics.mailbox_refused();
    metrics.committed(Duration::from_millis(2), 40);
    metrics.answered(Route::Token, 404);
    metrics.connections(1);
    metrics.signed_in(SignIn::Failed);
    metrics.alarm(Alarm::Clone);
    drop(metrics.request_timer(Route::Token));
    let text = text(&metrics);
    for line in [
        "accounting_sessions_open 3",
        "accounting_alarms_total{kind=\"clone\"} 1",
        "accounting_alarms_total{kind=\"rogue\"} 0",
        "accounting_sessions_released_total{cause=\"Depleted\"} 1",
        "accounting_redemptions_total{result=\"unknown_code\"} 1",
        "accounting_engine_mailbox_depth 5",
        "accounting_engine_refused_total 1",
        "accounting_commands_committed_total 40",
        "accounting_commit_seconds_bucket{le=\"0.001\"} 0",
        "accounting_commit_seconds_bucket{le=\"0.0025\"} 1",
        "accounting_http_requests_total{class=\"4xx\",route=\"token\"} 1",
        "accounting_http_request_seconds_count{route=\"token\"} 1",
        "accounting_http_connections 1",
        "accounting_sign_ins_total{result=\"failed\"} 1",
        "accounting_frames_total{hook=\"xdp\",verdict=\"admit\"} 7",
        "accounting_frames_total{hook=\"tc\",verdict=\"drop\"} 0",
        "accounting_interface_attached{interface=\"g0\"} 1",
        "accounting_interface_attached{interface=\"g1\"} 0",
        "accounting_interface_mode{hook=\"xdp\",interface=\"g0\",mode=\"generic\"} 1",
        "accounting_interface_mode{hook=\"tc\",interface=\"g0\",mode=\"tcx\"} 1",
    ] {
        has(&text, line);
    }
}

/// Names of labels are from this list; one that a client could fill would not be.
#[test]
fn labels_are_from_a_closed_list() {
    let text = text(&metrics());
    let allowed = [
        "cause",
        "result",
        "grant_type",
        "route",
        "page",
        "class",
        "le",
        "hook",
        "verdict",
        "interface",
        "kind",
        "mode",
        "version",
    ];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, labels)) = line.split_once('{') else {
            continue;
        };
        for label in labels.split(',') {
            let name = label.split('=').next().unwrap();
            assert!(allowed.contains(&name), "{line}");
        }
    }
}

#[test]
fn a_gate_that_is_not_there_yet_is_no_error() {
    let metrics = Metrics::new(Box::new(Vec::new)).unwrap();
    let text = String::from_utf8(metrics.render(&GateStatus::default()).unwrap()).unwrap();
    assert!(!text.contains("accounting_frames_total") && text.contains("accounting_sessions_open 0"));
}
