//! What the gate and the ledger go by, from the configuration.

use std::time::Duration;

use accounting_ebpf::layout;

use crate::{
    config::Config,
    gate::{Interface, Settings, Strangers},
    ledger::{Class, Rules},
};

/// What the gate is loaded with.
pub(super) fn settings(config: &Config) -> Settings {
    let strangers = &config.gate.strangers;
    let mut portal_ports = [0; layout::PORTAL_PORTS_MAX];
    portal_ports[0] = config.portal.listen_port;
    Settings {
        pins: config.pins.clone(),
        devices: config.gate.devices,
        interfaces: config
            .interfaces
            .iter()
            .map(|interface| Interface {
                name: interface.name.clone(),
                zone: interface.zone,
            })
            .collect(),
        resolvers: config.gate.resolvers.clone(),
        garden: config
            .gate
            .garden
            .iter()
            .map(|garden| (garden.prefix, garden.ports))
            .collect(),
        names: config.gate.names.clone(),
        bypass: config.gate.bypass.iter().copied().collect(),
        block: config.gate.block.iter().copied().collect(),
        strangers: Strangers {
            packets_per_second: strangers.packets_per_second,
            burst: strangers.burst,
            interface_packets_per_second: strangers.interface_packets_per_second,
            interface_burst: strangers.interface_burst,
        },
        refuse: config.gate.refuse,
        portal_ports,
    }
}

/// What the ledger goes by.
pub(crate) fn rules(config: &Config) -> Rules {
    let ms = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let sessions = &config.sessions;
    Rules {
        locations: config.zones.clone(),
        idle_timeout: sessions.idle_timeout.map(ms),
        bill_idle: sessions.bill_idle,
        session_timeout: sessions.session_timeout.map(ms),
        seat_silence: ms(sessions.seat_silence),
        attempts_per_device: sessions.attempts_per_device,
        attempts_per_asker: sessions.attempts_per_client,
        attempts_per_class: Class::ALL
            .map(|class| (class, config.codes.class(class).attempts_per_minute))
            .into(),
        // The gate may have been made with more room.
        devices_max: usize::try_from(config.gate.devices).unwrap_or(usize::MAX),
        ..Rules::default()
    }
}
