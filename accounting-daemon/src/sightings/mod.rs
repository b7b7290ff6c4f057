//! What can be seen of the clients from the gateway: the addresses of their sessions, and what is an alarm.
//!
//! A sweep every few seconds, off the engine's thread. An alarm refuses nobody: a gate by MAC address cannot tell a clone from
//! its original.

mod clones;
mod hush;
mod told;

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, time::MissedTickBehavior};

use self::{clones::Clones, hush::Hush, told::Told};
use crate::{
    clock::Clock,
    engine::{Engine, Reading},
    gate::{Neighbour, Stats, neighbours, status::GateStatus},
    metrics::{Alarm, Metrics},
};

/// How often the neighbour tables and the counts of frames are looked at.
const SWEEP: Duration = Duration::from_secs(2);

/// An entry that nothing was heard of for so many milliseconds says where a device was once.
const FRESH_MS: u64 = 120_000;

/// Looks at the clients until it is told to stop.
pub(crate) struct Sightings {
    status: watch::Receiver<Arc<GateStatus>>,
    engine: Engine,
    metrics: Arc<Metrics>,
    clock: Clock,
    stats: Stats,
    told: Told<i64>,
    clones: Clones,
    cloned: Hush,
    /// Frames of rogues that were counted up to the last sweep; `None` before the first.
    rogues: Option<u64>,
    rogue: Hush,
    /// Whether the present trouble with the tables was told.
    blind: bool,
}

impl Sightings {
    /// What it looks at, and whom it tells.
    #[must_use]
    pub(crate) fn new(
        status: watch::Receiver<Arc<GateStatus>>,
        engine: Engine,
        metrics: Arc<Metrics>,
        clock: Clock,
        stats: Stats,
    ) -> Self {
        Self {
            status,
            engine,
            metrics,
            clock,
            stats,
            told: Told::default(),
            clones: Clones::default(),
            cloned: Hush::default(),
            rogues: None,
            rogue: Hush::default(),
            blind: false,
        }
    }

    /// Sweeps until `stop` is ready. Needs the runtime, in the network namespace of the interfaces.
    pub(crate) async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = sweep.tick() => {}
            }
            self.look_at_frames();
            let status = Arc::clone(&self.status.borrow());
            match neighbours(&status).await {
                Ok(seen) => {
                    self.blind = false;
                    self.look_at_neighbours(&seen);
                }
                Err(error) => {
                    if !self.blind {
                        tracing::warn!(%error, "the addresses of clients cannot be seen");
                    }
                    self.blind = true;
                }
            }
        }
    }

    fn look_at_neighbours(&mut self, seen: &[Neighbour]) {
        let now = self.clock.monotonic();
        let meters = self.engine.meters();
        let fresh = seen.iter().filter(|one| lasts(one));
        let session_of = |device| meters.of(device).map(Reading::origin);
        let news = self.told.news(fresh, session_of);
        if !news.is_empty() && !self.engine.saw(news.clone()) {
            // The mailbox is full: told with the next sweep.
            self.told.take_back(&news);
        }
        let alarmed = self.clones.look(seen, now);
        for device in &alarmed {
            tracing::debug!(mac = %device.mac, zone = device.zone, "two addresses at once");
            self.metrics.alarm(Alarm::Clone);
        }
        if let Some(devices) = self.cloned.say(alarmed.len() as u64, now) {
            tracing::warn!(
                devices,
                "a MAC address is in use with several IPv4 addresses at once: a clone, or several hosts behind one device"
            );
        }
    }

    fn look_at_frames(&mut self) {
        let Ok(count) = self.stats.rogues() else {
            return;
        };
        // Fewer than before: the gate was made anew.
        let before = self.rogues.replace(count).unwrap_or(count).min(count);
        let frames = count - before;
        if frames > 0 {
            self.metrics.alarm(Alarm::Rogue);
            if let Ok(Some(device)) = self.stats.last_rogue() {
                tracing::debug!(mac = %device.mac, zone = device.zone, "plays router or DHCP server");
            }
        }
        if let Some(frames) = self.rogue.say(frames, self.clock.monotonic()) {
            tracing::warn!(
                frames,
                "a client plays router or DHCP server: its frames are dropped"
            );
        }
    }
}

/// Whether an entry tells where its device is now, with an address that means something elsewhere.
fn lasts(seen: &Neighbour) -> bool {
    let link_local = matches!(seen.address, IpAddr::V6(six) if six.is_unicast_link_local());
    !link_local && seen.confirmed.min(seen.changed) < FRESH_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::{DeviceId, Mac};

    #[test]
    fn what_was_and_what_means_nothing_elsewhere_is_not_told() {
        let entry = |address: &str, confirmed, changed| Neighbour {
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, 1]),
                zone: 0,
            },
            address: address.parse().unwrap(),
            confirmed,
            changed,
        };
        let old = FRESH_MS;
        assert!(lasts(&entry("10.77.0.7", 0, old)) && lasts(&entry("2001:db8::7", old, 0)));
        assert!(!lasts(&entry("10.77.0.7", old, old)) && !lasts(&entry("fe80::7", 0, 0)));
    }
}
