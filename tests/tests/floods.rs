//! Strangers at full speed: a thousand devices that guess codes, and a million MAC addresses that ask for the portal. People who pay,
//! and people who are about to, notice nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use accounting_tests::checksum::sealed;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{INTERNET_IP4, INTERNET_IP6, LAN_IP4, LAN_IP6, LAN_MAC, WLAN};
use accounting_tests::lab::{Client, Injector, PORTAL_PORT, Request};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;
use serde_json::json;
use socket2::{Domain, Socket, Type};

/// Devices that guess.
const GUESSERS: usize = 1_000;

/// Connections of guessers at once.
const HANDS: usize = 12;

/// Codes that honest guests redeem meanwhile.
const HONEST: usize = 24;

/// MAC addresses of the flood.
const STRANGERS: u32 = 1_000_000;

/// The daemon may take this much more memory for whatever it does anyway, in bytes.
const SLACK: f64 = 24.0 * 1024.0 * 1024.0;

const PATIENCE: Duration = Duration::from_secs(10);

/// A device of its own upon the wire of a client, with an IPv6 address.
fn guesser(number: usize) -> (String, Ipv6Addr) {
    let number = u16::try_from(number).unwrap();
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0xbad, 0, 0, number + 1);
    (format!("g{number}"), address)
}

fn make_guessers(client: &Client) {
    let space = client.namespace();
    let quiet = || Ok(std::fs::write("/proc/sys/net/ipv6/conf/default/accept_ra", "0")?);
    space.enter(quiet).unwrap();
    let mut batch = String::new();
    for number in 0..GUESSERS {
        let (name, address) = guesser(number);
        let mut random = [0; 5];
        getrandom::fill(&mut random).unwrap();
        let [a, b, c, d, e] = random;
        batch += &format!(
            "link add link {WLAN} name {name} address 06:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x} type macvlan mode private\n\
             link set {name} addrgenmode none\n\
             link set {name} up\n\
             address add {address}/64 dev {name} nodad\n"
        );
    }
    space.ip(&batch).unwrap();
}

/// One attempt of a guesser: the status, or `None` when the network gave none in time.
fn guess(number: usize, form: &str) -> Option<u16> {
    let (name, address) = guesser(number);
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).ok()?;
    socket.bind_device(Some(name.as_bytes())).ok()?;
    socket.bind(&SocketAddr::from((address, 0)).into()).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let to = SocketAddr::from((LAN_IP6, PORTAL_PORT));
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
fn brute_force(client: &Client, stop: &AtomicBool, next: &AtomicUsize, guesses: &Guesses) {
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let turn = next.fetch_add(1, Ordering::Relaxed);
            let form = if turn.is_multiple_of(2) {
                format!("code=GUESS{turn:05}")
            } else {
                format!("code={:05}&email=ann%40example.org", turn * 7_919 % 100_000)
            };
            guesses.count(guess(turn % GUESSERS, &form));
        }
        Ok(())
    };
    client.namespace().enter(work).unwrap();
}

/// Redeems a code in a browser and logs out again; gives the status and how long the answer took.
fn redeem_and_leave(client: &Client, own: IpAddr, code: &str) -> (u16, Duration) {
    let server = SocketAddr::new(own, PORTAL_PORT);
    let post = |path: &str, form: String| {
        Request::new(client.namespace(), server, "POST", path)
            .header("Origin", &format!("http://{server}"))
            .body("application/x-www-form-urlencoded", form)
            .limit(PATIENCE)
            .send()
    };
    let begun = clock::monotonic();
    let status = post("/login", format!("code={code}")).map_or(0, |answer| answer.status);
    let took = clock::monotonic().saturating_sub(begun);
    assert_eq!(post("/logout", String::new()).unwrap().status, 200);
    (status, took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[test]
fn a_thousand_devices_that_guess_neither_refuse_nor_slow_honest_guests() {
    needs_root!();
    let hotspot = Hotspot::with_clients(3).unwrap();
    let body = json!({
        "Class": "Visitor", "BusinessId": 1, "MinutesIncluded": 60, "Email": "ann@example.org", "AccessCode": "ANN-1"
    });
    let made = hotspot.daemon().api("POST", "/v1/tokens", Some(&body)).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let tokens: Vec<_> = (0..HONEST)
        .map(|_| hotspot.token(60, &json!({})).unwrap())
        .collect();
    let honest = |part: &[accounting_tests::hotspot::Token]| -> Vec<Duration> {
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

    make_guessers(hotspot.client(1));
    let (stop, next, guesses) = (AtomicBool::new(false), AtomicUsize::new(0), Guesses::default());
    let stormy = std::thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| brute_force(hotspot.client(1), &stop, &next, &guesses));
        }
        clock::wait_for("the alarm", Duration::from_secs(60), || {
            Ok((hotspot.metric("accounting_guessing")? == 1.0).then_some(()))
        })
        .unwrap();
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
        stop.store(true, Ordering::Relaxed);
        median(took)
    });
    println!("redemptions: {calm:?} in peace, {stormy:?} under fire (medians); guesses: {guesses:?}");
    assert_eq!(guesses.other.into_inner(), 0, "somebody guessed a code");
    assert!(guesses.unknown.into_inner() > 1_000);
    // The attackers' own processor time is on this machine too.
    assert!(stormy < calm * 25, "{calm:?} has become {stormy:?}");
}

/// Asks for the portal, or for some web server, from an address behind the gateway that is nobody's.
fn question(number: u32, random: u64) -> Vec<u8> {
    let [_, a, b, c, d, e, f, g] = random.to_be_bytes();
    let mac = [(a & 0xfc) | 2, b, c, d, e, f];
    let four = IpAddr::from(Ipv4Addr::new(10, 77, 0, 10 + g % 240));
    let six = IpAddr::from(Ipv6Addr::new(
        0x2001,
        0xdb8,
        0x77,
        0,
        u16::from_be_bytes([b, c]),
        u16::from_be_bytes([d, e]),
        u16::from_be_bytes([f, g]),
        1,
    ));
    let port = 1_024 + u16::try_from(random % 60_000).unwrap();
    let (from, to) = match number % 4 {
        0 => (six, (IpAddr::from(LAN_IP6), PORTAL_PORT)),
        1 => (four, (LAN_IP4.into(), PORTAL_PORT)),
        2 => (six, (INTERNET_IP6.into(), 80)),
        _ => (four, (INTERNET_IP4.into(), 80)),
    };
    let mut frame = Packet::tcp((from, port), to).from(mac).to(LAN_MAC).bytes();
    let flags = frame.len() - 20 + 13;
    frame[flags] = 0x02;
    frame[flags + 1] = 0xff;
    sealed(frame)
}

/// SplitMix64: a million different addresses, whatever the machine.
fn mixed(number: u32) -> u64 {
    let mut mixed = u64::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[test]
fn a_million_random_devices_fill_nothing_that_people_who_pay_need() {
    needs_root!();
    let hotspot = Hotspot::with_clients(3).unwrap();
    let (paid, attacker, late) = (hotspot.client(1), hotspot.client(2), hotspot.client(3));
    let token = hotspot.token(600, &json!({})).unwrap();
    hotspot.admit(paid, &token).unwrap();
    assert_eq!(online(paid).unwrap(), Some(true));
    let flows: Vec<_> = HOSTS
        .iter()
        .flat_map(|host| [hotspot.uplink(paid, *host, 200).ok()])
        .flatten()
        .collect();
    let downs: Vec<_> = HOSTS
        .iter()
        .map(|host| hotspot.downlink(paid, *host, 200).unwrap())
        .collect();
    let memory = || hotspot.metric("process_resident_memory_bytes").unwrap();
    let before = memory();
    let injector = Injector::open(attacker.namespace(), WLAN).unwrap();
    let done = AtomicBool::new(false);
    let (mut asked, mut refused) = (0_u32, 0_u32);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = clock::monotonic();
            let untaken = (0..STRANGERS)
                .filter(|number| injector.send(&question(*number, mixed(*number))).is_err())
                .count();
            let took = clock::monotonic().saturating_sub(begun);
            println!("{STRANGERS} strangers in {took:?}, {untaken} frames not taken by the wire");
            done.store(true, Ordering::Relaxed);
        });
        // Who has paid looks at the portal all the time.
        while !done.load(Ordering::Relaxed) {
            let own = [IpAddr::from(LAN_IP4), LAN_IP6.into()][usize::from(asked % 2 == 1)];
            let answer = hotspot.lab.get(paid, (own, PORTAL_PORT), "/status");
            if let Err(error) = &answer {
                println!("{own}: {error:#}");
            }
            asked += 1;
            refused += u32::from(!answer.is_ok_and(|answer| answer.status == 200));
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let after = memory();
    let neighbours = hotspot
        .lab
        .gateway()
        .command("ip")
        .args(["neigh"])
        .output()
        .unwrap();
    let neighbours = String::from_utf8_lossy(&neighbours.stdout).lines().count();
    let up: Vec<usize> = flows.iter().map(|flow| flow.gaps().unwrap().len()).collect();
    let down: Vec<usize> = downs.iter().map(|flow| flow.gaps().unwrap().len()).collect();
    println!(
        "lost up {up:?} of {}, down {down:?}; portal: {refused} of {asked} not answered; memory {before} to {after}; \
         {neighbours} neighbours",
        flows[0].flow.sent()
    );
    for verdict in ["portal", "budget", "redirect"] {
        let name = format!("accounting_frames_total{{hook=\"xdp_ingress\",verdict=\"{verdict}\"}}");
        println!("{verdict}: {:?}", hotspot.metric(&name));
    }
    assert_eq!((refused, up, down), (0, vec![0, 0], vec![0, 0]));
    assert!(after - before < SLACK, "{before} bytes have become {after}");
    // Who comes after it gets in.
    let token = hotspot.token(60, &json!({})).unwrap();
    clock::wait_for(
        "the portal for somebody who comes now",
        Duration::from_secs(30),
        || {
            let (status, _) = redeem_and_leave(late, LAN_IP4.into(), &token.code);
            Ok((status == 303).then_some(()))
        },
    )
    .unwrap();
}
