//! Which entries of the neighbour tables are held: those of devices that are online, a few each, and of the gateway's own routers.
//!
//! A table is the machine's, and has room for as many entries as `gc_thresh3` says. Strangers can fill it, each by asking for the
//! portal from an invented address; then the kernel throws out what did not change for five seconds, and finds no room for
//! it again.

use std::collections::BTreeMap;

use crate::{gate::Neighbour, ledger::ADDRESSES_MAX, mac::DeviceId};

/// Entries of one device that are held; with what an IPv6 host has besides its lasting addresses.
const HELD_MAX: usize = ADDRESSES_MAX;

/// Entries of the gateway's own routers that are held with one sweep.
pub(super) const ROUTERS_MAX: usize = 64;

/// Entries that change in one sweep; what is beyond them changes with the next.
const CHANGES_MAX: usize = 1_024;

/// What is to be held from now on, and what not any more (`false`).
pub(super) fn changes(seen: &[Neighbour], is_online: impl Fn(DeviceId) -> bool) -> Vec<(Neighbour, bool)> {
    let mut held: BTreeMap<DeviceId, usize> = BTreeMap::new();
    let mut changes = Vec::new();
    // Those that are held come first: an address more does not take the place of another.
    let (kept, free): (Vec<&Neighbour>, Vec<&Neighbour>) = seen.iter().partition(|one| one.held);
    for one in kept.into_iter().chain(free) {
        let count = held.entry(one.device).or_default();
        let wanted = *count < HELD_MAX && is_online(one.device);
        *count += usize::from(wanted);
        if wanted != one.held && changes.len() < CHANGES_MAX {
            changes.push((*one, wanted));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn entry(who: u8, last: u16, held: bool) -> Neighbour {
        Neighbour {
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, 0, who]),
                zone: 0,
            },
            address: [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into(),
            confirmed: 0,
            changed: 0,
            interface: 3,
            held,
        }
    }

    fn numbers(seen: &[Neighbour]) -> Vec<(u8, bool)> {
        let online = |device: DeviceId| device.mac.0[5] < 100;
        let changed = changes(seen, online).into_iter();
        changed.map(|(one, held)| (one.device.mac.0[5], held)).collect()
    }

    #[test]
    fn who_is_online_is_held_and_nobody_else() {
        let seen = [
            entry(1, 1, false),
            entry(2, 2, true),
            entry(100, 3, false),
            entry(101, 4, true),
        ];
        assert_eq!(numbers(&seen), [(101, false), (1, true)]);
    }

    #[test]
    fn a_device_with_many_addresses_holds_a_few() {
        let many: Vec<_> = (0..1_000).map(|last| entry(1, last, false)).collect();
        assert_eq!(numbers(&many).len(), HELD_MAX);
        let mut kept: Vec<_> = (0..1_000).map(|last| entry(1, last, last >= 984)).collect();
        assert_eq!(numbers(&kept), [], "those that are held stay");
        kept[0].held = true;
        assert_eq!(numbers(&kept), [(1, false)]);
    }

    #[test]
    fn a_sweep_changes_so_many() {
        let many: Vec<_> = (0..5_000).map(|last| entry(101, last, true)).collect();
        assert_eq!(numbers(&many).len(), CHANGES_MAX);
    }
}
