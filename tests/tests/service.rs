//! The unit file under a real systemd: confined as it says, the daemon gates, is restarted, and tells when it is ready.

use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{Hotspot, online};
use accounting_tests::needs_root;
use accounting_tests::systemd::{Systemd, UNIT};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);

/// CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_PERFMON and CAP_BPF.
const CAPABILITIES: u64 = 1 << 10 | 1 << 12 | 1 << 38 | 1 << 39;

#[test]
fn the_unit_runs_the_daemon_confined() {
    needs_root!();
    if !Systemd::is_here() {
        println!("left out: there is no systemd on this machine");
        return;
    }
    let hotspot = Hotspot::with_clients(1).unwrap();
    let (daemon, guest) = (hotspot.daemon(), hotspot.client(1));
    daemon.stop().unwrap();
    let mut detach = daemon.command();
    detach
        .arg("--config")
        .arg(daemon.config())
        .args(["detach", "--open"]);
    assert!(detach.status().unwrap().success());
    let systemd = Systemd::boot(&hotspot.lab).unwrap();
    let unit = format!("/etc/systemd/system/{UNIT}");
    let verified = systemd
        .run("systemd-analyze", &["verify", "--man=no", &unit])
        .unwrap();
    assert!(
        verified.status.success() && verified.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );

    systemd.unit("start").unwrap();
    // It is started when it is ready, and not before.
    assert_eq!(daemon.api("GET", "/readyz", None).unwrap().status, 200);
    let main = systemd.property("MainPID").unwrap();
    let shown = systemd.run("cat", &[&format!("/proc/{main}/status")]).unwrap();
    let status = String::from_utf8(shown.stdout).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':')
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_ne!(field("Uid"), "0");
    for set in ["CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let held = u64::from_str_radix(&field(set), 16).unwrap();
        assert_eq!(held, CAPABILITIES, "{set}");
    }
    assert_eq!(
        (field("NoNewPrivs").as_str(), field("Seccomp").as_str()),
        ("1", "2")
    );

    // The gate and the socket work under it.
    let token = hotspot.token(60, &json!({})).unwrap();
    assert_eq!(online(guest).unwrap(), Some(false));
    hotspot.admit(guest, &token).unwrap();
    assert_eq!(online(guest).unwrap(), Some(true));
    let program = "/usr/local/sbin/accounting-daemon";
    let cli = |words: &[&str]| {
        systemd
            .run("setpriv", &[words, &[program, "status"]].concat())
            .unwrap()
    };
    let member = cli(&["--reuid=65534", "--regid=accounting", "--clear-groups"]);
    assert!(
        member.status.success(),
        "{}",
        String::from_utf8_lossy(&member.stderr)
    );
    let stranger = cli(&["--reuid=65534", "--regid=65534", "--clear-groups"]);
    assert_eq!(stranger.status.code(), Some(5));

    // Restarts of either kind are not noticed by the guest.
    systemd.unit("restart").unwrap();
    assert_eq!(online(guest).unwrap(), Some(true));
    let killed = systemd
        .run("systemctl", &["kill", "--signal=SIGKILL", UNIT])
        .unwrap();
    assert!(killed.status.success());
    assert_eq!(online(guest).unwrap(), Some(true));
    clock::wait_for("systemd to start it again", SOON, || {
        let again = systemd.property("NRestarts")? == "1" && systemd.property("ActiveState")? == "active";
        Ok(again.then_some(()))
    })
    .unwrap();
    assert_eq!(hotspot.record(&token).unwrap()["AccessCode"], token.code);
    assert_eq!(online(guest).unwrap(), Some(true));

    systemd.unit("stop").unwrap();
    assert_eq!(systemd.property("Result").unwrap(), "success");
    assert_eq!(online(guest).unwrap(), Some(true), "the gate goes on enforcing");
}
