//! The only file that reads clocks.

use std::{path::Path, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use crate::ledger::Now;

/// The clocks of this machine, and whether the calendar can be believed.
#[derive(Clone, Debug)]
pub struct Clock {
    boot: [u8; 16],
    trust_rtc: bool,
    /// No trusted time lies before it.
    floor: i64,
}

/// The kernel does not say which boot this is.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the boot id from {BOOT_ID}: mount /proc")]
pub struct NoBootId;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// 2025-01-01: a clock before it was never set.
const FLOOR_FIRST: i64 = 1_735_689_600_000;

impl Clock {
    /// The clocks; `trust_rtc` says whether a hardware clock is behind the calendar, `floor` is the latest time of which
    /// the store knows (wall clock milliseconds).
    ///
    /// # Errors
    /// [`NoBootId`] without /proc.
    pub fn new(trust_rtc: bool, floor: Option<i64>) -> Result<Self, NoBootId> {
        let text = std::fs::read_to_string(BOOT_ID).map_err(|_| NoBootId)?;
        let boot = text.trim().parse::<uuid::Uuid>().map_err(|_| NoBootId)?;
        Ok(Self {
            boot: boot.into_bytes(),
            trust_rtc,
            floor: floor.unwrap_or(FLOOR_FIRST).max(FLOOR_FIRST),
        })
    }

    /// Both clocks, now.
    #[must_use]
    pub fn now(&self) -> Now {
        let monotonic = self.monotonic();
        let wall = clock_gettime(ClockId::Realtime);
        let wall = wall
            .tv_sec
            .saturating_mul(1_000)
            .saturating_add(wall.tv_nsec / 1_000_000);
        Now {
            monotonic,
            wall,
            trusted: (self.trust_rtc || synchronised()) && wall >= self.floor,
        }
    }

    /// Milliseconds of the monotonic clock.
    #[must_use]
    pub fn monotonic(&self) -> u64 {
        u64::try_from(self.precise().as_millis()).unwrap_or(u64::MAX)
    }

    /// The monotonic clock in full resolution, for measuring how long something took.
    #[must_use]
    pub fn precise(&self) -> Duration {
        let time = clock_gettime(ClockId::Monotonic);
        Duration::new(
            time.tv_sec.unsigned_abs(),
            u32::try_from(time.tv_nsec).unwrap_or(0),
        )
    }

    /// Which boot the monotonic clock counts from.
    #[must_use]
    pub fn boot(&self) -> [u8; 16] {
        self.boot
    }

    /// Whether a hardware clock is there to be trusted.
    #[must_use]
    pub fn has_rtc() -> bool {
        Path::new("/dev/rtc0").exists()
    }
}

/// Whether the kernel says that something keeps the wall clock in step.
fn synchronised() -> bool {
    // SAFETY: `timex` is made of integers, for which zeros are a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `timex`; with `modes` 0 the call only fills it in.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    answer >= 0 && answer != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_the_floor_is_not_trusted() {
        let now = Clock::new(true, None).unwrap().now();
        assert!(now.trusted);
        assert!(!Clock::new(true, Some(now.wall + 60_000)).unwrap().now().trusted);
        assert_eq!(Clock::new(false, None).unwrap().now().trusted, synchronised());
    }

    #[test]
    fn the_monotonic_clock_is_the_kernels() {
        let clock = Clock::new(true, None).unwrap();
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let off = Duration::from_secs_f64(seconds).abs_diff(clock.precise());
        assert!(off < Duration::from_secs(30), "{off:?}");
    }
}
