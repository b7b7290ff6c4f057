//! Alarms about clients.

use prometheus::{IntCounterVec, Registry};

use super::counters;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// One MAC address is in use with several IPv4 addresses at once.
    Clone,
    /// A client plays router or DHCP server.
    Rogue,
}

impl Alarm {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Clone, Self::Rogue];

    /// The label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clone => "clone",
            Self::Rogue => "rogue",
        }
    }
}

pub(super) fn alarms(registry: &Registry) -> Result<IntCounterVec, prometheus::Error> {
    let alarms = counters(
        "accounting_alarms_total",
        "Alarms about clients, by kind.",
        &["kind"],
    )?;
    registry.register(Box::new(alarms.clone()))?;
    for kind in Alarm::ALL {
        alarms.with_label_values(&[kind.as_str()]);
    }
    Ok(alarms)
}
