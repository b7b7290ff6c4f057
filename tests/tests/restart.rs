//! The daemon goes and comes back while people are online: nobody who paid loses a packet, nobody who did not gets one.

use std::time::Duration;

use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::needs_root;
use accounting_tests::traffic::Traffic;
use serde_json::json;

const WHILE: Duration = Duration::from_millis(300);

#[test]
fn no_packet_is_lost_and_none_slips_through_while_the_daemon_restarts() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let token = hotspot.token(60, &json!({})).unwrap();
    let opened = hotspot.admit(hotspot.client(1), &token).unwrap()["OpenedOn"].clone();
    let traffic = Traffic::start(&hotspot).unwrap();
    for _ in 0..2 {
        hotspot.daemon().kill9().unwrap();
        std::thread::sleep(WHILE);
        hotspot.daemon().start().unwrap();
        hotspot.daemon().stop().unwrap();
        std::thread::sleep(WHILE);
        hotspot.daemon().start().unwrap();
    }
    traffic.look().unwrap();
    // The same session, still counting, with what it counted before.
    let device = hotspot.device(hotspot.client(1)).unwrap();
    assert_eq!(device["Session"]["OpenedOn"], opened);
    assert!(
        device["Session"]["PacketsUp"].as_u64().unwrap() > 2_000,
        "{device}"
    );
    assert!(
        device["Session"]["PacketsDown"].as_u64().unwrap() > 2_000,
        "{device}"
    );
}

#[test]
fn detach_does_what_it_says() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (paid, unpaid) = (hotspot.client(1), hotspot.client(2));
    let daemon = hotspot.daemon();
    hotspot.let_in(paid).unwrap();
    let detach = |how: &str| {
        let mut command = daemon.command();
        command.args(["detach", "--config"]).arg(daemon.config()).arg(how);
        let output = command.output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(words).unwrap())
    };

    let (status, words) = detach("--open");
    assert!(status == Some(1) && words.contains("stop it first"), "{words}");
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(false))
    );

    daemon.stop().unwrap();
    let (status, words) = detach("--closed");
    assert!(
        status == Some(0) && words.contains("the gate is closed"),
        "{words}"
    );
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(false), Some(false))
    );
    // The store knows who had paid.
    daemon.start().unwrap();
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(false))
    );

    daemon.stop().unwrap();
    let (status, words) = detach("--open");
    assert!(
        status == Some(0) && words.contains("everything passes"),
        "{words}"
    );
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(true))
    );
    let (status, words) = detach("--open");
    assert!(status == Some(0) && words.contains("there is no gate"), "{words}");
    // What is not there cannot be closed, and must not be called so.
    let (status, words) = detach("--closed");
    assert!(
        status == Some(1) && words.contains("there is no gate") && words.contains("everything passes"),
        "{words}"
    );
    daemon.start().unwrap();
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(false))
    );
    assert!(
        daemon
            .command()
            .args(["detach", "--config"])
            .arg(daemon.config())
            .output()
            .unwrap()
            .status
            .code()
            == Some(2)
    );
}

#[test]
fn an_older_store_lets_nobody_in_who_is_not_in_it() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (one, two) = (hotspot.client(1), hotspot.client(2));
    let daemon = hotspot.daemon();
    let [first, second] = [1, 2].map(|_| hotspot.token(60, &json!({})).unwrap());
    hotspot.admit(one, &first).unwrap();
    daemon.stop().unwrap();
    let store = daemon.data().join("accounting.redb");
    let older = hotspot.lab.disk().join("older.redb");
    std::fs::copy(&store, &older).unwrap();

    daemon.start().unwrap();
    hotspot.admit(two, &second).unwrap();
    // What the older store takes for a session is one of another token meanwhile, under the same number.
    assert_eq!(hotspot.release(one).unwrap().status, 204);
    hotspot
        .admit(one, &hotspot.token(60, &json!({})).unwrap())
        .unwrap();
    daemon.kill9().unwrap();
    std::fs::copy(&older, &store).unwrap();
    let flow = hotspot.uplink(one, HOSTS[1], 500).unwrap();
    daemon.start().unwrap();
    assert_eq!(
        (online(one).unwrap(), online(two).unwrap()),
        (Some(true), Some(false))
    );
    assert_eq!(hotspot.device(one).unwrap()["Session"]["TokenId"], first.id);
    assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 1.0);
    assert_eq!(hotspot.release(one).unwrap().status, 204);
    std::thread::sleep(WHILE);
    assert_eq!(
        (online(one).unwrap(), online(two).unwrap()),
        (Some(false), Some(false))
    );
    drop(flow);

    // No store at all: everybody is a stranger, and the administrator is made anew.
    daemon.stop().unwrap();
    std::fs::remove_file(&store).unwrap();
    daemon.start().unwrap();
    assert_eq!(hotspot.metric("accounting_sessions_open").unwrap(), 0.0);
    assert_eq!(
        (online(one).unwrap(), online(two).unwrap()),
        (Some(false), Some(false))
    );
}

#[test]
fn a_kill_between_any_two_steps_leaves_books_and_gate_in_line() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let (one, two) = (hotspot.client(1), hotspot.client(2));
    let token = hotspot.token(60, &json!({"UserLimit": 2})).unwrap();
    for round in 0..6_u64 {
        // Somewhere within the redemption of one device and the release of the other.
        std::thread::scope(|scope| {
            let _asked = scope.spawn(|| hotspot.redeem_for(&token.code, &one.mac_text()));
            let _asked = scope.spawn(|| hotspot.release(two));
            std::thread::sleep(Duration::from_millis(round * 2));
            hotspot.daemon().kill9().unwrap();
        });
        let [passes, other] = [one, two].map(|client| online(client).unwrap());
        hotspot.daemon().start().unwrap();
        for (client, before) in [(one, passes), (two, other)] {
            let booked = hotspot.device(client).unwrap()["Online"] == true;
            assert_eq!(
                online(client).unwrap(),
                Some(booked),
                "round {round}: gate and books differ"
            );
            assert!(
                before == Some(false) || booked,
                "round {round}: passed without being in the books"
            );
        }
        let _online = hotspot.redeem_for(&token.code, &two.mac_text()).unwrap();
        let _offline = hotspot.release(one).unwrap();
    }
}
