//! Programs on interfaces, across restarts and accidents, with real packets.

use std::time::Duration;

use accounting_daemon::gate::{
    FOREVER, Gate, Stats, Supervisor, directory,
    status::{TcMode, XdpMode},
};
use accounting_ebpf::layout::map;
use aya::maps::{HashMap, Map, MapData};

use crate::{
    ground::{CLIENT, Ground, gateway, now, open, run, soon},
    watched::{Status, assert_closed, assert_open, entry, fresh, watch_over},
};

fn reattached(status: &Status) -> u64 {
    let status = status.borrow();
    if status.complete() {
        status.interfaces[0].reattached
    } else {
        0
    }
}

fn story(ground: &Ground, tc: TcMode) {
    let settings = ground.settings();
    let ends = ground.ends();
    let mut gate = fresh(&settings);
    assert_open(&ends, "before there is a gate");
    let runtime = ground.runtime();
    let status = watch_over(&runtime, &settings, tc);
    assert_eq!(
        status.borrow().interfaces[0].attached,
        Some((XdpMode::Native, tc))
    );
    assert_closed(&ends, "without a session");
    gate.open(&entry(now() + 3_000)).unwrap();
    assert_open(&ends, "with a session");
    assert!(gate.traffic(CLIENT).unwrap().packets_up > 0 && gate.traffic(CLIENT).unwrap().packets_down > 0);

    // The daemon ends; nothing of it is left in this process.
    let counted = gate.traffic(CLIENT).unwrap();
    drop((runtime, gate));
    assert_open(&ends, "while no daemon runs");
    let mut gate = open(&settings);
    let adoption = gate.adopt(&[(1, FOREVER)], &[entry(now() + 600)]).unwrap();
    assert_eq!(adoption.kept, [CLIENT]);
    let runtime = ground.runtime();
    let status = watch_over(&runtime, &settings, tc);
    assert_eq!(
        status.borrow().interfaces[0].attached,
        Some((XdpMode::Native, tc))
    );
    assert!(ends.up(), "after the restart");
    assert!(gate.traffic(CLIENT).unwrap().packets_up > counted.packets_up);
    drop(runtime);
    std::thread::sleep(Duration::from_millis(700));
    assert_closed(&ends, "after the deadline, with no daemon watching");
    let stats = Stats::open(&settings.pins).unwrap().read().unwrap();
    let frames = |hook, verdict| {
        stats
            .iter()
            .find(|(h, v, _)| (*h, *v) == (hook, verdict))
            .unwrap()
            .2
    };
    assert!(frames("xdp_ingress", "session") > 0 && frames("xdp_ingress", "expired") > 0);
    assert!(frames("xdp_ingress", "stranger") > 0 && frames("tc_egress", "expired") > 0);
}

#[test]
fn sessions_pass_and_nothing_else_across_restarts() {
    gateway(
        "sessions_pass_and_nothing_else_across_restarts",
        "gate.0",
        |ground| story(ground, TcMode::Tcx),
    );
}

#[test]
fn filters_of_clsact_do_the_same() {
    gateway("filters_of_clsact_do_the_same", "gate0", |ground| {
        story(ground, TcMode::Clsact)
    });
}

#[test]
fn an_interface_that_is_made_anew_is_gated_again() {
    gateway(
        "an_interface_that_is_made_anew_is_gated_again",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let _gate = fresh(&settings);
            let runtime = ground.runtime();
            let status = watch_over(&runtime, &settings, TcMode::Tcx);
            ground.unplug();
            assert!(soon(|| !status.borrow().complete()));
            assert_eq!(status.borrow().interfaces[0].mac, None);
            ground.plug();
            assert!(soon(|| reattached(&status) == 1), "{status:?}");
            assert_closed(&ground.ends(), "on the new interface");
        },
    );
}

#[test]
fn a_deleted_discipline_is_put_back() {
    gateway("a_deleted_discipline_is_put_back", "gate0", |ground| {
        let settings = ground.settings();
        let _gate = fresh(&settings);
        let ends = ground.ends();
        let runtime = ground.runtime();
        let status = watch_over(&runtime, &settings, TcMode::Clsact);
        run("tc qdisc delete dev gate0 clsact");
        assert!(soon(|| reattached(&status) == 1), "{status:?}");
        assert_closed(&ends, "with the filters back");
    });
}

#[test]
fn a_removed_link_is_made_again() {
    gateway("a_removed_link_is_made_again", "gate0", |ground| {
        let settings = ground.settings();
        let _gate = fresh(&settings);
        let ends = ground.ends();
        let runtime = ground.runtime();
        let status = watch_over(&runtime, &settings, TcMode::Tcx);
        for (nth, hook) in (1..).zip(["xdp", "egress"]) {
            std::fs::remove_file(directory(&settings.pins).join(format!("gate0-{hook}"))).unwrap();
            // Taking a tcx link down is announced by nobody: any other change makes the supervisor look.
            run("ip link set gate0 alias touched");
            run("ip link set gate0 alias again");
            assert!(soon(|| reattached(&status) == nth), "{hook}: {status:?}");
            assert_closed(&ends, "with the link back");
        }
    });
}

#[test]
fn a_new_mac_address_and_new_addresses_are_followed() {
    gateway(
        "a_new_mac_address_and_new_addresses_are_followed",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let _gate = fresh(&settings);
            let runtime = ground.runtime();
            let status = watch_over(&runtime, &settings, TcMode::Tcx);
            let pin = MapData::from_pin(directory(&settings.pins).join(map::ADDRESSES)).unwrap();
            let own: HashMap<_, [u8; 16], u32> = Map::HashMap(pin).try_into().unwrap();
            let is_own = |text: &str| {
                let address: std::net::Ipv6Addr = text.parse().unwrap();
                own.get(&address.octets(), 0).is_ok()
            };
            assert!(is_own("::ffff:10.77.0.1") && !is_own("::ffff:127.0.0.1"));
            assert!(!is_own("::ffff:10.9.8.7"));
            run("ip address add 10.9.8.7/32 dev lo");
            run("ip address add 10.9.8.7/32 dev gate0");
            run("ip address add fd00::7/128 dev gate0");
            assert!(soon(|| is_own("::ffff:10.9.8.7") && is_own("fd00::7")));
            run("ip address delete 10.9.8.7/32 dev gate0");
            assert!(soon(|| !is_own("::ffff:10.9.8.7")));

            run("ip link set gate0 address 02:00:00:00:00:99");
            assert!(soon(|| reattached(&status) == 1), "{status:?}");
            assert_eq!(
                status.borrow().interfaces[0].mac.unwrap().0,
                [2, 0, 0, 0, 0, 0x99]
            );
        },
    );
}

#[test]
fn an_unknown_interface_is_named_with_those_that_exist() {
    gateway(
        "an_unknown_interface_is_named_with_those_that_exist",
        "gate0",
        |ground| {
            let mut settings = ground.settings();
            for (name, part) in [
                ("wlan7", "the interfaces are lo, gate0"),
                ("lo", "no MAC addresses"),
            ] {
                settings.interfaces[0].name = name.to_owned();
                let error = ground
                    .runtime()
                    .block_on(Supervisor::start(settings.clone()))
                    .err()
                    .unwrap();
                assert!(
                    error.to_string().contains(part) && error.to_string().contains(name),
                    "{error}"
                );
            }
        },
    );
}
