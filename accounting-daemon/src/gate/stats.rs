//! What the programs decided since they were made, by hook and verdict.

use std::path::Path;

use accounting_ebpf::{
    layout::map,
    verdict::{self, Hook, Verdict},
};
use aya::maps::{Map, MapData, PerCpuArray};

use super::{StartError, maps::failed, settings::directory};

/// Reads the counts of frames, summed over processors: name of the hook, name of the verdict, frames.
pub struct Stats(PerCpuArray<MapData, u64>);

impl Stats {
    /// Opens the counts of the gate pinned below `pins`.
    ///
    /// # Errors
    /// [`StartError::Map`]: there is none, or it may not be read.
    pub fn open(pins: &Path) -> Result<Self, StartError> {
        let pinned =
            MapData::from_pin(directory(pins).join(map::STATS)).map_err(failed(map::STATS, "open"))?;
        PerCpuArray::try_from(Map::PerCpuArray(pinned))
            .map(Self)
            .map_err(failed(map::STATS, "open"))
    }

    /// Frames of devices that play router or DHCP server, since the gate was made.
    ///
    /// # Errors
    /// [`StartError::Map`]: the map may not be read.
    pub fn rogues(&self) -> Result<u64, StartError> {
        self.count(Hook::XdpIngress, Verdict::Rogue)
    }

    fn count(&self, hook: Hook, verdict: Verdict) -> Result<u64, StartError> {
        let counts = self
            .0
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
