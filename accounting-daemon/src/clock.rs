//! The only file that reads clocks.

use std::{io, os::fd::OwnedFd, time::Duration};

use rustix::{
    io::Errno,
    time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
        timerfd_create, timerfd_settime,
    },
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::ledger::Now;

/// The clocks of this machine, and whether the calendar can be believed.
#[derive(Clone, Debug)]
pub struct Clock {
    boot: [u8; 16],
    trust_rtc: bool,
    /// A clock that nobody keeps in step is not trusted before it.
    floor: i64,
}

/// The kernel does not say which boot this is.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the boot id from {BOOT_ID}: mount /proc")]
pub struct NoBootId;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// In 2262 the kernel's clock of nanoseconds ends: no timer rings after it.
const NEVER_S: i64 = 9_223_372_036;

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
        self.look().0
    }

    /// Both clocks, now, and whether the kernel says that something keeps the wall clock in step.
    #[must_use]
    pub fn look(&self) -> (Now, bool) {
        let monotonic = self.monotonic();
        let wall = clock_gettime(ClockId::Realtime);
        let wall = wall
            .tv_sec
            .saturating_mul(1_000)
            .saturating_add(wall.tv_nsec / 1_000_000);
        let synchronised = synchronised();
        let now = Now {
            monotonic,
            wall,
            trusted: synchronised || self.trust_rtc && wall >= self.floor,
        };
        (now, synchronised)
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
}

/// A timer that rings when the wall clock is set, and at no other time.
pub trait SetTimer {
    /// Has it ring at the next step; what came before is forgotten.
    ///
    /// # Errors
    /// The kernel's.
    fn arm(&mut self) -> io::Result<()>;

    /// Waits until it rings.
    ///
    /// # Errors
    /// The kernel's.
    fn rung(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// The kernel's timer: one that is due when the calendar ends and is cancelled by a step of the wall clock.
#[derive(Debug)]
pub struct KernelTimer(AsyncFd<OwnedFd>);

impl KernelTimer {
    /// A timer that is not armed. Needs the runtime.
    ///
    /// # Errors
    /// The kernel's: it is older than 3.0, or there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        // SAFETY: an `OwnedFd` is open, stays the same one, and is not given away before the `AsyncFd` is dropped.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE)? };
        Ok(Self(timer))
    }
}

impl SetTimer for KernelTimer {
    fn arm(&mut self) -> io::Result<()> {
        let never = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: NEVER_S,
                tv_nsec: 0,
            },
        };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(self.0.get_ref(), flags, &never)?;
        Ok(())
    }

    async fn rung(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            match rustix::io::read(self.0.get_ref(), &mut [0; 8]) {
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::CANCELED) | Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Tells of each step of the wall clock, for as long as the timer works. It is armed before anybody is told: a step after
/// that rings again, and one before it is seen by whoever reads the clock then.
///
/// # Errors
/// Those of the timer.
pub async fn watch(mut timer: impl SetTimer, mut tell: impl FnMut()) -> io::Result<()> {
    loop {
        timer.arm()?;
        tell();
        timer.rung().await?;
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

    /// "The wall clock is trusted when the kernel says it is synchronised (`adjtimex`), or when there is an RTC, the
    /// time is not before the persisted floor and `trust_rtc` is on (default: on where an RTC exists)."
    #[test]
    fn a_clock_before_the_floor_is_not_trusted() {
        let now = Clock::new(true, None).unwrap().now();
        assert!(now.trusted);
        let late = Clock::new(true, Some(now.wall + 60_000)).unwrap();
        assert_eq!(late.now().trusted, synchronised());
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

    type Log = std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>;

    /// Rings so often and then fails; writes down what it is asked.
    struct Rings(usize, Log);

    impl SetTimer for Rings {
        fn arm(&mut self) -> io::Result<()> {
            self.1.lock().unwrap().push("arm");
            Ok(())
        }

        async fn rung(&mut self) -> io::Result<()> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::Other)?;
            self.1.lock().unwrap().push("ring");
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_timer_is_armed_before_the_clock_is_read_each_time() {
        let log = Log::default();
        let told = watch(Rings(2, log.clone()), || log.lock().unwrap().push("read"));
        told.await.unwrap_err();
        let log = log.lock().unwrap();
        let expected = ["arm", "read", "ring", "arm", "read", "ring", "arm", "read"];
        assert_eq!(*log, expected);
    }

    // That a step cancels it shows in the lab, with the machine's clock.
    #[tokio::test]
    async fn the_kernel_takes_the_timer_and_it_does_not_ring_by_itself() {
        let mut timer = KernelTimer::new().unwrap();
        timer.arm().unwrap();
        let read = rustix::io::read(timer.0.get_ref(), &mut [0; 8]);
        assert_eq!(read, Err(Errno::AGAIN));
    }
}
