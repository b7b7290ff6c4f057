//! How a metric comes into being: made and put on the list in one step, so that none is made and forgotten.

use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector,
};

/// Seconds of a request, from a cached read to one that waits for a slow disk.
pub(super) const REQUEST_SECONDS: [f64; 10] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

/// Seconds of a commit, from fast solid-state storage to a tired memory card.
pub(super) const COMMIT_SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// The list that is exported.
#[derive(Default)]
pub(super) struct List(pub(super) Registry);

/// The errors are those of names that are invalid or there twice, which the tests exclude.
impl List {
    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.put(IntCounter::new(name, help)?)
    }

    pub(super) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.put(counters(name, help, labels)?)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.put(IntGauge::new(name, help)?)
    }

    pub(super) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.put(gauges(name, help, labels)?)
    }

    pub(super) fn seconds(&self, name: &str, help: &str, buckets: [f64; 10]) -> Result<Histogram, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.put(Histogram::with_opts(options)?)
    }

    pub(super) fn seconds_by(
        &self,
        name: &str,
        help: &str,
        buckets: [f64; 10],
        labels: &[&str],
    ) -> Result<HistogramVec, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.put(HistogramVec::new(options, labels)?)
    }

    pub(super) fn put<C: Collector + Clone + 'static>(&self, made: C) -> Result<C, Error> {
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }
}

/// Counters that are on no list.
pub(super) fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

/// Gauges that are on no list.
pub(super) fn gauges(name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
    IntGaugeVec::new(Opts::new(name, help), labels)
}
