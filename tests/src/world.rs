//! The network that the tables speak of: who has which address, and what is open to strangers.

use accounting_ebpf::layout::{Garden, Port, address};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The device that is judged.
pub const DEVICE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x11];
/// The gateway's MAC.
pub const GATEWAY: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
/// A third device's MAC.
pub const OTHER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x33];
/// The group address of IEEE 802.1X.
pub const PORT_ACCESS: [u8; 6] = [0x01, 0x80, 0xc2, 0, 0, 0x03];
/// The broadcast address.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// The zone of the interface.
pub const ZONE: u16 = 7;
/// The portal's ports.
pub const PORTAL: [u16; 2] = [2050, 443];

/// The addresses of one family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// The device's.
    pub device: IpAddr,
    /// The gateway's on the gated side.
    pub own: IpAddr,
    /// The gateway's on another side.
    pub own_too: IpAddr,
    /// A configured resolver elsewhere.
    pub resolver: IpAddr,
    /// In the walled garden, everything open.
    pub open: IpAddr,
    /// In the walled garden, port 8443 only, within the open prefix.
    pub narrow: IpAddr,
    /// Nothing of these.
    pub foreign: IpAddr,
}

/// IPv4.
pub const V4: Family = Family {
    name: "IPv4",
    device: v4(10, 0, 0, 11),
    own: v4(10, 0, 0, 1),
    own_too: v4(192, 0, 2, 1),
    resolver: v4(9, 9, 9, 9),
    open: v4(203, 0, 113, 5),
    narrow: v4(203, 0, 113, 129),
    foreign: v4(198, 51, 100, 7),
};

/// IPv6.
pub const V6: Family = Family {
    name: "IPv6",
    device: v6([0xfd00, 0, 0, 0, 0, 0, 0, 0x11]),
    own: v6([0xfd00, 0, 0, 0, 0, 0, 0, 1]),
    own_too: v6([0x2001, 0xdb8, 2, 0, 0, 0, 0, 1]),
    resolver: v6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe]),
    open: v6([0x2001, 0xdb8, 0x5, 0, 0, 0, 0, 5]),
    narrow: v6([0x2001, 0xdb8, 0x5, 1, 0, 0, 0, 5]),
    foreign: v6([0x2001, 0xdb8, 0x66, 0, 0, 0, 0, 7]),
};

/// Both families: what one gets, the other gets.
pub const FAMILIES: [Family; 2] = [V4, V6];

/// The gateway's link-local address.
pub const LINK_LOCAL: IpAddr = v6([0xfe80, 0, 0, 0, 0, 0, 0, 1]);
/// All routers on the link.
pub const ROUTERS: IpAddr = v6([0xff02, 0, 0, 0, 0, 0, 0, 2]);
/// All nodes on the link.
pub const NODES: IpAddr = v6([0xff02, 0, 0, 0, 0, 0, 0, 1]);
/// All DHCPv6 servers and relays.
pub const DHCP_SERVERS: IpAddr = v6([0xff02, 0, 0, 0, 0, 0, 1, 2]);
/// 255.255.255.255
pub const EVERYBODY: IpAddr = v4(255, 255, 255, 255);
/// 0.0.0.0
pub const NOBODY: IpAddr = v4(0, 0, 0, 0);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(words: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = words;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

/// The interface, with no limit on strangers, counted in XDP.
#[must_use]
pub const fn port() -> Port {
    Port {
        budget_key: 0x0123_4567_89ab_cdef,
        budget_cost: 0,
        budget_burst: 0,
        interface_cost: 0,
        interface_burst: 0,
        zone: ZONE,
        mac: GATEWAY,
        portal_ports: [PORTAL[0], PORTAL[1], 0, 0],
        gateway: GATEWAY,
        redirect_port: PORTAL[0],
        uplink_in_tc: 0,
        refuse: 0,
        learn: 0,
        garden: 1,
    }
}

/// What `ADDRESSES` holds.
#[must_use]
pub fn addresses() -> Vec<(IpAddr, u32)> {
    let of = |family: Family| {
        [
            (family.own, address::OWN),
            (family.own_too, address::OWN),
            (family.resolver, address::RESOLVER),
        ]
    };
    FAMILIES
        .into_iter()
        .flat_map(of)
        .chain([(LINK_LOCAL, address::OWN)])
        .collect()
}

/// What `GARDEN4` and `GARDEN6` hold: prefix, its length in bits, and what is open there.
#[must_use]
pub fn gardens() -> Vec<(IpAddr, u32, Garden)> {
    let narrow = Garden {
        ports: [8443, 0, 0, 0],
    };
    vec![
        (v4(203, 0, 113, 0), 24, Garden::default()),
        (v4(203, 0, 113, 128), 25, narrow),
        (v6([0x2001, 0xdb8, 0x5, 0, 0, 0, 0, 0]), 48, Garden::default()),
        (v6([0x2001, 0xdb8, 0x5, 1, 0, 0, 0, 0]), 64, narrow),
    ]
}
