//! The command line while the daemon goes away: one line that says what happened, an exit status of its own, and nothing half
//! made.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::Process;
use accounting_tests::needs_root;
use rustix::process::Signal;
use serde_json::json;

const TOKENS: &str = "/api/spaces/accesstokens";

/// More than pipes and sockets hold: 170 bytes each.
const MANY: u64 = 20_000;

const SOON: Duration = Duration::from_secs(30);

fn typed(hotspot: &Hotspot, words: &[&str]) -> Command {
    let mut command = hotspot.daemon().command();
    command.arg("--config").arg(hotspot.daemon().config()).args(words);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The exit status, and the one line that goes with it.
fn end(mut command: Child) -> (i32, String) {
    let status = command.wait().unwrap().code().unwrap();
    let mut told = String::new();
    command.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(told.starts_with("error: ") && told.lines().count() == 1, "{told}");
    (status, told)
}

fn count(hotspot: &Hotspot) -> u64 {
    let page = hotspot
        .daemon()
        .api("GET", &format!("{TOKENS}?size=1"), None)
        .unwrap();
    page.json().unwrap()["TotalItems"].as_u64().unwrap()
}

#[test]
fn a_daemon_that_goes_away_in_the_middle_is_told_and_leaves_nothing_half_done() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let daemon = hotspot.daemon();
    let parameter = |name: &str, value: u64| json!({"Name": name, "Value": value});
    let order = json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [
        parameter("NumberOfTokens", MANY), parameter("BusinessId", 1), parameter("MinutesIncluded", 60)]});
    let made = daemon
        .api("POST", &format!("{TOKENS}/runcommand"), Some(&order))
        .unwrap();
    assert_eq!(made.json().unwrap()["WasSuccessful"], true, "{}", made.text());

    // Nobody reads on, so that the daemon is in the middle of the table when it dies.
    let mut export = typed(&hotspot, &["token", "export"]).spawn().unwrap();
    let mut table = export.stdout.take().unwrap();
    let mut first = [0; 4096];
    table.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"BusinessId,AccessCode,"));
    daemon.kill9().unwrap();
    let mut rest = Vec::new();
    table.read_to_end(&mut rest).unwrap();
    let (status, told) = end(export);
    assert!(status == 1 && told.contains("broke off"), "{status} {told}");

    // It is not there; whoever asks is told how to start it.
    let (status, told) = end(typed(&hotspot, &["token", "bulk", "5", "--minutes", "1"])
        .spawn()
        .unwrap());
    assert!(
        status == 3 && told.contains("does not run") && told.contains("systemctl start"),
        "{status} {told}"
    );
    daemon.start().unwrap();
    assert_eq!(count(&hotspot), MANY);

    // It does not answer, then it is gone: an import, and a command for many.
    let file = hotspot.lab.disk().join("tokens.csv");
    std::fs::write(&file, "BusinessId,MinutesIncluded\n1,60\n1,60\n").unwrap();
    let import = ["token", "import", &file.display().to_string()].map(str::to_owned);
    let bulk = ["token", "bulk", "50", "--minutes", "1"].map(str::to_owned);
    for words in [&import[..], &bulk[..]] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let process = Process::open(daemon.pid().unwrap()).unwrap();
        process.signal(Signal::STOP).unwrap();
        let asking = typed(&hotspot, &words).spawn().unwrap();
        connected(&hotspot, &asking);
        process.signal(Signal::KILL).unwrap();
        assert!(process.ended_within(SOON));
        let (status, told) = end(asking);
        assert!(
            status == 1 && told.contains("broke off"),
            "{words:?}: {status} {told}"
        );
        daemon.start().unwrap();
        assert_eq!(count(&hotspot), MANY, "{words:?}");
    }

    let file = hotspot.lab.disk().join("all.csv");
    let whole = typed(&hotspot, &["token", "export", &file.display().to_string()]);
    assert!({ whole }.status().unwrap().success());
    assert_eq!(
        std::fs::read_to_string(file).unwrap().lines().count() as u64,
        MANY + 1
    );
}

/// Waits until the command has a connection to the daemon's socket.
fn connected(hotspot: &Hotspot, asking: &Child) {
    let socket = hotspot.daemon().data().join("api.sock").display().to_string();
    clock::wait_for("the command to connect", SOON, || {
        let sockets = std::fs::read_to_string(format!("/proc/{}/net/unix", asking.id()))?;
        // One line is the listener's; that of a connection not taken yet has no name of its own but a state of 2 on its peer.
        let lines = sockets.lines().filter(|line| line.ends_with(&socket)).count();
        Ok((lines > 1).then_some(()))
    })
    .unwrap();
}
