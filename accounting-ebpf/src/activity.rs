//! Whether a frame of an admitted device shows that somebody uses it, so that idle time is counted right: chatter with
//! the gateway does not, what is to be forwarded does.

use crate::frame::{Error, Ethernet, Packet, Payload, Protocol, Tags};
use crate::layout::Port;
use crate::plain::Plain;
use crate::policy::Addresses;
use crate::service::{LISTENER_QUERY, LISTENER_REPORT_2, REDIRECT, may_be_service};
use crate::window::Window;

/// Whether the frame is one the gateway is asked to forward.
#[inline(always)]
pub fn uplink<M: Addresses>(ethernet: Ethernet, window: Window<'_>, port: &Port, maps: &M) -> bool {
    if !ethernet.destination.is_group()
        && let Some(plain) = Plain::read(ethernet, window)
        && !may_be_service(plain.protocol, plain.port, port)
    {
        return true;
    }
    asks_to_forward(ethernet, window.skip(Ethernet::LENGTH), port, maps)
}

/// The same without the short cut, for a frame of which `rest` follows the Ethernet header.
#[inline(always)]
pub fn asks_to_forward<M: Addresses>(ethernet: Ethernet, rest: Window<'_>, port: &Port, maps: &M) -> bool {
    if ethernet.destination.is_group() {
        return false;
    }
    match Tags::read(ethernet, rest).and_then(Payload::read) {
        Ok(Payload::Ip(packet)) if is_link_control(&packet) => false,
        Ok(Payload::Ip(packet)) => {
            !(may_be_service(packet.transport.protocol, packet.transport.destination, port)
                && maps.owns(&packet.destination))
        }
        // A device that is admitted may well send other protocols, and fragments.
        Err(Error::Fragment | Error::NextHeader) => true,
        Ok(Payload::Arp | Payload::Eapol) | Err(Error::Short | Error::Header | Error::EtherType) => false,
    }
}

#[inline(always)]
const fn is_link_control(packet: &Packet) -> bool {
    let (protocol, kind) = (packet.transport.protocol, packet.transport.source);
    matches!(
        (protocol, kind),
        (Protocol::Icmpv6, LISTENER_QUERY..=REDIRECT | LISTENER_REPORT_2)
    )
}
