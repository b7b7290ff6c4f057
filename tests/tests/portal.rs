//! The portal in the lab: a real browser behind the gate, and what the gateway tells devices about it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use accounting_tests::browser::{self, Browser};
use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::{Options, variables};
use accounting_tests::{needs_root, root::skip_because};

/// Screenshots of the run.
fn shots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("portal-screenshots")
}

#[test]
fn a_person_with_a_phone_gets_online() {
    needs_root!();
    let browser = match browser::prepare() {
        Ok(browser) => browser,
        Err(error) => {
            skip_because("portal::a_person_with_a_phone_gets_online", &format!("{error:#}"));
            return;
        }
    };
    let hotspot = Hotspot::up(Options {
        clients: 2,
        ..Options::default()
    })
    .unwrap();
    run(&hotspot, &browser);
}

fn run(hotspot: &Hotspot, browser: &Browser) {
    let shots = shots();
    let _none_from_before = std::fs::remove_dir_all(&shots);
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "portal.test.mjs"])
        .current_dir(browser.folder())
        .envs(variables(&hotspot.lab).unwrap())
        .env("CHROMIUM", browser.chromium())
        .env("SHOTS", &shots)
        .status()
        .unwrap();
    println!("screenshots are in {}", shots.display());
    assert!(
        status.success(),
        "the browser's tests failed; the daemon's log:\n{}",
        hotspot.daemon().log()
    );
}
