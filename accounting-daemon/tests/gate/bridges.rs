//! Gated bridges, which is what the generic mode of XDP is for.

use accounting_daemon::gate::{
    FOREVER, Gate, Settings,
    status::{TcMode, XdpMode},
};

use crate::{
    ground::{CLIENT, Ground, gateway, run, soon},
    watched::{assert_closed, entry, fresh, watch_over},
};

/// Gates a bridge with the client behind it.
fn bridge(ground: &Ground) -> Settings {
    run("ip link add br0 type bridge");
    run("ip address flush dev gate0");
    run("ip link set gate0 master br0");
    run("ip address add 10.77.0.1/24 dev br0");
    run("ip link set br0 up");
    let mut settings = ground.settings();
    settings.interfaces[0].name = "br0".to_owned();
    settings
}

#[test]
fn a_bridge_is_gated_in_the_generic_mode() {
    gateway("a_bridge_is_gated_in_the_generic_mode", "gate0", |ground| {
        let settings = bridge(ground);
        let mut gate = fresh(&settings);
        let ends = ground.ends();
        for when in ["at first", "after a restart"] {
            let runtime = ground.runtime();
            let status = watch_over(&runtime, &settings, TcMode::Tcx);
            assert_eq!(
                status.borrow().interfaces[0].attached,
                Some((XdpMode::Generic, TcMode::Tcx)),
                "{when}"
            );
            assert_closed(&ends, when);
            gate.open(&entry(FOREVER)).unwrap();
            assert!(soon(|| ends.up()) && ends.down(), "{when}");
            gate.close(CLIENT).unwrap();
        }
    });
}

#[test]
fn the_generic_mode_counts_each_frame_once() {
    gateway("the_generic_mode_counts_each_frame_once", "gate0", |ground| {
        let settings = bridge(ground);
        let mut gate = fresh(&settings);
        let ends = ground.ends();
        let runtime = ground.runtime();
        let _status = watch_over(&runtime, &settings, TcMode::Tcx);
        gate.open(&entry(FOREVER)).unwrap();
        assert!(soon(|| ends.up()));
        let before = gate.traffic(CLIENT).unwrap();
        assert!(before.packets_up > 0);
        assert!(ends.up());
        let after = gate.traffic(CLIENT).unwrap();
        assert_eq!(after.packets_up, before.packets_up + 1);
    });
}
