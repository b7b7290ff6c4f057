//! `/healthz`, `/readyz`, `/metrics`: for supervisors and monitoring, without signing in.

use std::time::Duration;

use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    answer::{self, Answer},
    describe::{self, Describe, Says},
    endpoint::{Accepts, Answering, Asked, Endpoint, Handler},
};
use crate::{engine::Unavailable, gate::status::GateStatus, metrics::Route};

/// What supervisors and monitoring ask.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    open(
        "/healthz",
        Route::Healthz,
        |_, _| Box::pin(async { healthz() }),
        Describe::new(
            "Says whether the process answers",
            &[Says::other(StatusCode::OK, "It does", "text/plain")],
        ),
    ),
    open(
        "/readyz",
        Route::Readyz,
        |context, _| Box::pin(readyz(context)),
        Describe::new(
            "Says whether guests can be let in",
            &[
                Says::json(StatusCode::OK, "They can", describe::of::<Readiness>),
                Says::json(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "They cannot, and what is missing",
                    describe::of::<Readiness>,
                ),
            ],
        ),
    ),
    open(
        "/metrics",
        Route::Metrics,
        |context, _| Box::pin(async { metrics(context) }),
        Describe::new(
            "Shows the metrics in the text format of Prometheus",
            &[Says::other(StatusCode::OK, "All of them", "text/plain")],
        ),
    ),
];

const fn open(
    path: &'static str,
    route: Route,
    handler: for<'a> fn(&'a Context, &'a Asked) -> Answering<'a>,
    describe: Describe,
) -> Endpoint {
    Endpoint {
        method: Method::GET,
        path,
        route,
        accepts: Accepts::Nothing,
        handler: Handler::Open(handler),
        describe,
    }
}

/// How long the engine may take before it counts as not answering.
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);

/// Any number will do: the question is whether an answer comes.
const SOME_TOKEN: u64 = 1;

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Readiness {
    ready: bool,
    missing: Vec<String>,
}

/// Whether the process answers at all.
fn healthz() -> Answer {
    answer::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")
}

/// Whether guests can be let in; 503 with what is missing.
async fn readyz(context: &Context) -> Answer {
    let mut missing = missing_interfaces(&context.gate_status(), context.interfaces);
    let asked = tokio::time::timeout(ENGINE_PATIENCE, context.engine.token(SOME_TOKEN)).await;
    match asked {
        Ok(Ok(_)) if context.engine.store_failing() => {
            missing.push(format!("engine: {}", Unavailable::Outage));
        }
        Ok(Ok(_)) => {}
        Ok(Err(reason)) => missing.push(format!("engine: {reason}")),
        Err(_) => missing.push("engine: gives no answer".to_owned()),
    }
    let ready = missing.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    answer::json(status, &Readiness { ready, missing })
}

/// Everything in the text format of Prometheus.
fn metrics(context: &Context) -> Answer {
    match context.metrics.render(&context.gate_status()) {
        Ok(text) => answer::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            answer::empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Until the supervisor has looked, the status names no interface at all: that is not readiness.
fn missing_interfaces(gate: &GateStatus, expected: usize) -> Vec<String> {
    let down = gate
        .interfaces
        .iter()
        .filter(|interface| interface.attached.is_none());
    let mut missing: Vec<String> = down
        .map(|interface| format!("interface {}: not gated", interface.name))
        .collect();
    if gate.interfaces.len() < expected {
        missing.push("gate: not attached yet".to_owned());
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::status::{InterfaceStatus, TcMode, XdpMode};

    #[test]
    fn every_configured_interface_must_be_gated() {
        let interface = |name: &str, attached| InterfaceStatus {
            attached,
            ..InterfaceStatus::unseen(name, 0)
        };
        let up = Some((XdpMode::Native, TcMode::Tcx));
        let status = |interfaces| GateStatus {
            interfaces,
            ..GateStatus::default()
        };
        assert!(missing_interfaces(&status(vec![interface("a", up)]), 1).is_empty());
        assert_eq!(missing_interfaces(&status(vec![]), 1), ["gate: not attached yet"]);
        let half = status(vec![interface("a", up), interface("b", None)]);
        assert_eq!(missing_interfaces(&half, 2), ["interface b: not gated"]);
    }
}
