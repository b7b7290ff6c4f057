//! Bringing the maps that a former daemon left in line with the ledger, while frames pass.
//!
//! An entry is recognised by its session. Its device slot then stays, so that not a byte is lost, and so does its
//! token slot where all devices of the token agree on one. Who is not recognised is removed before anybody is let in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use accounting_ebpf::layout::{self, Counters, Device};

use super::{
    Adoption, Deadline, Entry, GateError,
    calls::{device_of, grace, kernel},
    kernel::KernelGate,
    lists::Listed,
    seats::Seat,
    slots::Slots,
};
use crate::{ledger::TokenId, mac::DeviceId};

/// What was found in the maps and may stay.
#[derive(Default)]
struct Found<'a> {
    sessions: Vec<(&'a Entry, Device)>,
    lists: BTreeSet<DeviceId>,
    device_slots: BTreeSet<u32>,
    /// Token slots that entries still point at.
    token_slots: BTreeSet<u32>,
    owners: HashMap<u32, TokenId>,
    tokens: HashMap<TokenId, u32>,
}

pub(super) fn adopt(
    gate: &mut KernelGate,
    deadlines: &[(TokenId, Deadline)],
    entries: &[Entry],
) -> Result<Adoption, GateError> {
    let present = read(gate)?;
    gate.open.clear();
    gate.covered.clear();
    gate.reset_accounts(deadlines);
    let wanted: BTreeMap<DeviceId, &Entry> = entries.iter().map(|entry| (entry.device, entry)).collect();
    let mut adoption = Adoption::default();
    let found = recognise(gate, &present, &wanted);
    let keep: BTreeSet<DeviceId> = found.sessions.iter().map(|(entry, _)| entry.device).collect();
    for &(device, _) in &present {
        if !keep.contains(&device) && !found.lists.contains(&device) {
            gate.erase(device)?;
            adoption.strangers += 1;
        }
    }
    // What the removed ones used is free after this, like everything nobody points at.
    grace();
    gate.device_slots = Slots::new(0, gate.slots, &found.device_slots);
    gate.token_slots = Slots::new(layout::TOKEN_FIRST, gate.slots, &found.token_slots);
    list(gate, &found);
    gate.adopted = true;
    for &(entry, device) in &found.sessions {
        match keep_entry(gate, entry, device, found.tokens.get(&entry.token).copied()) {
            Ok(()) => adoption.kept.push(entry.device),
            Err(error) => {
                tracing::warn!(session = entry.session, %error, "a device could not be kept at the gate");
                gate.erase(entry.device)?;
                adoption.missing.push(entry.device);
            }
        }
    }
    // Slots that entries pointed at before they were moved to their token's one.
    for slot in found
        .token_slots
        .iter()
        .filter(|slot| !found.owners.contains_key(slot))
    {
        gate.token_slots.give(*slot);
    }
    let missing = wanted.into_keys().filter(|device| !keep.contains(device));
    adoption.missing.extend(missing);
    Ok(adoption)
}

fn read(gate: &KernelGate) -> Result<Vec<(DeviceId, Device)>, GateError> {
    let mut present: Vec<(DeviceId, Device)> = gate
        .devices
        .iter()
        .map(|entry| entry.map(|(word, device)| (device_of(word), device)))
        .collect::<Result<_, _>>()
        .map_err(|error| kernel("read the devices", error))?;
    // The kernel's order is by a hash that each boot draws anew.
    present.sort_unstable_by_key(|(device, _)| *device);
    Ok(present)
}

fn recognise<'a>(
    gate: &KernelGate,
    present: &[(DeviceId, Device)],
    wanted: &BTreeMap<DeviceId, &'a Entry>,
) -> Found<'a> {
    let mut found = Found::default();
    for &(id, device) in present {
        let listed = gate.lists.get(&id).copied();
        let session = wanted.get(&id).filter(|entry| {
            listed.is_none() && entry.session == device.session && gate.accounts.known(entry.token).is_some()
        });
        let is_list = listed.is_some_and(|listed| device == listed.entry(device.slot));
        // Two entries on one slot cannot both keep it.
        if session.is_none() && !is_list
            || device.slot >= gate.slots
            || !found.device_slots.insert(device.slot)
        {
            continue;
        }
        let Some(&entry) = session else {
            found.lists.insert(id);
            continue;
        };
        found.sessions.push((entry, device));
        if !(layout::TOKEN_FIRST..gate.slots).contains(&device.token) {
            continue;
        }
        found.token_slots.insert(device.token);
        if !found.tokens.contains_key(&entry.token) && !found.owners.contains_key(&device.token) {
            found.tokens.insert(entry.token, device.token);
            found.owners.insert(device.token, entry.token);
        }
    }
    found
}

/// Lets a device go on from where it stands, with the deadlines of today, and its token in the slot that was found.
fn keep_entry(
    gate: &mut KernelGate,
    entry: &Entry,
    found: Device,
    slot: Option<u32>,
) -> Result<(), GateError> {
    let first = gate.accounts.slot(entry.token).is_none();
    let token = match (slot, gate.accounts.known(entry.token)) {
        (Some(slot), Some(deadline)) if first => {
            gate.take_seat(entry.token, slot, deadline);
            slot
        }
        _ => gate.join(entry.token)?,
    };
    let device = Device {
        slot: found.slot,
        token,
        deadline: gate.in_kernel(entry.deadline),
        session: entry.session,
    };
    if device != found
        && let Err(error) = gate.write(entry.device, device)
    {
        gate.leave(token);
        return Err(error);
    }
    gate.open.insert(
        entry.device,
        Seat {
            slot: found.slot,
            token,
            base: Counters::default(),
        },
    );
    Ok(())
}

/// Puts the devices of the lists in. One for whom there is no room is treated as a stranger by the programs.
fn list(gate: &mut KernelGate, found: &Found<'_>) {
    let missing: Vec<(DeviceId, Listed)> = gate
        .lists
        .iter()
        .filter(|(device, _)| !found.lists.contains(device))
        .map(|(device, listed)| (*device, *listed))
        .collect();
    for (device, listed) in missing {
        let written = gate.slot().and_then(|slot| {
            let written = gate.write(device, listed.entry(slot));
            written.inspect_err(|_| gate.device_slots.give(slot))
        });
        if let Err(error) = written {
            tracing::warn!(?listed, %error, "a listed device could not be put into the gate");
        }
    }
}
