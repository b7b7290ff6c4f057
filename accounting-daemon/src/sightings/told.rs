//! What the engine knows already, so that it is told only what is new to an open session.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{gate::Neighbour, ledger::ADDRESSES_MAX, mac::DeviceId};

/// Addresses in one letter; what is beyond them comes with the next sweep.
const LETTER_MAX: usize = 1_024;

/// The addresses that were told, by open sessions; `S` tells one session of a device from the next.
#[derive(Debug)]
pub(super) struct Told<S>(BTreeMap<DeviceId, Known<S>>);

#[derive(Debug)]
struct Known<S> {
    session: S,
    /// Few, in the order in which they were told.
    addresses: Vec<IpAddr>,
}

impl<S> Default for Told<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<S: Copy + PartialEq> Told<S> {
    /// What is new of what is seen to open sessions; it counts as told.
    pub(super) fn news<'a>(
        &mut self,
        seen: impl Iterator<Item = &'a Neighbour>,
        session_of: impl Fn(DeviceId) -> Option<S>,
    ) -> Vec<(DeviceId, IpAddr)> {
        self.0
            .retain(|device, known| session_of(*device) == Some(known.session));
        let mut news = Vec::new();
        for one in seen {
            if news.len() == LETTER_MAX {
                break;
            }
            let Some(session) = session_of(one.device) else {
                continue;
            };
            let known = self.0.entry(one.device).or_insert_with(|| Known::new(session));
            if known.addresses.len() < ADDRESSES_MAX && !known.addresses.contains(&one.address) {
                known.addresses.reserve_exact(1);
                known.addresses.push(one.address);
                news.push((one.device, one.address));
            }
        }
        news
    }

    /// It was not told after all.
    pub(super) fn take_back(&mut self, news: &[(DeviceId, IpAddr)]) {
        for (device, address) in news {
            if let Some(known) = self.0.get_mut(device) {
                known.addresses.retain(|told| told != address);
            }
        }
    }
}

impl<S> Known<S> {
    fn new(session: S) -> Self {
        Self {
            session,
            addresses: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn entry(who: u8, last: u8) -> Neighbour {
        Neighbour {
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, who]),
                zone: 0,
            },
            address: IpAddr::from([10, 77, 0, last]),
            confirmed: 0,
            changed: 0,
        }
    }

    #[test]
    fn each_session_is_told_once_and_the_next_one_anew() {
        let mut told = Told::default();
        let seen = [entry(1, 7), entry(1, 8), entry(2, 9)];
        let news = |told: &mut Told<u8>, session: u8| {
            let of = |device: DeviceId| (device.mac.0[5] == 1).then_some(session);
            told.news(seen.iter(), of)
        };
        let both: Vec<_> = seen[..2].iter().map(|one| (one.device, one.address)).collect();
        assert_eq!(news(&mut told, 1), both, "who is not online is no news");
        assert_eq!(news(&mut told, 1), []);
        told.take_back(&both[..1]);
        assert_eq!(news(&mut told, 1), both[..1], "the mailbox was full");
        assert_eq!(news(&mut told, 2), both, "another session");
        assert_eq!(told.news([].iter(), |_| None), []);
        assert!(told.0.is_empty(), "what has ended is forgotten");
    }

    #[test]
    fn a_letter_and_a_session_have_room_for_so_many() {
        let mut told = Told::default();
        let crowd: Vec<_> = (0..=70)
            .flat_map(|who| (0..=20).map(move |last| entry(who, last)))
            .collect();
        let mut sweep = || told.news(crowd.iter(), |_| Some(())).len();
        assert_eq!((sweep(), sweep(), sweep()), (1_024, 71 * 16 - 1_024, 0));
    }
}
