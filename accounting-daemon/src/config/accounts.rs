//! The settings of the audit.

use super::reader::Table;
use crate::store::AuditRetention;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

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
