//! Every metric of the daemon, one closed list. Labels are enums or names from the configuration, never a MAC address,
//! an access code or anything else a client chooses. `docs/METRICS.md` lists them for operators.

mod alarms;
mod events;
mod gate;
mod guessing;
mod label;
mod portal;
#[cfg(test)]
mod tests;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, core::Collector, process_collector::ProcessCollector,
};

use crate::{gate::status::GateStatus, ledger::Cause};

pub use alarms::Alarm;
use guessing::Guessing;
pub use label::{GrantType, PortalPage, RedeemResult, Route, SignIn, StatusClass};
pub use portal::{OpenConnection, PortalMetrics};

/// One count of frames: hook, verdict, how many since the gate was made.
pub type FrameCount = (&'static str, &'static str, u64);

/// Reads the gate's counts of frames; called once for each scrape.
pub type FrameCounts = Box<dyn Fn() -> Vec<FrameCount> + Send + Sync>;

/// Seconds of a request, from a cached read to one that waits for a slow disk.
const REQUEST_SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Seconds of a commit, from fast solid-state storage to a tired memory card.
const COMMIT_SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

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
        let registry = Registry::new();
        let metrics = Self {
            portal: PortalMetrics::new(&registry)?,
            guessing: Guessing::new(&registry)?,
            alarms: alarms::alarms(&registry)?,
            registry,
            frames,
            sessions_open: IntGauge::new("accounting_sessions_open", "Open sessions.")?,
            released: counters(
                "accounting_sessions_released_total",
                "Sessions released, by cause.",
                &["cause"],
            )?,
            redemptions: counters(
                "accounting_redemptions_total",
                "Redemptions, by result.",
                &["result"],
            )?,
            mailbox_depth: IntGauge::new(
                "accounting_engine_mailbox_depth",
                "Commands that waited for the engine's last round.",
            )?,
            mailbox_refused: IntCounter::new(
                "accounting_engine_refused_total",
                "Commands refused because the engine's mailbox was full.",
            )?,
            commands: IntCounter::new("accounting_commands_committed_total", "Commands made durable.")?,
            commit_seconds: Histogram::with_opts(
                HistogramOpts::new(
                    "accounting_commit_seconds",
                    "Seconds of each commit of the store.",
                )
                .buckets(COMMIT_SECONDS.to_vec()),
            )?,
            commit_failures: IntCounter::new(
                "accounting_commit_failures_total",
                "Commits that the store refused.",
            )?,
            store_failing: IntGauge::new(
                "accounting_store_failing",
                "1 while the store takes no commits and is tried again.",
            )?,
            kernel_failures: IntCounter::new(
                "accounting_kernel_failures_total",
                "Calls that the kernel refused; closing is tried again, opening is taken back.",
            )?,
            clock_sets: IntCounter::new(
                "accounting_clock_sets_total",
                "Times that the kernel said that the wall clock was set.",
            )?,
            http_requests: counters(
                "accounting_http_requests_total",
                "Requests answered, by route and class of status.",
                &["route", "class"],
            )?,
            http_seconds: HistogramVec::new(
                HistogramOpts::new(
                    "accounting_http_request_seconds",
                    "Seconds from the header of a request to its answer, by route.",
                )
                .buckets(REQUEST_SECONDS.to_vec()),
                &["route"],
            )?,
            http_connections: IntGauge::new(
                "accounting_http_connections",
                "Connections of the api listener.",
            )?,
            http_refused: IntCounter::new(
                "accounting_http_connections_refused_total",
                "Connections closed at once, since their address had as many as it may.",
            )?,
            http_panics: IntCounter::new(
                "accounting_http_panics_total",
                "Requests that ended in a defect of the daemon and were answered 500.",
            )?,
            sign_ins: counters(
                "accounting_sign_ins_total",
                "Checks of credentials, by result; remembered ones are not checked again.",
                &["result"],
            )?,
            tokens_given: counters(
                "accounting_access_tokens_given_total",
                "Access tokens given, by how they were asked for.",
                &["grant_type"],
            )?,
        };
        metrics.register()?;
        metrics.start_at_zero();
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let build = IntGauge::with_opts(
            Opts::new("accounting_build_info", "Always 1; the version is the label.")
                .const_label("version", env!("CARGO_PKG_VERSION")),
        )?;
        build.set(1);
        let collectors: [Box<dyn Collector>; 20] = [
            Box::new(build),
            Box::new(ProcessCollector::for_self()),
            Box::new(self.sessions_open.clone()),
            Box::new(self.released.clone()),
            Box::new(self.redemptions.clone()),
            Box::new(self.mailbox_depth.clone()),
            Box::new(self.mailbox_refused.clone()),
            Box::new(self.commands.clone()),
            Box::new(self.commit_seconds.clone()),
            Box::new(self.commit_failures.clone()),
            Box::new(self.store_failing.clone()),
            Box::new(self.kernel_failures.clone()),
            Box::new(self.clock_sets.clone()),
            Box::new(self.http_requests.clone()),
            Box::new(self.http_seconds.clone()),
            Box::new(self.http_connections.clone()),
            Box::new(self.http_refused.clone()),
            Box::new(self.http_panics.clone()),
            Box::new(self.sign_ins.clone()),
            Box::new(self.tokens_given.clone()),
        ];
        collectors
            .into_iter()
            .try_for_each(|collector| self.registry.register(collector))
    }

    /// A rate over a series that appears with its first event misses that event.
    fn start_at_zero(&self) {
        for cause in Cause::ALL {
            self.released.with_label_values(&[cause.as_str()]);
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

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}
