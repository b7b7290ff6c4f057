//! The daemon's life in the lab, and the command that is told about it. A stand-in plays the daemon.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use accounting_tests::lab::{API_PORT, Lab, Options, run_command, started_at, variables};
use accounting_tests::{clock, needs_root};

mod traces;

use traces::traces;

const SOON: Duration = Duration::from_secs(5);

/// A program that is started as the daemon is, and answers 200 to everything on the api listener.
fn stand_in(folder: &std::path::Path) -> PathBuf {
    let script = folder.join("stand-in");
    let test = std::env::current_exe().unwrap();
    let line = format!("exec {test:?} --exact plays_the_daemon --ignored --nocapture");
    std::fs::write(
        &script,
        format!("#!/bin/sh\n[ \"$1 $2\" = 'serve --config' ] || exit 2\n{line}\n"),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    script
}

#[test]
#[ignore = "the other half of the test below"]
fn plays_the_daemon() {
    let listener = TcpListener::bind(("127.0.0.1", API_PORT)).unwrap();
    for connection in listener.incoming() {
        let mut connection = connection.unwrap();
        let _request = connection.read(&mut [0; 4096]).unwrap();
        let _gone = connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

#[test]
fn the_daemon_is_started_killed_and_started_again() {
    needs_root!();
    let folder = tempfile::tempdir().unwrap();
    let daemon = Some(stand_in(folder.path()));
    let config = "[limits]\nanswer = 42\n".to_owned();
    let lab = Lab::up(&Options {
        clients: 1,
        daemon,
        config,
        ..Options::default()
    })
    .unwrap();
    let daemon = lab.daemon().unwrap();
    assert!(
        std::fs::read_to_string(daemon.config())
            .unwrap()
            .contains("answer = 42")
    );
    let first = daemon.pid().unwrap();
    assert!(lab.gateway().processes().contains(&first));
    assert_eq!(daemon.api("GET", "/healthz", None).unwrap().text(), "ok");
    assert!(daemon.start().unwrap_err().to_string().contains("runs already"));

    daemon.kill9().unwrap();
    assert!(daemon.pid().is_err() && daemon.api("GET", "/healthz", None).is_err());
    clock::wait_for("the end of the zombie", SOON, || {
        Ok(started_at(first).is_none().then_some(()))
    })
    .unwrap();

    let script = "kill -0 $LAB_DAEMON_PID && kill -9 $LAB_DAEMON_PID && sleep 0.3 && ! kill -0 $LAB_DAEMON_PID &&
        test -f $LAB_CONFIG && test -d $LAB_DATA && $LAB_DAEMON_START &&
        nsenter --net=/run/netns/$LAB_GATEWAY_NS curl -sf -u $LAB_ADMIN_USER:$LAB_ADMIN_PASSWORD $LAB_API/healthz";
    daemon.start().unwrap();
    assert_eq!(run_command(&lab, "sh", &["-c".into(), script.into()]).unwrap(), 0);
    assert_ne!(daemon.pid().unwrap(), first);
    daemon.stop().unwrap();

    let id = lab.id().to_owned();
    daemon.start().unwrap();
    drop(lab);
    assert_eq!(traces(&id), Vec::<String>::new());
}

#[test]
fn a_daemon_that_does_not_start_is_quoted() {
    needs_root!();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    std::fs::write(&broken, "#!/bin/sh\necho 'the moon is full' >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o700)).unwrap();
    let options = Options {
        clients: 1,
        daemon: Some(broken),
        ..Options::default()
    };
    let error = Lab::up(&options).unwrap_err();
    assert!(format!("{error:#}").contains("the moon is full"), "{error:#}");
}

#[test]
fn a_command_is_told_where_everything_is_and_its_status_is_passed_on() {
    needs_root!();
    let lab = Lab::up(&Options::default()).unwrap();
    let names: Vec<String> = variables(&lab)
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        [
            "LAB_GATEWAY_NS",
            "LAB_INTERNET_NS",
            "LAB_INTERNET_IP4",
            "LAB_INTERNET_IP6",
            "LAB_CLIENT_NS",
            "LAB_CLIENT_IF",
            "LAB_CLIENT_MAC",
            "LAB_CLIENT2_NS",
            "LAB_CLIENT2_IF",
            "LAB_CLIENT2_MAC",
        ]
    );
    let shell = |script: &str| run_command(&lab, "sh", &["-c".into(), script.into()]).unwrap();
    assert_eq!(shell("exit 7"), 7);
    assert_eq!(shell("kill -9 $$"), 137);
    assert_eq!(
        shell(
            "nsenter --net=/run/netns/$LAB_CLIENT2_NS ip link show $LAB_CLIENT2_IF | grep -q $LAB_CLIENT2_MAC &&
             nsenter --net=/run/netns/$LAB_CLIENT_NS curl -sf -o /dev/null http://[$LAB_INTERNET_IP6]:8080/"
        ),
        0
    );
    assert!(run_command(&lab, "/nowhere/to/be/found", &[]).is_err());
}
