//! The only reader of clocks on the side of the tests.
//!
//! Monotonic times are durations since boot, so that they compare with the kernel's own (`bpf_ktime_get_ns`).

use std::time::Duration;

use anyhow::{Result, bail};
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::{Timespec, clock_gettime};

/// The monotonic clock: time since boot, suspend excluded, in nanoseconds' resolution.
#[must_use]
pub fn monotonic() -> Duration {
    duration(clock_gettime(rustix::time::ClockId::Monotonic))
}

/// The wall clock: time since 1970-01-01T00:00:00Z. It can be stepped.
#[must_use]
pub fn wall() -> Duration {
    duration(clock_gettime(rustix::time::ClockId::Realtime))
}

/// Sleeps until the monotonic clock shows `at`; returns at once when it is past.
pub fn sleep_until(at: Duration) {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let request = Timespec {
        tv_sec: seconds,
        tv_nsec: i64::from(at.subsec_nanos()),
    };
    while clock_nanosleep_absolute(ClockId::Monotonic, &request) == Err(rustix::io::Errno::INTR) {}
}

/// Asks `probe` every 5 ms until it answers `Some`. Fails after `limit`, naming `what` was waited for.
///
/// # Errors
/// When the limit is reached, and whatever `probe` fails with.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let end = monotonic() + limit;
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if monotonic() >= end {
            bail!("waited {} ms in vain for {what}", limit.as_millis());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn duration(time: Timespec) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_in_vain_names_what_it_waited_for() {
        let failed = wait_for::<()>("the tide", Duration::from_millis(10), || Ok(None)).unwrap_err();
        assert!(failed.to_string().contains("the tide"), "{failed}");
    }

    #[test]
    fn sleeping_until_a_time_does_not_wake_before_it() {
        let at = monotonic() + Duration::from_millis(3);
        sleep_until(at);
        assert!(monotonic() >= at);
    }
}
