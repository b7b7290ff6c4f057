//! The settings of sessions: when silence ends one, how often somebody may try codes, how long records are kept.

use std::time::Duration;

use super::{DAY_S, SECOND, reader::Table};

const DAY: Duration = Duration::from_secs(DAY_S);

/// The rules that an operator may choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionsConfig {
    /// Silence after which a session on connected time ends; `None`: never.
    pub idle_timeout: Option<Duration>,
    /// Whether that silence is charged.
    pub bill_idle: bool,
    /// The cap of one session; `None`: none.
    pub session_timeout: Option<Duration>,
    /// Silence after which a seat is given to the next device that asks.
    pub seat_silence: Duration,
    /// Wrong codes that one device may try in a minute, at least 1.
    pub attempts_per_device: usize,
    /// Wrong codes that one client or address may try in a minute, at least 1.
    pub attempts_per_client: usize,
}

/// How long the records of released sessions are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageConfig {
    /// From their release on.
    pub retention: Duration,
}

impl SessionsConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let length = |seconds: u32| SECOND * seconds;
        let config = Self {
            idle_timeout: table
                .number_or_off("idle_timeout_s", 30, DAY_S, Some(600))
                .map(length),
            bill_idle: table.flag("bill_idle").unwrap_or(false),
            session_timeout: table
                .number_or_off("session_timeout_s", 60, 365 * DAY_S, None)
                .map(length),
            // A takeover that is asked for needs 30 s of silence; one that is not cannot need less.
            seat_silence: length(table.number("seat_silence_s", 30, DAY_S, 120)),
            attempts_per_device: table.number("attempts_per_device", 1, 10_000, 10),
            attempts_per_client: table.number("attempts_per_client", 1, 1_000_000, 300),
        };
        table.finish();
        config
    }
}

impl UsageConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let days: u32 = table.number("retention_days", 1, 36_500, 365);
        table.finish();
        Self {
            retention: DAY * days,
        }
    }
}
