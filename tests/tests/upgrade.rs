//! Another binary takes over while people are online: a version to come, the one before it, and one whose maps are others.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::{Path, PathBuf};

use accounting_tests::hotspot::{Hotspot, Token};
use accounting_tests::lab::{Options, build_daemon, build_next_daemon, site::LAN};
use accounting_tests::needs_root;
use accounting_tests::root::skip_because;
use accounting_tests::traffic::Traffic;
use serde_json::{Value, json};

/// Names the daemon of an earlier commit, built elsewhere; `cargo xtask upgrade COMMIT` does.
const FORMER: &str = "ACCOUNTING_FORMER";

/// Client 1 on a token of an hour, and packets all the time.
struct Online {
    hotspot: Hotspot,
    token: Token,
    opened: Value,
    traffic: Traffic,
}

impl Online {
    fn with(daemon: PathBuf) -> Self {
        let options = Options {
            daemon: Some(daemon),
            ..Options::default()
        };
        let hotspot = Hotspot::up(options).unwrap();
        let token = hotspot.token(60, &json!({})).unwrap();
        let opened = hotspot.admit(hotspot.client(1), &token).unwrap()["OpenedOn"].clone();
        let traffic = Traffic::start(&hotspot).unwrap();
        Self {
            hotspot,
            token,
            opened,
            traffic,
        }
    }

    /// Packets of the session so far, which must still be the same one.
    fn packets(&self) -> u64 {
        let session = &self.hotspot.device(self.hotspot.client(1)).unwrap()["Session"];
        assert_eq!(session["OpenedOn"], self.opened);
        session["PacketsUp"].as_u64().unwrap()
    }

    /// The number of the XDP program that is attached.
    fn program(&self) -> u64 {
        let mut command = self.hotspot.lab.gateway().command("ip");
        let shown = command.args(["-json", "link", "show", LAN]).output().unwrap();
        let links: Value = serde_json::from_slice(&shown.stdout).unwrap();
        links[0]["xdp"]["prog"]["id"].as_u64().unwrap()
    }

    fn end(self) {
        let packets = self.traffic.look().unwrap();
        println!("{packets} packets of the one who has paid, none lost");
        assert_eq!(self.hotspot.record(&self.token).unwrap()["MinutesLeft"], 60);
    }
}

#[test]
fn a_version_to_come_takes_over_and_the_one_before_it_leaves_its_store_alone() {
    needs_root!();
    let (daemon, next) = (build_daemon().unwrap(), build_next_daemon().unwrap());
    let online = Online::with(daemon);
    let daemon = online.hotspot.daemon();
    let (counted, program) = (online.packets(), online.program());
    daemon.stop().unwrap();
    daemon.start_as(&next).unwrap();
    assert!(daemon.log().contains("the store is brought to a newer version"));
    assert_ne!(online.program(), program, "the programs are the old binary's");
    let (before, counted) = (counted, online.packets());
    assert!(counted > before, "counts went from {before} to {counted}");
    daemon.kill9().unwrap();
    daemon.start_as(&next).unwrap();
    assert!(online.packets() > counted);

    // Back: refused by name, and nobody notices.
    daemon.kill9().unwrap();
    let refused = daemon.start().unwrap_err().to_string();
    for words in ["accounting.redb", "newer", "start the newer version"] {
        assert!(refused.contains(words), "{words:?} is not in: {refused}");
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    daemon.start_as(&next).unwrap();
    assert!(online.packets() > counted);
    online.end();
}

#[test]
fn maps_of_another_layout_are_replaced_and_sessions_go_on() {
    needs_root!();
    let online = Online::with(build_daemon().unwrap());
    let daemon = online.hotspot.daemon();
    let current = only_folder(daemon.pins());
    for (other, hard) in [("v1", false), ("v9", true)] {
        if hard {
            daemon.kill9().unwrap();
        } else {
            daemon.stop().unwrap();
        }
        let other = current.with_file_name(other);
        std::fs::rename(&current, &other).unwrap();
        daemon.start().unwrap();
        assert_eq!(
            only_folder(daemon.pins()),
            current,
            "{} is still there",
            other.display()
        );
        let _same_session = online.packets();
    }
    assert!(daemon.log().contains("replaced a gate of another layout"));
    online.end();
}

/// The folder of the one layout that is there.
fn only_folder(pins: &Path) -> PathBuf {
    let folders: Vec<_> = std::fs::read_dir(pins)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    folders[0].clone()
}

/// The real thing: the daemon of an earlier commit, this one, and back.
#[test]
fn the_daemon_of_an_earlier_commit_is_upgraded_and_comes_back() {
    needs_root!();
    let Some(former) = std::env::var_os(FORMER).map(PathBuf::from) else {
        skip_because(
            "the_daemon_of_an_earlier_commit_is_upgraded_and_comes_back",
            "no earlier commit was named",
        );
        return;
    };
    let daemon = build_daemon().unwrap();
    let online = Online::with(former.clone());
    let running = online.hotspot.daemon();
    let _same_session = online.packets();
    running.stop().unwrap();
    running.start_as(&daemon).unwrap();
    let _same_session = online.packets();
    running.kill9().unwrap();
    running.start_as(&daemon).unwrap();
    running.kill9().unwrap();
    match running.start_as(&former) {
        Ok(()) => {
            let _same_session = online.packets();
            println!("the earlier one took over again");
            running.kill9().unwrap();
        }
        Err(error) => println!("the earlier one did not take over again: {error:#}"),
    }
    running.start_as(&daemon).unwrap();
    let _same_session = online.packets();
    online.end();
}
