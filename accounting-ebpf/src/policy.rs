//! Who may pass: the decision about a frame, from what the maps say and nothing else.
//!
//! [`standing`] judges the device. Only for one without a live deadline is the frame read, and the pass table of
//! [`uplink`] or [`downlink`] consulted. IPv4 and IPv6 take the same path.

use crate::address::{Address, Mac};
use crate::budget::{self, Cells};
use crate::frame::{Error, Ethernet, Packet, Payload, Protocol, Tags};
use crate::layout::{Garden, Port, TOKEN_BLOCKED, TOKEN_BYPASS, address};
use crate::plain::Plain;
use crate::service::{self, ECHO, ECHO_REPLY, ECHO6, ECHO6_REPLY, may_be_service, opens};
use crate::verdict::Verdict;
use crate::window::Window;

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
    if let Some(plain) = Plain::read(ethernet, window)
        && !may_be_service(plain.protocol, plain.port, port)
    {
        return garden(plain.protocol, 0, &plain.destination, plain.port, standing, maps);
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
    garden(
        transport.protocol,
        transport.source,
        &packet.destination,
        transport.destination,
        standing,
        maps,
    )
}

#[inline(always)]
fn packet_down<M: Addresses>(
    packet: &Packet,
    standing: Verdict,
    port: &Port,
    forwarded: bool,
    maps: &M,
) -> Verdict {
    let service = service::down(packet, port, forwarded);
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
    maps: &M,
) -> Verdict {
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
