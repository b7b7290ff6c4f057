//! The contract between kernel and daemon: what lies in which map, byte for byte.
//!
//! Change anything here and [`VERSION`] must change with it: pinned maps outlive the daemon that made them,
//! and a newer daemon adopts them only when version, sizes and capacities agree.
//!
//! Times are nanoseconds of `CLOCK_MONOTONIC`, as `bpf_ktime_get_coarse_ns` reads them.

/// Names the directory of pins; one version, one layout.
pub const VERSION: u32 = 2;

/// Devices the gate can hold at once, unless the daemon is configured otherwise.
pub const DEVICES_DEFAULT: u32 = 65_536;

/// The largest table of devices that can be configured.
pub const DEVICES_MAX: u32 = 4_194_304;

/// Addresses of the gateway itself and of configured resolvers.
pub const ADDRESSES_MAX: u32 = 1_024;

/// Prefixes of the walled garden, for each address family.
pub const GARDEN_MAX: u32 = 16_384;

/// Cells of the strangers' budget; a power of two, so that a keyed hash of the MAC selects one by its low bits.
pub const BUDGETS: u32 = 4_096;

/// Bytes of the ring buffer of answers; a power of two. What finds no room is not learnt.
pub const ANSWERS_BYTES: u32 = 1 << 19;

/// Bytes of an answer that is copied; longer ones are not. One less than a power of two, so that the verifier believes a mask.
pub const ANSWER_MAX: usize = 2_047;

/// Ports of the portal (and of its TLS twin, and of the API where it is exposed on the gated side).
pub const PORTAL_PORTS_MAX: usize = 4;

/// Token slot of devices on the block list: never admitted, nothing else passes either.
pub const TOKEN_BLOCKED: u32 = 0;

/// Token slot of devices on the bypass list: its deadline is [`FOREVER`].
pub const TOKEN_BYPASS: u32 = 1;

/// The first token slot that a session may use.
pub const TOKEN_FIRST: u32 = 2;

/// A deadline that never comes.
pub const FOREVER: u64 = u64::MAX;

/// The mark of frames that are handed to the portal: a rule routes them to this machine.
pub const REDIRECT_MARK: u32 = 0x0acc_0001;

/// The mark of what the portal's sockets send.
pub const REPLY_MARK: u32 = 0x0acc_0002;

/// Names of the maps, which are also the names of their pins.
pub mod map {
    /// Hash, [`super::Key`] (as `u64`) to [`super::Device`].
    pub const DEVICES: &str = "DEVICES";
    /// Mmapable array, token slot to the token's deadline (`u64`).
    pub const TOKENS: &str = "TOKENS";
    /// Mmapable array, device slot to [`super::Counters`].
    pub const COUNTERS: &str = "COUNTERS";
    /// Per-CPU array, `hook * VERDICTS + verdict` to a count of frames (`u64`).
    pub const STATS: &str = "STATS";
    /// Hash, address (`[u8; 16]`, IPv4 mapped into `::ffff:0:0/96`) to [`super::address`] flags (`u32`).
    pub const ADDRESSES: &str = "ADDRESSES";
    /// Array of one: the device that played router or DHCP server last, as [`super::Key`] (as `u64`); 0: none yet.
    pub const ROGUE: &str = "ROGUE";
    /// Longest-prefix match, IPv4 prefix to [`super::Garden`].
    pub const GARDEN4: &str = "GARDEN4";
    /// Longest-prefix match, IPv6 prefix to [`super::Garden`].
    pub const GARDEN6: &str = "GARDEN6";
    /// Ring buffer of [`super::Answer`].
    pub const ANSWERS: &str = "ANSWERS";
    /// Array of [`super::BUDGETS`] + 1 theoretical arrival times (`u64`); the last one is the interface's.
    pub const BUDGETS: &str = "BUDGETS";
}

/// Flags of an entry in `ADDRESSES`.
pub mod address {
    /// An address of the gateway.
    pub const OWN: u32 = 1;
    /// A resolver that strangers may ask.
    pub const RESOLVER: u32 = 2;
}

/// A device: its MAC in a zone. As a map key it is the `u64` whose bytes in memory are MAC, then zone (little endian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct Key {
    /// The MAC address in wire order.
    pub mac: [u8; 6],
    /// The zone, little endian.
    pub zone: [u8; 2],
}

impl Key {
    /// The key of a MAC address in a zone.
    #[inline(always)]
    #[must_use]
    pub const fn new(mac: [u8; 6], zone: u16) -> Self {
        Self {
            mac,
            zone: zone.to_le_bytes(),
        }
    }

    /// The key as the map holds it.
    #[inline(always)]
    #[must_use]
    pub const fn word(self) -> u64 {
        let Self { mac: m, zone: z } = self;
        u64::from_ne_bytes([m[0], m[1], m[2], m[3], m[4], m[5], z[0], z[1]])
    }

    /// The key that a word of the map stands for.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        let b = word.to_ne_bytes();
        Self {
            mac: [b[0], b[1], b[2], b[3], b[4], b[5]],
            zone: [b[6], b[7]],
        }
    }
}

/// What the gate knows of a device. Policy only: counts live in [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Device {
    /// Index into `COUNTERS`.
    pub slot: u32,
    /// Index into `TOKENS`.
    pub token: u32,
    /// The device's own deadline; the earlier of this and the token's wins.
    pub deadline: u64,
    /// The session that put the entry there, so that a restarted daemon tells its own entries from strangers'.
    pub session: u64,
}

/// What a device has sent and received since its entry was made. The kernel writes, the daemon reads; the daemon
/// zeroes a slot only while no entry points at it. One cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Counters {
    /// Bytes from the device.
    pub up_bytes: u64,
    /// Frames from the device.
    pub up_packets: u64,
    /// Time of the last frame from the device that the gateway was asked to forward; 0: none yet.
    pub up_seen: u64,
    /// Bytes to the device.
    pub down_bytes: u64,
    /// Frames to the device.
    pub down_packets: u64,
    /// Time of the last forwarded frame to the device; 0: none yet.
    pub down_seen: u64,
    /// Room up to the cache line.
    pub reserved: [u64; 2],
}

/// What the walled garden opens at a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Garden {
    /// TCP and UDP ports; all zero opens every port and ICMP echo.
    pub ports: [u16; 4],
}

/// A copy of what the gateway's resolver answered to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Answer {
    /// How many of the bytes count.
    pub length: u32,
    /// The message, from its header on.
    pub message: [u8; ANSWER_MAX + 1],
}

/// What one gated interface is told at load time, as the constant `PORT` of the object. A change loads the programs
/// anew and swaps them in place; the maps stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Port {
    /// Keys the hash that selects a cell of the strangers' budget; drawn at each load.
    pub budget_key: u64,
    /// Nanoseconds that one frame of a stranger costs in its cell, and how far a cell may run ahead of the clock.
    pub budget_cost: u64,
    /// See `budget_cost`.
    pub budget_burst: u64,
    /// The same for all strangers of the interface together.
    pub interface_cost: u64,
    /// See `interface_cost`.
    pub interface_burst: u64,
    /// The zone of the interface.
    pub zone: u16,
    /// The interface's own MAC address.
    pub mac: [u8; 6],
    /// TCP ports of the portal on the gateway's own addresses; unused ones are 0.
    pub portal_ports: [u16; PORTAL_PORTS_MAX],
    /// The MAC address that frames to the gateway carry: the interface's own, or that of the bridge it is a port of.
    pub gateway: [u8; 6],
    /// The port of the portal's transparent sockets, which strangers' connections to other web servers are handed to;
    /// 0: they are not.
    pub redirect_port: u16,
    /// Not 0: XDP runs in generic mode and sees super-frames, so the uplink is counted at tc ingress.
    pub uplink_in_tc: u32,
    /// Not 0: strangers are told what they may not send, instead of waiting for an answer.
    pub refuse: u32,
    /// Not 0: answers of the gateway's resolver are copied to the daemon.
    pub learn: u32,
    /// Not 0: the walled garden may open something; else nobody looks into its maps.
    pub garden: u32,
}

const _: () = {
    assert!(size_of::<Key>() == 8);
    assert!(size_of::<Device>() == 24);
    assert!(size_of::<Counters>() == 64);
    assert!(size_of::<Garden>() == 8);
    assert!(size_of::<Port>() == 80);
    assert!(size_of::<Answer>() == 2_052);
    assert!((ANSWER_MAX + 1).is_power_of_two());
    assert!(BUDGETS.is_power_of_two());
};
