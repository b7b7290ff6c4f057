//! The configuration: a TOML file in, a checked [`Config`] out, or every problem at once with its line.
//!
//! All settings, with their defaults, are shown in `docs/config.example.toml`. Durations carry their unit in the key.

mod accounts;
mod codes;
mod edge;
mod gate;
mod portal;
mod problem;
mod reader;
mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use crate::store::AuditRetention;

pub use accounts::SignInConfig;
pub use codes::{CODE_ALPHABET, ClassConfig, CodesConfig};
pub(crate) use edge::is_email;
pub use edge::{AdministratorConfig, ApiConfig, TlsConfig};
pub use gate::{GARDEN_PORTS_MAX, GardenConfig, GateConfig, RESOLVERS_MAX, StrangersConfig};
pub use portal::{Colour, PortalConfig};
pub use problem::{ConfigErrors, Problem, ProblemKind};
use reader::{Report, Table};
pub use sessions::{SessionsConfig, UsageConfig};

/// The largest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The most gated interfaces.
pub const INTERFACES_MAX: usize = 256;

/// Where the kernel shows the first real-time clock.
const RTC: &str = "/dev/rtc0";

/// A configuration that was checked: every value is in its range and fits the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Folder of the store.
    pub data: PathBuf,
    /// Folder in the bpf file system in which the gate is pinned.
    pub pins: PathBuf,
    /// Whether a real-time clock makes the wall clock trusted before it is synchronised.
    pub trust_rtc: bool,
    /// The gated interfaces; at least one, each name once.
    pub interfaces: Vec<InterfaceConfig>,
    /// Zones that are mapped to a location (`BusinessId`).
    pub zones: BTreeMap<u16, u64>,
    /// The gate.
    pub gate: GateConfig,
    /// The api listener.
    pub api: ApiConfig,
    /// The portal listener.
    pub portal: PortalConfig,
    /// The administrator made at the first start.
    pub administrator: AdministratorConfig,
    /// How access codes are generated.
    pub codes: CodesConfig,
    /// The rules of sessions.
    pub sessions: SessionsConfig,
    /// How long usage records are kept.
    pub usage: UsageConfig,
    /// How much of the audit is kept.
    pub audit: AuditRetention,
}

/// One gated interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// Its name in the kernel, such as `br-guest`.
    pub name: String,
    /// Its zone.
    pub zone: u16,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// All problems of the file, by line.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = read(path).map_err(|kind| ConfigErrors::new(path, vec![Problem { line: 0, kind }]))?;
        Self::parse(path, &text, Path::new(RTC).exists())
    }

    /// Checks a text. `path` is only named in problems; `rtc` is the default of `trust_rtc`.
    ///
    /// # Errors
    /// All problems of the text, by line.
    pub fn parse(path: &Path, text: &str, rtc: bool) -> Result<Self, ConfigErrors> {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let report = Report::new(text, &syntax);
        let config = Self::check(Table::root(root.get_ref(), &report), rtc);
        let problems = report.into_problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors::new(path, problems))
        }
    }

    /// The zones of the interfaces.
    #[must_use]
    pub fn zone_numbers(&self) -> BTreeSet<u16> {
        self.interfaces.iter().map(|interface| interface.zone).collect()
    }

    fn check(mut root: Table<'_, '_>, rtc: bool) -> Self {
        let data = root.text("data");
        if data.is_none() {
            root.missing(
                "data",
                "name a folder for the store, such as data = \"/var/lib/accounting\"",
            );
        }
        let pins = root
            .text("pins")
            .unwrap_or_else(|| "/sys/fs/bpf/accounting".to_owned());
        let trust_rtc = root.flag("trust_rtc").unwrap_or(rtc);
        let interfaces = interfaces(&mut root);
        let present: BTreeSet<u16> = interfaces.iter().map(|interface| interface.zone).collect();
        let zones = zones(&mut root, &present);
        let gate = GateConfig::check(root.table("gate", "gate"), &present);
        let api = ApiConfig::check(
            root.table("api", "api"),
            Path::new(data.as_deref().unwrap_or_default()),
        );
        let portal = PortalConfig::check(root.table("portal", "portal"), &api);
        let administrator = AdministratorConfig::check(root.table("administrator", "administrator"));
        let codes = CodesConfig::check(root.table("codes", "codes"));
        let sessions = SessionsConfig::check(root.table("sessions", "sessions"));
        let usage = UsageConfig::check(root.table("usage", "usage"));
        let audit = AuditRetention::check(root.table("audit", "audit"));
        root.finish();
        Self {
            data: data.unwrap_or_default().into(),
            pins: pins.into(),
            trust_rtc,
            interfaces,
            zones,
            gate,
            api,
            portal,
            administrator,
            codes,
            sessions,
            usage,
            audit,
        }
    }
}

fn read(path: &Path) -> Result<String, ProblemKind> {
    let file = File::open(path).map_err(ProblemKind::Unreadable)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(ProblemKind::Unreadable)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(ProblemKind::TooLarge { max: FILE_BYTES_MAX });
    }
    Ok(text)
}

fn interfaces(root: &mut Table<'_, '_>) -> Vec<InterfaceConfig> {
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
            let (key, found) = (value.key.clone(), format!("{name:?}"));
            value.problem(ProblemKind::Twice { key, found });
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

fn zones(root: &mut Table<'_, '_>, present: &BTreeSet<u16>) -> BTreeMap<u16, u64> {
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
        let key = number.key.clone();
        if !present.contains(&zone) {
            number.problem(ProblemKind::NoSuchZone { key, zone });
        } else if zones.insert(zone, business.unwrap_or(1)).is_some() {
            let found = format!("zone {zone}");
            number.problem(ProblemKind::Twice { key, found });
        }
    }
    zones
}

#[cfg(test)]
mod tests;
