//! What the programs decided since they were made, by hook and verdict.

use std::path::Path;

use accounting_ebpf::{
    layout::{Key, map},
    verdict::{self, Hook, Verdict},
};
use aya::maps::{Array, Map, MapData, PerCpuArray};

use super::{StartError, maps::failed, settings::directory};
use crate::mac::{DeviceId, Mac};

/// Reads the counts of frames, summed over processors: name of the hook, name of the verdict, frames.
pub struct Stats {
    counts: PerCpuArray<MapData, u64>,
    rogue: Array<MapData, u64>,
}

impl Stats {
    /// Opens the counts of the gate pinned below `pins`.
    ///
    /// # Errors
    /// [`StartError::Map`]: there is none, or it may not be read.
    pub fn open(pins: &Path) -> Result<Self, StartError> {
        let open = |name| MapData::from_pin(directory(pins).join(name)).map_err(failed(name, "open"));
        let counts = Map::PerCpuArray(open(map::STATS)?);
        let rogue = Map::Array(open(map::ROGUE)?);
        Ok(Self {
            counts: PerCpuArray::try_from(counts).map_err(failed(map::STATS, "open"))?,
            rogue: Array::try_from(rogue).map_err(failed(map::ROGUE, "open"))?,
        })
    }

    /// Frames of devices that play router or DHCP server, since the gate was made.
    ///
    /// # Errors
    /// [`StartError::Map`]: the map may not be read.
    pub fn rogues(&self) -> Result<u64, StartError> {
        self.count(Hook::XdpIngress, Verdict::Rogue)
    }

    /// The last of these devices.
    ///
    /// # Errors
    /// [`StartError::Map`]: the map may not be read.
    pub fn last_rogue(&self) -> Result<Option<DeviceId>, StartError> {
        let word = self.rogue.get(&0, 0).map_err(failed(map::ROGUE, "read"))?;
        let Key { mac, zone } = Key::from_word(word);
        let device = DeviceId {
            mac: Mac(mac),
            zone: u16::from_le_bytes(zone),
        };
        Ok((word != 0).then_some(device))
    }

    fn count(&self, hook: Hook, verdict: Verdict) -> Result<u64, StartError> {
        let counts = self
            .counts
            .get(&verdict::stat(hook, verdict), 0)
            .map_err(failed(map::STATS, "read"))?;
        Ok(counts.iter().sum())
    }

    /// All counts, in the order of hooks and verdicts.
    ///
    /// # Errors
    /// [`StartError::Map`]: the map may not be read.
    pub fn read(&self) -> Result<Vec<(&'static str, &'static str, u64)>, StartError> {
        let pairs = Hook::ALL
            .into_iter()
            .flat_map(|hook| Verdict::ALL.into_iter().map(move |verdict| (hook, verdict)));
        pairs
            .map(|(hook, verdict)| Ok((hook.as_str(), verdict.as_str(), self.count(hook, verdict)?)))
            .collect()
    }
}
