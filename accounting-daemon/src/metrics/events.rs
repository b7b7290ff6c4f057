//! What is told to be counted.

use std::time::Duration;

use prometheus::HistogramTimer;

use super::{Alarm, GrantType, Metrics, PortalMetrics, RedeemResult, Route, SignIn, StatusClass};
use crate::{
    engine::Observer,
    ledger::{Cause, RedeemError},
};

impl Metrics {
    /// What the portal counts.
    #[must_use]
    pub fn portal(&self) -> &PortalMetrics {
        &self.portal
    }

    /// Something is wrong with a client.
    pub fn alarm(&self, kind: Alarm) {
        self.alarms.with_label_values(&[kind.as_str()]).inc();
    }

    /// The wall clock was set.
    pub fn clock_set(&self) {
        self.clock_sets.inc();
    }

    /// How many sessions are open.
    pub fn sessions_open(&self, sessions: u64) {
        self.sessions_open
            .set(i64::try_from(sessions).unwrap_or(i64::MAX));
    }

    /// A session was released.
    pub fn released(&self, cause: Cause) {
        self.released.with_label_values(&[cause.as_str()]).inc();
    }

    /// A redemption was answered.
    pub fn redeemed(&self, result: RedeemResult) {
        self.redemptions.with_label_values(&[result.as_str()]).inc();
    }

    /// How many commands waited for the engine's last round.
    pub fn mailbox_depth(&self, commands: u64) {
        self.mailbox_depth
            .set(i64::try_from(commands).unwrap_or(i64::MAX));
    }

    /// The engine's mailbox was full.
    pub fn mailbox_refused(&self) {
        self.mailbox_refused.inc();
    }

    /// The store has made `commands` durable in one commit that took `took`.
    pub fn committed(&self, took: Duration, commands: u64) {
        self.commands.inc_by(commands);
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// The store refused a commit.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// Measures a request until the timer is dropped.
    pub fn request_timer(&self, route: Route) -> HistogramTimer {
        self.http_seconds
            .with_label_values(&[route.as_str()])
            .start_timer()
    }

    /// A request was answered with a status.
    pub fn answered(&self, route: Route, status: u16) {
        let class = StatusClass::of(status);
        self.http_requests
            .with_label_values(&[route.as_str(), class.as_str()])
            .inc();
    }

    /// A connection of the api listener was opened (`1`) or closed (`-1`).
    pub fn connections(&self, change: i64) {
        self.http_connections.add(change);
    }

    /// A connection was closed at once.
    pub fn connection_refused(&self) {
        self.http_refused.inc();
    }

    /// A request ended in a panic.
    pub fn panicked(&self) {
        self.http_panics.inc();
    }

    /// Credentials were checked.
    pub fn signed_in(&self, result: SignIn) {
        self.sign_ins.with_label_values(&[result.as_str()]).inc();
    }

    /// An access token was given.
    pub fn token_given(&self, grant: GrantType) {
        self.tokens_given.with_label_values(&[grant.as_str()]).inc();
    }
}

impl Observer for Metrics {
    fn released(&self, cause: Cause) {
        Self::released(self, cause);
    }

    fn round(&self, letters: usize, online: usize) {
        self.mailbox_depth(u64::try_from(letters).unwrap_or(u64::MAX));
        self.sessions_open(u64::try_from(online).unwrap_or(u64::MAX));
    }

    fn mailbox_full(&self) {
        self.mailbox_refused();
    }

    fn kernel_failed(&self) {
        self.kernel_failures.inc();
    }

    fn attempts(&self, refused: usize) {
        self.guessing.refused(refused);
    }

    fn store_failing(&self, failing: bool) {
        self.store_failing.set(i64::from(failing));
    }
}

impl From<&RedeemError> for RedeemResult {
    fn from(error: &RedeemError) -> Self {
        match error {
            RedeemError::TooManyAttempts { .. } => Self::TooManyAttempts,
            RedeemError::UnknownCode => Self::UnknownCode,
            RedeemError::WrongLocation => Self::WrongLocation,
            RedeemError::ClockNotSet => Self::ClockNotSet,
            RedeemError::NotYetValid { .. } => Self::NotYetValid,
            RedeemError::Expired => Self::Expired,
            RedeemError::Depleted => Self::Depleted,
            RedeemError::NoSeat { .. } => Self::NoSeat,
            RedeemError::GateFull => Self::GateFull,
        }
    }
}
