//! A thousand devices that guess codes.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{Hotspot, Token};
use accounting_tests::lab::site::{LAN_IP4, LAN_IP6, WLAN};
use accounting_tests::lab::{Client, PORTAL_PORT};
use accounting_tests::needs_root;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::redeem_and_leave;

/// Devices that guess.
const GUESSERS: usize = 1_000;

/// Connections of guessers at once.
const HANDS: usize = 12;

/// Codes that honest guests redeem meanwhile.
const HONEST: usize = 24;

/// The devices upon the wire of a client, each with a name and an address of its own: as many with IPv4 as its network has left, the
/// others with IPv6.
fn make_guessers(client: &Client, taken: &[Ipv4Addr]) -> Vec<(String, IpAddr)> {
    let four = (10..=254)
        .map(|last| Ipv4Addr::new(10, 77, 0, last))
        .filter(|address| !taken.contains(address))
        .map(IpAddr::V4);
    let six = (1..).map(|last| IpAddr::from([0x2001, 0xdb8, 0x77, 0, 0xbad, 0, 0, last]));
    let addresses = four.take(GUESSERS / 4).chain(six).take(GUESSERS);
    let guessers = (0..).zip(addresses);
    let guessers: Vec<_> = guessers
        .map(|(number, address)| (format!("g{number}"), address))
        .collect();
    let settings = [
        ("ipv6/conf/default/accept_ra", "0"),
        // Each answers for its own address only.
        ("ipv4/conf/all/arp_ignore", "1"),
        ("ipv4/conf/all/arp_announce", "2"),
    ];
    let set = || {
        for (name, value) in settings {
            std::fs::write(format!("/proc/sys/net/{name}"), value)?;
        }
        Ok(())
    };
    client.namespace().enter(set).unwrap();
    let mut batch = String::new();
    for (name, address) in &guessers {
        let mut random = [0; 5];
        getrandom::fill(&mut random).unwrap();
        let [a, b, c, d, e] = random;
        let network = if address.is_ipv4() { "24" } else { "64 nodad" };
        batch += &format!(
            "link add link {WLAN} name {name} address 06:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x} type macvlan mode private\n\
             link set {name} addrgenmode none\n\
             link set {name} up\n\
             address add {address}/{network} dev {name}\n"
        );
    }
    client.namespace().ip(&batch).unwrap();
    guessers
}

/// One attempt of a guesser: the status, or `None` when the network gave none in time.
fn guess((name, address): &(String, IpAddr), form: &str) -> Option<u16> {
    let to = match address {
        IpAddr::V4(_) => SocketAddr::from((LAN_IP4, PORTAL_PORT)),
        IpAddr::V6(_) => SocketAddr::from((LAN_IP6, PORTAL_PORT)),
    };
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).ok()?;
    socket.bind_device(Some(name.as_bytes())).ok()?;
    socket.bind(&SocketAddr::new(*address, 0).into()).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    socket.connect_timeout(&to.into(), Duration::from_secs(2)).ok()?;
    let mut socket = socket;
    let host = to.to_string();
    let request = format!(
        "POST /login HTTP/1.0\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut head = [0; 64];
    let length = socket.read(&mut head).ok()?;
    let text = std::str::from_utf8(&head[..length]).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

/// Room for neighbours as `doctor` wants it of a gateway, until it is dropped: the table is the machine's, and no namespace can have a
/// larger one.
struct Room([(String, String); 2]);

impl Room {
    const WANTED: u32 = 8_192;

    fn make() -> Self {
        Self(["ipv4", "ipv6"].map(|family| {
            let path = format!("/proc/sys/net/{family}/neigh/default/gc_thresh3");
            let before = std::fs::read_to_string(&path).unwrap();
            if before.trim().parse::<u32>().unwrap() < Self::WANTED {
                std::fs::write(&path, Self::WANTED.to_string()).unwrap();
            }
            (path, before)
        }))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for (path, before) in &self.0 {
            let _as_it_was = std::fs::write(path, before);
        }
    }
}

/// Tells the others to stop when it is dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often guessers were answered with which status.
#[derive(Debug, Default)]
struct Guesses {
    unknown: AtomicUsize,
    throttled: AtomicUsize,
    other: AtomicUsize,
    unanswered: AtomicUsize,
}

impl Guesses {
    fn count(&self, status: Option<u16>) {
        let counter = match status {
            Some(403) => &self.unknown,
            Some(429) => &self.throttled,
            Some(_) => &self.other,
            None => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Guesses until it is told to stop: half of it at codes of visitors, with the address of one.
fn brute_force(
    client: &Client,
    guessers: &[(String, IpAddr)],
    stop: &AtomicBool,
    next: &AtomicUsize,
    guesses: &Guesses,
) {
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let form = if turn.is_multiple_of(2) {
                format!("code=GUESS{turn:05}")
            } else {
                format!("code={:05}&email=ann%40example.org", turn * 7_919 % 100_000)
            };
            guesses.count(guess(&guessers[turn % guessers.len()], &form));
        }
        Ok(())
    };
    client.namespace().enter(work).unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_thousand_devices_that_guess_neither_refuse_nor_slow_honest_guests() {
    needs_root!();
    let _room = Room::make();
    let hotspot = Hotspot::with_clients(3).unwrap();
    let body = json!({
        "Class": "Visitor", "BusinessId": 1, "MinutesIncluded": 60, "Email": "ann@example.org", "AccessCode": "ANN-1"
    });
    let made = hotspot.daemon().api("POST", "/v1/tokens", Some(&body)).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let tokens: Vec<_> = (0..HONEST)
        .map(|_| hotspot.token(60, &json!({})).unwrap())
        .collect();
    let honest = |part: &[Token]| -> Vec<Duration> {
        let took = part.iter().enumerate().map(|(nth, token)| {
            let own = [IpAddr::from(LAN_IP4), LAN_IP6.into()][nth % 2];
            let (status, took) = redeem_and_leave(hotspot.client(2 + nth / 2 % 2), own, &token.code);
            assert_eq!(status, 303, "redemption {nth} over {own}");
            std::thread::sleep(Duration::from_millis(300));
            took
        });
        took.collect()
    };
    let calm = median(honest(&tokens[..HONEST / 2]));

    let honest_ones = [1, 2, 3].map(|number| hotspot.client(number).ip4().unwrap());
    let guessers = make_guessers(hotspot.client(1), &honest_ones);
    let (stop, next, guesses) = (AtomicBool::new(false), AtomicUsize::new(0), Guesses::default());
    let stormy = std::thread::scope(|scope| {
        // Also when something fails here.
        let _at_the_end = Stop(&stop);
        for _ in 0..HANDS {
            scope.spawn(|| brute_force(hotspot.client(1), &guessers, &stop, &next, &guesses));
        }
        clock::wait_for("the alarm", Duration::from_secs(60), || {
            Ok((hotspot.metric("accounting_guessing")? == 1.0).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error:#}: {guesses:?}"));
        let took = honest(&tokens[HONEST / 2..]);
        // Visitors are not heard until it is over, with address and all; that is told.
        assert_eq!(
            hotspot
                .metric("accounting_class_closed{class=\"visitor\"}")
                .unwrap(),
            1.0
        );
        let (status, _) = redeem_and_leave(hotspot.client(2), LAN_IP4.into(), "ann1&email=ann%40example.org");
        assert_eq!(status, 429);
        median(took)
    });
    println!("redemptions: {calm:?} in peace, {stormy:?} under fire (medians); guesses: {guesses:?}");
    assert_eq!(guesses.other.into_inner(), 0, "somebody guessed a code");
    assert!(guesses.unknown.into_inner() > 1_000);
    // The attackers' own processor time is on this machine too.
    assert!(stormy < calm * 25, "{calm:?} has become {stormy:?}");
}
