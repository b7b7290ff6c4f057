//! Who may pass: the decision about a frame, from what the maps say and nothing else.
//!
//! [`standing`] judges the device. Only for one without a live deadline is the frame read, and the pass table of
//! [`uplink`] or [`downlink`] consulted. IPv4 and IPv6 take the same path.

use crate::address::{Address, Mac};
use crate::budget::{self, Cells};
use crate::frame::{Error, Ethernet, Packet, Payload, Protocol, Tags};
use crate::layout::{Garden, Port, TOKEN_BLOCKED, TOKEN_BYPASS, address};
use crate::verdict::Verdict;
use crate::window::Window;

pub(crate) const DNS: u16 = 53;
pub(crate) const DHCP_SERVER: u16 = 67;
pub(crate) const DHCP_CLIENT: u16 = 68;
pub(crate) const NTP: u16 = 123;
pub(crate) const DHCP6_CLIENT: u16 = 546;
pub(crate) const DHCP6_SERVER: u16 = 547;

const ECHO_REPLY: u16 = 0;
const ECHO: u16 = 8;
const ECHO6: u16 = 128;
const ECHO6_REPLY: u16 = 129;
pub(crate) const LISTENER_QUERY: u16 = 130;
const LISTENER_REPORT: u16 = 131;
const LISTENER_DONE: u16 = 132;
const ROUTER_SOLICITATION: u16 = 133;
const ROUTER_ADVERTISEMENT: u16 = 134;
const NEIGHBOUR_SOLICITATION: u16 = 135;
const NEIGHBOUR_ADVERTISEMENT: u16 = 136;
pub(crate) const REDIRECT: u16 = 137;
pub(crate) const LISTENER_REPORT_2: u16 = 143;

/// What the maps know of addresses.
pub trait Addresses {
    /// The flags of an address in `ADDRESSES`; 0 when it is not there.
    fn flags(&self, address: &Address) -> u32;

    /// What the walled garden opens at an address.
    fn garden(&self, address: &Address) -> Option<Garden>;

    /// Whether the gateway itself has this address.
    #[inline(always)]
    fn owns(&self, address: &Address) -> bool {
        self.flags(address) & address::OWN != 0
    }
}

/// How a device stands at `now`: blocked, session, bypass or expired. Times in nanoseconds; the earlier deadline wins.
#[inline(always)]
#[must_use]
pub const fn standing(token: u32, token_deadline: u64, device_deadline: u64, now: u64) -> Verdict {
    if token == TOKEN_BLOCKED {
        Verdict::Blocked
    } else if now >= token_deadline || now >= device_deadline {
        Verdict::Expired
    } else if token == TOKEN_BYPASS {
        Verdict::Bypass
    } else {
        Verdict::Session
    }
}

/// Decides about a frame from a device. `standing` is [`Verdict::Stranger`] for a device without an entry.
#[inline(always)]
pub fn uplink<M: Addresses + Cells>(
    standing: Verdict,
    ethernet: Ethernet,
    window: Window<'_>,
    port: &Port,
    maps: &M,
) -> Verdict {
    if !judges_frame(standing) {
        return standing;
    }
    let asked = match payload(ethernet, window) {
        Err(verdict) => verdict,
        Ok(Payload::Arp) => Verdict::Arp,
        Ok(Payload::Eapol) => {
            let to_gateway =
                ethernet.destination == Mac::new(port.mac) || ethernet.destination == Mac::PORT_ACCESS;
            if to_gateway { Verdict::Eapol } else { standing }
        }
        Ok(Payload::Ip(packet)) => packet_up(&packet, standing, port, maps),
    };
    match asked {
        Verdict::Garden => Verdict::Garden,
        _ if !asked.passes() => asked,
        _ if budget::spend(
            ethernet.source,
            if asked == Verdict::Dns { 2 } else { 1 },
            port,
            maps,
        ) =>
        {
            asked
        }
        _ => Verdict::Budget,
    }
}

/// Decides about a frame to a single device. `forwarded`: it came in by some interface; else the gateway made it.
#[inline(always)]
pub fn downlink<M: Addresses>(
    standing: Verdict,
    ethernet: Ethernet,
    window: Window<'_>,
    port: &Port,
    forwarded: bool,
    maps: &M,
) -> Verdict {
    if !judges_frame(standing) {
        return standing;
    }
    match payload(ethernet, window) {
        Err(verdict) => verdict,
        Ok(Payload::Arp) if !forwarded => Verdict::Arp,
        Ok(Payload::Eapol) if !forwarded => Verdict::Eapol,
        Ok(Payload::Arp | Payload::Eapol) => standing,
        Ok(Payload::Ip(packet)) => packet_down(&packet, standing, port, forwarded, maps),
    }
}

/// Decides about a frame to a group of devices.
#[inline(always)]
#[must_use]
pub const fn multicast(forwarded: bool) -> Verdict {
    if forwarded {
        Verdict::ForeignMulticast
    } else {
        Verdict::GatewayMulticast
    }
}

/// Whether it takes the frame itself to decide; else the device's standing is the verdict.
#[inline(always)]
#[must_use]
pub const fn judges_frame(standing: Verdict) -> bool {
    matches!(standing, Verdict::Stranger | Verdict::Expired)
}

#[inline(always)]
fn payload<'a>(ethernet: Ethernet, window: Window<'a>) -> Result<Payload, Verdict> {
    let tags = Tags::read(ethernet, window).map_err(refusal)?;
    if tags.vlan != 0 {
        return Err(Verdict::Vlan);
    }
    Payload::read(tags).map_err(refusal)
}

const fn refusal(error: Error) -> Verdict {
    match error {
        Error::Short | Error::Header => Verdict::Malformed,
        Error::EtherType => Verdict::Ethertype,
        Error::Fragment => Verdict::Fragment,
        Error::NextHeader => Verdict::NextHeader,
    }
}

/// What the table opens to a packet if the address at the gateway's end carries one of the flags; a flag of 0 opens it at
/// any address, [`Verdict::Rogue`] closes it.
struct Service {
    verdict: Verdict,
    needs: u32,
}

impl Service {
    const NONE: Self = Self::at(Verdict::Stranger, 0);

    const fn at(verdict: Verdict, needs: u32) -> Self {
        Self { verdict, needs }
    }
}

#[inline(always)]
fn packet_up<M: Addresses>(packet: &Packet, standing: Verdict, port: &Port, maps: &M) -> Verdict {
    let service = service_up(packet, port);
    match service.verdict {
        Verdict::Stranger => {}
        verdict if service.needs == 0 => return verdict,
        verdict if maps.flags(&packet.destination) & service.needs != 0 => return verdict,
        _ => {}
    }
    garden(
        packet,
        &packet.destination,
        packet.transport.destination,
        standing,
        maps,
    )
}

#[inline(always)]
fn service_up(packet: &Packet, port: &Port) -> Service {
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
fn packet_down<M: Addresses>(
    packet: &Packet,
    standing: Verdict,
    port: &Port,
    forwarded: bool,
    maps: &M,
) -> Verdict {
    let service = service_down(packet, port, forwarded);
    match service.verdict {
        Verdict::Stranger => {}
        verdict if service.needs == 0 => return verdict,
        verdict if maps.flags(&packet.source) & service.needs != 0 => return verdict,
        _ => {}
    }
    garden(packet, &packet.source, packet.transport.source, standing, maps)
}

#[inline(always)]
fn service_down(packet: &Packet, port: &Port, forwarded: bool) -> Service {
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

#[inline(always)]
pub(crate) fn is_portal(at: u16, port: &Port) -> bool {
    at != 0 && opens(port.portal_ports, at)
}

#[inline(always)]
fn opens(ports: [u16; 4], at: u16) -> bool {
    ports[0] == at || ports[1] == at || ports[2] == at || ports[3] == at
}

/// The walled garden, for a packet whose far end is `remote` at port `at`; what it does not open stays as it stands.
#[inline(always)]
fn garden<M: Addresses>(packet: &Packet, remote: &Address, at: u16, standing: Verdict, maps: &M) -> Verdict {
    let Some(Garden { ports }) = maps.garden(remote) else {
        return standing;
    };
    let everything = ports == [0; 4];
    let open = match packet.transport.protocol {
        Protocol::Udp | Protocol::Tcp => everything || (at != 0 && opens(ports, at)),
        Protocol::Icmp => everything && matches!(packet.transport.source, ECHO | ECHO_REPLY),
        Protocol::Icmpv6 => everything && matches!(packet.transport.source, ECHO6 | ECHO6_REPLY),
    };
    if open { Verdict::Garden } else { standing }
}
