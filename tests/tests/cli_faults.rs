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

/// The most of one call: making them takes far longer than noticing that it has begun.
const CALL: u64 = 100_000;

/// Seconds of processor time after which the daemon is busy with what it was asked for.
const BUSY: f64 = 0.2;

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

/// The command broke off, and said this too.
fn broke_off(command: Child, said: &str) {
    let (status, told) = end(command);
    assert!(
        status == 1 && told.contains("broke off") && told.contains(said),
        "{status} {told}"
    );
}

fn count(hotspot: &Hotspot) -> u64 {
    let page = hotspot
        .daemon()
        .api("GET", &format!("{TOKENS}?size=1"), None)
        .unwrap();
    page.json().unwrap()["TotalItems"].as_u64().unwrap()
}

/// A hotspot with [`MANY`] tokens.
fn with_tokens() -> Hotspot {
    let hotspot = Hotspot::with_clients(1).unwrap();
    let parameter = |name: &str, value: u64| json!({"Name": name, "Value": value});
    let order = json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [
        parameter("NumberOfTokens", MANY), parameter("BusinessId", 1), parameter("MinutesIncluded", 60)]});
    let made = hotspot
        .daemon()
        .api("POST", &format!("{TOKENS}/runcommand"), Some(&order))
        .unwrap();
    assert_eq!(made.json().unwrap()["WasSuccessful"], true, "{}", made.text());
    hotspot
}

#[test]
fn an_export_that_breaks_off_is_told_and_the_next_one_is_whole() {
    needs_root!();
    let hotspot = with_tokens();
    let daemon = hotspot.daemon();
    // Nobody reads on, so that the daemon is in the middle of the table when it dies.
    let mut export = typed(&hotspot, &["token", "export"]).spawn().unwrap();
    let mut table = export.stdout.take().unwrap();
    let mut first = [0; 4096];
    table.read_exact(&mut first).unwrap();
    assert!(first.starts_with(b"BusinessId,AccessCode,"));
    daemon.kill9().unwrap();
    let mut rest = Vec::new();
    table.read_to_end(&mut rest).unwrap();
    broke_off(export, "see its log");

    // It is not there; whoever asks is told how to start it.
    let bulk = typed(&hotspot, &["token", "bulk", "5", "--minutes", "1"]).spawn();
    let (status, told) = end(bulk.unwrap());
    assert!(
        status == 3 && told.contains("does not run") && told.contains("systemctl start"),
        "{status} {told}"
    );

    daemon.start().unwrap();
    let file = hotspot.lab.disk().join("all.csv");
    let whole = typed(&hotspot, &["token", "export", &file.display().to_string()]).output();
    assert!(whole.unwrap().status.success());
    let table = std::fs::read_to_string(file).unwrap();
    assert_eq!(table.lines().count() as u64, MANY + 1);
}

#[test]
fn a_command_for_many_that_breaks_off_is_told_and_leaves_all_or_nothing() {
    needs_root!();
    let hotspot = with_tokens();
    let daemon = hotspot.daemon();
    let file = hotspot.lab.disk().join("tokens.csv");
    std::fs::write(&file, "BusinessId,MinutesIncluded\n1,60\n1,60\n").unwrap();

    // It does not answer, then it is gone. The rows of an import are looked at before anything is asked for.
    let import = ["token", "import", &file.display().to_string()].map(str::to_owned);
    let bulk = ["token", "bulk", "50", "--minutes", "1"].map(str::to_owned);
    for (words, said) in [(&import[..], "see its log"), (&bulk[..], "without an answer")] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let process = Process::open(daemon.pid().unwrap()).unwrap();
        process.signal(Signal::STOP).unwrap();
        let asking = typed(&hotspot, &words).spawn().unwrap();
        connected(&hotspot, &asking);
        process.signal(Signal::KILL).unwrap();
        assert!(process.ended_within(SOON));
        broke_off(asking, said);
        daemon.start().unwrap();
        assert_eq!(count(&hotspot), MANY, "{words:?}");
    }

    // It is in the middle of it.
    let words = ["token", "bulk", &CALL.to_string(), "--minutes", "1"].map(str::to_owned);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let asking = typed(&hotspot, &words).spawn().unwrap();
    connected(&hotspot, &asking);
    let before = spent(&hotspot);
    clock::wait_for("the daemon to begin", SOON, || {
        Ok((spent(&hotspot) > before + BUSY).then_some(()))
    })
    .unwrap();
    daemon.kill9().unwrap();
    broke_off(asking, "were all made or none");
    daemon.start().unwrap();
    let found = count(&hotspot);
    assert!([MANY, MANY + CALL].contains(&found), "{found}");
}

/// Seconds of processor time of the daemon.
fn spent(hotspot: &Hotspot) -> f64 {
    hotspot.metric("process_cpu_seconds_total").unwrap()
}

/// Waits until the command has a connection to the daemon's socket.
fn connected(hotspot: &Hotspot, asking: &Child) {
    // It was bound under another name beside its own.
    let folder = hotspot.daemon().data().display().to_string();
    clock::wait_for("the command to connect", SOON, || {
        // One line is the listener's, the other that of the connection, which it has not taken yet.
        let sockets = std::fs::read_to_string(format!("/proc/{}/net/unix", asking.id()))?;
        let lines = sockets.lines().filter(|line| line.contains(&folder)).count();
        Ok((lines > 1).then_some(()))
    })
    .unwrap();
}
