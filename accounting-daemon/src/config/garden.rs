//! The settings of the walled garden: networks and names that everybody may reach.

use std::net::IpAddr;

use accounting_ebpf::layout;
use ipnet::IpNet;

use super::{problem::ProblemKind, reader::Table, value::Value};
use crate::gate::{NAMES_MAX, Pattern};

/// Ports that one prefix of the walled garden can name.
pub const GARDEN_PORTS_MAX: usize = 4;

/// A prefix of the walled garden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GardenConfig {
    /// The network; no bit behind its length is set.
    pub prefix: IpNet,
    /// TCP and UDP ports; unused ones are 0, and all zero opens every port.
    pub ports: [u16; GARDEN_PORTS_MAX],
}

type Names = Vec<(Pattern, [u16; GARDEN_PORTS_MAX])>;

/// What everybody may reach: networks, and hosts by name.
pub(super) fn garden(table: &mut Table<'_, '_>) -> (Vec<GardenConfig>, Names) {
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
        if garden.iter().any(|other| other.prefix == prefix) {
            value.twice(prefix);
            continue;
        }
        let same_family = |other: &&GardenConfig| other.prefix.addr().is_ipv4() == prefix.addr().is_ipv4();
        let found = garden.iter().filter(same_family).count() + 1;
        let max = layout::GARDEN_MAX as usize;
        if found > max {
            value.count(found, 0, max);
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
    let found = names.len() + 1;
    if names.iter().any(|(other, _)| *other == name) {
        value.twice(name);
    } else if found > NAMES_MAX {
        value.count(found, 0, NAMES_MAX);
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
    // An empty list would open every port, and reads like none.
    let items = list.items_within(1, GARDEN_PORTS_MAX);
    for (cell, value) in ports.iter_mut().zip(&items) {
        *cell = value.number(1, u64::from(u16::MAX)).unwrap_or(0);
    }
    ports
}
