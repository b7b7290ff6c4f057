//! Every metric of the daemon, one closed list. Labels are enums or names from the configuration, never a MAC address,
//! an access code or anything else a client chooses. `docs/METRICS.md` lists them for operators.

mod events;
mod gate;
mod guessing;
mod label;
mod list;
mod portal;
#[cfg(test)]
mod tests;

use prometheus::{
    Encoder, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};

use crate::{gate::status::GateStatus, ledger::Cause};

use guessing::Guessing;
pub use label::{Alarm, GrantType, PortalPage, RedeemResult, Route, SignIn, StatusClass};
use list::{COMMIT_SECONDS, List, REQUEST_SECONDS};
pub use portal::{OpenConnection, PortalMetrics};

/// One count of frames: hook, verdict, how many since the gate was made.
pub type FrameCount = (&'static str, &'static str, u64);

/// Reads the gate's counts of frames; called once for each scrape.
pub type FrameCounts = Box<dyn Fn() -> Vec<FrameCount> + Send + Sync>;

/// The metrics; shared by everything that has something to count.
pub struct Metrics {
    registry: Registry,
    frames: FrameCounts,
    portal: PortalMetrics,
    guessing: Guessing,
    alarms: IntCounterVec,
    sessions_open: IntGauge,
    released: IntCounterVec,
    redemptions: IntCounterVec,
    mailbox_depth: IntGauge,
    mailbox_refused: IntCounter,
    commands: IntCounter,
    commit_seconds: Histogram,
    commit_failures: IntCounter,
    store_failing: IntGauge,
    kernel_failures: IntCounter,
    clock_sets: IntCounter,
    http_requests: IntCounterVec,
    http_seconds: HistogramVec,
    http_connections: IntGauge,
    http_refused: IntCounter,
    http_panics: IntCounter,
    sign_ins: IntCounterVec,
    tokens_given: IntCounterVec,
}

impl Metrics {
    /// Makes the list. Each label value is there from the start, as zero.
    ///
    /// # Errors
    /// A name that is invalid or there twice, which the tests exclude.
    pub fn new(frames: FrameCounts) -> Result<Self, prometheus::Error> {
        let list = List::default();
        list.0.register(Box::new(ProcessCollector::for_self()))?;
        let build = Opts::new("accounting_build_info", "Always 1; the version is the label.");
        let build = build.const_label("version", env!("CARGO_PKG_VERSION"));
        list.put(IntGauge::with_opts(build)?)?.set(1);
        let metrics = Self {
            portal: PortalMetrics::new(&list)?,
            guessing: Guessing::new(&list)?,
            alarms: list.counters(
                "accounting_alarms_total",
                "Alarms about clients, by kind.",
                &["kind"],
            )?,
            frames,
            sessions_open: list.gauge("accounting_sessions_open", "Open sessions.")?,
            released: list.counters(
                "accounting_sessions_released_total",
                "Sessions released, by cause.",
                &["cause"],
            )?,
            redemptions: list.counters(
                "accounting_redemptions_total",
                "Redemptions, by result.",
                &["result"],
            )?,
            mailbox_depth: list.gauge(
                "accounting_engine_mailbox_depth",
                "Commands that waited for the engine's last round.",
            )?,
            mailbox_refused: list.counter(
                "accounting_engine_refused_total",
                "Commands refused because the engine's mailbox was full.",
            )?,
            commands: list.counter("accounting_commands_committed_total", "Commands made durable.")?,
            commit_seconds: list.seconds(
                "accounting_commit_seconds",
                "Seconds of each commit of the store.",
                COMMIT_SECONDS,
            )?,
            commit_failures: list.counter(
                "accounting_commit_failures_total",
                "Commits that the store refused.",
            )?,
            store_failing: list.gauge(
                "accounting_store_failing",
                "1 while the store takes no commits and is tried again.",
            )?,
            kernel_failures: list.counter(
                "accounting_kernel_failures_total",
                "Calls that the kernel refused; closing is tried again, opening is taken back.",
            )?,
            clock_sets: list.counter(
                "accounting_clock_sets_total",
                "Times that the kernel said that the wall clock was set.",
            )?,
            http_requests: list.counters(
                "accounting_http_requests_total",
                "Requests answered, by route and class of status.",
                &["route", "class"],
            )?,
            http_seconds: list.seconds_by(
                "accounting_http_request_seconds",
                "Seconds from the header of a request to its answer, by route.",
                REQUEST_SECONDS,
                &["route"],
            )?,
            http_connections: list
                .gauge("accounting_http_connections", "Connections of the api listener.")?,
            http_refused: list.counter(
                "accounting_http_connections_refused_total",
                "Connections closed at once, since their address had as many as it may.",
            )?,
            http_panics: list.counter(
                "accounting_http_panics_total",
                "Requests that ended in a defect of the daemon and were answered 500.",
            )?,
            sign_ins: list.counters(
                "accounting_sign_ins_total",
                "Checks of credentials, by result; remembered ones are not checked again.",
                &["result"],
            )?,
            tokens_given: list.counters(
                "accounting_access_tokens_given_total",
                "Access tokens given, by how they were asked for.",
                &["grant_type"],
            )?,
            registry: list.0,
        };
        metrics.start_at_zero();
        Ok(metrics)
    }

    /// A rate over a series that appears with its first event misses that event.
    fn start_at_zero(&self) {
        for cause in Cause::ALL {
            self.released.with_label_values(&[cause.as_str()]);
        }
        for kind in Alarm::ALL {
            self.alarms.with_label_values(&[kind.as_str()]);
        }
        for result in RedeemResult::ALL {
            self.redemptions.with_label_values(&[result.as_str()]);
        }
        for result in SignIn::ALL {
            self.sign_ins.with_label_values(&[result.as_str()]);
        }
        for grant in GrantType::ALL {
            self.tokens_given.with_label_values(&[grant.as_str()]);
        }
        for route in Route::ALL {
            self.http_seconds.with_label_values(&[route.as_str()]);
            for class in StatusClass::ALL {
                self.http_requests
                    .with_label_values(&[route.as_str(), class.as_str()]);
            }
        }
    }

    /// Everything in the text format of Prometheus, with the gate as it is now.
    ///
    /// # Errors
    /// A family that cannot be written, which the tests exclude.
    pub fn render(&self, status: &GateStatus) -> Result<Vec<u8>, prometheus::Error> {
        let mut families = self.registry.gather();
        families.extend(gate::frames(&self.frames)?);
        families.extend(gate::interfaces(status)?);
        // The encoder takes a family without series, such as those of a gate that is not attached yet, for an error.
        families.retain(|family| !family.get_metric().is_empty());
        let mut text = Vec::new();
        TextEncoder::new().encode(&families, &mut text)?;
        Ok(text)
    }
}
