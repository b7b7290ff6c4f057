//! Reads a frame's headers: Ethernet, one level each of 802.1ad and 802.1Q, ARP, EAPOL, IPv4 with options, IPv6
//! with at most one hop-by-hop and one fragment header, and the first bytes of UDP, TCP, ICMP and ICMPv6.

use crate::address::{Address, Mac};
use crate::window::Window;

pub(crate) const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
pub(crate) const VLAN: u16 = 0x8100;
pub(crate) const IPV6: u16 = 0x86dd;
const EAPOL: u16 = 0x888e;
pub(crate) const SERVICE_VLAN: u16 = 0x88a8;

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
const ICMPV6: u8 = 58;

/// Why a frame was not read to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The frame ends within a header.
    Short,
    /// A header contradicts itself, or an IPv6 packet carries an address mapped from IPv4.
    Header,
    /// Neither ARP, EAPOL nor IP, or more tags than one of each kind.
    EtherType,
    /// Not the first fragment: it has no ports.
    Fragment,
    /// Neither UDP, TCP nor the family's own ICMP, or more extension headers than are read.
    NextHeader,
}

/// The Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// Whom the frame is for.
    pub destination: Mac,
    /// Who sent it.
    pub source: Mac,
    pub(crate) kind: u16,
}

impl Ethernet {
    /// Bytes of the header.
    pub const LENGTH: usize = 14;

    /// Reads the first [`Self::LENGTH`] bytes of a frame.
    ///
    /// # Errors
    ///
    /// [`Error::Short`] when there are fewer.
    #[inline(always)]
    pub fn read(window: Window<'_>) -> Result<Self, Error> {
        let header = window.header::<14>().ok_or(Error::Short)?;
        Ok(Self {
            destination: Mac(header.mac::<0>()),
            source: Mac(header.mac::<6>()),
            kind: header.short::<12>(),
        })
    }
}

/// The tags between Ethernet header and payload.
#[derive(Clone, Copy)]
pub struct Tags<'a> {
    /// The VLAN ids of all tags, or-ed: 0 when there is none but priority tags.
    pub vlan: u16,
    kind: u16,
    length: u16,
    rest: Window<'a>,
}

impl<'a> Tags<'a> {
    /// Reads the tags between an Ethernet header and its payload; `rest` is what follows the header.
    ///
    /// # Errors
    ///
    /// [`Error::Short`], or [`Error::EtherType`] when a further tag follows.
    #[inline(always)]
    pub fn read(ethernet: Ethernet, rest: Window<'a>) -> Result<Self, Error> {
        let mut tags = Self {
            vlan: 0,
            kind: ethernet.kind,
            length: 14,
            rest,
        };
        if tags.kind == SERVICE_VLAN {
            tags = tags.next()?;
        }
        if tags.kind == VLAN {
            tags = tags.next()?;
        }
        if tags.kind == VLAN || tags.kind == SERVICE_VLAN {
            return Err(Error::EtherType);
        }
        Ok(tags)
    }

    #[inline(always)]
    fn next(self) -> Result<Self, Error> {
        let header = self.rest.header::<4>().ok_or(Error::Short)?;
        Ok(Self {
            vlan: self.vlan | (header.short::<0>() & 0x0fff),
            kind: header.short::<2>(),
            length: self.length + 4,
            rest: self.rest.skip(4),
        })
    }
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// A request or reply for Ethernet and IPv4.
    Arp,
    /// IEEE 802.1X.
    Eapol,
    /// An IP packet.
    Ip(Packet),
}

/// An IP packet of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The source address.
    pub source: Address,
    /// The destination address.
    pub destination: Address,
    /// Time to live, or hop limit.
    pub hops: u8,
    /// IPv6 with a fragment header; the first fragment, else reading fails.
    pub fragment_header: bool,
    /// What the packet carries.
    pub transport: Transport,
    /// Bytes from the start of the frame to the payload of TCP or UDP, or to the ICMP header.
    pub headers: u16,
}

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The protocol.
    pub protocol: Protocol,
    /// The source port; for ICMP and ICMPv6 the type of the message.
    pub source: u16,
    /// The destination port; for ICMP and ICMPv6 0.
    pub destination: u16,
}

/// The protocols that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// UDP of either family.
    Udp,
    /// TCP of either family.
    Tcp,
    /// ICMP, in IPv4 only.
    Icmp,
    /// ICMP, in IPv6 only.
    Icmpv6,
}

impl Payload {
    /// Reads what follows the tags.
    ///
    /// # Errors
    ///
    /// As [`Error`] says.
    #[inline(always)]
    pub fn read(tags: Tags<'_>) -> Result<Self, Error> {
        match tags.kind {
            IPV4 => ipv4(tags.rest, tags.length).map(Self::Ip),
            IPV6 => ipv6(tags.rest, tags.length).map(Self::Ip),
            ARP => arp(tags.rest),
            EAPOL => tags.rest.header::<4>().map(|_| Self::Eapol).ok_or(Error::Short),
            _ => Err(Error::EtherType),
        }
    }
}

#[inline(always)]
fn arp(window: Window<'_>) -> Result<Payload, Error> {
    let header = window.header::<28>().ok_or(Error::Short)?;
    let ethernet_and_ipv4 =
        header.short::<0>() == 1 && header.short::<2>() == IPV4 && header.short::<4>() == 0x0604;
    let asks_or_answers = matches!(header.short::<6>(), 1 | 2);
    if ethernet_and_ipv4 && asks_or_answers {
        Ok(Payload::Arp)
    } else {
        Err(Error::Header)
    }
}

#[inline(always)]
fn ipv4(window: Window<'_>, before: u16) -> Result<Packet, Error> {
    let header = window.header::<20>().ok_or(Error::Short)?;
    let length = u16::from(header.byte::<0>() & 0x0f) * 4;
    if header.byte::<0>() >> 4 != 4 || length < 20 {
        return Err(Error::Header);
    }
    if header.short::<6>() & 0x1fff != 0 {
        return Err(Error::Fragment);
    }
    let rest = window.skip(usize::from(length));
    let (transport, inner) = match header.byte::<9>() {
        ICMP => icmp(rest, Protocol::Icmp)?,
        protocol => ports(rest, protocol)?,
    };
    Ok(Packet {
        source: Address::v4(header.word::<12>()),
        destination: Address::v4(header.word::<16>()),
        hops: header.byte::<8>(),
        fragment_header: false,
        transport,
        headers: before + length + inner,
    })
}

#[inline(always)]
fn ipv6(window: Window<'_>, before: u16) -> Result<Packet, Error> {
    let header = window.header::<40>().ok_or(Error::Short)?;
    let source = Address([
        header.word::<8>(),
        header.word::<12>(),
        header.word::<16>(),
        header.word::<20>(),
    ]);
    let destination = Address([
        header.word::<24>(),
        header.word::<28>(),
        header.word::<32>(),
        header.word::<36>(),
    ]);
    if header.byte::<0>() >> 4 != 6 || source.is_v4() || destination.is_v4() {
        return Err(Error::Header);
    }
    let (mut next, mut length, mut rest) = (header.byte::<6>(), 40, window.skip(40));
    if next == HOP_BY_HOP {
        let option = rest.header::<8>().ok_or(Error::Short)?;
        let extent = (u16::from(option.byte::<1>()) + 1) * 8;
        (next, length, rest) = (
            option.byte::<0>(),
            length + extent,
            rest.skip(usize::from(extent)),
        );
    }
    let fragment_header = next == FRAGMENT;
    if fragment_header {
        let fragment = rest.header::<8>().ok_or(Error::Short)?;
        if fragment.short::<2>() & 0xfff8 != 0 {
            return Err(Error::Fragment);
        }
        (next, length, rest) = (fragment.byte::<0>(), length + 8, rest.skip(8));
    }
    let (transport, inner) = match next {
        ICMPV6 => icmp(rest, Protocol::Icmpv6)?,
        protocol => ports(rest, protocol)?,
    };
    let (hops, headers) = (header.byte::<7>(), before + length + inner);
    Ok(Packet {
        source,
        destination,
        hops,
        fragment_header,
        transport,
        headers,
    })
}

#[inline(always)]
fn ports(window: Window<'_>, protocol: u8) -> Result<(Transport, u16), Error> {
    let (protocol, length) = match protocol {
        UDP => (Protocol::Udp, 8),
        TCP => {
            let header = window.header::<20>().ok_or(Error::Short)?;
            (Protocol::Tcp, u16::from(header.byte::<12>() >> 4) * 4)
        }
        _ => return Err(Error::NextHeader),
    };
    let header = window.header::<8>().ok_or(Error::Short)?;
    Ok((
        Transport {
            protocol,
            source: header.short::<0>(),
            destination: header.short::<2>(),
        },
        length,
    ))
}

#[inline(always)]
fn icmp(window: Window<'_>, protocol: Protocol) -> Result<(Transport, u16), Error> {
    let header = window.header::<8>().ok_or(Error::Short)?;
    Ok((
        Transport {
            protocol,
            source: u16::from(header.byte::<0>()),
            destination: 0,
        },
        0,
    ))
}
