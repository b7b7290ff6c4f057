//! What a gate leaves behind, and who takes it over: another gate never, the next layout always, and `detach` on purpose.

use accounting_daemon::gate::{
    FOREVER, Gate, Leave, Settings, StartError, Supervisor, detach, directory, status::TcMode,
};
use tokio::runtime::Runtime;

use crate::{
    ground::{gateway, soon},
    watched::{assert_closed, assert_open, entry, fresh, watch_over},
};

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
