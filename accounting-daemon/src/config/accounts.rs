//! The settings of the first administrator, of signing in and of the audit.

use std::{path::PathBuf, time::Duration};

use super::{DAY_S, reader::Table};
use crate::store::AuditRetention;

const DAY_MS: i64 = DAY_S.cast_signed() * 1000;

/// The administrator that the first start makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorConfig {
    /// The name to sign in with; holds no colon.
    pub email: String,
    /// A file whose content becomes the first password; one is generated and printed without it.
    pub password_file: Option<PathBuf>,
}

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

impl AdministratorConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let default = "admin@localhost".to_owned();
        let value = table.get("email");
        let password_file = table.text("password_file").map(PathBuf::from);
        table.finish();
        let email = value.map_or(Some(default), |value| match value.text()? {
            email if is_email(email) => Some(email.to_owned()),
            _ => value.bad_text("an e-mail address without colons and spaces"),
        });
        Self {
            email: email.unwrap_or_default(),
            password_file,
        }
    }
}

/// Basic credentials end the name at the first colon.
pub(crate) fn is_email(text: &str) -> bool {
    text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && text
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && c != ':')
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
        let default = Self::default();
        let days = table.number("retention_days", 1, 36_500, default.period / DAY_MS);
        let retention = Self {
            period: DAY_MS * days,
            records_max: table.number("records_max", 1_000, 100_000_000, default.records_max),
        };
        table.finish();
        retention
    }
}
