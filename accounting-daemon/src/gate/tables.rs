//! The maps that say what strangers may reach: the gateway's own addresses, resolvers, the walled garden.
//!
//! Only differences are written, so that nothing that holds before and after is missing in between.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use accounting_ebpf::layout::{self, Garden, address, map};
use aya::{
    Pod,
    maps::{HashMap, LpmTrie, Map, MapData, MapError, lpm_trie::Key},
};
use ipnet::IpNet;

use super::{
    Settings, StartError,
    calls::os_error,
    maps::{Maps, failed},
};

/// Handles on the three maps.
pub(super) struct Tables {
    addresses: HashMap<MapData, [u8; 16], u32>,
    garden4: LpmTrie<MapData, [u8; 4], Garden>,
    garden6: LpmTrie<MapData, [u8; 16], Garden>,
}

impl Tables {
    pub(super) fn open(maps: &Maps) -> Result<Self, StartError> {
        let trie = |name| maps.get(name).map(Map::LpmTrie);
        Ok(Self {
            addresses: HashMap::try_from(Map::HashMap(maps.get(map::ADDRESSES)?))
                .map_err(failed(map::ADDRESSES, "open"))?,
            garden4: LpmTrie::try_from(trie(map::GARDEN4)?).map_err(failed(map::GARDEN4, "open"))?,
            garden6: LpmTrie::try_from(trie(map::GARDEN6)?).map_err(failed(map::GARDEN6, "open"))?,
        })
    }

    /// Makes `own` and the configured resolvers what the map holds.
    pub(super) fn set_addresses(&mut self, own: &[IpAddr], resolvers: &[IpAddr]) -> Result<(), StartError> {
        let mut wanted: BTreeMap<[u8; 16], u32> = BTreeMap::new();
        let flagged = own.iter().map(|ip| (ip, address::OWN));
        for (ip, flag) in flagged.chain(resolvers.iter().map(|ip| (ip, address::RESOLVER))) {
            *wanted.entry(octets(*ip)).or_default() |= flag;
        }
        fits("gate.resolvers", wanted.len(), layout::ADDRESSES_MAX)?;
        self.write_addresses(&wanted)
            .map_err(failed(map::ADDRESSES, "write"))
    }

    /// Makes the configured garden what the maps hold.
    pub(super) fn set_garden(&mut self, settings: &Settings) -> Result<(), StartError> {
        let mut four = BTreeMap::new();
        let mut six = BTreeMap::new();
        for (net, ports) in &settings.garden {
            let garden = Garden { ports: *ports };
            match net.trunc() {
                IpNet::V4(net) => {
                    four.insert((u32::from(net.prefix_len()), net.addr().octets()), garden);
                }
                IpNet::V6(net) => {
                    six.insert((u32::from(net.prefix_len()), net.addr().octets()), garden);
                }
            }
        }
        fits("gate.garden", four.len().max(six.len()), layout::GARDEN_MAX)?;
        write_garden(&mut self.garden4, &four).map_err(failed(map::GARDEN4, "write"))?;
        write_garden(&mut self.garden6, &six).map_err(failed(map::GARDEN6, "write"))
    }

    /// Opens a single address.
    pub(super) fn plant(&mut self, address: IpAddr, ports: [u16; 4]) -> Result<(), StartError> {
        let garden = Garden { ports };
        match address {
            IpAddr::V4(four) => self.garden4.insert(&Key::new(32, four.octets()), garden, 0),
            IpAddr::V6(six) => self.garden6.insert(&Key::new(128, six.octets()), garden, 0),
        }
        .map_err(failed(map::GARDEN4, "write"))
    }

    /// Closes it again; one that is not open is fine.
    pub(super) fn pull(&mut self, address: IpAddr) -> Result<(), StartError> {
        let done = match address {
            IpAddr::V4(four) => self.garden4.remove(&Key::new(32, four.octets())),
            IpAddr::V6(six) => self.garden6.remove(&Key::new(128, six.octets())),
        };
        match done {
            Err(error) if os_error(&error) != Some(libc::ENOENT) => Err(failed(map::GARDEN4, "write")(error)),
            _ => Ok(()),
        }
    }

    fn write_addresses(&mut self, wanted: &BTreeMap<[u8; 16], u32>) -> Result<(), MapError> {
        let present: BTreeMap<[u8; 16], u32> = self.addresses.iter().collect::<Result<_, _>>()?;
        // Stale ones first: the map may be full of them.
        for stale in present.keys().filter(|address| !wanted.contains_key(*address)) {
            self.addresses.remove(stale)?;
        }
        for (address, flags) in wanted
            .iter()
            .filter(|(address, flags)| present.get(*address) != Some(flags))
        {
            self.addresses.insert(address, flags, 0)?;
        }
        Ok(())
    }
}

fn write_garden<A: Pod + Ord>(
    trie: &mut LpmTrie<MapData, A, Garden>,
    wanted: &BTreeMap<(u32, A), Garden>,
) -> Result<(), MapError> {
    let present: BTreeMap<(u32, A), Garden> = trie
        .iter()
        .map(|entry| entry.map(|(key, garden)| ((key.prefix_len(), key.data()), garden)))
        .collect::<Result<_, _>>()?;
    for (length, address) in present.keys().filter(|key| !wanted.contains_key(*key)) {
        trie.remove(&Key::new(*length, *address))?;
    }
    for (key, garden) in wanted
        .iter()
        .filter(|(key, garden)| present.get(*key) != Some(garden))
    {
        trie.insert(&Key::new(key.0, key.1), garden, 0)?;
    }
    Ok(())
}

fn octets(address: IpAddr) -> [u8; 16] {
    let six: Ipv6Addr = match address {
        IpAddr::V4(four) => four.to_ipv6_mapped(),
        IpAddr::V6(six) => six,
    };
    six.octets()
}

fn fits(setting: &'static str, needed: usize, capacity: u32) -> Result<(), StartError> {
    if needed <= capacity as usize {
        return Ok(());
    }
    Err(StartError::TooMany {
        setting,
        needed,
        capacity,
    })
}
