//! The balance of a token: all that the accounting needs of it. It is in memory while the token is used; the rest of the
//! token, such as its code and its texts, stays on disk.

use super::{MaybeCount, MaybeTime, Metering, Mutant, Run, TokenId, broken};
use crate::mac::Mac;

/// What a token is judged by and charged to. Times are milliseconds since 1970-01-01T00:00:00Z, lengths are milliseconds.
///
/// One is held for each token in use, so absent values are packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBalance {
    /// Number of the token.
    pub id: TokenId,
    /// See [`super::Token`], as all that follow.
    pub business_id: u64,
    /// Not before.
    pub valid_from: MaybeTime,
    /// Not at or after.
    pub valid_to: MaybeTime,
    /// The last redemption.
    pub last_access: MaybeTime,
    /// What it is good for; below zero where more was taken back than there was.
    pub entitled: i64,
    /// What was charged up to `settled`.
    pub used: u64,
    /// Monotonic milliseconds.
    pub settled: u64,
    /// The run on elapsed time.
    pub run: Option<Box<Run>>,
    /// Simultaneous devices.
    pub user_limit: MaybeCount,
    /// How many times as fast as the clock `used` grows from `settled` on.
    pub draws: u32,
    /// The device admitted last.
    pub mac_address: Option<Mac>,
    /// How its clock runs.
    pub metering: Metering,
}

/// `max(0, entitled - used)`.
pub(super) fn left(entitled: i64, used: u64) -> u64 {
    u64::try_from(entitled.saturating_sub_unsigned(used)).unwrap_or(0)
}

/// Milliseconds to reckon with below zero.
pub(super) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

impl TokenBalance {
    /// What is left: `max(0, entitled - used)`.
    #[must_use]
    pub fn left(&self) -> u64 {
        left(self.entitled, self.used)
    }

    /// How many devices may use it at once.
    #[must_use]
    pub fn seats(&self) -> u32 {
        let none = if broken(Mutant::NullMeansMany) { 2 } else { 1 };
        self.user_limit.get().unwrap_or(none).max(1)
    }

    /// Charges up to an instant of the monotonic clock as the balance runs down by itself: never more than is left.
    pub fn bring_up(&mut self, monotonic: u64) {
        let grown = monotonic
            .saturating_sub(self.settled)
            .saturating_mul(self.draws.into())
            .min(self.left());
        self.used += grown;
        self.settled = self.settled.max(monotonic);
        if let Some(run) = &mut self.run {
            run.charged += grown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_takes_few_bytes() {
        assert_eq!(size_of::<TokenBalance>(), 88);
        assert_eq!(size_of::<Option<TokenBalance>>(), 88);
    }

    #[test]
    fn a_balance_runs_down_to_zero_and_stays_there() {
        let mut balance = TokenBalance {
            id: 1,
            business_id: 1,
            valid_from: None.into(),
            valid_to: None.into(),
            last_access: None.into(),
            entitled: 1_000,
            used: 100,
            settled: 50,
            run: None,
            user_limit: Some(2).into(),
            draws: 2,
            mac_address: None,
            metering: Metering::ConnectedTime,
        };
        balance.bring_up(40);
        assert_eq!(balance.left(), 900, "the past is settled");
        balance.bring_up(150);
        assert_eq!((balance.left(), balance.settled), (700, 150));
        balance.bring_up(9_000);
        assert_eq!((balance.left(), balance.used), (0, 1_000));
    }
}
