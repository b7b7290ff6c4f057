//! Devices that are judged without a session.
//!
//! The lists can change at any time. A device that has a session keeps its slot and its counts when it is listed; what its entry
//! was is kept, and is there again when it is taken off the list.

use std::collections::BTreeMap;

use accounting_ebpf::layout::{self, Device};

use super::{
    GateError,
    calls::{kernel, word},
    kernel::{KernelGate, NO_SESSION},
};
use crate::mac::DeviceId;

/// What a device is listed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// It always passes.
    Bypass,
    /// It never passes.
    Blocked,
}

impl Listed {
    /// The reserved token slot its entry points at.
    const fn token(self) -> u32 {
        match self {
            Self::Bypass => layout::TOKEN_BYPASS,
            Self::Blocked => layout::TOKEN_BLOCKED,
        }
    }

    /// The entry of a listed device that counts in `slot`.
    pub(super) const fn entry(self, slot: u32) -> Device {
        Device {
            slot,
            token: self.token(),
            deadline: layout::FOREVER,
            session: NO_SESSION,
        }
    }
}

/// Puts a device on a list, moves it to the other, or takes it off.
pub(super) fn set(gate: &mut KernelGate, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
    let before = gate.lists.get(&device).copied();
    if before == listed {
        return Ok(());
    }
    match (before, listed) {
        _ if !gate.adopted => {}
        (None, Some(listed)) => enlist(gate, device, listed)?,
        (Some(_), Some(listed)) => {
            let slot = entry(gate, device)?.slot;
            gate.write(device, listed.entry(slot))?;
        }
        (Some(_), None) => strike(gate, device)?,
        (None, None) => {}
    }
    match listed {
        Some(listed) => gate.lists.insert(device, listed),
        None => gate.lists.remove(&device),
    };
    Ok(())
}

fn enlist(gate: &mut KernelGate, device: DeviceId, listed: Listed) -> Result<(), GateError> {
    if gate.open.get(device).is_some() {
        let session = entry(gate, device)?;
        gate.write(device, listed.entry(session.slot))?;
        gate.covered.insert(device, session);
        return Ok(());
    }
    let slot = gate.slot()?;
    let written = gate.write(device, listed.entry(slot));
    written.inspect_err(|_| gate.device_slots.give(slot))
}

fn strike(gate: &mut KernelGate, device: DeviceId) -> Result<(), GateError> {
    if let Some(session) = gate.covered.get(&device).copied() {
        gate.write(device, session)?;
        gate.covered.remove(&device);
        return Ok(());
    }
    // One for whom there was no room has no entry.
    let Ok(held) = gate.devices.get(&word(device), 0) else {
        return Ok(());
    };
    gate.erase(device)?;
    gate.device_slots.give(held.slot);
    Ok(())
}

fn entry(gate: &KernelGate, device: DeviceId) -> Result<Device, GateError> {
    gate.devices
        .get(&word(device), 0)
        .map_err(|error| kernel("read a device", error))
}

/// Both lists as one: a device in both is blocked.
pub(super) fn merge(bypass: &[DeviceId], block: &[DeviceId]) -> BTreeMap<DeviceId, Listed> {
    let bypass = bypass.iter().map(|device| (*device, Listed::Bypass));
    let block = block.iter().map(|device| (*device, Listed::Blocked));
    bypass.chain(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    #[test]
    fn the_block_list_wins() {
        let device = |last| DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        };
        let lists = merge(&[device(1), device(2)], &[device(2), device(3)]);
        let found: Vec<_> = lists.into_values().collect();
        assert_eq!(found, [Listed::Bypass, Listed::Blocked, Listed::Blocked]);
    }
}
