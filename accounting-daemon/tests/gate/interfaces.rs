//! Programs on interfaces, across restarts and accidents, with real packets.

use std::{sync::Arc, time::Duration};

use accounting_daemon::gate::{
    Entry, FOREVER, Gate, KernelGate, Leave, Settings, StartError, Stats, Supervisor, detach, directory,
    status::{GateStatus, TcMode, XdpMode},
};
use accounting_ebpf::layout::map;
use aya::maps::{HashMap, Map, MapData};
use tokio::{runtime::Runtime, sync::watch};

use crate::ground::{CLIENT, Ends, Ground, gateway, now, open, run, soon};

type Status = watch::Receiver<Arc<GateStatus>>;

fn entry(deadline: u64) -> Entry {
    Entry {
        device: CLIENT,
        session: 1,
        token: 1,
        deadline,
    }
}

fn fresh(settings: &Settings) -> KernelGate {
    let mut gate = open(settings);
    gate.adopt(&[], &[]).unwrap();
    gate.set_deadline(1, FOREVER).unwrap();
    gate
}

/// Starts a supervisor that watches until the runtime ends.
fn watch_over(runtime: &Runtime, settings: &Settings, tc: TcMode) -> Status {
    let settings = settings.clone();
    runtime.block_on(async {
        let started = match tc {
            TcMode::Tcx => Supervisor::start(settings).await,
            TcMode::Clsact => Supervisor::start_with_clsact(settings).await,
        };
        let (supervisor, status) = started.unwrap();
        tokio::spawn(supervisor.run(std::future::pending()));
        status
    })
}

/// Takes the gate down and says what was done. Another test's child process may hold the lock for a moment.
fn taken_down(runtime: &Runtime, settings: &Settings, leave: Leave) -> String {
    let mut report = String::new();
    assert!(soon(|| match runtime.block_on(detach(&settings.pins, leave)) {
        Err(StartError::InUse { .. }) => false,
        done => {
            report = done.unwrap().to_string();
            true
        }
    }));
    report
}

fn reattached(status: &Status) -> u64 {
    let status = status.borrow();
    if status.complete() {
        status.interfaces[0].reattached
    } else {
        0
    }
}

fn assert_closed(ends: &Ends, when: &str) {
    assert!(!ends.up(), "upward {when}");
    assert!(!ends.down(), "downward {when}");
}

fn assert_open(ends: &Ends, when: &str) {
    assert!(ends.up(), "upward {when}");
    assert!(ends.down(), "downward {when}");
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

/// Gates a bridge with the client behind it, which is what generic XDP is for.
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

#[test]
fn a_foreign_xdp_program_is_not_replaced() {
    gateway("a_foreign_xdp_program_is_not_replaced", "gate0", |ground| {
        let settings = ground.settings();
        drop(watch_over(&ground.runtime(), &settings, TcMode::Tcx));
        // The link of another gate is foreign to this one.
        let mut other = settings.clone();
        other.pins = ground.pins.join("other");
        let error = ground
            .runtime()
            .block_on(Supervisor::start(other.clone()))
            .err()
            .unwrap();
        let StartError::Attach { source, .. } = error else {
            panic!("{error}");
        };
        assert!(source.to_string().contains("another XDP program"), "{source}");
        for pin in std::fs::read_dir(directory(&other.pins)).unwrap() {
            std::fs::remove_file(pin.unwrap().path()).unwrap();
        }
        std::fs::remove_dir(directory(&other.pins)).unwrap();
    });
}

#[test]
fn the_gate_of_another_layout_is_taken_over() {
    gateway("the_gate_of_another_layout_is_taken_over", "gate0", |ground| {
        let settings = ground.settings();
        let ends = ground.ends();
        drop(fresh(&settings));
        drop(watch_over(&ground.runtime(), &settings, TcMode::Tcx));
        let other = ground.pins.join("v0");
        std::fs::rename(directory(&settings.pins), &other).unwrap();
        assert_closed(&ends, "by the other layout");
        let mut gate = fresh(&settings);
        drop(watch_over(&ground.runtime(), &settings, TcMode::Tcx));
        assert!(!other.exists() && directory(&settings.pins).join("gate0-xdp").exists());
        assert_closed(&ends, "by this layout");
        gate.open(&entry(FOREVER)).unwrap();
        assert_open(&ends, "by a session of this layout");
    });
}

#[test]
fn detach_closes_or_opens_as_told() {
    gateway("detach_closes_or_opens_as_told", "gate0", |ground| {
        let settings = ground.settings();
        let ends = ground.ends();
        for tc in [TcMode::Tcx, TcMode::Clsact] {
            let mut gate = fresh(&settings);
            let runtime = ground.runtime();
            drop(watch_over(&runtime, &settings, tc));
            drop(runtime);
            gate.open(&entry(FOREVER)).unwrap();
            assert_open(&ends, "with a session");
            let runtime = ground.runtime();
            let error = runtime.block_on(detach(&settings.pins, Leave::Open)).unwrap_err();
            assert!(matches!(error, StartError::InUse { .. }), "{error}");
            drop(gate);
            let report = taken_down(&runtime, &settings, Leave::Closed);
            assert!(
                report.contains("removed 1 devices") && report.contains("closed"),
                "{report}"
            );
            assert_closed(&ends, "after detach --closed");
            let report = taken_down(&runtime, &settings, Leave::Open);
            assert!(
                report.contains("gate0-xdp") && report.contains("everything passes"),
                "{report}"
            );
            // The kernel takes the links down a moment after their pins.
            assert!(soon(|| ends.up() && ends.down()), "after detach --open");
            assert!(!directory(&settings.pins).exists());
        }
    });
}
