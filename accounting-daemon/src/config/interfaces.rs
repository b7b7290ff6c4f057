//! The settings of the gated interfaces and of their zones.

use std::collections::{BTreeMap, BTreeSet};

use super::{problem::ProblemKind, reader::Table};

/// The most gated interfaces.
pub const INTERFACES_MAX: usize = 256;

/// One gated interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// Its name in the kernel, such as `br-guest`.
    pub name: String,
    /// Its zone.
    pub zone: u16,
}

/// The tables `[[interface]]`.
pub(super) fn interfaces(root: &mut Table<'_, '_>) -> Vec<InterfaceConfig> {
    let tables = root.tables("interface", "interface");
    if tables.is_empty() {
        root.missing(
            "interface",
            "add [[interface]] with the name of the interface of the guests",
        );
    }
    let mut interfaces: Vec<InterfaceConfig> = Vec::new();
    for mut table in tables {
        let value = table.get("name");
        let zone = table.number("zone", 0, u64::from(u16::MAX), 0);
        let Some(value) = value else {
            table.missing("name", "name the interface, such as name = \"br-guest\"");
            table.finish();
            continue;
        };
        table.finish();
        let Some(name) = value.text() else { continue };
        if !is_interface_name(name) {
            let _: Option<()> =
                value.bad_text("the name of a network interface: 1 to 15 characters without space or slash");
            continue;
        }
        if interfaces.iter().any(|other| other.name == name) {
            value.twice(format!("{name:?}"));
            continue;
        }
        if interfaces.len() == INTERFACES_MAX {
            let (key, found) = ("interface".to_owned(), interfaces.len() + 1);
            value.problem(ProblemKind::Count {
                key,
                found,
                min: 1,
                max: INTERFACES_MAX,
            });
            break;
        }
        interfaces.push(InterfaceConfig {
            name: name.to_owned(),
            zone,
        });
    }
    interfaces
}

/// The kernel's own rule (`dev_valid_name`), in ASCII.
fn is_interface_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

/// The tables `[[zone]]`: the location of each that has one.
pub(super) fn zones(root: &mut Table<'_, '_>, present: &BTreeSet<u16>) -> BTreeMap<u16, u64> {
    let mut zones = BTreeMap::new();
    for mut table in root.tables("zone", "zone") {
        let number = table.get("number");
        let business_id = table.get("business_id");
        if number.is_none() {
            table.missing("number", "give the zone's number, as in [[interface]]");
        }
        if business_id.is_none() {
            table.missing("business_id", "give the BusinessId of the zone's location");
        }
        table.finish();
        let business: Option<u64> = business_id.and_then(|value| value.number(1, i64::MAX as u64));
        let Some(number) = number else { continue };
        let Some(zone) = number.number::<u16>(0, u64::from(u16::MAX)) else {
            continue;
        };
        if !present.contains(&zone) {
            let key = number.key.clone();
            number.problem(ProblemKind::NoSuchZone { key, zone });
        } else if zones.insert(zone, business.unwrap_or(1)).is_some() {
            number.twice(format!("zone {zone}"));
        }
    }
    zones
}
