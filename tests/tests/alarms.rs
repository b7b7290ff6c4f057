//! What the gateway sees of its clients: their addresses, and who plays what it is not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{Hotspot, online};
use accounting_tests::lab::site::{LAN, LAN_IP4, LAN_MAC, WLAN};
use accounting_tests::lab::{Capture, Client, Filter, Injector, Nonce};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;
use accounting_tests::world::{BROADCAST, EVERYBODY, NODES, OTHER};
use serde_json::{Value, json};

/// How long something may take that the daemon does by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const ROGUES: &str = "accounting_alarms_total{kind=\"rogue\"}";
const CLONES: &str = "accounting_alarms_total{kind=\"clone\"}";

#[test]
fn clients_that_play_router_or_server_and_clones_are_alarmed() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    addresses(&hotspot);
    // One with a session, one without.
    hotspot
        .admit(hotspot.client(1), &hotspot.token(60, &json!({})).unwrap())
        .unwrap();
    assert_eq!(hotspot.metric(ROGUES).unwrap(), 0.0);
    for client in [hotspot.client(1), hotspot.client(2)] {
        let link_local = IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 0x99]);
        let advertisement = Packet::icmp(link_local, NODES, 134).to([0x33, 0x33, 0, 0, 0, 1]);
        rogue(&hotspot, client, advertisement.clone());
        // The air floods what is for a device that it does not know.
        rogue(&hotspot, client, advertisement.to(OTHER));
        let me = client.ip4().unwrap().into();
        rogue(
            &hotspot,
            client,
            Packet::udp((me, 67), (EVERYBODY, 68)).to(BROADCAST),
        );
        rogue(&hotspot, client, Packet::udp((me, 67), (EVERYBODY, 68)).to(OTHER));
    }
    assert_eq!(hotspot.metric(CLONES).unwrap(), 0.0, "two honest devices");
    cloned(&hotspot);
    let log = hotspot.daemon().log();
    println!("{log}");
    assert!(
        log.contains("plays router or DHCP server") && log.contains("in use with several IPv4 addresses")
    );
    assert!(
        !log.contains("02:ac") && !log.contains("02:AC"),
        "a MAC address is in the log"
    );
}

/// The session and its record have both families.
fn addresses(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    let token = hotspot.let_in(client).unwrap();
    assert_eq!(online(client).unwrap(), Some(true));
    let given = client.addresses().unwrap();
    let both = |addresses: &Value| {
        let has = |address: String| addresses.as_array().unwrap().contains(&json!(address));
        has(given.ip4.to_string()) && has(given.ip6.to_string())
    };
    clock::wait_for("the addresses of the session", PATIENCE, || {
        Ok(both(&hotspot.device(client)?["Session"]["Addresses"]).then_some(()))
    })
    .unwrap();
    assert_eq!(hotspot.release(client).unwrap().status, 204);
    let target = format!("/v1/usage?TokenId={}", token.id);
    let page = hotspot
        .daemon()
        .api("GET", &target, None)
        .unwrap()
        .json()
        .unwrap();
    let addresses = &page["Records"][0]["Addresses"];
    assert!(both(addresses), "{addresses}");
}

/// It is dropped, and an alarm.
fn rogue(hotspot: &Hotspot, client: &Client, packet: Packet) {
    let before = hotspot.metric(ROGUES).unwrap();
    let witness = Capture::start(hotspot.lab.gateway(), LAN, Filter::All).unwrap();
    let injector = Injector::open(client.namespace(), WLAN).unwrap();
    let nonce = Nonce::draw().unwrap();
    let frame = [packet.from(client.mac()).bytes(), nonce.as_bytes().to_vec()].concat();
    injector.send(&frame).unwrap();
    clock::wait_for("the alarm", PATIENCE, || {
        Ok((hotspot.metric(ROGUES)? > before).then_some(()))
    })
    .unwrap();
    assert!(!witness.saw(&nonce), "it passed");
}

/// The second client takes the first one's MAC address and keeps an IPv4 address of its own; both go on talking.
fn cloned(hotspot: &Hotspot) {
    let (original, clone) = (hotspot.client(1), hotspot.client(2));
    let mac = original.mac();
    clone
        .namespace()
        .ip(&format!(
            "link set {WLAN} down\nlink set {WLAN} address {}\nlink set {WLAN} up\n",
            original.mac_text()
        ))
        .unwrap();
    let (here, there) = (original.ip4().unwrap(), clone.ip4().unwrap());
    let speakers = [(original, here), (clone, there)]
        .map(|(client, address)| (Injector::open(client.namespace(), WLAN).unwrap(), address));
    for (injector, address) in &speakers {
        // Makes the gateway know the address with this MAC address.
        injector.send(&arp(1, mac, *address)).unwrap();
    }
    clock::wait_for("the alarm", PATIENCE, || {
        for (injector, address) in &speakers {
            injector.send(&arp(2, mac, *address))?;
            std::thread::sleep(Duration::from_millis(1_200));
        }
        Ok((hotspot.metric(CLONES)? == 1.0).then_some(()))
    })
    .unwrap();
}

/// ARP to the gateway of a device that has this address.
fn arp(operation: u8, mac: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let body = [
        vec![0, 1, 8, 0, 6, 4, 0, operation],
        mac.to_vec(),
        address.octets().to_vec(),
        LAN_MAC.to_vec(),
        LAN_IP4.octets().to_vec(),
    ];
    Packet::raw(0x0806, &body.concat()).from(mac).to(LAN_MAC).bytes()
}
