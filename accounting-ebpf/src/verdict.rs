//! What is decided about a frame, where, and how both are counted in `STATS`.

/// The decision about one frame. Numbers are positions in `STATS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// Passes: the device has a session.
    Session,
    /// Passes: the device is on the bypass list.
    Bypass,
    /// Passes: ARP.
    Arp,
    /// Passes: IEEE 802.1X between device and gateway.
    Eapol,
    /// Passes: DHCP of either family, in its proper direction.
    Dhcp,
    /// Passes: IPv6 neighbour discovery and multicast listener reports.
    Neighbour,
    /// Passes: DNS with the gateway or a configured resolver.
    Dns,
    /// Passes: NTP with the gateway.
    Ntp,
    /// Passes: the portal.
    Portal,
    /// Passes: the walled garden.
    Garden,
    /// Passes: a connection to some web server, handed to the portal.
    Redirect,
    /// Passes: multicast or broadcast that the gateway itself sends.
    GatewayMulticast,
    /// Passes at tc ingress: no foreign tag; XDP has decided the rest.
    Checked,
    /// Passes: the kernel's own copy of a multicast frame, which has no Ethernet header.
    Loopback,
    /// Dropped: the device is on the block list.
    Blocked,
    /// Dropped: the deadline is over.
    Expired,
    /// Dropped: no session, and not in the pass table.
    Stranger,
    /// Dropped: as `Expired` or `Stranger`, and the device is told.
    Refused,
    /// Dropped: short, or a header contradicts itself.
    Malformed,
    /// Dropped: neither ARP, EAPOL nor IP.
    Ethertype,
    /// Dropped: not the first fragment.
    Fragment,
    /// Dropped: neither UDP, TCP nor ICMP.
    NextHeader,
    /// Dropped: in the pass table, but beyond the strangers' budget.
    Budget,
    /// Dropped: a tag of a VLAN that is not gated here.
    Vlan,
    /// Dropped: a device plays router or DHCP server.
    Rogue,
    /// Dropped: multicast or broadcast that the gateway did not send.
    ForeignMulticast,
}

/// How many verdicts there are.
pub const VERDICTS: u32 = Verdict::ForeignMulticast as u32 + 1;

impl Verdict {
    /// Every verdict, in the order of their numbers.
    pub const ALL: [Self; VERDICTS as usize] = [
        Self::Session,
        Self::Bypass,
        Self::Arp,
        Self::Eapol,
        Self::Dhcp,
        Self::Neighbour,
        Self::Dns,
        Self::Ntp,
        Self::Portal,
        Self::Garden,
        Self::Redirect,
        Self::GatewayMulticast,
        Self::Checked,
        Self::Loopback,
        Self::Blocked,
        Self::Expired,
        Self::Stranger,
        Self::Refused,
        Self::Malformed,
        Self::Ethertype,
        Self::Fragment,
        Self::NextHeader,
        Self::Budget,
        Self::Vlan,
        Self::Rogue,
        Self::ForeignMulticast,
    ];

    /// Whether the frame goes on.
    #[inline(always)]
    #[must_use]
    pub const fn passes(self) -> bool {
        (self as u32) <= Self::Loopback as u32
    }

    /// Whether the device is admitted: its frames are counted for it and need no table.
    #[inline(always)]
    #[must_use]
    pub const fn admits(self) -> bool {
        (self as u32) <= Self::Bypass as u32
    }

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Bypass => "bypass",
            Self::Arp => "arp",
            Self::Eapol => "eapol",
            Self::Dhcp => "dhcp",
            Self::Neighbour => "neighbour",
            Self::Dns => "dns",
            Self::Ntp => "ntp",
            Self::Portal => "portal",
            Self::Garden => "garden",
            Self::Redirect => "redirect",
            Self::GatewayMulticast => "gateway_multicast",
            Self::Checked => "checked",
            Self::Loopback => "loopback",
            Self::Blocked => "blocked",
            Self::Expired => "expired",
            Self::Stranger => "stranger",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
            Self::Ethertype => "ethertype",
            Self::Fragment => "fragment",
            Self::NextHeader => "next_header",
            Self::Budget => "budget",
            Self::Vlan => "vlan",
            Self::Rogue => "rogue",
            Self::ForeignMulticast => "foreign_multicast",
        }
    }
}

/// Where a decision is made. Numbers are positions in `STATS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Hook {
    /// The XDP program: from the device.
    XdpIngress,
    /// The tc program behind it: tags that XDP does not see.
    TcIngress,
    /// The tc program toward the device.
    TcEgress,
}

impl Hook {
    /// Every hook, in the order of their numbers.
    pub const ALL: [Self; HOOKS as usize] = [Self::XdpIngress, Self::TcIngress, Self::TcEgress];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XdpIngress => "xdp_ingress",
            Self::TcIngress => "tc_ingress",
            Self::TcEgress => "tc_egress",
        }
    }
}

/// How many hooks there are.
pub const HOOKS: u32 = Hook::TcEgress as u32 + 1;

/// Entries of `STATS`.
pub const STATS: u32 = HOOKS * VERDICTS;

/// The entry of `STATS` that counts a verdict at a hook.
#[inline(always)]
#[must_use]
pub const fn stat(hook: Hook, verdict: Verdict) -> u32 {
    hook as u32 * VERDICTS + verdict as u32
}

const _: () = {
    let mut at = 0;
    while at < Verdict::ALL.len() {
        assert!(Verdict::ALL[at] as usize == at);
        at += 1;
    }
    assert!(stat(Hook::TcEgress, Verdict::ForeignMulticast) + 1 == STATS);
};
