//! A million MAC addresses that ask for the portal.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use accounting_tests::chance::Chance;
use accounting_tests::checksum::sealed;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{INTERNET_IP4, INTERNET_IP6, LAN_IP4, LAN_IP6, LAN_MAC, WLAN};
use accounting_tests::lab::{Injector, Namespace, PORTAL_PORT};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;
use serde_json::json;

use crate::redeem_and_leave;

/// MAC addresses of the flood.
const STRANGERS: u32 = 1_000_000;

/// The daemon may take this much more memory for whatever it does anyway, in bytes.
const SLACK: f64 = 24.0 * 1024.0 * 1024.0;

/// The flood: so many frames, then so many milliseconds of which the rest is waited for. More at once is more than the wires of
/// two processors carry.
const FLOOD_STEP: u32 = 200;
const FLOOD_EACH: Duration = Duration::from_millis(5);

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
