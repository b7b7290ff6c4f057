//! The pass table: which packets between a stranger and the gateway or a resolver pass, and what their addresses must be.

use crate::address::Address;
use crate::frame::{Packet, Protocol};
use crate::layout::{Port, address};
use crate::verdict::Verdict;

const DNS: u16 = 53;
const DHCP_SERVER: u16 = 67;
const DHCP_CLIENT: u16 = 68;
const NTP: u16 = 123;
const DHCP6_CLIENT: u16 = 546;
const DHCP6_SERVER: u16 = 547;

pub(crate) const ECHO_REPLY: u16 = 0;
pub(crate) const ECHO: u16 = 8;
pub(crate) const ECHO6: u16 = 128;
pub(crate) const ECHO6_REPLY: u16 = 129;
pub(crate) const LISTENER_QUERY: u16 = 130;
const LISTENER_REPORT: u16 = 131;
const LISTENER_DONE: u16 = 132;
const ROUTER_SOLICITATION: u16 = 133;
const ROUTER_ADVERTISEMENT: u16 = 134;
const NEIGHBOUR_SOLICITATION: u16 = 135;
const NEIGHBOUR_ADVERTISEMENT: u16 = 136;
pub(crate) const REDIRECT: u16 = 137;
pub(crate) const LISTENER_REPORT_2: u16 = 143;

/// What the table opens to a packet if the address at the gateway's end carries one of the flags; a flag of 0 opens it at
/// any address, [`Verdict::Rogue`] closes it.
pub(crate) struct Service {
    pub(crate) verdict: Verdict,
    pub(crate) needs: u32,
}

impl Service {
    const NONE: Self = Self::at(Verdict::Stranger, 0);

    const fn at(verdict: Verdict, needs: u32) -> Self {
        Self { verdict, needs }
    }
}

#[inline(always)]
pub(crate) fn up(packet: &Packet, port: &Port) -> Service {
    let (v4, to, transport) = (packet.destination.is_v4(), packet.destination, packet.transport);
    match (transport.protocol, transport.source, transport.destination) {
        (Protocol::Udp, DHCP_CLIENT, DHCP_SERVER) if v4 => Service::at(
            Verdict::Dhcp,
            if to == Address::BROADCAST { 0 } else { address::OWN },
        ),
        (Protocol::Udp, DHCP6_CLIENT, DHCP6_SERVER) if !v4 => Service::at(
            Verdict::Dhcp,
            if to == Address::DHCP_SERVERS {
                0
            } else {
                address::OWN
            },
        ),
        (Protocol::Udp, DHCP_SERVER, DHCP_CLIENT) | (Protocol::Udp, DHCP6_SERVER, DHCP6_CLIENT) => {
            Service::at(Verdict::Rogue, 0)
        }
        (Protocol::Udp | Protocol::Tcp, _, DNS) => {
            Service::at(Verdict::Dns, address::OWN | address::RESOLVER)
        }
        (Protocol::Udp, _, NTP) => Service::at(Verdict::Ntp, address::OWN),
        (Protocol::Tcp, _, at) if is_portal(at, port) => Service::at(Verdict::Portal, address::OWN),
        (Protocol::Icmpv6, kind, _) => match kind {
            ROUTER_SOLICITATION | NEIGHBOUR_SOLICITATION | NEIGHBOUR_ADVERTISEMENT
                if packet.hops == 255 && !packet.fragment_header =>
            {
                let on_link = to.is_multicast() || to.is_link_local();
                Service::at(Verdict::Neighbour, if on_link { 0 } else { address::OWN })
            }
            LISTENER_REPORT | LISTENER_DONE | LISTENER_REPORT_2 if to.is_multicast() => {
                Service::at(Verdict::Neighbour, 0)
            }
            LISTENER_QUERY | ROUTER_ADVERTISEMENT | REDIRECT => Service::at(Verdict::Rogue, 0),
            _ => Service::NONE,
        },
        _ => Service::NONE,
    }
}

#[inline(always)]
pub(crate) fn down(packet: &Packet, port: &Port, forwarded: bool) -> Service {
    let (v4, transport) = (packet.source.is_v4(), packet.transport);
    match (transport.protocol, transport.source, transport.destination) {
        (Protocol::Udp | Protocol::Tcp, DNS, _) => Service::at(
            Verdict::Dns,
            if forwarded {
                address::RESOLVER
            } else {
                address::OWN | address::RESOLVER
            },
        ),
        _ if forwarded => Service::NONE,
        (Protocol::Udp, DHCP_SERVER, DHCP_CLIENT) if v4 => Service::at(Verdict::Dhcp, address::OWN),
        (Protocol::Udp, DHCP6_SERVER, DHCP6_CLIENT) if !v4 => Service::at(Verdict::Dhcp, address::OWN),
        (Protocol::Udp, NTP, _) => Service::at(Verdict::Ntp, address::OWN),
        (Protocol::Tcp, at, _) if is_portal(at, port) => Service::at(Verdict::Portal, address::OWN),
        // Link-local sources need no look-up: the gateway made the frame, and its address may be younger than the map.
        (Protocol::Icmpv6, LISTENER_QUERY..=NEIGHBOUR_ADVERTISEMENT | LISTENER_REPORT_2, _) => Service::at(
            Verdict::Neighbour,
            if packet.source.is_link_local() {
                0
            } else {
                address::OWN
            },
        ),
        _ => Service::NONE,
    }
}

/// Whether the table has anything for packets to this port, or against them; if not, the full reading is spared.
#[inline(always)]
pub(crate) fn may_be_service(protocol: Protocol, to: u16, port: &Port) -> bool {
    match protocol {
        Protocol::Udp => {
            matches!(
                to,
                DNS | DHCP_SERVER | DHCP_CLIENT | NTP | DHCP6_CLIENT | DHCP6_SERVER
            )
        }
        Protocol::Tcp => to == DNS || is_portal(to, port),
        Protocol::Icmp | Protocol::Icmpv6 => true,
    }
}

#[inline(always)]
fn is_portal(at: u16, port: &Port) -> bool {
    at != 0 && opens(port.portal_ports, at)
}

#[inline(always)]
pub(crate) fn opens(ports: [u16; 4], at: u16) -> bool {
    ports[0] == at || ports[1] == at || ports[2] == at || ports[3] == at
}
