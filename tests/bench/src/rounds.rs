//! Rounds of requests over HTTP, and what they came to: the median of each figure counts.

use std::time::Duration;

use accounting_tests::lab::Daemon;
use anyhow::Result;

use crate::{
    load::Outcome,
    process,
    report::{grouped, judged, line, median, number, quantile},
};

/// The figures of each round.
#[derive(Default)]
pub(crate) struct Rounds {
    /// Requests a second.
    rate: Vec<f64>,
    /// Milliseconds within which half of them were answered.
    p50: Vec<f64>,
    /// Milliseconds within which 99 of 100 were.
    p99: Vec<f64>,
    /// Microseconds of the daemon's processor time for each.
    server: Vec<f64>,
    /// The same of this process.
    client: Vec<f64>,
}

impl Rounds {
    /// Takes the figures of a round, in which every request must have been granted; answers how many there were.
    pub(crate) fn measure(
        &mut self,
        daemon: &Daemon,
        round: impl FnOnce() -> Result<Outcome>,
    ) -> Result<f64> {
        let this = i32::try_from(std::process::id())?;
        let (server, client) = (process::cpu(daemon.pid()?)?, process::cpu(this)?);
        let outcome = round()?.granted()?;
        let answered = number(outcome.latencies.len());
        let spent = |before: Duration, id| -> Result<f64> {
            Ok(process::cpu(id)?.saturating_sub(before).as_secs_f64() * 1e6 / answered)
        };
        self.server.push(spent(server, daemon.pid()?)?);
        self.client.push(spent(client, this)?);
        self.rate.push(answered / outcome.took.as_secs_f64());
        self.p50.push(quantile(&outcome.latencies, 0.5));
        self.p99.push(quantile(&outcome.latencies, 0.99));
        Ok(answered)
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        median(&self.rate)
    }

    /// Prints them: the rate beside its target, and the slowest answers where they have one, in milliseconds.
    pub(crate) fn print(&self, what: &str, target: f64, p99_max: Option<f64>) {
        let rate = self.rate();
        judged(what, grouped(rate), &grouped(target), rate >= target);
        let (slowest, fastest) = (quantile(&self.rate, 0.0), quantile(&self.rate, 1.0));
        line(
            "  slowest and fastest round",
            format!("{}, {}", grouped(slowest), grouped(fastest)),
        );
        line("answered within, p50", format!("{:.1} ms", median(&self.p50)));
        let p99 = median(&self.p99);
        match p99_max {
            Some(max) => judged(
                "answered within, p99",
                format!("{p99:.1} ms"),
                &format!("{max} ms"),
                p99 < max,
            ),
            None => line("answered within, p99", format!("{p99:.1} ms")),
        }
        for (of, spent) in [("daemon", &self.server), ("client", &self.client)] {
            let what = format!("processor time of the {of} for each");
            line(&what, format!("{:.1} us", median(spent)));
        }
    }
}
