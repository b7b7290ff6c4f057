//! The compiled programs, loaded for one interface on the pinned maps.

use accounting_ebpf::layout::Port;
use aya::{Ebpf, EbpfLoader, include_bytes_aligned, programs::Program};

use super::{
    AttachError, Settings,
    maps::{Maps, NAMES},
    programs::Target,
    settings::Refuse,
    status::XdpMode,
};

static OBJECT: &[u8] = include_bytes_aligned!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../accounting-ebpf/object/accounting.bpf.o"
));

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Loads the object for an interface. The programs in it are loaded one by one, as they are needed.
pub(super) fn load(maps: &Maps, port: &Port) -> Result<Ebpf, AttachError> {
    let mut loader = EbpfLoader::new();
    // The programs need nothing of the kernel's own types, and many kernels of small gateways do not describe them.
    loader.btf(None);
    loader.override_global("PORT", port, true);
    for name in NAMES {
        loader.map_pin_path(name, maps.pin(name));
    }
    loader
        .load(OBJECT)
        .map_err(|error| AttachError::Object(Box::new(error)))
}

/// A program of the object.
pub(super) fn program<'a, P>(object: &'a mut Ebpf, name: &'static str) -> Result<P, AttachError>
where
    P: TryFrom<&'a mut Program>,
{
    object
        .program_mut(name)
        .and_then(|program| P::try_from(program).ok())
        .ok_or(AttachError::NoProgram(name))
}

/// What the programs of one interface are told.
pub(super) fn port(settings: &Settings, target: &Target, mode: XdpMode) -> Result<Port, AttachError> {
    let strangers = settings.strangers;
    let budget = |per_second: u32, burst: u32| {
        let cost = NS_PER_SECOND / u64::from(per_second.max(1));
        (cost, cost.saturating_mul(u64::from(burst.max(1))))
    };
    let (budget_cost, budget_burst) = budget(strangers.packets_per_second, strangers.burst);
    let (interface_cost, interface_burst) =
        budget(strangers.interface_packets_per_second, strangers.interface_burst);
    Ok(Port {
        budget_key: getrandom::u64().map_err(AttachError::Random)?,
        budget_cost,
        budget_burst,
        interface_cost,
        interface_burst,
        zone: target.zone,
        mac: target.mac,
        portal_ports: settings.portal_ports,
        gateway: target.gateway,
        redirect_port: if target.is_port {
            0
        } else {
            settings.portal_ports[0]
        },
        uplink_in_tc: u32::from(mode == XdpMode::Generic),
        refuse: u32::from(settings.refuse == Refuse::Reset),
        learn: u32::from(!settings.names.is_empty()),
        garden: u32::from(!(settings.garden.is_empty() && settings.names.is_empty())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::maps::Shape;

    #[test]
    fn the_object_was_built_for_these_maps() {
        let object = aya_obj::Object::parse(OBJECT).unwrap();
        for name in NAMES {
            let map = object.maps.get(name).unwrap();
            let (kind, key, value) = Shape::of(name, 16).kind_key_value();
            assert_eq!(
                (map.map_type(), map.key_size(), map.value_size()),
                (kind, key, value),
                "{name}"
            );
        }
        for name in ["gate_xdp", "gate_xdp_linear", "gate_ingress", "gate_egress"] {
            assert!(object.programs.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_programs_are_told_what_is_configured() {
        let mut settings = Settings::default();
        settings.strangers.packets_per_second = 20;
        settings.strangers.burst = 100;
        let target = Target {
            name: "lan0".to_owned(),
            index: 2,
            mac: [2, 0, 0, 0, 0, 1],
            gateway: [2, 0, 0, 0, 0, 2],
            is_port: false,
            zone: 7,
            xdp: None,
        };
        let port = port(&settings, &target, XdpMode::Generic).unwrap();
        assert_eq!((port.budget_cost, port.budget_burst), (50_000_000, 5_000_000_000));
        assert_eq!((port.zone, port.uplink_in_tc), (7, 1));
        settings.strangers.packets_per_second = 0;
        settings.portal_ports[0] = 8880;
        let of_a_bridge = Target {
            is_port: true,
            ..target.clone()
        };
        for (target, redirect_port) in [(target.clone(), 8880), (of_a_bridge, 0)] {
            let port = super::port(&settings, &target, XdpMode::Native).unwrap();
            assert_eq!((port.redirect_port, port.portal_ports[0]), (redirect_port, 8880));
        }
        let garden = |settings: &Settings| super::port(settings, &target, XdpMode::Native).unwrap().garden;
        assert_eq!(garden(&settings), 0);
        settings.names = vec![("example.org".parse().unwrap(), [0; 4])];
        assert_eq!(garden(&settings), 1);
        settings.names.clear();
        settings.garden = vec![("203.0.113.0/24".parse().unwrap(), [0; 4])];
        assert_eq!(garden(&settings), 1);
    }
}
