//! When a session ends, as the API tells it: in whole seconds, so each answer gives a window, and many a narrow one.

use std::time::Duration;

/// The end lies after `from` and not after `to`, both monotonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The end is later than this.
    pub(super) from: Duration,
    /// And not later than this.
    pub(super) to: Duration,
}

impl Window {
    /// What one answer says: asked and answered at these times, with so many seconds left, rounded up.
    #[must_use]
    pub(super) fn told(asked: Duration, answered: Duration, seconds_left: u64) -> Self {
        Self {
            from: asked + Duration::from_secs(seconds_left.saturating_sub(1)),
            to: answered + Duration::from_secs(seconds_left),
        }
    }

    /// What both say, or `None` when they contradict each other.
    #[must_use]
    pub(super) fn and(self, other: Self) -> Option<Self> {
        let (from, to) = (self.from.max(other.from), self.to.min(other.to));
        (from < to).then_some(Self { from, to })
    }

    /// Its middle.
    #[must_use]
    pub(super) fn middle(&self) -> Duration {
        self.from + self.width() / 2
    }

    /// The next time at which the seconds left should change, if they still do: an answer just then halves the window.
    #[must_use]
    pub(super) fn next_change(&self, now: Duration) -> Option<Duration> {
        let left = self.middle().checked_sub(now)?;
        Some(now + Duration::from_nanos(left.subsec_nanos().into()))
    }

    /// Its width.
    #[must_use]
    pub(super) fn width(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }

    /// Milliseconds from the middle of the window to `at`: positive when that is late.
    #[must_use]
    pub(super) fn lateness_ms(&self, at: Duration) -> f64 {
        (at.as_secs_f64() - self.middle().as_secs_f64()) * 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn answers_at_the_change_of_a_second_make_the_window_narrow() {
        // It ends at 10,500 ms: 4 s are left until 6,500 ms, then 3 s.
        let late = Window::told(ms(6_490), ms(6_492), 5);
        let early = Window::told(ms(6_510), ms(6_512), 4);
        let both = late.and(early).unwrap();
        assert_eq!((both.from, both.to), (ms(10_490), ms(10_512)));
        assert_eq!((both.middle(), both.width()), (ms(10_501), ms(22)));
        assert!((both.lateness_ms(ms(10_499)) + 2.0).abs() < 0.001);
    }

    #[test]
    fn the_next_change_is_whole_seconds_before_the_end() {
        let window = Window {
            from: ms(10_490),
            to: ms(10_510),
        };
        assert_eq!(window.next_change(ms(6_400)), Some(ms(6_500)));
        assert_eq!(window.next_change(ms(6_501)), Some(ms(7_500)));
        assert_eq!(window.next_change(ms(11_000)), None);
    }

    #[test]
    fn an_end_that_moved_contradicts() {
        let before = Window::told(ms(1_000), ms(1_002), 50);
        assert_eq!(before.and(Window::told(ms(1_100), ms(1_102), 25)), None);
    }
}
