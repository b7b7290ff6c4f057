//! How the gated interfaces are doing, for metrics, `/readyz` and the check of MAC addresses.

use std::net::IpAddr;

use crate::mac::Mac;

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the network stack, for drivers without XDP.
    Generic,
}

/// How the tc programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcMode {
    /// By links, kernel 6.6 and newer.
    Tcx,
    /// By filters of a clsact queueing discipline.
    Clsact,
}

/// One gated interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceStatus {
    /// Its name, as configured.
    pub name: String,
    /// Its zone.
    pub zone: u16,
    /// Its number in the kernel; 0 until it was seen.
    pub index: u32,
    /// The number of the bridge it is a port of.
    pub bridge: Option<u32>,
    /// Its MAC address, where it exists.
    pub mac: Option<Mac>,
    /// How it is gated; `None` while it is missing or could not be attached.
    pub attached: Option<(XdpMode, TcMode)>,
    /// How often it was gated anew since the daemon started.
    pub reattached: u64,
}

/// All gated interfaces, in the order of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GateStatus {
    /// One each.
    pub interfaces: Vec<InterfaceStatus>,
    /// The gateway's own addresses, in order.
    pub addresses: Vec<IpAddr>,
    /// MAC addresses of all of the gateway's interfaces.
    pub own: Vec<Mac>,
    /// MAC addresses of the routers that the gateway itself uses.
    pub routers: Vec<Mac>,
}

#[cfg(test)]
impl InterfaceStatus {
    /// One that has not been seen yet.
    pub(crate) fn unseen(name: &str, zone: u16) -> Self {
        Self {
            name: name.to_owned(),
            zone,
            index: 0,
            bridge: None,
            mac: None,
            attached: None,
            reattached: 0,
        }
    }
}

impl GateStatus {
    /// Whether every interface is gated.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.interfaces
            .iter()
            .all(|interface| interface.attached.is_some())
    }

    /// Whether any interface is gated.
    #[must_use]
    pub fn any(&self) -> bool {
        self.interfaces
            .iter()
            .any(|interface| interface.attached.is_some())
    }

    /// Whether this is the gateway's own MAC address.
    #[must_use]
    pub fn owns(&self, mac: Mac) -> bool {
        self.own.contains(&mac) || self.interfaces.iter().any(|interface| interface.mac == Some(mac))
    }

    /// Whether this is a router of the gateway's: admitted, it would let in everybody behind it.
    #[must_use]
    pub fn is_router(&self, mac: Mac) -> bool {
        self.routers.contains(&mac)
    }

    /// Whether this is one of the gateway's own addresses.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.addresses.binary_search(&address).is_ok()
    }
}
