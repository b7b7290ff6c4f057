//! How many connections each address has: one alone must not take all places.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bits of an IPv6 address that one host can choose.
const HOST_BITS: u32 = 64;

/// The connections of each address.
#[derive(Debug)]
pub(super) struct Crowd {
    max: usize,
    connections: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that is counted while it lives.
#[derive(Debug)]
pub(super) struct Counted {
    crowd: Arc<Crowd>,
    /// `None`: not counted.
    address: Option<IpAddr>,
}

impl Crowd {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            connections: Mutex::default(),
        })
    }

    /// Counts another connection; `None` when its address has as many as it may. Those from this machine are not counted:
    /// a proxy on it brings everybody.
    pub(super) fn enter(self: &Arc<Self>, from: Option<IpAddr>) -> Option<Counted> {
        let address = from.and_then(counted_as);
        if let Some(address) = address {
            let mut connections = self.connections();
            let count = connections.entry(address).or_default();
            if *count >= self.max {
                return None;
            }
            *count += 1;
        }
        let crowd = Arc::clone(self);
        Some(Counted { crowd, address })
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host has a whole network of IPv6 addresses for itself.
fn counted_as(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V6(address) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS);
            Some(network.into())
        }
        address @ IpAddr::V4(_) => Some(address),
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut connections = self.crowd.connections();
        if let Some(count) = connections.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_no_more() {
        let crowd = Crowd::new(2);
        let enter = |address: &str| crowd.enter(Some(address.parse().unwrap()));
        let (first, _second) = (enter("192.0.2.1").unwrap(), enter("::ffff:192.0.2.1").unwrap());
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some(), "another one");
        drop(first);
        assert!(enter("192.0.2.1").is_some(), "there is room again");

        let _network = (enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap());
        assert!(enter("2001:db8::3").is_none(), "of the same host");
        assert!(enter("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn this_machine_is_not_counted_and_nothing_stays_behind() {
        let crowd = Crowd::new(1);
        let local =
            ["127.0.0.1", "127.0.0.1", "::1"].map(|address| crowd.enter(Some(address.parse().unwrap())));
        assert!(local.iter().all(Option::is_some) && crowd.enter(None).is_some());
        drop(crowd.enter(Some("192.0.2.1".parse().unwrap())));
        assert!(crowd.connections().is_empty());
    }
}
