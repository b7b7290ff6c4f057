//! The configuration: a TOML file in, a checked [`Config`] out, or every problem at once with its line.
//!
//! All settings, with their defaults, are shown in `docs/config.example.toml`. Durations carry their unit in the key.

mod accounts;
mod api;
mod codes;
mod garden;
mod gate;
mod interfaces;
mod portal;
mod problem;
mod reader;
mod sessions;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::de::DeTable;

use crate::store::AuditRetention;

pub(crate) use accounts::is_email;
pub use accounts::{AdministratorConfig, SignInConfig};
pub use api::{ApiConfig, TlsConfig};
pub use codes::{CODE_ALPHABET, ClassConfig, CodesConfig};
pub use garden::{GARDEN_PORTS_MAX, GardenConfig};
pub use gate::{GateConfig, RESOLVERS_MAX, StrangersConfig};
pub use interfaces::{INTERFACES_MAX, InterfaceConfig};
use interfaces::{interfaces, zones};
pub use portal::{Colour, PortalConfig};
pub use problem::{ConfigErrors, Problem, ProblemKind};
use reader::{Report, Table};
pub use sessions::{SessionsConfig, UsageConfig};

/// The largest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

// Units of settings.
const SECOND: Duration = Duration::from_secs(1);
const DAY_S: u64 = 24 * 60 * 60;
const KIB: usize = 1024;

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

#[cfg(test)]
mod tests;
