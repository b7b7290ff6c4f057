//! Bringing the maps that a former daemon left in line with the ledger, while frames pass.
//!
//! An entry is recognised by its session. Its device slot then stays, so that not a byte is lost, and so does its
//! token slot where all devices of the token agree on one. Who is not recognised is removed before anybody is let in.

use std::collections::{BTreeSet, HashMap};

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

/// What the ledger wants. Sorted lists, as is all that is as long as the sessions here: they go back to the system whole,
/// while the nodes of a tree would leave holes among what stays.
struct Wanted<'a> {
    /// By device.
    entries: Vec<&'a Entry>,
    /// By token.
    deadlines: Vec<(TokenId, Deadline)>,
}

impl<'a> Wanted<'a> {
    fn new(deadlines: &[(TokenId, Deadline)], entries: &'a [Entry]) -> Self {
        let mut entries: Vec<&Entry> = entries.iter().collect();
        entries.sort_unstable_by_key(|entry| entry.device);
        let mut deadlines = deadlines.to_vec();
        deadlines.sort_unstable_by_key(|(token, _)| *token);
        Self { entries, deadlines }
    }

    fn entry(&self, device: DeviceId) -> Option<&'a Entry> {
        let found = self.entries.binary_search_by_key(&device, |entry| entry.device);
        self.entries.get(found.ok()?).copied()
    }

    fn deadline(&self, token: TokenId) -> Option<Deadline> {
        let found = self.deadlines.binary_search_by_key(&token, |(token, _)| *token);
        Some(self.deadlines.get(found.ok()?)?.1)
    }
}

/// What was found in the maps and may stay.
struct Found<'a> {
    /// By device.
    sessions: Vec<(&'a Entry, Device)>,
    lists: BTreeSet<DeviceId>,
    /// By slot, whether it has a holder.
    device_slots: Vec<bool>,
    /// By slot, whether entries still point at it.
    token_slots: Vec<bool>,
    owners: HashMap<u32, TokenId>,
    tokens: HashMap<TokenId, u32>,
}

impl Found<'_> {
    fn keeps(&self, device: DeviceId) -> bool {
        let found = self
            .sessions
            .binary_search_by_key(&device, |(entry, _)| entry.device);
        found.is_ok()
    }
}

pub(super) fn adopt(
    gate: &mut KernelGate,
    deadlines: &[(TokenId, Deadline)],
    entries: &[Entry],
) -> Result<Adoption, GateError> {
    let present = read(gate)?;
    gate.open.clear();
    gate.covered.clear();
    gate.accounts.clear();
    let wanted = Wanted::new(deadlines, entries);
    let mut adoption = Adoption::default();
    let found = recognise(gate, &present, &wanted);
    for &(device, _) in &present {
        if !found.keeps(device) && !found.lists.contains(&device) {
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
        match keep_entry(gate, entry, device, &found, &wanted) {
            Ok(()) => adoption.kept.push(entry.device),
            Err(error) => {
                tracing::warn!(session = entry.session, %error, "a device could not be kept at the gate");
                gate.erase(entry.device)?;
                adoption.missing.push(entry.device);
            }
        }
    }
    // Slots that entries pointed at before they were moved to their token's one.
    let pointed_at = (0..).zip(&found.token_slots).filter(|(_, used)| **used);
    for (slot, _) in pointed_at.filter(|(slot, _)| !found.owners.contains_key(slot)) {
        gate.token_slots.give(slot);
    }
    // What the others are to be let in with.
    for &(token, deadline) in &wanted.deadlines {
        if gate.accounts.slot(token).is_none() {
            gate.accounts.set(token, deadline);
        }
    }
    let missing = wanted.entries.iter().map(|entry| entry.device);
    adoption
        .missing
        .extend(missing.filter(|device| !found.keeps(*device)));
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

fn recognise<'a>(gate: &KernelGate, present: &[(DeviceId, Device)], wanted: &Wanted<'a>) -> Found<'a> {
    let slots = gate.slots as usize;
    let mut found = Found {
        sessions: Vec::new(),
        lists: BTreeSet::new(),
        device_slots: vec![false; slots],
        token_slots: vec![false; slots],
        owners: HashMap::new(),
        tokens: HashMap::new(),
    };
    for &(id, device) in present {
        let listed = gate.lists.get(&id).copied();
        let session = wanted.entry(id).filter(|entry| {
            listed.is_none() && entry.session == device.session && wanted.deadline(entry.token).is_some()
        });
        let is_list = listed.is_some_and(|listed| device == listed.entry(device.slot));
        if session.is_none() && !is_list {
            continue;
        }
        // Two entries on one slot cannot both keep it.
        match found.device_slots.get_mut(device.slot as usize) {
            Some(taken) if !*taken => *taken = true,
            _ => continue,
        }
        let Some(entry) = session else {
            found.lists.insert(id);
            continue;
        };
        found.sessions.push((entry, device));
        let Some(pointed_at) = found
            .token_slots
            .get_mut(device.token as usize)
            .filter(|_| device.token >= layout::TOKEN_FIRST)
        else {
            continue;
        };
        *pointed_at = true;
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
    before: Device,
    found: &Found<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), GateError> {
    let first = gate.accounts.slot(entry.token).is_none();
    let slot = found.tokens.get(&entry.token).copied();
    let token = match (slot, wanted.deadline(entry.token)) {
        (Some(slot), Some(deadline)) if first => {
            gate.take_seat(entry.token, slot, deadline);
            slot
        }
        (_, deadline) => {
            if let Some(deadline) = deadline.filter(|_| first) {
                gate.accounts.set(entry.token, deadline);
            }
            gate.join(entry.token)?
        }
    };
    let device = Device {
        slot: before.slot,
        token,
        deadline: gate.in_kernel(entry.deadline),
        session: entry.session,
    };
    if device != before
        && let Err(error) = gate.write(entry.device, device)
    {
        gate.leave(token);
        return Err(error);
    }
    gate.open.insert(
        entry.device,
        Seat {
            slot: before.slot,
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
