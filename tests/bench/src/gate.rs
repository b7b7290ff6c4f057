//! A gate in the kernel without a daemon and without interfaces, on pins of its own.

use std::path::{Path, PathBuf};

use accounting_daemon::{
    gate::{Deadline, Entry, FOREVER, Gate, KernelGate, Settings, directory},
    ledger::TokenId,
    mac::DeviceId,
};
use accounting_ebpf::layout::{Counters, Device, map};
use accounting_tests::lab::{BPF_FS, prepare};
use anyhow::{Context, Result};
use aya::maps::{Array, HashMap, Map, MapData};

type Devices = HashMap<MapData, u64, Device>;
type Slots = Array<MapData, Counters>;

/// A gate whose maps go away with it.
pub(crate) struct Ground {
    pub(crate) gate: KernelGate,
    pins: Pins,
}

/// A folder of pins, removed when dropped.
struct Pins(PathBuf);

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("remove {} by hand: {error}", self.0.display());
        }
    }
}

impl Ground {
    /// An empty gate for so many devices.
    pub(crate) fn new(devices: u32) -> Result<Self> {
        prepare()?;
        let pins = Pins(Path::new(BPF_FS).join(format!("accounting-bench-{}", std::process::id())));
        std::fs::create_dir(&pins.0).with_context(|| format!("cannot make {}", pins.0.display()))?;
        let settings = Settings {
            pins: pins.0.clone(),
            devices,
            ..Settings::default()
        };
        Ok(Self {
            gate: KernelGate::open(&settings)?,
            pins,
        })
    }

    /// Where its maps are pinned.
    pub(crate) fn folder(&self) -> PathBuf {
        directory(&self.pins.0)
    }

    /// Lets devices pass on one token each, without an end.
    pub(crate) fn admit(&mut self, devices: impl Iterator<Item = (DeviceId, TokenId)>) -> Result<()> {
        let entries: Vec<Entry> = (1..)
            .zip(devices)
            .map(|(session, (device, token))| Entry {
                device,
                session,
                token,
                deadline: FOREVER,
            })
            .collect();
        let mut tokens: Vec<(TokenId, Deadline)> =
            entries.iter().map(|entry| (entry.token, FOREVER)).collect();
        tokens.dedup();
        self.gate.adopt(&tokens, &entries)?;
        for entry in &entries {
            self.gate.open(entry)?;
        }
        Ok(())
    }

    /// The maps as a program without shared memory sees them.
    pub(crate) fn maps(&self) -> Result<(Devices, Slots)> {
        let pinned = |name| MapData::from_pin(self.folder().join(name));
        let devices = HashMap::try_from(Map::HashMap(pinned(map::DEVICES)?))?;
        let counters = Array::try_from(Map::Array(pinned(map::COUNTERS)?))?;
        Ok((devices, counters))
    }
}
