//! Connections to web servers, as the captive redirect looks them up.

use crate::address::Address;
use crate::frame::{Ethernet, IPV4, IPV6, Payload, Protocol, TCP, Tags};
use crate::window::Window;

/// The port of web servers without encryption.
pub const WEB: u16 = 80;

/// A connection to port [`WEB`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The client's address.
    pub source: Address,
    /// The server's.
    pub destination: Address,
    /// The client's port.
    pub port: u16,
}

impl Flow {
    /// The connection that a frame belongs to; `rest` is what follows the Ethernet header.
    #[inline(always)]
    #[must_use]
    pub fn read(ethernet: Ethernet, rest: Window<'_>) -> Option<Self> {
        match Tags::read(ethernet, rest).and_then(Payload::read) {
            Ok(Payload::Ip(packet))
                if packet.transport.protocol == Protocol::Tcp && packet.transport.destination == WEB =>
            {
                Some(Self {
                    source: packet.source,
                    destination: packet.destination,
                    port: packet.transport.source,
                })
            }
            _ => None,
        }
    }
}

/// Whether [`Flow::read`] may find something: most frames are spared the full reading.
#[inline(always)]
#[must_use]
pub fn may_be_web(ethernet: Ethernet, rest: Window<'_>) -> bool {
    match ethernet.kind {
        IPV4 => rest.header::<24>().is_some_and(|packet| {
            packet.byte::<9>() == TCP && (packet.byte::<0>() != 0x45 || packet.short::<22>() == WEB)
        }),
        IPV6 => rest
            .header::<44>()
            .is_some_and(|packet| match packet.byte::<6>() {
                TCP => packet.short::<42>() == WEB,
                // A hop-by-hop or a fragment header.
                next => matches!(next, 0 | 44),
            }),
        _ => false,
    }
}
