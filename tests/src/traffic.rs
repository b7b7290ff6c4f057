//! Packets of one who has paid and of one who has not, both ways in both families, while something happens to the daemon.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::hotspot::{HOSTS, Hotspot, Watched};
use crate::lab::{Download, Flow};

/// What is on its way when the end is looked at.
const SETTLE: Duration = Duration::from_millis(300);

/// Packets a second of the one who has paid, each way in each family.
const PAID: u32 = 1_000;

/// The same of the other.
const UNPAID: u32 = 500;

/// How far the last packet that arrived may be behind the last that was sent.
const BEHIND_MAX: u64 = 200;

/// The flows, each with a witness at its far end.
#[derive(Debug)]
pub struct Traffic {
    up: [Watched<Flow>; 2],
    down: [Watched<Download>; 2],
    unpaid: [Watched<Flow>; 4],
}

impl Traffic {
    /// Has client 1 send and receive as one who is online, and client 2 as one who would like to be.
    ///
    /// # Errors
    /// When a flow or a witness does not start.
    pub fn start(hotspot: &Hotspot) -> Result<Self> {
        let (paid, unpaid) = (hotspot.client(1), hotspot.client(2));
        hotspot
            .lab
            .internet()
            .ip("route replace 10.77.0.0/24 via 198.51.100.2\n")?;
        let [four, six] = HOSTS;
        Ok(Self {
            up: [
                hotspot.uplink(paid, four, PAID)?,
                hotspot.uplink(paid, six, PAID)?,
            ],
            down: [
                hotspot.downlink(paid, four, PAID)?,
                hotspot.downlink(paid, six, PAID)?,
            ],
            unpaid: [
                hotspot.uplink(unpaid, four, UNPAID)?,
                hotspot.uplink(unpaid, six, UNPAID)?,
                hotspot.unasked(unpaid, four, UNPAID)?,
                hotspot.unasked(unpaid, six, UNPAID)?,
            ],
        })
    }

    /// Ends it; gives how many packets of the one who has paid arrived.
    ///
    /// # Errors
    /// When one of them was lost, the flow has stopped, or a packet of the other one passed.
    pub fn look(self) -> Result<usize> {
        std::thread::sleep(SETTLE);
        let mut arrived = 0;
        for flow in &self.up {
            let sent = flow.flow.sent();
            let gaps = flow.gaps()?;
            ensure!(gaps.is_empty(), "lost on the way up: {gaps:?} of {sent}");
            let seen = flow.arrived()?;
            let last = seen.last().map_or(0, |last| last.stamp.number);
            ensure!(last + BEHIND_MAX > sent, "the uplink stopped at {last} of {sent}");
            arrived += seen.len();
        }
        for flow in &self.down {
            let gaps = flow.gaps()?;
            ensure!(gaps.is_empty(), "lost on the way down: {gaps:?}");
            arrived += flow.arrived()?.len();
        }
        for flow in self.unpaid {
            ensure!(flow.flow.sent() > 100, "nobody tried to get through for nothing");
            let passed = flow.arrived()?.len();
            ensure!(passed == 0, "{passed} unpaid packets passed");
        }
        Ok(arrived)
    }
}
