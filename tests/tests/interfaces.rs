//! The gated interface goes down, is made anew, changes its addresses, is a bridge: still gated, and people stay online.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{LAN, LAN_IP4, LAN_IP6, LAN_MAC, WLAN, mac_text};
use accounting_tests::lab::{Capture, Filter, Injector, Namespace, Nonce};
use accounting_tests::needs_root;
use accounting_tests::packet::Packet;

const SOON: Duration = Duration::from_secs(5);

fn readdress(name: &str) -> String {
    format!(
        "address replace {LAN_IP4}/24 dev {name}\n\
         address replace {LAN_IP6}/64 dev {name} nodad\n\
         link set {name} up\n"
    )
}

/// Until the paid client is online again; the other must not be.
fn settled(hotspot: &Hotspot) {
    let (paid, unpaid) = (hotspot.client(1), hotspot.client(2));
    clock::wait_for("the paid client's packets", SOON, || {
        Ok((online(paid)? == Some(true)).then_some(()))
    })
    .unwrap();
    assert_eq!(online(unpaid).unwrap(), Some(false));
}

fn attached(hotspot: &Hotspot) -> bool {
    let metric = format!("accounting_interface_attached{{interface=\"{LAN}\"}}");
    hotspot.metric(&metric).unwrap() > 0.0
}

/// The rules of routing, of both families.
fn rules(gateway: &Namespace) -> String {
    let of = |family: &str| {
        let output = gateway.command("ip").args([family, "rule"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    [of("-4"), of("-6")].concat()
}

#[test]
fn a_gated_interface_stays_gated() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let gateway = hotspot.lab.gateway();
    let token = hotspot.let_in(hotspot.client(1)).unwrap();
    let strangers = HOSTS.map(|host| hotspot.uplink(hotspot.client(2), host, 500).unwrap());

    gateway.ip(&format!("link set {LAN} down\n")).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    gateway.ip(&readdress(LAN)).unwrap();
    settled(&hotspot);

    addresses(&hotspot);

    // Another MAC address of the gateway, which the programs know.
    gateway
        .ip(&format!("link set {LAN} address 02:ac:c0:ff:00:02\n"))
        .unwrap();
    clock::wait_for("another gateway", SOON, || {
        let answer = hotspot.redeem_for(&token.code, "02:ac:c0:ff:00:02")?;
        Ok((answer.status == 400).then_some(()))
    })
    .unwrap();
    gateway
        .ip(&format!("link set {LAN} address {}\n", mac_text(LAN_MAC)))
        .unwrap();
    settled(&hotspot);

    // Gone and made anew under the same name, up at once: before it is gated nothing of it is forwarded.
    let air = Namespace::named(gateway.name().replace("-gw", "-air"));
    air.ip("link del uplink\n").unwrap();
    clock::wait_for("the alarm", SOON, || Ok((!attached(&hotspot)).then_some(()))).unwrap();
    assert_eq!(rules(gateway).matches(&format!("iif {LAN} ")).count(), 2);
    let anew = format!(
        "link add uplink type veth peer name {LAN} address {} netns {}\nlink set uplink master br0 up\n",
        mac_text(LAN_MAC),
        gateway.name()
    );
    let made = clock::monotonic();
    air.ip(&anew).unwrap();
    gateway.ip(&readdress(LAN)).unwrap();
    clock::wait_for("the gate", SOON, || Ok(attached(&hotspot).then_some(()))).unwrap();
    println!("gated anew after {:?}", clock::monotonic() - made);
    settled(&hotspot);
    assert!(!rules(gateway).contains(LAN), "a gated interface is closed");
    for flow in strangers {
        assert!(flow.flow.sent() > 500);
        assert_eq!(flow.arrived().unwrap().len(), 0, "an unpaid packet passed");
    }
    assert!(hotspot.daemon().log().contains("needs the programs again"));
}

/// The gateway's own addresses follow the kernel's.
fn addresses(hotspot: &Hotspot) {
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(2));
    let injector = Injector::open(client.namespace(), WLAN).unwrap();
    let witness = Capture::start(gateway, LAN, Filter::All).unwrap();
    let passes = |own: IpAddr, me: IpAddr| {
        let nonce = Nonce::draw().unwrap();
        let question = Packet::udp((me, 4_000), (own, 53)).from(client.mac()).to(LAN_MAC);
        injector
            .send(&[question.bytes(), nonce.as_bytes().to_vec()].concat())
            .unwrap();
        std::thread::sleep(Duration::from_millis(30));
        witness.saw(&nonce)
    };
    let new4: (IpAddr, IpAddr) = (Ipv4Addr::new(10, 77, 0, 2).into(), client.ip4().unwrap().into());
    let new6: (IpAddr, IpAddr) = ("2001:db8:77::2".parse().unwrap(), client.ip6().unwrap().into());
    assert!(!passes(new4.0, new4.1) && !passes(new6.0, new6.1));
    let change = |word: &str| {
        let batch = format!(
            "address {word} {}/24 dev {LAN}\naddress {word} {}/64 dev {LAN}\n",
            new4.0, new6.0
        );
        gateway.ip(&batch).unwrap();
    };
    for (word, expected) in [("add", true), ("del", false)] {
        change(word);
        clock::wait_for(word, SOON, || {
            Ok((passes(new4.0, new4.1) == expected && passes(new6.0, new6.1) == expected).then_some(()))
        })
        .unwrap();
    }
}
