//! The trail of a stream: each of its packets on both sides of the gate.

use std::collections::BTreeSet;
use std::ops::RangeBounds;
use std::time::Duration;

/// One packet at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Monotonic time of the kernel.
    pub(super) at: Duration,
    /// The sender's count, from 0; 0 on a page.
    pub(super) number: u64,
    /// Bytes of the frame.
    pub(super) length: usize,
}

#[cfg(test)]
impl Seen {
    /// The one of this number, one each millisecond.
    pub(super) fn of(number: u64) -> Self {
        Self {
            at: Duration::from_millis(number),
            number,
            length: 60,
        }
    }
}

/// A stream on both sides of the gate, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    /// Where it was sent: proof that there was something to stop.
    pub(super) near: Vec<Seen>,
    /// Where it was going.
    pub(super) far: Vec<Seen>,
}

impl Trail {
    /// Packets that were sent within a time.
    #[must_use]
    pub(super) fn sent(&self, within: &impl RangeBounds<Duration>) -> usize {
        count(&self.near, within)
    }

    /// Packets that arrived within a time.
    #[must_use]
    pub(super) fn arrived(&self, within: &impl RangeBounds<Duration>) -> usize {
        count(&self.far, within)
    }

    /// Datagrams that were sent within a time and never arrived.
    #[must_use]
    pub(super) fn missing(&self, within: &impl RangeBounds<Duration>) -> usize {
        let arrived: BTreeSet<u64> = self.far.iter().map(|seen| seen.number).collect();
        let lost = |seen: &&Seen| within.contains(&seen.at) && !arrived.contains(&seen.number);
        self.near.iter().filter(lost).count()
    }
}

fn count(trail: &[Seen], within: &impl RangeBounds<Duration>) -> usize {
    trail.iter().filter(|seen| within.contains(&seen.at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_and_did_not_arrive_is_missing() {
        let trail = Trail {
            near: (0..10).map(Seen::of).collect(),
            far: [0, 1, 2, 3, 5, 6, 7].map(Seen::of).to_vec(),
        };
        let all = ..Duration::MAX;
        assert_eq!(
            (trail.sent(&all), trail.arrived(&all), trail.missing(&all)),
            (10, 7, 3)
        );
        let early = Duration::from_millis(2)..Duration::from_millis(5);
        assert_eq!(
            (trail.sent(&early), trail.arrived(&early), trail.missing(&early)),
            (3, 2, 1)
        );
    }
}
