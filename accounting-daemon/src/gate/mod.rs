//! The gate: the part of the product that lives in the kernel, seen from the daemon.
//!
//! Two halves that share only the pinned maps. The [`Gate`] holds devices, deadlines and counts, and belongs to the
//! engine. Programs, links and the gateway's own addresses belong to the supervisor of the interfaces.

mod accounts;
mod adopt;
mod asking;
mod calls;
mod checks;
mod closure;
mod counters;
mod detach;
mod error;
mod interfaces;
mod kernel;
mod layouts;
mod links;
mod lists;
mod maps;
mod names;
mod neighbours;
mod netlink;
mod object;
mod programs;
mod seats;
mod settings;
pub mod simulated;
mod slots;
mod stats;
pub mod status;
mod steer;
mod tables;
mod tc;
mod transparent;

pub use asking::{Asker, is_redirected, who_is_asking};
pub use checks::preflight;
pub(crate) use checks::{checkup, kernel_features};
pub use detach::{Leave, Report, detach};
pub use error::{AttachError, NetlinkError, StartError};
pub use interfaces::Supervisor;
pub use kernel::KernelGate;
pub use lists::Listed;
#[cfg(feature = "fuzz")]
pub(crate) use names::fuzz::answers as fuzz_answers;
pub use names::{NAMES_MAX, Pattern};
pub use neighbours::{Neighbour, Neighbours, hold, neighbours};
pub use settings::{Interface, Refuse, Settings, Strangers, directory};
pub use stats::Stats;
pub use transparent::listen;

use crate::{
    ledger::{SessionId, TokenId, Traffic},
    mac::DeviceId,
};

/// A deadline in milliseconds of the monotonic clock.
pub type Deadline = u64;

/// A deadline that never comes.
pub const FOREVER: Deadline = Deadline::MAX;

/// What the gate is told of a device that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The device.
    pub device: DeviceId,
    /// The session that admits it.
    pub session: SessionId,
    /// The token whose deadline holds for it.
    pub token: TokenId,
    /// The device's own deadline; the earlier one wins.
    pub deadline: Deadline,
}

/// What was found and done when the gate was brought in line with the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Devices that were there for the session that the ledger knows: they never stopped passing.
    pub kept: Vec<DeviceId>,
    /// Devices that do not pass: they were missing, or could not be kept. To be let in with [`Gate::open`] once it is
    /// durable from when on they are charged.
    pub missing: Vec<DeviceId>,
    /// How many entries nobody knew; they are gone.
    pub strangers: usize,
}

/// Why the gate did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The table of devices (or of tokens) is full.
    #[error("the gate holds {capacity} devices and is full: raise `gate.devices`")]
    Full {
        /// Devices it was made for.
        capacity: u32,
    },
    /// A system call failed.
    #[error("the kernel refused to {action}: {source}")]
    Kernel {
        /// What was tried, such as "insert a device".
        action: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

/// Devices, deadlines and counts. One owner calls it; every call has happened when it returns.
pub trait Gate: Send {
    /// Devices it can hold.
    fn capacity(&self) -> u32;

    /// Brings the gate in line: `deadlines` for the tokens, `entries` for the devices and nothing else. Entries whose
    /// session is already there keep their counts and never stop passing; missing ones are named in the answer.
    ///
    /// # Errors
    /// [`GateError::Kernel`] when the table cannot be read; what a single device met is in the answer.
    fn adopt(&mut self, deadlines: &[(TokenId, Deadline)], entries: &[Entry]) -> Result<Adoption, GateError>;

    /// Sets the deadline of a token, for all its devices at once. A token without devices is remembered for the next
    /// [`Gate::open`].
    ///
    /// # Errors
    /// [`GateError`] when there is no room for another token.
    fn set_deadline(&mut self, token: TokenId, deadline: Deadline) -> Result<(), GateError>;

    /// The deadline last set for a token that has devices.
    fn deadline(&self, token: TokenId) -> Option<Deadline>;

    /// Lets a device pass until the earlier of its own and its token's deadline; its counts start at zero. The token's
    /// deadline must have been set. A device that is there already is moved to the new entry.
    ///
    /// # Errors
    /// [`GateError`]; the device then does not pass.
    fn open(&mut self, entry: &Entry) -> Result<(), GateError>;

    /// Stops a device and says what it had sent and received; nothing for a device that is not there.
    ///
    /// # Errors
    /// [`GateError::Kernel`]; the device may still pass until its deadline, and the call can be repeated.
    fn close(&mut self, device: DeviceId) -> Result<Option<Traffic>, GateError>;

    /// What a device has sent and received since it was opened, without a system call.
    fn traffic(&self, device: DeviceId) -> Option<Traffic>;

    /// The devices with a forwarded frame at an instant (monotonic milliseconds) or after it, and perhaps others, without a
    /// system call.
    fn seen_since(&self, monotonic: u64) -> Vec<DeviceId>;

    /// Puts a device on the bypass or the block list, or takes it off both. It holds from now on, whatever session the device
    /// has: a blocked one passes nothing and is not opened, one on the bypass list passes. A session that is open goes on
    /// being counted, and holds again once the device is on no list. Before
    /// [`Gate::adopt`] it is only noted. The lists are those of the settings at start; nothing else is remembered over a
    /// restart.
    ///
    /// # Errors
    /// [`GateError`]; the device is then listed as before.
    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError>;

    /// All devices of both lists, in their order.
    fn lists(&self) -> Vec<(DeviceId, Listed)>;
}
