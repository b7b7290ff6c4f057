//! Who may pass: the decision about a frame, from what the maps say and nothing else.
//!
//! [`standing`] judges the device. Only for one without a live deadline is the frame read, and the pass table of
//! [`uplink`] or [`downlink`] consulted. IPv4 and IPv6 take the same path.

use crate::address::{Address, Mac};
use crate::budget::{self, Cells};
use crate::frame::{Error, Ethernet, Packet, Payload, Protocol, Tags};
use crate::layout::{Garden, Port, TOKEN_BLOCKED, TOKEN_BYPASS, address};
use crate::plain::Plain;
use crate::refusal::Refusal;
use crate::service::{self, ECHO, ECHO_REPLY, ECHO6, ECHO6_REPLY, may_be_service, opens};
use crate::verdict::Verdict;
use crate::web::WEB;
use crate::window::Window;

/// Where a frame to a device comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came in by some interface.
    Forwarded,
    /// The gateway made it.
    Gateway,
    /// The gateway made it, and it bears the mark of the portal's sockets.
    Portal,
}

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

/// Whether a device with a session plays router or DHCP server toward others. What it sends to the gateway is not read: that would
/// cost every frame of a session, and a router heeds neither. The bypass list is the operator's own word for a device.
#[inline(always)]
pub fn is_rogue(standing: Verdict, ethernet: Ethernet, window: Window<'_>, port: &Port) -> bool {
    matches!(standing, Verdict::Session)
        && !is_to_gateway(ethernet, port)
        && matches!(
            payload(ethernet, window),
            Ok(Payload::Ip(packet)) if service::up(&packet, port).verdict == Verdict::Rogue
        )
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
    if let Some(plain) = Plain::read(ethernet, window)
        && !may_be_service(plain.protocol, plain.port, port)
    {
        let found = garden(
            plain.protocol,
            0,
            &plain.destination,
            plain.port,
            standing,
            port,
            maps,
        );
        return turn_away(found, ethernet, window, port, maps, || {
            is_web(plain.protocol, plain.port, &plain.destination, port, maps)
        });
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
        Verdict::Redirect if !is_to_gateway(ethernet, port) => standing,
        Verdict::Stranger | Verdict::Expired => turn_away(asked, ethernet, window, port, maps, || false),
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

/// What becomes of a frame that the garden has not opened: `found` is the device's standing then. Within the strangers'
/// budget the portal takes it or it is refused, beyond it is dropped.
#[inline(always)]
fn turn_away<M: Addresses + Cells>(
    found: Verdict,
    ethernet: Ethernet,
    window: Window<'_>,
    port: &Port,
    maps: &M,
    is_web: impl FnOnce() -> bool,
) -> Verdict {
    if !judges_frame(found) || !is_to_gateway(ethernet, port) {
        return found;
    }
    if is_web() {
        return if budget::spend(ethernet.source, 1, port, maps) {
            Verdict::Redirect
        } else {
            Verdict::Budget
        };
    }
    let answered = port.refuse != 0
        && Refusal::to(ethernet, window).is_some()
        && budget::spare(ethernet.source, port, maps);
    if answered { Verdict::Refused } else { found }
}

#[inline(always)]
fn is_to_gateway(ethernet: Ethernet, port: &Port) -> bool {
    ethernet.destination == Mac::new(port.gateway)
}

/// Whether a packet asks a web server elsewhere, in which case the portal answers.
#[inline(always)]
fn is_web<M: Addresses>(protocol: Protocol, at: u16, to: &Address, port: &Port, maps: &M) -> bool {
    protocol == Protocol::Tcp && at == WEB && port.redirect_port != 0 && !to.is_group() && !maps.owns(to)
}

/// Decides about a frame to a single device.
#[inline(always)]
pub fn downlink<M: Addresses>(
    standing: Verdict,
    ethernet: Ethernet,
    window: Window<'_>,
    port: &Port,
    origin: Origin,
    maps: &M,
) -> Verdict {
    if !judges_frame(standing) {
        return standing;
    }
    let forwarded = matches!(origin, Origin::Forwarded);
    match payload(ethernet, window) {
        Err(verdict) => verdict,
        Ok(Payload::Arp) if !forwarded => Verdict::Arp,
        Ok(Payload::Eapol) if !forwarded => Verdict::Eapol,
        Ok(Payload::Arp | Payload::Eapol) => standing,
        Ok(Payload::Ip(packet)) => packet_down(&packet, standing, port, origin, maps),
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
    let tags = Tags::read(ethernet, window.skip(Ethernet::LENGTH)).map_err(refusal)?;
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

#[inline(always)]
fn packet_up<M: Addresses>(packet: &Packet, standing: Verdict, port: &Port, maps: &M) -> Verdict {
    let service = service::up(packet, port);
    match service.verdict {
        Verdict::Stranger => {}
        verdict if service.needs == 0 => return verdict,
        verdict if maps.flags(&packet.destination) & service.needs != 0 => return verdict,
        _ => {}
    }
    let transport = packet.transport;
    let found = garden(
        transport.protocol,
        transport.source,
        &packet.destination,
        transport.destination,
        standing,
        port,
        maps,
    );
    if judges_frame(found)
        && is_web(
            transport.protocol,
            transport.destination,
            &packet.destination,
            port,
            maps,
        )
    {
        return Verdict::Redirect;
    }
    found
}

#[inline(always)]
fn packet_down<M: Addresses>(
    packet: &Packet,
    standing: Verdict,
    port: &Port,
    origin: Origin,
    maps: &M,
) -> Verdict {
    let answered = packet.transport.source;
    if origin == Origin::Portal && is_web(packet.transport.protocol, answered, &packet.source, port, maps) {
        return Verdict::Redirect;
    }
    let service = service::down(packet, port, origin == Origin::Forwarded);
    match service.verdict {
        Verdict::Stranger => {}
        verdict if service.needs == 0 => return verdict,
        verdict if maps.flags(&packet.source) & service.needs != 0 => return verdict,
        _ => {}
    }
    let transport = packet.transport;
    garden(
        transport.protocol,
        transport.source,
        &packet.source,
        transport.source,
        standing,
        port,
        maps,
    )
}

/// The walled garden, for a packet whose far end is `remote` at port `at`, or with an ICMP message of this type. What it
/// does not open stays as it stands.
#[inline(always)]
fn garden<M: Addresses>(
    protocol: Protocol,
    message: u16,
    remote: &Address,
    at: u16,
    standing: Verdict,
    port: &Port,
    maps: &M,
) -> Verdict {
    if port.garden == 0 {
        return standing;
    }
    let Some(Garden { ports }) = maps.garden(remote) else {
        return standing;
    };
    let everything = ports == [0; 4];
    let open = match protocol {
        Protocol::Udp | Protocol::Tcp => everything || (at != 0 && opens(ports, at)),
        Protocol::Icmp => everything && matches!(message, ECHO | ECHO_REPLY),
        Protocol::Icmpv6 => everything && matches!(message, ECHO6 | ECHO6_REPLY),
    };
    if open { Verdict::Garden } else { standing }
}
