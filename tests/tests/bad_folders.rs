//! Folders that the daemon cannot use: one sentence that names the folder and the way out, and the gate stays as it was.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use accounting_tests::hotspot::{Hotspot, online};
use accounting_tests::needs_root;
use serde_json::json;

/// Everything that the daemon needs and root has besides.
const CAPABILITIES: &str = "-all,+net_admin,+bpf,+perfmon";

/// A start in a file system of its own, prepared by a line of shell; gives what it said.
fn start(hotspot: &Hotspot, config: &Path, prepare: &str) -> String {
    let binary = hotspot.daemon().binary().display();
    let line = format!(
        "{prepare} && exec timeout 20 {binary} serve --config {}",
        config.display()
    );
    let mut command = hotspot.lab.gateway().command("unshare");
    said(command.args(["--mount", "--", "sh", "-c", &line]))
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    words
}

fn names(words: &str, wanted: &[&str]) {
    let error = words.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("no error in: {words}"));
    for word in wanted {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
    println!("{error}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (daemon, paid) = (hotspot.daemon(), hotspot.client(1));
    hotspot
        .admit(paid, &hotspot.token(60, &json!({})).unwrap())
        .unwrap();
    daemon.stop().unwrap();
    let data = daemon.data().display().to_string();

    // Mounted so that nobody writes.
    let read_only = format!("mount --bind {data} {data} && mount -o remount,ro,bind {data}");
    let words = start(&hotspot, daemon.config(), &read_only);
    names(&words, &["accounting.redb", "Read-only file system", "writable"]);

    // No room for a new store, and nothing but a new store is begun.
    let full = format!("mount -t tmpfs -o size=16k none {data}");
    names(
        &start(&hotspot, daemon.config(), &full),
        &["accounting.redb", "full", "make room"],
    );

    // Of another user, in turn: the store, then the pins.
    let disk = hotspot.lab.disk();
    let text = std::fs::read_to_string(daemon.config()).unwrap();
    let text = text.split("[administrator]").next().unwrap();
    let config = disk.join("unprivileged.toml");
    let reach = Permissions::from_mode(0o755);
    std::fs::set_permissions(disk, reach.clone()).unwrap();
    let unprivileged = |text: &str| {
        std::fs::write(&config, text).unwrap();
        std::fs::set_permissions(&config, reach.clone()).unwrap();
        let mut command = hotspot.lab.gateway().command("timeout");
        command.args([
            "20",
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ]);
        for set in ["--inh-caps", "--ambient-caps", "--bounding-set"] {
            command.arg(format!("{set}={CAPABILITIES}"));
        }
        command.arg("--").arg(daemon.binary());
        said(command.args(["serve", "--config"]).arg(&config))
    };
    names(
        &unprivileged(text),
        &["accounting.redb", "Permission denied", "readable and writable"],
    );
    let own = disk.join("own");
    std::fs::create_dir(&own).unwrap();
    chown(&own, Some(65_534), Some(65_534)).unwrap();
    let words = unprivileged(&text.replace(&data, &own.display().to_string()));
    let pins = daemon.pins().display().to_string();
    names(&words, &[&pins, "belong to this user", "set `pins`"]);

    let still = [paid, hotspot.client(2)].map(|client| online(client).unwrap());
    assert_eq!(still, [Some(true), Some(false)]);
    daemon.start().unwrap();
    assert_eq!(hotspot.device(paid).unwrap()["Online"], true);
}
