//! Strangers at full speed: a thousand devices that guess codes, and a million MAC addresses that ask for the portal. People who pay,
//! and people who are about to, notice nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use accounting_tests::chance::Chance;
use accounting_tests::checksum::sealed;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{INTERNET_IP4, INTERNET_IP6, LAN_IP4, LAN_IP6, LAN_MAC, WLAN};
use accounting_tests::lab::{Client, Injector, Namespace, PORTAL_PORT, Request};
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

/// The flood: so many frames, then so many milliseconds of which the rest is waited for. More at once is more than the wires of
/// two processors carry.
const FLOOD_STEP: u32 = 200;
const FLOOD_EACH: Duration = Duration::from_millis(5);

const PATIENCE: Duration = Duration::from_secs(10);

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

/// The kernel has one table of neighbours for all namespaces: what is elsewhere in the lab would be another machine's, with room of
/// its own.
fn know_for_good(space: &Namespace) {
    let known = space.command("ip").args(["neigh", "show"]).output().unwrap();
    let known = String::from_utf8(known.stdout).unwrap();
    for line in known.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [address, "dev", interface, "lladdr", mac, ..] = words[..] {
            let entry = format!("neigh replace {address} lladdr {mac} dev {interface} nud permanent\n");
            space.ip(&entry).unwrap();
        }
    }
}

/// Frames that this machine's processors had no time for, in whatever namespace: they were lost on the lab's wires.
fn dropped_by_the_wires() -> usize {
    let table = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
    let columns = table.lines().filter_map(|line| line.split_whitespace().nth(1));
    columns
        .map(|count| usize::from_str_radix(count, 16).unwrap())
        .sum()
}

#[test]
fn a_million_random_devices_fill_nothing_that_people_who_pay_need() {
    needs_root!();
    let hotspot = Hotspot::with_clients(3).unwrap();
    let (paid, attacker, late) = (hotspot.client(1), hotspot.client(2), hotspot.client(3));
    let token = hotspot.token(600, &json!({})).unwrap();
    hotspot.admit(paid, &token).unwrap();
    let ways = [IpAddr::from(LAN_IP4), LAN_IP6.into()];
    let looks = |own: IpAddr| {
        let answer = hotspot.lab.get(paid, (own, PORTAL_PORT), "/status");
        answer.is_ok_and(|answer| answer.status == 200)
    };
    assert_eq!((online(paid).unwrap(), ways.map(looks)), (Some(true), [true; 2]));
    for space in [paid.namespace(), hotspot.lab.internet()] {
        know_for_good(space);
    }
    let ups = HOSTS.map(|host| hotspot.uplink(paid, host, 50).unwrap());
    let downs = HOSTS.map(|host| hotspot.downlink(paid, host, 50).unwrap());
    // What changed just now is not yet thrown out of a full table.
    std::thread::sleep(Duration::from_secs(7));
    let memory = || hotspot.metric("process_resident_memory_bytes").unwrap();
    let (before, wires) = (memory(), dropped_by_the_wires());
    let injector = Injector::open(attacker.namespace(), WLAN).unwrap();
    let done = AtomicBool::new(false);
    let (mut asked, mut unanswered) = (0_u32, 0_u32);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = clock::monotonic();
            for number in 0..STRANGERS {
                injector
                    .send(&question(number, Chance::new(number.into()).draw()))
                    .unwrap();
                if number % FLOOD_STEP == 0 {
                    clock::sleep_until(begun + FLOOD_EACH * (number / FLOOD_STEP));
                }
            }
            let took = clock::monotonic().saturating_sub(begun);
            println!("{STRANGERS} strangers in {took:?}");
            done.store(true, Ordering::Relaxed);
        });
        // Who has paid looks at the portal all the time.
        while !done.load(Ordering::Relaxed) {
            let own = ways[usize::from(asked % 2 == 1)];
            asked += 1;
            unanswered += u32::from(!looks(own));
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let (after, wires) = (memory(), dropped_by_the_wires() - wires);
    let lost: Vec<usize> = ups
        .iter()
        .map(|flow| flow.gaps().unwrap().len())
        .chain(downs.iter().map(|flow| flow.gaps().unwrap().len()))
        .collect();
    println!(
        "lost {lost:?} of {} each, {wires} frames by the wires; {unanswered} of {asked} looks at the portal not answered; \
         {before} bytes of memory have become {after}",
        ups[0].flow.sent()
    );
    for verdict in ["portal", "redirect", "budget"] {
        let name = format!("accounting_frames_total{{hook=\"xdp_ingress\",verdict=\"{verdict}\"}}");
        println!("{verdict}: {}", hotspot.metric(&name).unwrap());
    }
    let held = hotspot
        .lab
        .gateway()
        .command("ip")
        .args(["neigh", "show"])
        .output()
        .unwrap();
    let held = String::from_utf8(held.stdout).unwrap();
    let of_paid = |line: &&str| line.contains(&paid.mac_text()) && line.contains("extern_learn");
    assert!(held.lines().filter(of_paid).count() >= 2, "{held}");
    assert_eq!(unanswered, 0);
    assert!(
        lost.iter().sum::<usize>() <= wires,
        "{lost:?}, {wires} by the wires"
    );
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
