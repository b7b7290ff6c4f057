//! Addresses as the maps hold them: MACs as numbers, IPv4 and IPv6 in one shape.

/// A MAC address in the low 48 bits, first byte lowest: the low part of [`crate::layout::Key::word`] on the
/// little-endian machines that the object is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub u64);

impl Mac {
    /// Where IEEE 802.1X frames go when the authenticator's own address is not known: 01:80:c2:00:00:03.
    pub const PORT_ACCESS: Self = Self::new([0x01, 0x80, 0xc2, 0x00, 0x00, 0x03]);

    /// Where a frame waits for tc ingress to hand it to the portal: the address of MAC pause frames, 01:80:c2:00:00:01. No
    /// bridge forwards it and no host routes what it carries, so that nothing gets out should the tc program be gone.
    pub const DEAD: Self = Self::new([0x01, 0x80, 0xc2, 0x00, 0x00, 0x01]);

    /// From bytes in wire order.
    #[inline(always)]
    #[must_use]
    pub const fn new(mac: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = mac;
        Self(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// Multicast or broadcast.
    #[inline(always)]
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0 & 1 != 0
    }

    /// The key of this device in a zone, as `DEVICES` holds it.
    #[inline(always)]
    #[must_use]
    pub const fn key(self, zone: u16) -> u64 {
        (self.0 | (zone as u64) << 48).to_le()
    }
}

/// An IP address as four words in wire order; IPv4 is mapped into `::ffff:0:0/96`. In memory it is the key of `ADDRESSES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Address(pub [u32; 4]);

impl Address {
    /// 255.255.255.255
    pub const BROADCAST: Self = Self::v4(u32::MAX);

    /// ff02::1:2, all DHCPv6 servers and relays.
    pub const DHCP_SERVERS: Self = Self([0xff02_0000_u32.to_be(), 0, 0, 0x0001_0002_u32.to_be()]);

    /// An IPv4 address in wire order.
    #[inline(always)]
    #[must_use]
    pub const fn v4(word: u32) -> Self {
        Self([0, 0, 0xffff_u32.to_be(), word])
    }

    /// Whether it is an IPv4 address.
    #[inline(always)]
    #[must_use]
    pub const fn is_v4(self) -> bool {
        self.0[0] == 0 && self.0[1] == 0 && self.0[2] == 0xffff_u32.to_be()
    }

    /// Whether it is in 224.0.0.0/4 or above, or in ff00::/8.
    #[inline(always)]
    #[must_use]
    pub const fn is_group(self) -> bool {
        if self.is_v4() {
            u32::from_be(self.0[3]) >> 28 >= 0xe
        } else {
            self.is_multicast()
        }
    }

    /// Whether it is in ff00::/8.
    #[inline(always)]
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        u32::from_be(self.0[0]) >> 24 == 0xff
    }

    /// Whether it is in `fe80::/10`.
    #[inline(always)]
    #[must_use]
    pub const fn is_link_local(self) -> bool {
        u32::from_be(self.0[0]) >> 22 == 0xfe80 >> 6
    }
}
