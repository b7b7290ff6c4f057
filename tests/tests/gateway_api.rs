//! The gateway API against the real daemon: lists that hold in the kernel at once and over a restart, balances that reach
//! the deadline, sessions and usage as they are told.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::Read as _;
use std::time::Duration;

use accounting_tests::hotspot::{HOSTS, Hotspot, Token, online};
use accounting_tests::lab::{Answer, Client, Options, Request};
use accounting_tests::needs_root;
use serde_json::{Value, json};

/// How long something may take that the daemon does by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn api(hotspot: &Hotspot, method: &str, target: &str, body: Option<&Value>) -> Answer {
    hotspot.daemon().api(method, target, body).unwrap()
}

fn on(list: &str, client: &Client) -> String {
    format!("/v1/{list}/{}", client.mac_text())
}

#[test]
fn lists_hold_in_the_kernel_and_over_a_restart() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    bypass(&hotspot);
    block(&hotspot);
    ends(&hotspot);
}

fn bypass(hotspot: &Hotspot) {
    let guest = hotspot.client(1);
    assert_eq!(online(guest).unwrap(), Some(false));
    let put = api(
        hotspot,
        "PUT",
        &on("bypass", guest),
        Some(&json!({"Note": "the till"})),
    );
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(online(guest).unwrap(), Some(true), "without a code");
    // Killed and started again: it goes on passing, and the daemon still knows why.
    let flow = hotspot.uplink(guest, HOSTS[0], 1_000).unwrap();
    hotspot.daemon().kill9().unwrap();
    hotspot.daemon().start().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(flow.gaps().unwrap(), [] as [u64; 0], "over the restart");
    let shown = api(hotspot, "GET", &on("bypass", guest), None).json().unwrap();
    assert_eq!(
        (&shown["Note"], &shown["Until"]),
        (&json!("the till"), &Value::Null)
    );
    assert_eq!(shown["MacAddress"], guest.mac_text().to_uppercase());
    assert_eq!(api(hotspot, "DELETE", &on("bypass", guest), None).status, 204);
    assert_eq!(online(guest).unwrap(), Some(false));
}

fn block(hotspot: &Hotspot) {
    let guest = hotspot.client(1);
    let token = hotspot.let_in(guest).unwrap();
    assert_eq!(online(guest).unwrap(), Some(true));
    let put = api(hotspot, "PUT", &on("block", guest), Some(&json!({})));
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(online(guest).unwrap(), Some(false), "cut at once");
    assert_eq!(hotspot.device(guest).unwrap()["Online"], json!(false));
    assert_eq!(cause(hotspot, &token), json!("Disconnected"));
    api(hotspot, "PUT", &on("bypass", guest), Some(&json!({})));
    assert_eq!(online(guest).unwrap(), Some(false), "a block wins");
    hotspot.daemon().kill9().unwrap();
    hotspot.daemon().start().unwrap();
    assert_eq!(online(guest).unwrap(), Some(false), "after a restart too");
    assert_eq!(api(hotspot, "DELETE", &on("block", guest), None).status, 204);
    assert_eq!(online(guest).unwrap(), Some(true), "the bypass is left");
    assert_eq!(api(hotspot, "DELETE", &on("bypass", guest), None).status, 204);
}

fn ends(hotspot: &Hotspot) {
    let guest = hotspot.client(2);
    let seconds = accounting_tests::clock::wall().as_secs() + 4;
    let day = seconds / 86_400;
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let (year, month, date) = civil(day);
    let until = format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}Z");
    let put = api(
        hotspot,
        "PUT",
        &on("bypass", guest),
        Some(&json!({"Until": until})),
    );
    assert_eq!(put.status, 201, "{}", put.text());
    assert_eq!(online(guest).unwrap(), Some(true));
    // It ends while nobody is there to end it.
    hotspot.daemon().stop().unwrap();
    std::thread::sleep(Duration::from_secs(5));
    hotspot.daemon().start().unwrap();
    assert_eq!(online(guest).unwrap(), Some(false));
    assert_eq!(api(hotspot, "GET", &on("bypass", guest), None).status, 404);
}

/// Year, month and day of a day since 1970.
fn civil(day: u64) -> (u64, u64, u64) {
    let (mut day, mut year) = (day, 1970);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let months = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 1;
    for length in months {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

fn cause(hotspot: &Hotspot, token: &Token) -> Value {
    let target = format!("/v1/usage?TokenId={}", token.id);
    let page = api(hotspot, "GET", &target, None).json().unwrap();
    page["Records"][0]["Cause"].clone()
}

#[test]
fn what_the_configuration_lists_stays() {
    needs_root!();
    let hotspot = Hotspot::up(Options {
        clients: 1,
        gate: "bypass = [\"02:00:00:00:00:77\"]\n".to_owned(),
        ..Options::default()
    })
    .unwrap();
    let target = "/v1/bypass/02:00:00:00:00:77";
    assert_eq!(api(&hotspot, "GET", target, None).status, 200);
    for (method, body) in [("PUT", Some(json!({}))), ("DELETE", None)] {
        let refused = api(&hotspot, method, target, body.as_ref());
        let problem = refused.json().unwrap();
        assert_eq!(
            (refused.status, &problem["type"]),
            (409, &json!("urn:accounting:conflict"))
        );
        assert!(problem["detail"].as_str().unwrap().contains("configuration file"));
    }
}

#[test]
fn balances_sessions_and_usage_are_told_as_they_are() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let guest = hotspot.client(1);
    let token = hotspot.token(60, &json!({})).unwrap();
    let check = json!({"AccessCode": token.code});
    assert_eq!(api(&hotspot, "POST", "/v1/check", Some(&check)).status, 204);
    hotspot.admit(guest, &token).unwrap();
    let taken = api(&hotspot, "POST", "/v1/check", Some(&check)).json().unwrap();
    assert_eq!(taken["type"], json!("urn:accounting:no-seat"));

    let list = api(&hotspot, "GET", "/v1/sessions", None).json().unwrap();
    assert_eq!(
        (&list["Records"][0]["TokenId"], &list["Next"]),
        (&json!(token.id), &Value::Null)
    );
    let events = stream(&hotspot);
    assert!(
        events.contains("event: snapshot\n") && events.contains("event: live\n"),
        "{events}"
    );
    assert!(events.contains(&guest.mac_text().to_uppercase()), "{events}");

    let target = format!("/v1/tokens/{}/balance", token.id);
    let set = api(
        &hotspot,
        "PUT",
        &target,
        Some(&json!({"MinutesLeft": 1, "Reason": "a test"})),
    );
    assert_eq!(
        (set.status, &set.json().unwrap()["MinutesLeft"]),
        (200, &json!(1))
    );
    let left = hotspot.device(guest).unwrap()["Session"]["SecondsLeft"]
        .as_u64()
        .unwrap();
    assert!((1..=60).contains(&left), "the deadline follows: {left}");
    assert_eq!(online(guest).unwrap(), Some(true));
    api(&hotspot, "PUT", &target, Some(&json!({"MinutesLeft": 0})));
    assert_eq!(online(guest).unwrap(), Some(false), "nothing left, at once");
    assert_eq!(cause(&hotspot, &token), json!("Depleted"));

    let csv = api(&hotspot, "GET", "/v1/usage?Format=Csv", None);
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
}

/// What the stream says before its reader goes away.
fn stream(hotspot: &Hotspot) -> String {
    let stream = hotspot.daemon().begin("/v1/sessions/stream", "", PATIENCE);
    let mut socket = stream.unwrap();
    let (mut told, mut piece) = (String::new(), [0; 4_096]);
    while !told.contains("event: live\n") {
        let length = socket.read(&mut piece).unwrap();
        assert!(length > 0, "the stream ended: {told}");
        told += std::str::from_utf8(&piece[..length]).unwrap();
    }
    told
}

#[test]
fn one_address_does_not_take_all_connections() {
    needs_root!();
    // From this machine there is no limit but that of all.
    let hotspot = Hotspot::with_clients(1).unwrap();
    let address = hotspot.daemon().api_address();
    let silent: Vec<_> = (0..100)
        .map(|_| {
            let connect = || Ok(std::net::TcpStream::connect(address)?);
            hotspot.lab.gateway().enter(connect).unwrap()
        })
        .collect();
    let answer = Request::new(hotspot.lab.gateway(), address, "GET", "/healthz")
        .send()
        .unwrap();
    assert_eq!((answer.status, silent.len()), (200, 100));
}
