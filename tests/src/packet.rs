//! Frames by the byte, right or wrong as a test wants them. Checksums are 0: the gate does not look at them.

use std::net::IpAddr;

/// Protocol numbers.
pub const UDP: u8 = 17;
/// See [`UDP`].
pub const TCP: u8 = 6;
/// See [`UDP`].
pub const ICMP: u8 = 1;
/// See [`UDP`].
pub const ICMPV6: u8 = 58;

/// A frame under construction.
#[derive(Clone, Debug)]
pub struct Packet {
    from: [u8; 6],
    to: [u8; 6],
    tags: Vec<(u16, u16)>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Raw { kind: u16, bytes: Vec<u8> },
    Ip(Ip),
}

#[derive(Clone, Debug)]
struct Ip {
    source: IpAddr,
    destination: IpAddr,
    hops: u8,
    option_words: u8,
    hop_by_hop: Option<u8>,
    fragment: Option<u16>,
    protocol: u8,
    payload: Vec<u8>,
}

impl Packet {
    /// A frame of any EtherType.
    #[must_use]
    pub fn raw(kind: u16, bytes: &[u8]) -> Self {
        let body = Body::Raw {
            kind,
            bytes: bytes.to_vec(),
        };
        Self {
            from: [0; 6],
            to: [0; 6],
            tags: Vec::new(),
            body,
        }
    }

    /// An ARP packet for Ethernet and IPv4 with this operation.
    #[must_use]
    pub fn arp(operation: u8) -> Self {
        let mut bytes = [0; 28];
        bytes[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
        Self::raw(0x0806, &bytes)
    }

    /// An EAPOL start.
    #[must_use]
    pub fn eapol() -> Self {
        Self::raw(0x888e, &[2, 1, 0, 0])
    }

    /// UDP of the addresses' family, with 4 bytes of payload.
    #[must_use]
    pub fn udp(from: (IpAddr, u16), to: (IpAddr, u16)) -> Self {
        let mut bytes = vec![0; 12];
        bytes[..2].copy_from_slice(&from.1.to_be_bytes());
        bytes[2..4].copy_from_slice(&to.1.to_be_bytes());
        bytes[5] = 12;
        Self::ip(from.0, to.0, UDP, &bytes)
    }

    /// TCP of the addresses' family, without options or payload.
    #[must_use]
    pub fn tcp(from: (IpAddr, u16), to: (IpAddr, u16)) -> Self {
        let mut bytes = vec![0; 20];
        bytes[..2].copy_from_slice(&from.1.to_be_bytes());
        bytes[2..4].copy_from_slice(&to.1.to_be_bytes());
        bytes[12] = 5 << 4;
        Self::ip(from.0, to.0, TCP, &bytes)
    }

    /// The ICMP of the addresses' family, with a message of this type; hop limit 255.
    #[must_use]
    pub fn icmp(from: IpAddr, to: IpAddr, kind: u8) -> Self {
        let mut bytes = vec![0; 24];
        bytes[0] = kind;
        Self::ip(from, to, if from.is_ipv4() { ICMP } else { ICMPV6 }, &bytes).hops(255)
    }

    /// An IP packet of any protocol.
    #[must_use]
    pub fn ip(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Self {
        let ip = Ip {
            source,
            destination,
            hops: 64,
            option_words: 0,
            hop_by_hop: None,
            fragment: None,
            protocol,
            payload: payload.to_vec(),
        };
        Self {
            from: [0; 6],
            to: [0; 6],
            tags: Vec::new(),
            body: Body::Ip(ip),
        }
    }

    /// Sets the source MAC.
    #[must_use]
    pub const fn from(mut self, mac: [u8; 6]) -> Self {
        self.from = mac;
        self
    }

    /// Sets the destination MAC.
    #[must_use]
    pub const fn to(mut self, mac: [u8; 6]) -> Self {
        self.to = mac;
        self
    }

    /// Adds a tag inside those that are there.
    #[must_use]
    pub fn tag(mut self, protocol: u16, id: u16) -> Self {
        self.tags.push((protocol, id));
        self
    }

    /// Sets time to live or hop limit.
    #[must_use]
    pub fn hops(self, hops: u8) -> Self {
        self.with(|ip| ip.hops = hops)
    }

    /// Adds IPv4 options of so many 32-bit words.
    #[must_use]
    pub fn options(self, words: u8) -> Self {
        self.with(|ip| ip.option_words = words)
    }

    /// Adds an IPv6 hop-by-hop header of `8 + 8 * units` bytes.
    #[must_use]
    pub fn hop_by_hop(self, units: u8) -> Self {
        self.with(|ip| ip.hop_by_hop = Some(units))
    }

    /// Makes it a fragment at an offset of so many times 8 bytes, with more to come.
    #[must_use]
    pub fn fragment(self, offset: u16) -> Self {
        self.with(|ip| ip.fragment = Some(offset))
    }

    /// The protocol in IP; `None` for other frames.
    #[must_use]
    pub const fn protocol(&self) -> Option<u8> {
        match &self.body {
            Body::Raw { .. } => None,
            Body::Ip(ip) => Some(ip.protocol),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Ip)) -> Self {
        if let Body::Ip(ip) = &mut self.body {
            change(ip);
        }
        self
    }

    /// The frame, unpadded.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut frame = [self.to, self.from].concat();
        for (protocol, id) in &self.tags {
            frame.extend(protocol.to_be_bytes());
            frame.extend(id.to_be_bytes());
        }
        match &self.body {
            Body::Raw { kind, bytes } => {
                frame.extend(kind.to_be_bytes());
                frame.extend(bytes);
            }
            Body::Ip(ip) => ip.append(&mut frame),
        }
        frame
    }
}

impl Ip {
    fn append(&self, frame: &mut Vec<u8>) {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend([0x08, 0x00]);
                let header = 20 + usize::from(self.option_words) * 4;
                frame.extend([0x45 + self.option_words, 0]);
                frame.extend(short(header + self.payload.len()));
                frame.extend([0, 0]);
                frame.extend(self.fragment.map_or(0, |offset| 0x2000 | offset).to_be_bytes());
                frame.extend([self.hops, self.protocol, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
                frame.extend(vec![1; header - 20]);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let (extensions, first) = self.extensions();
                frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                frame.extend(short(extensions.len() + self.payload.len()));
                frame.extend([first, self.hops]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
                frame.extend(extensions);
            }
            _ => panic!("addresses of two families"),
        }
        frame.extend(&self.payload);
    }

    /// The extension headers, and the number of the first header.
    fn extensions(&self) -> (Vec<u8>, u8) {
        let (mut bytes, mut first) = (Vec::new(), self.protocol);
        if let Some(offset) = self.fragment {
            let [high, low] = (offset << 3 | 1).to_be_bytes();
            bytes = vec![first, 0, high, low, 0, 0, 0, 1];
            first = 44;
        }
        if let Some(units) = self.hop_by_hop {
            let mut option = vec![0; 8 + usize::from(units) * 8];
            (option[0], option[1]) = (first, units);
            option.extend(bytes);
            (bytes, first) = (option, 0);
        }
        (bytes, first)
    }
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}
