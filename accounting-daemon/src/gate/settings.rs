//! What the gate is configured with: plain data, checked by whoever reads the configuration.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use accounting_ebpf::layout;
use ipnet::IpNet;

use super::names::Pattern;
use crate::mac::DeviceId;

/// The gate's part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A directory in a BPF file system; the gate keeps its pins in a directory per layout below it.
    pub pins: PathBuf,
    /// Devices the gate can hold, those of the lists included; 1 to [`layout::DEVICES_MAX`].
    pub devices: u32,
    /// The gated interfaces, each named once.
    pub interfaces: Vec<Interface>,
    /// Resolvers that strangers may ask, besides the gateway's own addresses.
    pub resolvers: Vec<IpAddr>,
    /// Destinations open to everybody, each with its TCP and UDP ports; all zero opens every port. Of two equal
    /// prefixes the last one holds.
    pub garden: Vec<(IpNet, [u16; 4])>,
    /// Names whose addresses are open to everybody, each with ports as in `garden`: as the gateway's resolver answers strangers.
    pub names: Vec<(Pattern, [u16; 4])>,
    /// Devices that pass without a session.
    pub bypass: Vec<DeviceId>,
    /// Devices that never pass; this list wins over `bypass` and over sessions.
    pub block: Vec<DeviceId>,
    /// What devices without a session may send.
    pub strangers: Strangers,
    /// What becomes of frames that they may not send.
    pub refuse: Refuse,
    /// TCP ports of the portal on the gateway's own addresses; unused ones are 0. The first one is that of its transparent
    /// sockets, which connections to other web servers are handed to.
    pub portal_ports: [u16; layout::PORTAL_PORTS_MAX],
}

/// A gated interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the kernel.
    pub name: String,
    /// The zone of the devices behind it.
    pub zone: u16,
}

/// The budget of devices without a session. Each figure is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strangers {
    /// Frames a second, for each stranger.
    pub packets_per_second: u32,
    /// Frames that a stranger who was silent may send at once.
    pub burst: u32,
    /// Frames a second, for all strangers of an interface together.
    pub interface_packets_per_second: u32,
    /// Frames that all of them may send at once.
    pub interface_burst: u32,
}

/// What a device without a session finds where nothing is open to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refuse {
    /// It is told at once: a TCP reset, ICMP for UDP; within the strangers' budget.
    #[default]
    Reset,
    /// Silence.
    Drop,
}

impl Default for Strangers {
    fn default() -> Self {
        Self {
            packets_per_second: 20,
            burst: 100,
            interface_packets_per_second: 20_000,
            interface_burst: 40_000,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pins: PathBuf::from("/sys/fs/bpf/accounting"),
            devices: layout::DEVICES_DEFAULT,
            interfaces: Vec::new(),
            resolvers: Vec::new(),
            garden: Vec::new(),
            names: Vec::new(),
            bypass: Vec::new(),
            block: Vec::new(),
            strangers: Strangers::default(),
            refuse: Refuse::default(),
            portal_ports: [0; layout::PORTAL_PORTS_MAX],
        }
    }
}

/// Where the pins of this layout are, below the configured directory.
#[must_use]
pub fn directory(pins: &Path) -> PathBuf {
    pins.join(format!("v{}", layout::VERSION))
}
