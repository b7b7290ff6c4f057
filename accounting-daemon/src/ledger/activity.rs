//! What the ledger is told of a device's traffic: when frames of it were last forwarded.

use super::{Mutant, Now, broken};
use crate::mac::DeviceId;

/// Monotonic milliseconds of the last forwarded frames; `None`: none yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// From the device.
    pub up: Option<u64>,
    /// To the device.
    pub down: Option<u64>,
}

/// Who knows; asked only about devices with an open session.
pub trait Activity {
    /// When frames of a device were last forwarded.
    fn seen(&self, device: DeviceId) -> Seen;

    /// The devices with frames at an instant or after it, and perhaps more; `None`: it has to be asked about each.
    fn seen_since(&self, _monotonic: u64) -> Option<Vec<DeviceId>> {
        None
    }
}

impl<F: Fn(DeviceId) -> Seen> Activity for F {
    fn seen(&self, device: DeviceId) -> Seen {
        self(device)
    }
}

impl Seen {
    /// Whether there was any.
    pub(super) fn any(self) -> bool {
        self.up.is_some() || self.down.is_some()
    }

    /// The instant from which the device is silent: its last frame, its admission (`settled`) before the first.
    pub(super) fn silent_since(self, settled: u64) -> u64 {
        let down = self.down.filter(|_| broken(Mutant::DownlinkIsNoSilence));
        self.up.max(down).unwrap_or(0).max(settled)
    }

    /// How long it is silent.
    pub(super) fn silence(self, settled: u64, now: Now) -> u64 {
        now.monotonic.saturating_sub(self.silent_since(settled))
    }

    /// The last frame in either direction, not before the admission.
    pub(super) fn last(self, settled: u64) -> u64 {
        let down = self.down.filter(|_| !broken(Mutant::ChargedToUplinkOnly));
        down.unwrap_or(0).max(self.silent_since(settled))
    }
}
