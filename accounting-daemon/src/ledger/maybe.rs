//! Values that may be absent, in no more room than those that are there: they lie in memory once for each token in use.

/// A time in milliseconds since 1970, or none. The earliest of all stands for none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaybeTime(i64);

/// A count, or none. The greatest of all stands for none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MaybeCount(u32);

impl MaybeTime {
    const NONE: i64 = i64::MIN;

    /// The time, where there is one.
    #[must_use]
    pub const fn get(self) -> Option<i64> {
        if self.0 == Self::NONE { None } else { Some(self.0) }
    }
}

impl From<Option<i64>> for MaybeTime {
    fn from(time: Option<i64>) -> Self {
        Self(time.unwrap_or(Self::NONE))
    }
}

impl MaybeCount {
    const NONE: u32 = u32::MAX;

    /// The count, where there is one.
    #[must_use]
    pub const fn get(self) -> Option<u32> {
        if self.0 == Self::NONE { None } else { Some(self.0) }
    }
}

impl From<Option<u32>> for MaybeCount {
    fn from(count: Option<u32>) -> Self {
        Self(count.unwrap_or(Self::NONE))
    }
}

impl std::fmt::Debug for MaybeTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

impl std::fmt::Debug for MaybeCount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}
