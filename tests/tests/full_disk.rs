//! The disk of the store is full: nothing new is acknowledged, the guests stay online, and it goes on by itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use accounting_tests::lab::{
    Answer, Capture, DISCARD_PORT, Daemon, Filter, Flow, Lab, Nonce, Options, Pace, build_daemon, run,
    site::{INTERNET_IP4, ISP},
};
use accounting_tests::{clock, needs_root};
use serde_json::json;

/// Room for the store and little more, in MiB.
const SIZE: u32 = 4;
/// How soon it must go on once there is space: the longest pause between two attempts, and then some.
const SOON: Duration = Duration::from_secs(10);

/// A small file system over the data folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={SIZE}m"), "tmpfs"]);
        run(mount.arg(folder)).unwrap();
        Self(folder.to_owned())
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn fill(&self) {
        let mut file = File::create(self.filler()).unwrap();
        for size in [65_536, 4_096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The daemon may still have files there.
        let unmounted = run(Command::new("umount").arg("-l").arg(&self.0));
        assert!(unmounted.is_ok() || std::thread::panicking());
    }
}

fn create(daemon: &Daemon, code: &str) -> Answer {
    let body = json!({"BusinessId": 1, "MinutesIncluded": 60, "AccessCode": code});
    daemon
        .api("POST", "/api/spaces/accesstokens", Some(&body))
        .unwrap()
}

fn redeem(daemon: &Daemon, code: &str, mac: &str) -> Answer {
    let body = json!({"AccessCode": code, "MacAddress": mac});
    daemon.api("POST", "/v1/redemptions", Some(&body)).unwrap()
}

#[test]
fn a_full_disk_stops_redemptions_and_nothing_else_until_there_is_space() {
    needs_root!();
    let lab = Lab::up(&Options {
        clients: 1,
        daemon: Some(build_daemon().unwrap()),
        ..Options::default()
    })
    .unwrap();
    let daemon = lab.daemon().unwrap();
    daemon.stop().unwrap();
    let disk = SmallDisk::mount(daemon.data());
    daemon.start().unwrap();
    let process = daemon.pid().unwrap();

    let client = lab.client(1).unwrap();
    assert_eq!(create(daemon, "paid").status, 200);
    assert_eq!(redeem(daemon, "paid", &client.mac_text()).status, 200);
    let nonce = Nonce::draw().unwrap();
    let witness = Capture::start(lab.internet(), ISP, Filter::Nonce(nonce)).unwrap();
    let to = SocketAddr::new(INTERNET_IP4.into(), DISCARD_PORT);
    let from = client.ip4().unwrap().into();
    let flow = Flow::start(client.namespace(), from, to, Pace::steady(nonce)).unwrap();

    disk.fill();
    let mut acknowledged = vec!["paid".to_owned()];
    let mut refused = None;
    for number in 0..2_000 {
        let code = format!("code{number}");
        let answer = create(daemon, &code);
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
        acknowledged.push(code);
    }
    let refused = refused.expect("the disk is full and commits go on");
    assert_eq!(
        (refused.status, refused.json().unwrap()["Message"].is_string()),
        (500, true)
    );
    let answer = redeem(daemon, "paid", "02:ac:c0:20:00:01");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(daemon.metric("accounting_store_failing").unwrap(), Some(1.0));
    assert_eq!(daemon.api("GET", "/readyz", None).unwrap().status, 503);
    assert!(daemon.log().contains("is full: make room"), "{}", daemon.log());
    let mut typed = daemon.command();
    typed.arg("--config").arg(daemon.config());
    let typed = typed
        .args(["token", "create", "--minutes", "5"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&typed.stderr).into_owned();
    assert_eq!(
        (typed.status.code(), told.lines().count()),
        (Some(1), 1),
        "{told}"
    );
    assert!(
        told.contains("its log says why") || told.contains("is busy"),
        "{told}"
    );
    std::thread::sleep(Duration::from_millis(1_500));
    let answer = redeem(daemon, "paid", "02:ac:c0:20:00:01");
    assert!([500, 503].contains(&answer.status), "{}", answer.text());
    // Reads go on.
    let device = daemon.api("GET", &format!("/v1/devices/{}", client.mac_text()), None);
    assert_eq!(device.unwrap().json().unwrap()["Online"], true);

    disk.free();
    clock::wait_for("the store", SOON, || {
        Ok((create(daemon, "after").status == 200).then_some(()))
    })
    .unwrap();
    assert_eq!(daemon.metric("accounting_store_failing").unwrap(), Some(0.0));
    assert_eq!(daemon.api("GET", "/readyz", None).unwrap().status, 200);
    assert_eq!(daemon.pid().unwrap(), process, "the daemon was started again");
    for code in &acknowledged {
        assert_eq!(create(daemon, code).status, 400, "the token {code} is lost");
    }

    let sent = flow.stop();
    std::thread::sleep(Duration::from_millis(200));
    let arrived = witness
        .sightings(&nonce)
        .iter()
        .filter(|seen| !seen.outgoing)
        .count();
    assert_eq!(
        sent,
        u64::try_from(arrived).unwrap(),
        "packets of a paying guest were lost"
    );
    assert!(sent > 500);
    daemon.stop().unwrap();
}
