//! Starts that cannot succeed: one sentence that names the thing and the way out, and the gate stays as it was, with a
//! daemon's guests online and everybody else outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::LAN;
use accounting_tests::needs_root;
use redb::{Database, TableDefinition};

/// A start that must fail, of a configuration that differs from the lab's.
struct Attempt<'a> {
    hotspot: &'a Hotspot,
    config: PathBuf,
}

impl<'a> Attempt<'a> {
    /// The lab's configuration with replacements.
    fn with(hotspot: &'a Hotspot, replace: &[(&str, &str)]) -> Self {
        let mut text = fs::read_to_string(hotspot.daemon().config()).unwrap();
        for (from, to) in replace {
            assert!(text.contains(from), "no {from} in the configuration");
            text = text.replace(from, to);
        }
        let config = hotspot.lab.disk().join("attempt.toml");
        fs::write(&config, text).unwrap();
        Self { hotspot, config }
    }

    fn command(&self) -> Command {
        let mut command = self.hotspot.lab.gateway().command("timeout");
        command.arg("20").arg(self.hotspot.daemon().binary());
        command
    }

    /// Runs it, and looks that it fails with these words, in one line without a panic.
    fn fails(&self, mut command: Command, words: &[&str]) {
        let output = command
            .arg("serve")
            .arg("--config")
            .arg(&self.config)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let error: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.starts_with("error: "))
            .collect();
        assert!(error.len() == 1, "not one sentence: {text}");
        for word in words {
            assert!(error[0].contains(word), "{word:?} is not in: {}", error[0]);
        }
        println!("{}", error[0]);
    }

    fn fails_with(&self, words: &[&str]) {
        self.fails(self.command(), words);
    }
}

fn pin(hotspot: &Hotspot, name: &str) -> PathBuf {
    let layout = fs::read_dir(hotspot.daemon().pins())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    layout.join(name)
}

#[test]
fn a_failed_start_says_why_and_changes_nothing() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (paid, unpaid) = (hotspot.client(1), hotspot.client(2));
    let daemon = hotspot.daemon();
    let token = hotspot.let_in(paid).unwrap();
    let flows = HOSTS.map(|host| hotspot.uplink(paid, host, 200).unwrap());
    let strangers = HOSTS.map(|host| hotspot.uplink(unpaid, host, 200).unwrap());

    // While one daemon runs.
    let again = |replace: &[(&str, &str)]| Attempt::with(&hotspot, replace);
    again(&[]).fails_with(&["127.0.0.1:8480", "in use", "api.listen"]);
    let port = ("127.0.0.1:8480", "127.0.0.1:8481");
    again(&[port]).fails_with(&["port 8880", "portal.listen_port"]);
    let portal = ("listen_port = 8880", "listen_port = 8881");
    again(&[port, portal]).fails_with(&["accounting.redb", "stop the other daemon"]);
    let data = daemon.data().display().to_string();
    let elsewhere = format!("{data}-other");
    again(&[port, portal, (&data, &elsewhere)]).fails_with(&["held by a running daemon", "stop it first"]);
    daemon.api("GET", "/healthz", None).unwrap();
    daemon.stop().unwrap();

    let store = daemon.data().join("accounting.redb");
    let kept = fs::read(&store).unwrap();
    again(&[
        ("127.0.0.1:8480", "192.0.2.1:8480"),
        ("[portal]", "insecure = true\n[portal]"),
    ])
    .fails_with(&["192.0.2.1:8480", "not an address of this machine"]);
    let pins = format!("pins = {:?}", daemon.pins());
    again(&[(&pins, "pins = \"/var/tmp/no-bpf-file-system\"")])
        .fails_with(&["/var/tmp/no-bpf-file-system", "mount -t bpf"]);
    assert!(!Path::new("/var/tmp/no-bpf-file-system").exists());
    let attempt = again(&[]);
    let mut unprivileged = hotspot.lab.gateway().command("timeout");
    unprivileged
        .args(["20", "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"])
        .arg(daemon.binary());
    attempt.fails(
        unprivileged,
        &["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "run as root"],
    );
    let stored = fs::read(&store).unwrap();
    assert!(
        stored == kept,
        "the store was written by a start that failed before"
    );

    stores(&hotspot, &store);
    maps(&hotspot);
    let gone = format!("name = \"{LAN}\"");
    again(&[(&gone, "name = \"lan7\"")]).fails_with(&["no interface lan7", LAN]);
    // One interface exists, the other does not.
    let both = format!("name = \"{LAN}\"\nzone = 0\n[[interface]]\nname = \"lan7\"");
    again(&[(&format!("{gone}\nzone = 0"), &both)]).fails_with(&["no interface lan7"]);
    again(&[(&gone, "name = \"lo\"")]).fails_with(&["lo", "no MAC addresses"]);

    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(false))
    );
    for flow in &flows {
        assert_eq!(flow.gaps().unwrap(), Vec::<u64>::new(), "a paid packet was lost");
    }
    for flow in strangers {
        assert!(flow.flow.sent() > 200);
        assert_eq!(flow.arrived().unwrap().len(), 0, "an unpaid packet passed");
    }
    daemon.start().unwrap();
    assert_eq!(hotspot.record(&token).unwrap()["MinutesLeft"], 60);
    assert_eq!(hotspot.device(paid).unwrap()["Online"], true);
}

fn stores(hotspot: &Hotspot, store: &Path) {
    let kept = fs::read(store).unwrap();
    let attempt = Attempt::with(hotspot, &[]);
    let name = store.display().to_string();
    let corrupt: Vec<u8> = b"this is no store of anything".repeat(1_000);
    let flipped = kept.iter().enumerate();
    let flipped = flipped.map(|(at, byte)| byte ^ u8::from(at > 4_096 && at % 512 == 300));
    for bytes in [corrupt, kept[..kept.len() / 3].to_vec(), flipped.collect()] {
        fs::write(store, &bytes).unwrap();
        attempt.fails_with(&[&name, "restore a backup"]);
        assert!(
            fs::read(store).unwrap() == bytes,
            "a damaged store was written to"
        );
    }
    fs::write(store, &kept).unwrap();
    let newer = Database::open(store).unwrap();
    let transaction = newer.begin_write().unwrap();
    let version: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    let number = 4_711_u64.to_le_bytes();
    transaction
        .open_table(version)
        .unwrap()
        .insert("version", number.as_slice())
        .unwrap();
    transaction.commit().unwrap();
    drop(newer);
    let bytes = fs::read(store).unwrap();
    attempt.fails_with(&[&name, "4711", "newer"]);
    assert!(fs::read(store).unwrap() == bytes, "a newer store was written to");
    fs::remove_file(store).unwrap();
    fs::create_dir(store).unwrap();
    attempt.fails_with(&[&name]);
    fs::remove_dir(store).unwrap();
    fs::write(store, &kept).unwrap();
    let data = hotspot.daemon().data().display().to_string();
    Attempt::with(
        hotspot,
        &[(&format!("data = {data:?}"), "data = \"/proc/nowhere\"")],
    )
    .fails_with(&["/proc/nowhere", "writable"]);
}

fn maps(hotspot: &Hotspot) {
    // Pins may be renamed: a map of another shape under the name of one.
    let (tokens, counters) = (pin(hotspot, "TOKENS"), pin(hotspot, "COUNTERS"));
    let aside = pin(hotspot, "ASIDE");
    let swap = || {
        fs::rename(&tokens, &aside).unwrap();
        fs::rename(&counters, &tokens).unwrap();
        fs::rename(&aside, &counters).unwrap();
    };
    swap();
    let name = tokens.display().to_string();
    Attempt::with(hotspot, &[]).fails_with(&[
        &name,
        "a value size of 64, not 8",
        "accounting-daemon detach --open",
        "everything passes",
    ]);
    swap();
}

#[test]
fn all_problems_of_a_configuration_are_told_at_once_with_their_lines() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let daemon = hotspot.daemon();
    let check = |text: &str| {
        let file = hotspot.lab.disk().join("check.toml");
        fs::write(&file, text).unwrap();
        let mut command = daemon.command();
        let output = command
            .args(["serve", "--check-config", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        let words = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), words)
    };
    let text = fs::read_to_string(daemon.config()).unwrap();
    let (status, words) = check(&text);
    assert!(status == Some(0) && words.contains("no problems"), "{words}");

    let (status, words) = check(
        "data = 7\nsurprise = true\n[[interface]]\nname = \"a name that is too long\"\n[gate]\ndevices = 0\n\
         bypass = [\"ff:ff:ff:ff:ff:ff\", \"nobody\"]\n[api]\nlisten = [\"0.0.0.0:80\", \"here\"]\n",
    );
    assert_eq!(status, Some(1), "{words}");
    for line in [":1", ":2", ":4", ":6", ":7", ":9"] {
        assert!(
            words.contains(&format!("check.toml{line}")) || words.contains(&format!("line {}", &line[1..])),
            "{line} is not in: {words}"
        );
    }
    for word in [
        "data",
        "surprise",
        "devices",
        "ff:ff:ff:ff:ff:ff",
        "nobody",
        "insecure",
        "here",
    ] {
        assert!(words.to_lowercase().contains(word), "{word} is not in: {words}");
    }
    let (status, words) = check("data = \"/var/lib\n[[interface]\n");
    assert!(status == Some(1) && words.contains('1'), "{words}");
    let (status, words) = check("");
    assert!(
        status == Some(1) && words.contains("data") && words.contains("interface"),
        "{words}"
    );
    println!("{words}");
    let mut missing = daemon.command();
    let output = missing
        .args(["serve", "--config", "/nowhere/at.toml"])
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && words.contains("/nowhere/at.toml"),
        "{words}"
    );
}
