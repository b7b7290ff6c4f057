//! The pinned maps: made once, adopted by every daemon after, never silently replaced.
//!
//! The daemon makes them itself and the loader reuses the pins. The loader does not compare what it finds, so that
//! is done here.

use std::{
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use accounting_ebpf::{
    layout::{self, map},
    verdict,
};
use aya::maps::{MapData, MapError, MapInfo};
use aya_obj::generated::bpf_map_type;

use super::{StartError, settings::directory};

/// `BPF_F_NO_PREALLOC`: longest-prefix-match maps know no other way.
const NO_PREALLOC: u32 = 1 << 0;

/// `BPF_F_MMAPABLE`.
const MMAPABLE: u32 = 1 << 10;

/// Slots beyond the number of devices, so that those at rest seldom hold up a newcomer to a full gate.
const SPARE_SLOTS: u32 = 1_024;

/// Names of all maps, in the order in which they are made.
pub(super) const NAMES: [&str; 10] = [
    map::DEVICES,
    map::TOKENS,
    map::COUNTERS,
    map::STATS,
    map::ROGUE,
    map::ADDRESSES,
    map::GARDEN4,
    map::GARDEN6,
    map::BUDGETS,
    map::ANSWERS,
];

/// What a map looks like to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    kind: u32,
    key: u32,
    value: u32,
    entries: u32,
    flags: u32,
}

impl Shape {
    /// The shape of a map, by its name, in a gate for so many devices.
    pub(super) fn of(name: &str, devices: u32) -> Self {
        const fn bytes<T>() -> u32 {
            // No type of the layout is larger than a cache line.
            #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
            {
                size_of::<T>() as u32
            }
        }
        let array = |kind, value, entries, flags| Self {
            kind,
            key: bytes::<u32>(),
            value,
            entries,
            flags,
        };
        let slots = devices.saturating_add(layout::TOKEN_FIRST + SPARE_SLOTS);
        let plain = bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;
        let trie = |address: u32| Self {
            kind: bpf_map_type::BPF_MAP_TYPE_LPM_TRIE as u32,
            key: bytes::<u32>() + address,
            value: bytes::<layout::Garden>(),
            entries: layout::GARDEN_MAX,
            flags: NO_PREALLOC,
        };
        let hash = |key, value, entries| Self {
            kind: bpf_map_type::BPF_MAP_TYPE_HASH as u32,
            key,
            value,
            entries,
            flags: 0,
        };
        match name {
            map::DEVICES => hash(bytes::<layout::Key>(), bytes::<layout::Device>(), devices),
            map::TOKENS => array(plain, bytes::<u64>(), slots, MMAPABLE),
            map::COUNTERS => array(plain, bytes::<layout::Counters>(), slots, MMAPABLE),
            map::STATS => array(
                bpf_map_type::BPF_MAP_TYPE_PERCPU_ARRAY as u32,
                bytes::<u64>(),
                verdict::STATS,
                0,
            ),
            map::ROGUE => array(plain, bytes::<u64>(), 1, 0),
            map::ADDRESSES => hash(16, bytes::<u32>(), layout::ADDRESSES_MAX),
            map::GARDEN4 => trie(4),
            map::GARDEN6 => trie(16),
            map::ANSWERS => Self {
                kind: bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32,
                key: 0,
                value: 0,
                entries: layout::ANSWERS_BYTES,
                flags: 0,
            },
            _ => array(plain, bytes::<u64>(), layout::BUDGETS + 1, 0),
        }
    }

    /// What the programs depend on.
    #[cfg(test)]
    pub(super) fn kind_key_value(self) -> (u32, u32, u32) {
        (self.kind, self.key, self.value)
    }

    fn pinned(info: &MapInfo) -> Result<Self, MapError> {
        Ok(Self {
            kind: info.map_type()? as u32,
            key: info.key_size(),
            value: info.value_size(),
            entries: info.max_entries(),
            flags: info.map_flags(),
        })
    }

    fn compare(self, found: Self, path: &Path) -> Result<(), StartError> {
        let properties = [
            ("the type", found.kind, self.kind),
            ("a key size of", found.key, self.key),
            ("a value size of", found.value, self.value),
            ("a capacity of", found.entries, self.entries),
            ("the flags", found.flags, self.flags),
        ];
        match properties
            .into_iter()
            .find(|(_, found, expected)| found != expected)
        {
            None => Ok(()),
            Some((what, found, expected)) => Err(StartError::MapMismatch {
                path: path.to_owned(),
                what,
                found,
                expected,
            }),
        }
    }
}

/// All maps of the layout, pinned and as they should be.
#[derive(Debug, Clone)]
pub(super) struct Maps {
    directory: PathBuf,
    devices: u32,
}

impl Maps {
    /// Adopts the maps pinned below `pins` and makes the missing ones. A gate that exists keeps its capacity.
    pub(super) fn open(pins: &Path, devices: u32) -> Result<Self, StartError> {
        let directory = directory(pins);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|source| StartError::Pins {
                path: directory.clone(),
                source,
            })?;
        let mut maps = Self {
            directory,
            devices: devices.clamp(1, layout::DEVICES_MAX),
        };
        if let Some(pinned) = maps.find(map::DEVICES)? {
            maps.devices = info(map::DEVICES, &pinned)?.max_entries();
        }
        for name in NAMES {
            let shape = Shape::of(name, maps.devices);
            match maps.find(name)? {
                Some(pinned) => {
                    let found = Shape::pinned(&info(name, &pinned)?).map_err(failed(name, "read"))?;
                    shape.compare(found, &maps.pin(name))?;
                }
                None => maps.create(name, shape)?,
            }
        }
        Ok(maps)
    }

    /// The capacity the maps were made with.
    pub(super) fn devices(&self) -> u32 {
        self.devices
    }

    /// Where the pins of the layout are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where a map is pinned.
    pub(super) fn pin(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// How many entries a map of the layout has here.
    pub(super) fn entries(&self, name: &str) -> u32 {
        Shape::of(name, self.devices).entries
    }

    /// Another handle on a map.
    pub(super) fn get(&self, name: &'static str) -> Result<MapData, StartError> {
        MapData::from_pin(self.pin(name)).map_err(failed(name, "open"))
    }

    fn find(&self, name: &'static str) -> Result<Option<MapData>, StartError> {
        match MapData::from_pin(self.pin(name)) {
            Ok(map) => Ok(Some(map)),
            Err(MapError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(source) => Err(failed(name, "open")(source)),
        }
    }

    fn create(&self, name: &'static str, shape: Shape) -> Result<(), StartError> {
        let Shape {
            kind,
            key,
            value,
            entries,
            flags,
        } = shape;
        let map = aya_obj::Map::new_from_params(kind, key, value, entries, flags);
        let map = MapData::create(map, name, None).map_err(failed(name, "create"))?;
        map.pin(self.pin(name)).map_err(|error| {
            failed(name, "pin")(MapError::PinError {
                name: Some(name.to_owned()),
                error,
            })
        })
    }
}

fn info(name: &'static str, map: &MapData) -> Result<MapInfo, StartError> {
    map.info().map_err(failed(name, "read"))
}

/// What becomes of a failed call on a map.
pub(super) fn failed(map: &'static str, action: &'static str) -> impl FnOnce(MapError) -> StartError {
    move |source| StartError::Map {
        map,
        action,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_has_a_shape_of_its_own() {
        for name in NAMES {
            let shape = Shape::of(name, 100);
            assert!(shape.entries > 0, "{name}");
            assert_eq!(shape.compare(shape, Path::new(name)).ok(), Some(()), "{name}");
        }
        assert_eq!(Shape::of(map::DEVICES, 100).entries, 100);
        assert!(Shape::of(map::TOKENS, 100).entries >= 102);
    }

    #[test]
    fn a_map_that_differs_is_named_with_the_way_out() {
        let shape = Shape::of(map::DEVICES, 100);
        let other = Shape { value: 16, ..shape };
        let error = shape
            .compare(other, Path::new("/pins/v2/DEVICES"))
            .unwrap_err()
            .to_string();
        for part in [
            "/pins/v2/DEVICES",
            "a value size of 16, not 24",
            "accounting-daemon detach",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_document_of_the_format_has_every_map() {
        const DOCUMENT: &str = include_str!("../../../docs/FORMAT.md");
        for name in NAMES {
            let mut rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
            assert!(
                rows.any(|row| row.contains(&format!("`{name}`"))),
                "{name} is not in docs/FORMAT.md"
            );
        }
    }
}
