//! The settings of the gate: how many devices, who passes without a code, and what strangers may spend.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use accounting_ebpf::layout;
use ipnet::IpNet;

use super::{
    problem::ProblemKind,
    reader::{Table, Value},
};
use crate::{
    gate::{NAMES_MAX, Pattern, Refuse},
    mac::{DeviceId, Mac},
};

/// Ports that one prefix of the walled garden can name.
pub const GARDEN_PORTS_MAX: usize = 4;

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

/// A prefix of the walled garden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GardenConfig {
    /// The network; no bit behind its length is set.
    pub prefix: IpNet,
    /// TCP and UDP ports; unused ones are 0, and all zero opens every port.
    pub ports: [u16; GARDEN_PORTS_MAX],
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
    let items = list.items();
    if items.len() > RESOLVERS_MAX {
        let (key, found) = (list.key.clone(), items.len());
        list.problem(ProblemKind::Count {
            key,
            found,
            min: 0,
            max: RESOLVERS_MAX,
        });
    }
    for value in items {
        let key = value.key.clone();
        let Some(address) = value.parse::<IpAddr>("an IP address such as \"9.9.9.9\"") else {
            continue;
        };
        if address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            value.problem(ProblemKind::NotAHost { key, address });
        } else if resolvers.contains(&address) {
            value.problem(ProblemKind::Twice {
                key,
                found: address.to_string(),
            });
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
        let key = value.key.clone();
        if let Some(zone) = zone
            && !zones.contains(&zone)
        {
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
            value.problem(ProblemKind::Twice {
                key,
                found: mac.to_string(),
            });
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

type Names = Vec<(Pattern, [u16; GARDEN_PORTS_MAX])>;

fn garden(table: &mut Table<'_, '_>) -> (Vec<GardenConfig>, Names) {
    let mut garden: Vec<GardenConfig> = Vec::new();
    let mut names: Names = Vec::new();
    for mut entry in table.tables("garden", "gate.garden") {
        let value = entry.get("prefix");
        let ports = ports(&mut entry);
        let name = entry.get("name");
        if value.is_none() && name.is_none() {
            entry.missing(
                "prefix",
                "name a network, such as prefix = \"192.0.2.0/24\", or a host, such as name = \"*.example.org\"",
            );
        }
        entry.finish();
        if let Some(name) = name {
            listed_name(&name, ports, &mut names);
        }
        let Some(value) = value else { continue };
        let Some(prefix) = prefix(&value) else { continue };
        let key = value.key.clone();
        if garden.iter().any(|other| other.prefix == prefix) {
            value.problem(ProblemKind::Twice {
                key,
                found: prefix.to_string(),
            });
            continue;
        }
        let same_family = |other: &&GardenConfig| other.prefix.addr().is_ipv4() == prefix.addr().is_ipv4();
        let found = garden.iter().filter(same_family).count() + 1;
        let max = layout::GARDEN_MAX as usize;
        if found > max {
            value.problem(ProblemKind::Count {
                key,
                found,
                min: 0,
                max,
            });
            break;
        }
        garden.push(GardenConfig { prefix, ports });
    }
    (garden, names)
}

fn listed_name(value: &Value<'_, '_>, ports: [u16; GARDEN_PORTS_MAX], names: &mut Names) {
    let Some(name) = value.parse::<Pattern>("a name such as \"example.org\" or \"*.example.org\"") else {
        return;
    };
    let (key, found) = (value.key.clone(), names.len() + 1);
    if names.iter().any(|(other, _)| *other == name) {
        let found = name.to_string();
        value.problem(ProblemKind::Twice { key, found });
    } else if found > NAMES_MAX {
        value.problem(ProblemKind::Count {
            key,
            found,
            min: 0,
            max: NAMES_MAX,
        });
    } else {
        names.push((name, ports));
    }
}

fn prefix(value: &Value<'_, '_>) -> Option<IpNet> {
    let text = value.text()?;
    let found: IpNet = match (text.parse(), text.parse::<IpAddr>()) {
        (Ok(found), _) => found,
        (_, Ok(address)) => address.into(),
        _ => return value.bad_text("an IP address or a network such as \"192.0.2.0/24\""),
    };
    let network = found.trunc();
    if network != found {
        let key = value.key.clone();
        value.problem(ProblemKind::HostBits { key, found, network });
        return None;
    }
    Some(found)
}

fn ports(entry: &mut Table<'_, '_>) -> [u16; GARDEN_PORTS_MAX] {
    let mut ports = [0; GARDEN_PORTS_MAX];
    let Some(list) = entry.get("ports") else {
        return ports;
    };
    let items = list.items();
    // An empty list would open every port, and reads like none.
    if items.is_empty() || items.len() > GARDEN_PORTS_MAX {
        let (key, found) = (list.key.clone(), items.len());
        list.problem(ProblemKind::Count {
            key,
            found,
            min: 1,
            max: GARDEN_PORTS_MAX,
        });
    }
    for (cell, value) in ports.iter_mut().zip(&items) {
        *cell = value.number(1, u64::from(u16::MAX)).unwrap_or(0);
    }
    ports
}
