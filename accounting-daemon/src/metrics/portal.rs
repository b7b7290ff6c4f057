//! What the portal counts.

use prometheus::{Histogram, HistogramTimer, IntCounter, IntCounterVec, IntGauge};

use super::{
    PortalPage, StatusClass,
    list::{List, REQUEST_SECONDS},
};

/// The portal's part of the list.
pub struct PortalMetrics {
    requests: IntCounterVec,
    seconds: Histogram,
    connections: IntGauge,
    turned_away: IntCounter,
}

/// A connection that is open until this is dropped.
pub struct OpenConnection(IntGauge);

impl PortalMetrics {
    pub(super) fn new(list: &List) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: list.counters(
                "accounting_portal_requests_total",
                "Requests of guests answered, by page and class of status.",
                &["page", "class"],
            )?,
            seconds: list.seconds(
                "accounting_portal_request_seconds",
                "Seconds from the header of a guest's request to its answer.",
                REQUEST_SECONDS,
            )?,
            connections: list.gauge("accounting_portal_connections", "Connections of guests.")?,
            turned_away: list.counter(
                "accounting_portal_turned_away_total",
                "Connections closed because nobody behind a gated interface had opened them, or because one device had too \
                 many.",
            )?,
        };
        for page in PortalPage::ALL {
            for class in StatusClass::ALL {
                metrics
                    .requests
                    .with_label_values(&[page.as_str(), class.as_str()]);
            }
        }
        Ok(metrics)
    }

    /// Measures a request until the timer is dropped; probes and assets are not measured.
    #[must_use]
    pub fn timer(&self, page: PortalPage) -> Option<HistogramTimer> {
        let page = !matches!(page, PortalPage::Asset | PortalPage::Elsewhere);
        page.then(|| self.seconds.start_timer())
    }

    /// A request was answered with a status.
    pub fn answered(&self, page: PortalPage, status: u16) {
        let class = StatusClass::of(status);
        self.requests
            .with_label_values(&[page.as_str(), class.as_str()])
            .inc();
    }

    /// A connection was opened.
    #[must_use]
    pub fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// A connection was closed unheard.
    pub fn turned_away(&self) {
        self.turned_away.inc();
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
