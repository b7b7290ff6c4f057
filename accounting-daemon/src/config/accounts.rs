//! The settings of signing in and of the audit.

use std::time::Duration;

use super::reader::Table;
use crate::store::AuditRetention;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const DAY_S: u64 = 24 * 60 * 60;

/// How long what signing in gives is good for, and how often it may fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInConfig {
    /// How long an access token is good for.
    pub access_token_lifetime: Duration,
    /// How long a refresh token is good for.
    pub refresh_token_lifetime: Duration,
    /// Failures a minute for an account.
    pub account_failures_max: u32,
    /// Failures a minute for an address; of IPv6 for the first 64 bits.
    pub address_failures_max: u32,
}

impl Default for SignInConfig {
    fn default() -> Self {
        Self {
            // Clients of the record API know this number: seven days less a second.
            access_token_lifetime: Duration::from_secs(7 * DAY_S - 1),
            refresh_token_lifetime: Duration::from_secs(15 * DAY_S),
            account_failures_max: 10,
            address_failures_max: 30,
        }
    }
}

impl SignInConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let default = Self::default();
        let mut lifetime = |key, default: Duration| {
            Duration::from_secs(table.number(key, 60, 3_650 * DAY_S, default.as_secs()))
        };
        let config = Self {
            access_token_lifetime: lifetime("access_token_lifetime_s", default.access_token_lifetime),
            refresh_token_lifetime: lifetime("refresh_token_lifetime_s", default.refresh_token_lifetime),
            account_failures_max: table.number(
                "account_failures_per_minute",
                1,
                1_000,
                default.account_failures_max,
            ),
            address_failures_max: table.number(
                "address_failures_per_minute",
                1,
                10_000,
                default.address_failures_max,
            ),
        };
        table.finish();
        config
    }
}

impl AuditRetention {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let retention = Self {
            period: DAY_MS * i64::from(table.number("retention_days", 1, 36_500, 365_u32)),
            records_max: table.number("records_max", 1_000, 100_000_000, 1_000_000),
        };
        table.finish();
        retention
    }
}
