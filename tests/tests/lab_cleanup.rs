//! Nothing of a lab stays, however its owner ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use accounting_tests::lab::site::INTERNET_IP4;
use accounting_tests::lab::{Lab, Process, clean};
use accounting_tests::needs_root;
use rustix::process::Signal;

mod traces;

use traces::traces;

fn up() -> Lab {
    Lab::with_clients(1).unwrap()
}

#[test]
fn a_lab_leaves_nothing_behind() {
    needs_root!();
    let lab = up();
    let id = lab.id().to_owned();
    // What a careless test leaves running.
    let mut careless = lab
        .client(1)
        .unwrap()
        .namespace()
        .command("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    assert!(traces(&id).len() > 5);
    drop(lab);
    careless.wait().unwrap();
    assert_eq!(traces(&id), Vec::<String>::new());
}

#[test]
fn a_panic_takes_the_lab_down() {
    needs_root!();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let lab = up();
        tell.send(lab.id().to_owned()).unwrap();
        panic!("a test failed, as this one must");
    });
    assert!(thread.join().is_err());
    assert_eq!(traces(&told.recv().unwrap()), Vec::<String>::new());
}

/// Starts this test program again as the owner of a lab, and gives it with the lab's id once the lab is up.
fn owner() -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_lab_until_killed", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let id = lines
        .map(Result::unwrap)
        .find_map(|line| Some(line.split_once("lab: ")?.1.to_owned()))
        .unwrap();
    (child, id)
}

fn signal(child: &mut Child, signal: Signal) {
    let process = Process::open(i32::try_from(child.id()).unwrap()).unwrap();
    process.signal(signal).unwrap();
    assert!(process.ended_within(Duration::from_secs(20)));
    child.wait().unwrap();
}

#[test]
#[ignore = "the other half of the tests below"]
fn holds_a_lab_until_killed() {
    let lab = up();
    println!("lab: {}", lab.id());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn signals_take_the_lab_down() {
    needs_root!();
    for one in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (mut child, id) = owner();
        assert!(!traces(&id).is_empty());
        signal(&mut child, one);
        assert_eq!(traces(&id), Vec::<String>::new(), "after {one:?}");
    }
}

#[test]
fn after_sigkill_the_next_lab_cleans_up() {
    needs_root!();
    let (mut child, id) = owner();
    let alive = up();
    assert!(!traces(&id).is_empty(), "a lab with a live owner is left alone");
    signal(&mut child, Signal::KILL);
    assert!(!traces(&id).is_empty(), "nobody was there to remove it");
    // Another test of this process may clean at the same time.
    let _ids = clean().unwrap();
    assert_eq!(traces(&id), Vec::<String>::new());
    assert_eq!(
        alive
            .get(alive.client(1).unwrap(), (IpAddr::from(INTERNET_IP4), 80), "/")
            .unwrap()
            .status,
        200
    );
}
