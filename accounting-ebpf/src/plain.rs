//! A short cut for what most frames are: untagged TCP or UDP, without options, extension headers or fragments. Reading such a
//! frame in full takes three times as long; whatever else a frame is, [`crate::frame`] reads it.

use crate::address::Address;
use crate::frame::{Ethernet, IPV4, IPV6, Protocol, TCP, UDP};
use crate::window::{Header, Window};

/// A plain frame, as far as it is looked at: [`crate::frame`] would read the same from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// UDP or TCP.
    pub protocol: Protocol,
    /// The destination address.
    pub destination: Address,
    /// The destination port.
    pub port: u16,
}

impl Plain {
    /// Reads a frame if it is a plain one.
    #[inline(always)]
    #[must_use]
    pub fn read(ethernet: Ethernet, window: Window<'_>) -> Option<Self> {
        match ethernet.kind {
            IPV4 => v4(window),
            IPV6 => v6(window),
            _ => None,
        }
    }
}

#[inline(always)]
fn v4(window: Window<'_>) -> Option<Plain> {
    let header: Header<'_, 42> = window.header()?;
    if header.byte::<14>() != 0x45 || header.short::<20>() & 0x1fff != 0 {
        return None;
    }
    let protocol = match header.byte::<23>() {
        UDP => Protocol::Udp,
        TCP => window.header::<54>().map(|_| Protocol::Tcp)?,
        _ => return None,
    };
    Some(Plain {
        protocol,
        destination: Address::v4(header.word::<30>()),
        port: header.short::<36>(),
    })
}

#[inline(always)]
fn v6(window: Window<'_>) -> Option<Plain> {
    let header: Header<'_, 62> = window.header()?;
    let source = Address([
        header.word::<22>(),
        header.word::<26>(),
        header.word::<30>(),
        header.word::<34>(),
    ]);
    let destination = Address([
        header.word::<38>(),
        header.word::<42>(),
        header.word::<46>(),
        header.word::<50>(),
    ]);
    if header.byte::<14>() >> 4 != 6 || source.is_v4() || destination.is_v4() {
        return None;
    }
    let protocol = match header.byte::<20>() {
        UDP => Protocol::Udp,
        TCP => window.header::<74>().map(|_| Protocol::Tcp)?,
        _ => return None,
    };
    Some(Plain {
        protocol,
        destination,
        port: header.short::<56>(),
    })
}
