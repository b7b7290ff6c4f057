//! The command line against a running daemon: who is let in without a password, what scripts read, what they learn from the
//! exit status, and a backup that is made under load and restored.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::process::{Command, Output};

use accounting_tests::hotspot::{Hotspot, online};
use accounting_tests::needs_root;
use serde_json::Value;

/// Nobody, by the numbers that every Debian gives them.
const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

struct Shell<'a>(&'a Hotspot);

/// What a command came to.
struct Done {
    status: i32,
    out: String,
    err: String,
}

impl Shell<'_> {
    fn finish(&self, mut command: Command, words: &[&str]) -> Done {
        command.arg("--config").arg(self.0.daemon().config()).args(words);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let done = Done {
            status: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        };
        println!("$ {}\n{}{}", words.join(" "), done.out, done.err);
        done
    }

    fn run(&self, words: &[&str]) -> Done {
        self.finish(self.0.daemon().command(), words)
    }

    /// What a command prints that succeeds.
    fn said(&self, words: &[&str]) -> String {
        let done = self.run(words);
        assert_eq!(done.status, 0, "{words:?}: {}", done.err);
        done.out
    }

    fn json(&self, words: &[&str]) -> Value {
        let out = self.said(&[&["--json"], words].concat());
        assert_eq!(out.lines().count(), 1, "not one document: {out}");
        serde_json::from_str(&out).unwrap()
    }

    /// A command that fails with this status, and one line with these words.
    fn fails(&self, status: i32, words: &[&str], told: &[&str]) {
        let done = self.run(words);
        assert_eq!(done.status, status, "{words:?}: {}", done.err);
        assert!(
            done.err.starts_with("error: ") && done.err.lines().count() == 1,
            "{}",
            done.err
        );
        for word in told {
            assert!(done.err.contains(word), "{word:?} is not in: {}", done.err);
        }
    }
}

#[test]
fn an_operator_works_without_a_password() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let shell = Shell(&hotspot);
    let (guest, mac) = (hotspot.client(1), hotspot.client(1).mac_text().to_uppercase());
    assert!(shell.said(&["status"]).contains("well"));

    let token = shell.json(&[
        "token",
        "create",
        "--minutes",
        "1h30m",
        "--code",
        "CLI-90",
        "--seats",
        "2",
    ]);
    let id = token["Id"].to_string();
    assert_eq!(
        (&token["MinutesLeft"], &token["UserLimit"]),
        (&90.into(), &2.into())
    );
    assert_eq!(token["UpdatedBy"], "root@local");
    assert_eq!(shell.json(&["token", "show", &id]), token);
    let edited = shell.json(&["token", "edit", &id, "--add-minutes", "30", "--clear", "seats"]);
    assert_eq!(
        (&edited["MinutesLeft"], &edited["UserLimit"]),
        (&120.into(), &Value::Null)
    );
    assert_eq!(
        shell.json(&["token", "balance", &id, "--left", "15"])["MinutesLeft"],
        15
    );

    assert_eq!(online(guest).unwrap(), Some(false));
    let session = shell.json(&["session", "open", "cli90", &mac]);
    assert_eq!(
        (&session["TokenId"], &session["SecondsLeft"]),
        (&token["Id"], &900.into())
    );
    assert_eq!(online(guest).unwrap(), Some(true));
    assert!(shell.said(&["session", "show", &mac]).contains("15"));
    shell.said(&["session", "kick", &mac]);
    assert_eq!(online(guest).unwrap(), Some(false));

    shell.fails(4, &["session", "kick", &mac], &[&mac, "not online"]);
    shell.fails(4, &["token", "show", "999"], &["no token 999"]);
    shell.fails(
        1,
        &["token", "create", "--minutes", "1h", "--code", "CLI-90"],
        &["AccessCode"],
    );
    shell.fails(1, &["token", "create"], &["--minutes"]);
    shell.fails(
        3,
        &["--socket", "/nowhere.sock", "status"],
        &["/nowhere.sock", "does not run", "--socket"],
    );
    assert_eq!(shell.run(&["token", "create", "--minutes", "soon"]).status, 2);
    for (kind, first, second) in [
        ("user", "ann@lab.test", "bob@lab.test"),
        ("client", "till", "door"),
    ] {
        let made = shell.run(&[kind, "create", first]);
        assert!(
            made.status == 0 && made.err.contains("may do nothing yet"),
            "{kind}"
        );
        let made = shell.run(&[kind, "create", second, "--role", "list"]);
        assert!(made.status == 0 && made.err.is_empty(), "{kind}: {}", made.err);
    }
    shell.said(&["token", "delete", &id]);
    shell.fails(4, &["token", "delete", &id], &["no token"]);
}

#[test]
fn the_kernel_says_who_may() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let shell = Shell(&hotspot);
    let daemon = hotspot.daemon();
    let socket = daemon.data().join("api.sock");
    let nobody = || {
        let mut command = hotspot.lab.gateway().command("setpriv");
        command
            .args(NOBODY)
            .arg(daemon.binary())
            .arg("--socket")
            .arg(&socket);
        command
    };
    // The mode of the socket keeps them out; when it does not, the daemon does.
    let open = |path: &std::path::Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(hotspot.lab.disk(), 0o755);
    open(daemon.data(), 0o755);
    let done = shell.finish(nobody(), &["token", "list"]);
    assert!(done.status == 5 && done.err.contains("sudo"), "{}", done.err);
    open(&socket, 0o666);
    let done = shell.finish(nobody(), &["token", "create", "--minutes", "1"]);
    assert!(done.status == 5 && done.err.contains("65534"), "{}", done.err);

    // A second daemon on the same socket is noticed, and one that was killed leaves nothing that would be in the way.
    daemon.kill9().unwrap();
    shell.fails(3, &["status"], &["does not run"]);
    daemon.start().unwrap();
    shell.said(&["status"]);
    daemon.stop().unwrap();
    assert!(!socket.exists());
}

#[test]
fn a_backup_under_load_is_restored_with_equal_books() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let shell = Shell(&hotspot);
    let daemon = hotspot.daemon();
    let token = hotspot.token(600, &serde_json::json!({"UserLimit": 5})).unwrap();
    let backup = hotspot.lab.disk().join("backup.redb");
    let name = backup.display().to_string();
    let made = std::thread::scope(|scope| {
        // Sessions come and go, each with a usage record.
        let load = scope.spawn(|| {
            for nth in 0..60 {
                let mac = format!("02:00:00:00:01:{nth:02x}");
                hotspot.redeem_for(&token.code, &mac).unwrap();
                daemon
                    .api("DELETE", &format!("/v1/sessions/{mac}"), None)
                    .unwrap();
            }
        });
        let made = shell.json(&["backup", &name]);
        load.join().unwrap();
        made
    });
    assert_eq!(made["Tokens"], 1);
    shell.fails(1, &["backup", &name], &[&name, "already"]);
    shell.fails(1, &["restore", &name], &["stop it first"]);
    daemon.stop().unwrap();

    let store = daemon.data().join("accounting.redb");
    let kept = std::fs::read(&store).unwrap();
    std::fs::write(hotspot.lab.disk().join("half"), &kept[..kept.len() / 2]).unwrap();
    let half = hotspot.lab.disk().join("half").display().to_string();
    shell.fails(1, &["restore", &half], &["damaged"]);
    assert!(
        std::fs::read(&store).unwrap() == kept,
        "a refused restore has changed the store"
    );

    let restored = shell.json(&["restore", &name]);
    assert_eq!(
        (
            &restored["Tokens"],
            &restored["Sessions"],
            &restored["UsageRecords"]
        ),
        (&made["Tokens"], &made["Sessions"], &made["UsageRecords"])
    );
    let aside = std::path::PathBuf::from(restored["Kept"].as_str().unwrap());
    assert!(std::fs::read(aside).unwrap() == kept);
    daemon.start().unwrap();
    let record = hotspot.record(&token).unwrap();
    assert_eq!(
        (&record["AccessCode"], &record["MinutesIncluded"]),
        (&token.code.clone().into(), &600.into())
    );
    hotspot.admit(hotspot.client(1), &token).unwrap();
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let shell = Shell(&hotspot);
    let verdict = |report: &Value, name: &str| {
        let findings = report["Findings"].as_array().unwrap();
        let of_name = findings
            .iter()
            .filter(|finding| finding["Name"].as_str().unwrap().contains(name));
        let all: Vec<_> = of_name
            .map(|finding| finding["Verdict"].as_str().unwrap().to_owned())
            .collect();
        assert!(!all.is_empty(), "nothing about {name}");
        if all.iter().any(|one| one == "fail") {
            "fail"
        } else {
            "well"
        }
    };
    let examine = || {
        let done = shell.run(&["--json", "doctor"]);
        let report: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(report["Well"] == true, done.status == 0, "{}", done.out);
        report
    };
    let report = examine();
    for name in [
        "kernel",
        "capabilities",
        "BPF file system",
        "interface lan0",
        "forwarding",
        "input filter",
        "disk",
    ] {
        assert_eq!(verdict(&report, name), "well", "{report}");
    }
    assert!(report["DhcpLines"].to_string().contains("dhcp-option=114"));

    let gateway = hotspot.lab.gateway();
    gateway.sysctl(&[("ipv4/ip_forward", "0")]).unwrap();
    let report = examine();
    assert_eq!(verdict(&report, "forwarding"), "fail");
    assert_eq!(report["Well"], false);
}
