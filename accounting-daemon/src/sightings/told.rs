//! What the engine knows already, so that it is told only what is new to an open session.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Arc, Weak},
};

use crate::{
    engine::{Meters, SessionMeter},
    gate::Neighbour,
    ledger::ADDRESSES_MAX,
    mac::DeviceId,
};

/// Addresses in one letter; what is beyond them comes with the next sweep.
const LETTER_MAX: usize = 1_024;

/// The addresses that were told, by open sessions.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<DeviceId, Known>);

#[derive(Debug, Default)]
struct Known {
    /// Tells one session of a device from the next.
    meter: Weak<SessionMeter>,
    addresses: BTreeSet<IpAddr>,
}

impl Told {
    /// What is new of what is seen; it counts as told.
    pub(super) fn news<'a>(
        &mut self,
        seen: impl Iterator<Item = &'a Neighbour>,
        meters: &Meters,
    ) -> Vec<(DeviceId, IpAddr)> {
        self.0
            .retain(|_, known| known.meter.upgrade().is_some_and(|meter| !meter.ended()));
        let mut news = Vec::new();
        for one in seen {
            if news.len() == LETTER_MAX {
                break;
            }
            let Some(meter) = meters.of(one.device) else {
                continue;
            };
            let meter = Arc::downgrade(&meter);
            let known = self.0.entry(one.device).or_default();
            if !Weak::ptr_eq(&known.meter, &meter) {
                *known = Known {
                    meter,
                    ..Known::default()
                };
            }
            if known.addresses.len() < ADDRESSES_MAX && known.addresses.insert(one.address) {
                news.push((one.device, one.address));
            }
        }
        news
    }

    /// It was not told after all.
    pub(super) fn take_back(&mut self, news: &[(DeviceId, IpAddr)]) {
        for (device, address) in news {
            if let Some(known) = self.0.get_mut(device) {
                known.addresses.remove(address);
            }
        }
    }
}
