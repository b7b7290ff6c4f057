//! The time as the ledger sees it: a parameter, never a question.

/// One reading of both clocks. `clock.rs` makes it; everything else takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of `CLOCK_MONOTONIC`: the clock of every duration and of the kernel's deadlines. Starts anew at
    /// each boot.
    pub monotonic: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z: the clock of calendar limits.
    pub wall: i64,
    /// Whether calendar limits may be judged by `wall`.
    pub trusted: bool,
}

impl Now {
    /// How far the wall clock is from the monotonic one, in milliseconds; constant while nobody sets a clock.
    #[must_use]
    pub fn offset(self) -> i64 {
        self.wall
            .saturating_sub(i64::try_from(self.monotonic).unwrap_or(i64::MAX))
    }

    /// The instant of the monotonic clock at which the wall clock shows `wall`, if neither is set; 0 for a time before
    /// the monotonic clock began.
    #[must_use]
    pub fn monotonic_at(self, wall: i64) -> u64 {
        let distance = wall.saturating_sub(self.wall);
        if distance >= 0 {
            self.monotonic.saturating_add(distance.unsigned_abs())
        } else {
            self.monotonic.saturating_sub(distance.unsigned_abs())
        }
    }

    /// What the wall clock showed at an earlier (or shows at a later) instant of the monotonic clock.
    #[must_use]
    pub fn wall_at(self, monotonic: u64) -> i64 {
        let distance = |a: u64, b: u64| i64::try_from(a.saturating_sub(b)).unwrap_or(i64::MAX);
        if monotonic <= self.monotonic {
            self.wall.saturating_sub(distance(self.monotonic, monotonic))
        } else {
            self.wall.saturating_add(distance(monotonic, self.monotonic))
        }
    }
}
