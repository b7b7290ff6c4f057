//! The tables, and the version of their layout.

use redb::TableDefinition;

/// The layout that this program writes.
pub(super) const VERSION: u64 = 1;

/// Single values by name; see the constants below.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Token number to token.
pub(super) const TOKENS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("tokens");
/// Folded code to token number.
pub(super) const CODES: TableDefinition<'_, &str, u64> = TableDefinition::new("codes");
/// Session number to open session.
pub(super) const SESSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sessions");
/// Session number, or number of a run, to usage record.
pub(super) const USAGE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("usage");
/// Numbers of the tokens on which elapsed time runs.
pub(super) const RUNS: TableDefinition<'_, u64, ()> = TableDefinition::new("runs");
/// Token number and a number that grows, to adjustment.
pub(super) const ADJUSTMENTS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("adjustments");
/// E-mail address to password hash of an administrator.
pub(super) const ADMINISTRATORS: TableDefinition<'_, &str, &str> = TableDefinition::new("administrators");

/// In [`META`]: the version, 8 bytes.
pub(super) const META_VERSION: &str = "version";
/// In [`META`]: the checkpoint.
pub(super) const META_CHECKPOINT: &str = "checkpoint";
/// In [`META`]: the next number of a token, 8 bytes.
pub(super) const META_NEXT_TOKEN: &str = "next_token";
/// In [`META`]: the next number of a session, 8 bytes.
pub(super) const META_NEXT_SESSION: &str = "next_session";
