//! Why the gate did not start, each with the way out.

use std::{io, path::PathBuf};

/// What keeps the gate from being opened, attached or taken down. Whatever was enforced before goes on being enforced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The kernel lacks what the gate is made of.
    #[error("the kernel is {found} and the gate needs 5.15 or newer: {missing}")]
    KernelTooOld {
        /// Its release.
        found: String,
        /// What it has not.
        missing: &'static str,
    },
    /// The directory of pins is not in a BPF file system.
    #[error("{} is not in a BPF file system: run `mount -t bpf bpf {}`", pins.display(), mount.display())]
    NoBpfFs {
        /// As configured.
        pins: PathBuf,
        /// Where one should be mounted.
        mount: PathBuf,
    },
    /// The process may not do what the gate needs.
    #[error("missing {missing}: run as root, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")]
    MissingCapability {
        /// Their names.
        missing: String,
    },
    /// The directory of pins cannot be used.
    #[error("cannot use {}: let a directory in the BPF file system belong to this user, or set `pins`", path.display())]
    Pins {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Another daemon holds the gate.
    #[error("the gate at {} is held by a running daemon: stop it first, or set another `pins`", path.display())]
    InUse {
        /// The directory of pins.
        path: PathBuf,
    },
    /// There is nothing that could be closed.
    #[error("there is no gate at {} and everything passes: start the daemon to make one", pins.display())]
    NoGate {
        /// As configured.
        pins: PathBuf,
    },
    /// A pinned map is not what this version would have made.
    #[error(
        "the pinned map {} has {what} {found}, not {expected}: run `accounting-daemon detach --open`, \
         after which everything passes until the next start",
        path.display()
    )]
    MapMismatch {
        /// Its pin.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// As pinned.
        found: u32,
        /// As this version has it.
        expected: u32,
    },
    /// A map could not be made or used.
    #[error("cannot {action} the map {map}")]
    Map {
        /// Its name.
        map: &'static str,
        /// What was tried.
        action: &'static str,
        /// What the kernel said.
        source: Box<aya::maps::MapError>,
    },
    /// More entries than a map holds.
    #[error("`{setting}` needs {needed} entries and the gate holds {capacity}: shorten it")]
    TooMany {
        /// Which setting.
        setting: &'static str,
        /// How many it needs.
        needed: usize,
        /// How many fit.
        capacity: u32,
    },
    /// The interface does not exist.
    #[error("there is no interface {name}: the interfaces are {existing}")]
    UnknownInterface {
        /// As configured.
        name: String,
        /// Those that exist.
        existing: String,
    },
    /// The interface cannot be gated by MAC address.
    #[error("the interface {name} has no MAC addresses: gate an Ethernet or WiFi interface, or a bridge")]
    NotEthernet {
        /// As configured.
        name: String,
    },
    /// Programs could not be attached.
    #[error("cannot gate the interface {name}")]
    Attach {
        /// As configured.
        name: String,
        /// Why.
        source: Box<AttachError>,
    },
    /// The kernel's network configuration could not be read.
    #[error("cannot {action} over netlink")]
    Netlink {
        /// What was tried.
        action: &'static str,
        /// What came of it.
        source: Box<NetlinkError>,
    },
}

/// What came of a netlink request.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// A refusal.
    #[error(transparent)]
    Request(#[from] rtnetlink::Error),
}

/// Why the programs of one interface are not all in place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The compiled object does not load.
    #[error("the kernel does not take the object of the gate")]
    Object(#[source] Box<aya::EbpfError>),
    /// The compiled object lacks a program.
    #[error("the object of the gate has no program {0}")]
    NoProgram(&'static str),
    /// The verifier or the kernel refused a program.
    #[error("the program {program} is refused")]
    Program {
        /// Its name.
        program: &'static str,
        /// What the kernel said.
        source: Box<aya::programs::ProgramError>,
    },
    /// Another XDP program is there.
    #[error(
        "another XDP program is attached: remove it with `ip link set dev {interface} xdp off`, or detach its link"
    )]
    Occupied {
        /// Where.
        interface: String,
    },
    /// Neither in the driver nor generic.
    #[error("the program {program} cannot be attached")]
    Refused {
        /// Its name.
        program: &'static str,
        /// What the kernel said.
        source: Box<aya::programs::ProgramError>,
    },
    /// The link would end with the daemon.
    #[error("the link of the program {program} cannot be pinned")]
    Unpinnable {
        /// Its name.
        program: &'static str,
        /// What the kernel said.
        source: aya::programs::links::LinkError,
    },
    /// A pin could not be made.
    #[error("cannot pin {}", path.display())]
    Pin {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: aya::pin::PinError,
    },
    /// A pin could not be opened.
    #[error("cannot open the pin {}", path.display())]
    OpenPin {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: aya::programs::links::LinkError,
    },
    /// A pin could not be removed.
    #[error("cannot remove the pin {}", path.display())]
    Unpin {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The queueing discipline that older kernels need.
    #[error("cannot add the clsact queueing discipline")]
    Clsact(#[from] aya::programs::tc::TcError),
    /// The random key of the strangers' budget.
    #[error("the kernel gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// The work was cut short by the end of the daemon.
    #[error("the daemon is stopping")]
    Stopping,
}
