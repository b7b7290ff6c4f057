//! One MAC address with two IPv4 addresses at once: a device that is given another address leaves the first, a clone and its
//! original come back to theirs in turn.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use crate::{gate::Neighbour, ledger::ADDRESSES_MAX, mac::DeviceId};

/// An address that is not confirmed for so many milliseconds is left. While traffic flows, the kernel asks within 15 to
/// 45 seconds and gives up five later.
const WINDOW_MS: u64 = 90_000;

/// How long a device is not alarmed about again, in milliseconds.
const AGAIN_MS: u64 = 600_000;

/// Two tellings of one confirmation may differ by so many milliseconds: a sweep takes time.
const JITTER_MS: u64 = 500;

/// Devices that are watched; others wait for room.
const DEVICES_MAX: usize = 65_536;

/// The addresses in use, by device.
#[derive(Debug, Default)]
pub(super) struct Clones(BTreeMap<DeviceId, Watched>);

#[derive(Debug, Default)]
struct Watched {
    /// With the first and the last confirmation since it came into use (monotonic milliseconds); [`ADDRESSES_MAX`] at most.
    addresses: Vec<(Ipv4Addr, u64, u64)>,
    alarmed: Option<u64>,
}

impl Clones {
    /// Looks at a whole sweep; answers the devices that are an alarm, each once in a while.
    pub(super) fn look(&mut self, seen: &[Neighbour], now: u64) -> Vec<DeviceId> {
        self.0.retain(|_, watched| watched.keeps(now));
        let mut alarms = Vec::new();
        for one in seen.iter().filter(|one| one.confirmed < WINDOW_MS) {
            let IpAddr::V4(address) = one.address else {
                continue;
            };
            if self.0.len() == DEVICES_MAX && !self.0.contains_key(&one.device) {
                continue;
            }
            let watched = self.0.entry(one.device).or_default();
            watched.confirm(address, now.saturating_sub(one.confirmed));
            if watched.alarmed.is_none() && watched.is_torn() {
                watched.alarmed = Some(now);
                alarms.push(one.device);
            }
        }
        alarms
    }
}

impl Watched {
    /// Forgets what is over; whether anything is left.
    fn keeps(&mut self, now: u64) -> bool {
        self.addresses
            .retain(|(.., last)| now.saturating_sub(*last) < WINDOW_MS);
        self.alarmed = self.alarmed.filter(|at| now.saturating_sub(*at) < AGAIN_MS);
        !self.addresses.is_empty() || self.alarmed.is_some()
    }

    fn confirm(&mut self, address: Ipv4Addr, at: u64) {
        let known = self.addresses.iter_mut().find(|(known, ..)| *known == address);
        if let Some((.., last)) = known {
            if at > *last + JITTER_MS {
                *last = at;
            }
        } else if self.addresses.len() < ADDRESSES_MAX {
            self.addresses.push((address, at, at));
        }
    }

    /// Whether one address was in use before and after another was.
    fn is_torn(&self) -> bool {
        let again = |(.., first, last): &(Ipv4Addr, u64, u64)| (*first, *last);
        self.addresses.iter().map(again).any(|(first, last)| {
            let others = self.addresses.iter().map(again);
            others
                .flat_map(|(one, other)| [one, other])
                .any(|at| first + JITTER_MS < at && at + JITTER_MS < last)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn entry(last: u8, confirmed: u64) -> Neighbour {
        Neighbour {
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, 1]),
                zone: 0,
            },
            address: IpAddr::from([10, 77, 0, last]),
            confirmed,
            changed: 0,
            interface: 3,
            held: false,
        }
    }

    /// Alarms of confirmations at instants, each seen a second later together with the older ones.
    fn alarms(confirmations: &[(u8, u64)]) -> usize {
        let mut clones = Clones::default();
        let mut table: BTreeMap<u8, u64> = BTreeMap::new();
        let mut alarms = 0;
        for (last, at) in confirmations {
            table.insert(*last, *at);
            let now = at + 1_000;
            let seen: Vec<_> = table.iter().map(|(last, at)| entry(*last, now - at)).collect();
            alarms += clones.look(&seen, now).len();
        }
        alarms
    }

    #[test]
    fn an_address_that_comes_back_after_another_is_an_alarm_once() {
        assert_eq!(alarms(&[(7, 0), (8, 20_000)]), 0);
        assert_eq!(alarms(&[(7, 0), (8, 20_000), (7, 40_000)]), 1);
        assert_eq!(
            alarms(&[(7, 0), (8, 20_000), (7, 40_000), (8, 60_000), (7, 80_000)]),
            1,
            "once for both"
        );
    }

    #[test]
    fn a_device_that_is_given_another_address_is_none() {
        let before = (0..9).map(|number| (7, number * 20_000));
        let after = (9..20).map(|number| (8, number * 20_000));
        assert_eq!(alarms(&before.chain(after).collect::<Vec<_>>()), 0);
        assert_eq!(alarms(&[(7, 0), (8, 80_000), (7, 200_000)]), 0, "long after");
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut clones = Clones::default();
        clones.look(&[entry(7, 0)], 1_000);
        clones.look(&[], 1_000 + WINDOW_MS);
        assert!(clones.0.is_empty());
        for last in 0..=200 {
            clones.look(&[entry(last, 0)], 200_000);
        }
        let watched = clones.0.values().next().unwrap();
        assert_eq!(watched.addresses.len(), ADDRESSES_MAX);
    }
}
