//! The settings of the gate: how many devices, who passes without a code, and what strangers may spend.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use accounting_ebpf::layout;

use super::{
    garden::{GARDEN_PORTS_MAX, GardenConfig, garden},
    problem::ProblemKind,
    reader::Table,
    value::Value,
};
use crate::{
    gate::{Pattern, Refuse},
    mac::{DeviceId, Mac},
};

/// The most addresses of resolvers; leaves room in the table for the gateway's own addresses.
pub const RESOLVERS_MAX: usize = 64;

/// The most frames a second, and the largest burst, that can be set.
const RATE_MAX: u64 = 100_000_000;

/// What the gate is loaded with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateConfig {
    /// Devices it can hold, 1 to [`layout::DEVICES_MAX`].
    pub devices: u32,
    /// Resolvers that strangers may ask besides the gateway itself.
    pub resolvers: Vec<IpAddr>,
    /// Devices that pass without a code. An entry without a zone stands here once for each zone.
    pub bypass: BTreeSet<DeviceId>,
    /// Devices that never pass; wins over `bypass`.
    pub block: BTreeSet<DeviceId>,
    /// What everybody may reach.
    pub garden: Vec<GardenConfig>,
    /// Names whose addresses everybody may reach, with ports as in `garden`.
    pub names: Vec<(Pattern, [u16; GARDEN_PORTS_MAX])>,
    /// What becomes of frames that devices without a session may not send.
    pub refuse: Refuse,
    /// What devices without a session may spend.
    pub strangers: StrangersConfig,
}

/// Budgets in frames a second, at least 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrangersConfig {
    /// Of one device.
    pub packets_per_second: u32,
    /// How many frames it may send at once.
    pub burst: u32,
    /// Of all strangers of an interface together.
    pub interface_packets_per_second: u32,
    /// See `burst`.
    pub interface_burst: u32,
}

impl GateConfig {
    pub(super) fn check(mut table: Table<'_, '_>, zones: &BTreeSet<u16>) -> Self {
        let max = u64::from(layout::DEVICES_MAX);
        let devices = table.number("devices", 1, max, layout::DEVICES_DEFAULT);
        let resolvers = resolvers(&mut table);
        let bypass = devices_of(table.list("bypass"), zones);
        let block = devices_of(table.list("block"), zones);
        let (garden, names) = garden(&mut table);
        let refuse = refuse(&mut table);
        let strangers = StrangersConfig::check(table.table("strangers", "gate.strangers"));
        table.finish();
        Self {
            devices,
            resolvers,
            bypass,
            block,
            garden,
            names,
            refuse,
            strangers,
        }
    }
}

impl StrangersConfig {
    fn check(mut table: Table<'_, '_>) -> Self {
        let config = Self {
            packets_per_second: table.number("packets_per_second", 1, RATE_MAX, 20),
            burst: table.number("burst", 1, RATE_MAX, 100),
            interface_packets_per_second: table.number("interface_packets_per_second", 1, RATE_MAX, 20_000),
            interface_burst: table.number("interface_burst", 1, RATE_MAX, 40_000),
        };
        table.finish();
        config
    }
}

fn refuse(table: &mut Table<'_, '_>) -> Refuse {
    let Some(value) = table.get("refuse") else {
        return Refuse::default();
    };
    match value.text() {
        Some("reset") => Refuse::Reset,
        Some("drop") => Refuse::Drop,
        Some(_) => value.bad_text("\"reset\" or \"drop\"").unwrap_or_default(),
        None => Refuse::default(),
    }
}

fn resolvers(table: &mut Table<'_, '_>) -> Vec<IpAddr> {
    let mut resolvers = Vec::new();
    let Some(list) = table.get("resolvers") else {
        return resolvers;
    };
    for value in list.items_within(0, RESOLVERS_MAX) {
        let Some(address) = value.parse::<IpAddr>("an IP address such as \"9.9.9.9\"") else {
            continue;
        };
        if address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            let key = value.key.clone();
            value.problem(ProblemKind::NotAHost { key, address });
        } else if resolvers.contains(&address) {
            value.twice(address);
        } else {
            resolvers.push(address);
        }
    }
    resolvers
}

fn devices_of(list: Vec<Value<'_, '_>>, zones: &BTreeSet<u16>) -> BTreeSet<DeviceId> {
    let mut devices = BTreeSet::new();
    for value in list {
        let Some((mac, zone)) = device(&value) else {
            continue;
        };
        if let Some(zone) = zone
            && !zones.contains(&zone)
        {
            let key = value.key.clone();
            value.problem(ProblemKind::NoSuchZone { key, zone });
            continue;
        }
        let places = zones
            .iter()
            .copied()
            .filter(|place| zone.is_none_or(|zone| zone == *place));
        let mut twice = false;
        for zone in places {
            twice |= !devices.insert(DeviceId { mac, zone });
        }
        if twice {
            value.twice(mac);
        }
    }
    devices
}

fn device(value: &Value<'_, '_>) -> Option<(Mac, Option<u16>)> {
    let text = value.text()?;
    let (mac, zone) = match text.split_once(' ') {
        Some((mac, zone)) => (mac, Some(zone)),
        None => (text, None),
    };
    let key = value.key.clone();
    let mac: Mac = match mac.parse() {
        Ok(mac) => mac,
        Err(reason) => {
            let found = text.to_owned();
            value.problem(ProblemKind::BadMac { key, found, reason });
            return None;
        }
    };
    if !mac.is_unicast() {
        value.problem(ProblemKind::NotUnicast { key, mac });
        return None;
    }
    let Some(zone) = zone else {
        return Some((mac, None));
    };
    match zone.trim().parse() {
        Ok(zone) => Some((mac, Some(zone))),
        Err(_) => value.bad_text("a MAC address, a space and a zone from 0 to 65535"),
    }
}
