//! A gate in memory, for tests and the simulator: the same promises, without a kernel.

use std::collections::{BTreeMap, BTreeSet};

use super::{Adoption, Deadline, Entry, Gate, GateError, Listed};
use crate::{
    ledger::{SessionId, TokenId, Traffic},
    mac::DeviceId,
};

/// Devices, deadlines and counts in memory.
#[derive(Clone, Debug, Default)]
pub struct SimulatedGate {
    /// How many devices it takes.
    pub capacity: u32,
    /// Devices whose next opening fails.
    pub refuse_open: BTreeSet<DeviceId>,
    /// Devices whose next closing fails.
    pub refuse_close: BTreeSet<DeviceId>,
    entries: BTreeMap<DeviceId, Entry>,
    traffic: BTreeMap<DeviceId, Traffic>,
    deadlines: BTreeMap<TokenId, Deadline>,
    /// What this daemon said ...
    told: BTreeMap<DeviceId, Listed>,
    /// ... and what holds, also while there is no daemon.
    judged: BTreeMap<DeviceId, Listed>,
    adopted: bool,
}

impl SimulatedGate {
    /// An empty gate.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// The session for which a device may pass at an instant (monotonic milliseconds). A blocked one has none that counts.
    #[must_use]
    pub fn admits(&self, device: DeviceId, monotonic: u64) -> Option<SessionId> {
        if self.judged.get(&device) == Some(&Listed::Blocked) {
            return None;
        }
        let entry = self.entries.get(&device)?;
        let deadline = self.deadlines.get(&entry.token)?.min(&entry.deadline);
        (monotonic < *deadline).then_some(entry.session)
    }

    /// Every entry, whether its deadline has passed or not.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> + '_ {
        self.entries.values()
    }

    /// Another daemon opens the gate: what holds goes on, and it has said nothing yet.
    pub fn reopened(&mut self) {
        self.told.clear();
        self.adopted = false;
    }

    /// Who is judged without a session; `None` before the daemon has taken the gate over.
    #[must_use]
    pub fn judged(&self) -> Option<&BTreeMap<DeviceId, Listed>> {
        self.adopted.then_some(&self.judged)
    }

    fn places_taken(&self) -> usize {
        let listed = self.judged.keys();
        let alone = listed.filter(|device| !self.entries.contains_key(*device));
        self.entries.len() + alone.count()
    }

    /// Lets frames of a device count.
    pub fn count(&mut self, device: DeviceId, traffic: Traffic) {
        self.traffic.insert(device, traffic);
    }
}

fn refuse(list: &mut BTreeSet<DeviceId>, device: DeviceId, action: &'static str) -> Result<(), GateError> {
    if list.remove(&device) {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        return Err(GateError::Kernel { action, source });
    }
    Ok(())
}

impl Gate for SimulatedGate {
    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn adopt(&mut self, deadlines: &[(TokenId, Deadline)], entries: &[Entry]) -> Result<Adoption, GateError> {
        let mut adoption = Adoption::default();
        self.deadlines = deadlines.iter().copied().collect();
        self.judged = self.told.clone();
        self.adopted = true;
        let mut before = std::mem::take(&mut self.entries);
        for entry in entries {
            match before
                .remove(&entry.device)
                .filter(|found| found.session == entry.session)
            {
                Some(_) => {
                    self.entries.insert(entry.device, *entry);
                    adoption.kept.push(entry.device);
                }
                None => adoption.missing.push(entry.device),
            }
        }
        adoption.strangers = before.len();
        Ok(adoption)
    }

    fn set_deadline(&mut self, token: TokenId, deadline: Deadline) -> Result<(), GateError> {
        self.deadlines.insert(token, deadline);
        Ok(())
    }

    fn deadline(&self, token: TokenId) -> Option<Deadline> {
        let used = self.entries.values().any(|entry| entry.token == token);
        self.deadlines.get(&token).copied().filter(|_| used)
    }

    fn open(&mut self, entry: &Entry) -> Result<(), GateError> {
        refuse(&mut self.refuse_open, entry.device, "insert a device")?;
        let listed = self.judged.get(&entry.device);
        if listed == Some(&Listed::Blocked) {
            return Err(GateError::Kernel {
                action: "admit a device on the block list",
                source: std::io::ErrorKind::PermissionDenied.into(),
            });
        }
        let has_place = listed.is_some() || self.entries.contains_key(&entry.device);
        if !has_place && self.places_taken() >= self.capacity as usize {
            return Err(GateError::Full {
                capacity: self.capacity,
            });
        }
        self.entries.insert(entry.device, *entry);
        self.traffic.insert(entry.device, Traffic::default());
        Ok(())
    }

    fn close(&mut self, device: DeviceId) -> Result<Option<Traffic>, GateError> {
        refuse(&mut self.refuse_close, device, "remove a device")?;
        Ok(self
            .entries
            .remove(&device)
            .and_then(|_| self.traffic.remove(&device)))
    }

    fn traffic(&self, device: DeviceId) -> Option<Traffic> {
        self.traffic.get(&device).copied()
    }

    fn seen_since(&self, monotonic: u64) -> Vec<DeviceId> {
        let seen = self.traffic.iter().filter(|(_, traffic)| {
            let last = traffic.seen_up.max(traffic.seen_down);
            last >= Some(monotonic)
        });
        seen.map(|(device, _)| *device).collect()
    }

    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
        let maps = [
            Some(&mut self.told),
            Some(&mut self.judged).filter(|_| self.adopted),
        ];
        for map in maps.into_iter().flatten() {
            match listed {
                Some(listed) => map.insert(device, listed),
                None => map.remove(&device),
            };
        }
        Ok(())
    }

    fn lists(&self) -> Vec<(DeviceId, Listed)> {
        self.told
            .iter()
            .map(|(device, listed)| (*device, *listed))
            .collect()
    }
}
